"""A plan drawn: as text for a terminal, as SVG for everything else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean

from runner.compile import Templates
from runner.edges import Edge, edges_of
from runner.graph import agent_of, needs
from runner.model_agents import ModelAgent
from runner.spec import AgentSpec, PersonAgent, ProcessAgent
from sandboxes.errors import InputError

MAX_DRAWN = 500

_WIDTH, _HEIGHT = 190, 46
_GAP_X, _GAP_Y = 150, 26
_MARGIN = 24
_STYLE = (
    "svg{background:#fff}text{font:13px system-ui,sans-serif;fill:#1d2733}.small{font-size:11px;fill:#5b6875}"
    ".label{text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "rect{fill:#f4f7fb;stroke:#7d93ab}.many{fill:#e6edf5}path{fill:none;stroke:#7d93ab;stroke-width:1.5}"
    ".unchecked{stroke:#c2452d;stroke-dasharray:5 4}"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A task, or all copies of one; `level` counts the tasks before it on the longest way to it."""

    id: str
    note: str
    copies: int
    level: int


@dataclass(frozen=True, slots=True)
class Sketch:
    """What there is to draw: boxes by level, and in the order of the file within one."""

    title: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]

    @property
    def columns(self) -> list[list[Box]]:
        found: list[list[Box]] = [[] for _ in range(1 + max(box.level for box in self.boxes))]
        for box in self.boxes:
            found[box.level].append(box)
        return found


def sketch(templates: Templates) -> Sketch:
    """The tasks as written: one box for all copies of a task that is repeated."""
    swarm = templates.swarm
    levels = _levels(needs(swarm))
    boxes = tuple(
        Box(task.id, _note(agent_of(swarm, task)), templates.copies(task.each), levels[task.id])
        for task in swarm.tasks
    )
    edges = tuple(edges_of(swarm))
    count = sum(box.copies for box in boxes)
    title = f"{swarm.name}: {swarm.pattern} of {count} tasks, {len(edges)} handoffs, {swarm.parallel} at once"
    return Sketch(title, boxes, edges)


def _levels(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    levels: dict[str, int] = {}
    stack = list(needs)
    while stack:
        open_needs = [need for need in needs[stack[-1]] if need not in levels]
        if open_needs:
            stack += open_needs
        else:
            task = stack.pop()
            levels[task] = 1 + max((levels[need] for need in needs[task]), default=-1)
    return levels


def _note(agent: AgentSpec) -> str:
    if isinstance(agent, ProcessAgent):
        return agent.command[0].rpartition("/")[2] if len(agent.command) == 1 else " ".join(agent.command[:2])
    if isinstance(agent, ModelAgent):
        return agent.model
    if isinstance(agent, PersonAgent):
        return "a person"
    return f"script, {len(agent.steps)} steps"


# --- text -----------------------------------------------------------------------------------------


def as_text(drawn: Sketch) -> str:
    """A line for each task, and below it one for each handoff to it with its contract."""
    return "\n".join([drawn.title, *_lines(drawn)])


def _lines(drawn: Sketch) -> Iterator[str]:
    incoming: dict[str, list[Edge]] = defaultdict(list)
    for edge in drawn.edges:
        incoming[edge.target].append(edge)
    for level, boxes in enumerate(drawn.columns, 1):
        yield f"\nlevel {level}"
        for box in boxes:
            copies = f" x{box.copies}" if box.copies > 1 else ""
            yield f"  {box.id}{copies}  ({box.note})"
            yield from (f"    ← {_line(edge)}" for edge in incoming[box.id])


def _line(edge: Edge) -> str:
    carried = f": {', '.join(edge.artifacts)}" if edge.artifacts else ""
    mode = "" if edge.mode == "fresh" else f", {edge.mode}"
    contract = "; ".join(edge.contract) if edge.contract else "NO CONTRACT"
    return f"{edge.source}{carried}{mode}  [{contract}]"


# --- SVG ------------------------------------------------------------------------------------------


def as_svg(drawn: Sketch) -> str:
    """A picture that needs nothing but itself. Raises InputError where it would be too large to look at."""
    if len(drawn.boxes) > MAX_DRAWN:
        raise InputError(f"{len(drawn.boxes)} tasks are too many for a picture ({MAX_DRAWN}); use --json")
    places = _places(drawn)
    width = 2 * _MARGIN + len(drawn.columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = max(y for _, y in places.values()) + _HEIGHT + _MARGIN
    body = [
        *(_svg_edge(edge, places) for edge in drawn.edges),
        *(_svg_box(box, *places[box.id]) for box in drawn.boxes),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{_STYLE}</style>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8"/></marker></defs>'
        f'<text x="{_MARGIN}" y="{_MARGIN + 4}">{escape(drawn.title)}</text>\n{chr(10).join(body)}\n</svg>\n'
    )


def _places(drawn: Sketch) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box. A column is in the order of the middle of what its boxes need."""
    before: dict[str, list[str]] = defaultdict(list)
    for edge in drawn.edges:
        before[edge.target].append(edge.source)
    tallest = max(len(column) for column in drawn.columns)
    places: dict[str, tuple[int, int]] = {}
    for level, column in enumerate(drawn.columns):
        x = _MARGIN + level * (_WIDTH + _GAP_X)
        top = _MARGIN + 30 + (tallest - len(column)) * (_HEIGHT + _GAP_Y) // 2
        middle = {box.id: fmean([places[one][1] for one in before[box.id]] or [0]) for box in column}
        for row, box in enumerate(sorted(column, key=lambda box: middle[box.id])):
            places[box.id] = (x, top + row * (_HEIGHT + _GAP_Y))
    return places


def _svg_box(box: Box, x: int, y: int) -> str:
    shape = f'width="{_WIDTH}" height="{_HEIGHT}" rx="6"'
    behind = f'<rect class="many" x="{x + 5}" y="{y + 5}" {shape}/>' if box.copies > 1 else ""
    name = f"{box.id} x{box.copies}" if box.copies > 1 else box.id
    return (
        f'{behind}<rect x="{x}" y="{y}" {shape}/><text x="{x + 10}" y="{y + 19}">{_short(name, 26)}</text>'
        f'<text class="small" x="{x + 10}" y="{y + 36}">{_short(box.note, 30)}</text>'
    )


def _svg_edge(edge: Edge, places: Mapping[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    bend = (x2 - x1) // 2
    kind = "" if edge.contract else ' class="unchecked"'
    label = _short(", ".join(edge.artifacts), 22)
    return (
        f"<g><title>{escape(_line(edge))}</title>"
        f'<path{kind} marker-end="url(#tip)" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'
        f'<text class="small label" x="{x1 + bend}" y="{(y1 + y2) // 2 + 4}">{label}</text></g>'
    )


def _short(text: str, length: int) -> str:
    return escape(text if len(text) <= length else f"{text[: length - 1]}…")
