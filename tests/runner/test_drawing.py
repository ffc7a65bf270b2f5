"""Plans as text and as SVG."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from runner.compile import make_templates
from runner.drawing import MAX_DRAWN, Sketch, as_svg, as_text, sketch
from runner.load import load_swarm
from runner.spec import Swarm
from sandboxes.errors import InputError
from tests.runner.laboratory import swarm, task

SVG = "{http://www.w3.org/2000/svg}"


def drawn(folder: Path, written: Swarm) -> Sketch:
    return sketch(make_templates(written, folder))


def test_month_end_as_text() -> None:
    loaded = load_swarm("month-end")
    text = as_text(drawn(loaded.folder, loaded.swarm))
    assert text.startswith("month-end: swarm of 4 tasks, 3 handoffs, 3 at once\n")
    assert "\n    ← ledger: workbook  [cells ~/Documents/ledger.xlsx]\n" in text
    assert text.index("level 1") < text.index("  note  (") < text.index("level 2") < text.index("  report  (")


def test_all_copies_of_a_task_are_one_box(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n" + "".join(f"{n}\n" for n in range(1000)))
    written = swarm({**task("file"), "each": "t"}, task("end", after=["file"]), map={"t": {"rows": "t.csv"}})
    made = drawn(tmp_path, written)
    assert "swarm of 1001 tasks" in made.title
    assert "\n  file x1000  (script, 2 steps)\n" in as_text(made)
    assert "    ← file  [NO CONTRACT]" in as_text(made)
    assert as_svg(made).count("<rect") == 3


def test_svg_is_well_formed_and_nothing_in_it_lies_on_anything_else(tmp_path: Path) -> None:
    outputs = {"a.b": {"path": "~/<&x"}}
    tasks = [task(f"t{n}", after=[f"t{m}" for m in range(n) if (n * m) % 3 == 1]) for n in range(12)]
    root = ElementTree.fromstring(as_svg(drawn(tmp_path, swarm(*tasks, task("z", outputs=outputs)))))
    corners = [(int(box.attrib["x"]), int(box.attrib["y"])) for box in root.iter(f"{SVG}rect")]
    assert len(corners) == 13
    for number, (x, y) in enumerate(corners):
        assert 0 <= x < x + 190 <= int(root.attrib["width"])
        assert 0 <= y < y + 46 <= int(root.attrib["height"])
        assert not any(abs(x - a) < 190 and abs(y - b) < 46 for a, b in corners[:number])
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert all(f"t{n}" in texts for n in range(12))


def test_what_the_user_wrote_cannot_become_markup(tmp_path: Path) -> None:
    agent = {"kind": "process", "command": ["<script>", "&"]}
    svg = as_svg(drawn(tmp_path, swarm({**task("a"), "agent": agent})))
    assert "<script" not in svg
    ElementTree.fromstring(svg)


def test_too_many_boxes_are_no_picture(tmp_path: Path) -> None:
    made = drawn(tmp_path, swarm(*(task(f"t{n}") for n in range(MAX_DRAWN + 1))))
    with pytest.raises(InputError, match="too many for a picture"):
        as_svg(made)
