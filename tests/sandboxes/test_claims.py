"""Claims: whose a desktop is now, and how long it may outlive them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from sandboxes.backend import DesktopRecord
from sandboxes.claims import RENEW_S, Claims
from sandboxes.home import run_folder
from sandboxes.owner import Owner
from sandboxes.reaper import wait_for_heirs
from sandboxes.spec import DesktopSpec

DEAD = Owner(1, 1, "another boot")
SPEC = DesktopSpec(image="slim")


def record(name: str, owner: Owner) -> DesktopRecord:
    return DesktopRecord(name, "docker", "slim", owner, 0, {"made": "first"})


def bequeath(home: Path, name: str, outlive_s: float, age_s: float = 0) -> None:
    """A claim whose owner has died so long ago."""
    Claims(home).write(name, SPEC, {"task": name}, outlive_s)
    path = run_folder(home, "claims") / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"owner": str(DEAD)}))
    os.utime(path, (time.time() - age_s,) * 2)


def test_a_record_is_told_as_things_are_now(tmp_path: Path) -> None:
    claims, made = Claims(tmp_path), record("d-1", DEAD)
    assert claims.present(made) == made
    claims.write("d-1", SPEC, {"task": "t"})
    present = claims.present(made)
    assert (present.owner, present.labels) == (Owner.current(), {"task": "t"})
    claims.remove("d-1")
    assert claims.present(made) == made


@pytest.mark.parametrize(
    ("outlive_s", "age_s", "stays"),
    [(0, 0, False), (60, 0, True), (60, 60, True), (60, 61 + RENEW_S, False)],
)
def test_what_a_dead_owner_left_stays_for_its_time(
    tmp_path: Path, outlive_s: float, age_s: float, stays: bool
) -> None:
    bequeath(tmp_path, "d-1", outlive_s, age_s)
    claims = Claims(tmp_path)
    assert claims.abandoned([record("d-1", DEAD)]) == ([] if stays else ["d-1"])
    left_s = claims.left_s(DEAD)
    assert left_s is not None
    assert (left_s > 0) == stays
    claims.sweep()
    assert (claims.read("d-1") is not None) == stays
    assert (claims.left_s(DEAD) is not None) == stays


def test_without_a_claim_the_owner_of_the_record_counts(tmp_path: Path) -> None:
    records = [record("d-1", DEAD), record("d-2", Owner.current())]
    assert Claims(tmp_path).abandoned(records) == ["d-1"]


def test_what_the_living_took_up_is_theirs_however_old(tmp_path: Path) -> None:
    bequeath(tmp_path, "d-1", 60, 1000)
    claims = Claims(tmp_path)
    claims.write("d-1", SPEC, {}, 60)
    os.utime(run_folder(tmp_path, "claims") / "d-1", (0, 0))
    assert claims.abandoned([record("d-1", DEAD)]) == []
    claims.sweep()
    assert claims.read("d-1") is not None


def test_who_renews_says_so_of_what_is_still_there(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    claims.write("d-1", SPEC, {}, 60)
    os.utime(run_folder(tmp_path, "claims") / "d-1", (0, 0))
    claims.renew(["d-1", "d-2"])
    claim = claims.read("d-1")
    assert claim is not None
    assert claim.left_s > 0


def test_a_reaper_waits_for_heirs_only_while_there_may_be_any(tmp_path: Path) -> None:
    assert not wait_for_heirs(tmp_path, DEAD)
    bequeath(tmp_path, "d-1", 0.2, RENEW_S)
    assert wait_for_heirs(tmp_path, DEAD)
    Claims(tmp_path).sweep()
    assert not wait_for_heirs(tmp_path, DEAD)
