"""`deskswarm fsck`."""

from __future__ import annotations

from contextlib import closing

from runner.cli.exit_codes import SUCCEEDED, TASK_FAILED
from runner.cli.journals import open_artifacts
from runner.cli.output import one_line
from runner.fsck import Damage, Health, check
from runner.journal import FILE_NAME, Journal
from sandboxes.home import find_home


def verify_store(as_json: bool) -> int:
    """0 where everything is whole, 1 where something is damaged."""
    home = find_home()
    with closing(open_artifacts()) as store:
        if (home / FILE_NAME).exists():
            with Journal(home) as journal:
                health = check(store, journal)
        else:
            health = check(store, None)
    if as_json:
        print(health.model_dump_json())
    else:
        _print_for_people(health)
    return SUCCEEDED if health.clean else TASK_FAILED


def _print_for_people(health: Health) -> None:
    for damage in health.damage:
        _print_damage(damage)
    found = f"{health.packs} packs, {health.objects} objects, {health.references} names in the journal"
    if health.torn_bytes:
        found += f", {health.torn_bytes} bytes that a crash left behind"
    print(f"{found}: {'clean' if health.clean else 'DAMAGED'}")


def _print_damage(damage: Damage) -> None:
    print(f"{damage.where}: {one_line(damage.problem, 400)}")
    for one in damage.affects:
        step = "" if one.step is None else f" step {one.step + 1}"
        print(f"  {one.run}  {one.task}#{one.attempt}{step}  {one.what}")
