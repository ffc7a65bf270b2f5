from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from sandboxes.owner import Owner


def test_this_process_is_alive_and_survives_text() -> None:
    owner = Owner.current()
    assert owner.is_alive()
    assert Owner.parse(str(owner)) == owner


def test_a_process_of_another_start_or_boot_is_not_the_owner() -> None:
    owner = Owner.current()
    assert not replace(owner, started=owner.started + 1).is_alive()
    assert not replace(owner, boot="00000000-0000-0000-0000-000000000000").is_alive()


def test_a_zombie_is_dead_though_its_id_is_taken() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        owner = Owner.of(process.pid)
        assert owner.is_alive()
        process.kill()
        # WNOWAIT: return once it is dead, and leave it unreaped.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not owner.is_alive()
    assert not owner.is_alive()
    with pytest.raises(ProcessLookupError):
        Owner.of(process.pid)


@pytest.mark.parametrize("text", ["", "1", "1:2", "1:2:3:4", "a:2:boot"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Owner.parse(text)
