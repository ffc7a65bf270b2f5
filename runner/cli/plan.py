"""`deskswarm plan`."""

from __future__ import annotations

import json
from pathlib import Path

from runner.cli.output import write_file
from runner.compile import compile_templates, make_templates
from runner.drawing import as_svg, as_text, sketch
from runner.edges import edges_of
from runner.load import load_swarm


def print_plan(source: str, svg: Path | None, as_json: bool) -> None:
    """The planner, if there is one, is asked once. Raises InputError."""
    loaded = load_swarm(source)
    templates = make_templates(loaded.swarm, loaded.folder)
    compiled = compile_templates(loaded.swarm, templates, loaded.folder)
    if svg is not None:
        write_file(svg, as_svg(sketch(templates)).encode())
    if as_json:
        plan = compiled.plan.model_dump(mode="json")
        edges = [edge.model_dump(mode="json") for edge in edges_of(compiled.swarm)]
        swarm = compiled.swarm.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        print(json.dumps({"plan": plan, "edges": edges, "swarm": swarm}))
    else:
        print(as_text(sketch(templates)))
