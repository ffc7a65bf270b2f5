"""Verification: what is damaged is found, and it is said which step of which run it touches."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.artifacts import ARTIFACTS, ArtifactStore
from runner.fsck import Affected, Health, check
from runner.journal import FILE_NAME, Journal
from runner.packs import PackRecord, RecordKind, scan
from runner.state import RunState
from tests.runner.laboratory import Laboratory, task

pytestmark = pytest.mark.anyio

STEPS = ({"type": "hello"}, {"press": "ctrl+s"}, {"type": " and more"}, {"press": "ctrl+s"})


def verify(home: Path) -> Health:
    with Journal(home) as journal, closing(ArtifactStore(home / ARTIFACTS)) as store:
        return check(store, journal)


async def finished(lab: Laboratory) -> RunState:
    return await lab.run(task("a", *STEPS, outputs={"note": {"path": "~/note.txt"}}), task("b", *STEPS))


async def test_a_whole_store_is_clean(lab: Laboratory) -> None:
    state = await finished(lab)
    health = verify(lab.home)
    assert (health.clean, health.damage, health.torn_bytes) == (True, (), 0)
    checkpoints = sum(len(one.attempts[0].checkpoints) for one in state.tasks.values())
    assert health.references == 3 * checkpoints + 1


async def test_any_flipped_byte_is_found_and_named(lab: Laboratory, tmp_path: Path) -> None:
    await finished(lab)
    [pack] = lab.store.packs.iterdir()
    whole = pack.read_bytes()
    offsets = random.Random(3).sample(range(len(whole)), 60)
    for number, offset in enumerate([0, len(whole) - 1, *offsets]):
        home = tmp_path / f"flipped{number}"
        home.mkdir()
        shutil.copy(lab.home / FILE_NAME, home)
        (home / ARTIFACTS / "packs").mkdir(parents=True)
        flipped = bytearray(whole)
        flipped[offset] ^= 1 << number % 8
        (home / ARTIFACTS / "packs" / pack.name).write_bytes(flipped)
        health = verify(home)
        assert not health.clean, f"byte {offset}"
        assert health.damage[0].where == pack.name
        assert offset == 0 or any(damage.affects for damage in health.damage) or offset < 17


async def test_a_damaged_frame_names_its_step(lab: Laboratory) -> None:
    state = await finished(lab)
    taken = state.tasks["b"].attempts[0].checkpoints[-1]
    [pack] = lab.store.packs.iterdir()
    [record] = [
        part
        for part in scan(pack)
        if isinstance(part, PackRecord)
        and part.kind is not RecordKind.GROUP
        and part.digest.hex() == taken.sha256
    ]
    content = bytearray(pack.read_bytes())
    content[record.end - 1] ^= 1
    pack.write_bytes(content)
    health = verify(lab.home)
    affected = [one for damage in health.damage for one in damage.affects]
    assert Affected(run=state.id, task="b", attempt=1, step=taken.step, what="checkpoint") in affected
    assert {one.step for one in affected} == {taken.step}, "only what cannot be read any more is named"
    assert any(taken.sha256 in damage.problem for damage in health.damage)


async def test_a_lost_pack_names_every_step(lab: Laboratory) -> None:
    state = await finished(lab)
    [pack] = lab.store.packs.iterdir()
    pack.unlink()
    affected = {(one.task, one.step) for damage in verify(lab.home).damage for one in damage.affects}
    steps = {(name, point.step) for name, one in state.tasks.items() for point in one.attempts[0].checkpoints}
    assert steps <= affected


async def test_a_checkpoint_of_another_step_breaks_the_chain(lab: Laboratory) -> None:
    state = await finished(lab)
    first, second = state.tasks["a"].attempts[0].checkpoints[:2]
    with closing(sqlite3.connect(lab.home / FILE_NAME)) as journal:
        journal.execute("DROP TRIGGER events_hold")
        journal.execute("UPDATE events SET body = replace(body, ?, ?)", (second.sha256, first.sha256))
        journal.commit()
    problems = [damage.problem for damage in verify(lab.home).damage]
    assert any("it says it is of" in problem for problem in problems)
    assert any("the chain is broken" in problem for problem in problems)


async def test_a_catalog_that_is_wrong_is_made_anew(lab: Laboratory) -> None:
    await finished(lab)
    with closing(sqlite3.connect(lab.store.folder / "catalog.db")) as catalog:
        catalog.execute("UPDATE objects SET offset = 17")
        catalog.commit()
    health = verify(lab.home)
    assert [damage.where for damage in health.damage] == ["catalog.db"]
    assert verify(lab.home).clean


async def test_what_the_catalog_has_lost_is_found_in_the_packs(lab: Laboratory) -> None:
    await finished(lab)
    with closing(sqlite3.connect(lab.store.folder / "catalog.db")) as catalog:
        catalog.execute("DELETE FROM objects")
        catalog.commit()
    assert verify(lab.home).clean
