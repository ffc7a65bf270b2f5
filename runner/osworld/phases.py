"""One phase of one of OSWorld's tasks, its set-up or its evaluation, by OSWorld's own code.

`python -m deskswarm_osworld_phases` takes a case as JSON on its standard input, and answers with one object
on its standard output; everything else that is said goes to standard error. It is `DesktopEnv` itself that
works, on a desktop that others hold. This module is copied into OSWorld's environment: it imports nothing but
the standard library, and what else is there.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from typing import Any

SETUP, EVALUATE = "setup", "evaluate"


class Lent:
    """A provider of a desktop that is there already, and stays."""

    def __init__(self, address: str) -> None:
        self._address = address

    def start_emulator(self, *_: object) -> None:
        """It runs."""

    def get_ip_address(self, path_to_vm: str) -> str:
        return self._address

    def stop_emulator(self, *_: object) -> None:
        """It is not ours to end."""


def main() -> None:
    case = json.load(sys.stdin)
    signal.alarm(case["deadline_s"])  # whoever started us may be gone by then
    # Of data, not of addresses: the browser's driver reserves far more of those than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (case["memory_bytes"], case["memory_bytes"]))
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        json.dump(carry_out(case), answer)
    sys.stderr.flush()
    os._exit(0)  # a thread that a metric has left behind does not hold us up


def carry_out(case: dict[str, Any]) -> dict[str, Any]:
    """`score` of an evaluation; `fault`, a line, and `traceback` where something was raised. A task that
    nothing can rule on is `unfit`."""
    try:
        env = attach(case)
    except Exception as error:  # noqa: BLE001 (code of others)
        return {"unfit": True, **_fault(error)}
    try:
        if case["phase"] == SETUP:
            if not env.setup_controller.setup(env.config):
                return {"fault": "the desktop does not answer"}
            return {}
        env.action_history.append("FAIL" if case["gave_up"] else "DONE")
        return {"score": float(env.evaluate())}
    except Exception as error:  # noqa: BLE001 (code of others)
        return _fault(error)


def attach(case: dict[str, Any]) -> Any:
    """OSWorld's environment, around the desktop at `address`, with the task set. Raises what it raises."""
    import desktop_env.desktop_env as osworld
    from deskswarm_osworld import Address, DeskswarmManager  # type: ignore[import-not-found]

    address = Address(case["address"])
    address.token = case["token"]
    osworld.create_vm_manager_and_provider = lambda *_, **__: (DeskswarmManager(), Lent(address))
    env = osworld.DesktopEnv(provider_name="docker", action_space="pyautogui", cache_dir=case["cache"])
    env._set_task_info(case["task"])  # noqa: SLF001 (`reset` would also start the desktop anew)
    env.setup_controller.reset_cache_dir(env.cache_dir)
    return env


def _fault(error: Exception) -> dict[str, str]:
    said = "".join(traceback.format_exception_only(error)).strip()
    return {"fault": said[-1000:], "traceback": traceback.format_exc()[-4000:]}


if __name__ == "__main__":
    main()
