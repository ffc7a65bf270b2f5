"""A function of the user's own."""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path

from runner.checks.result import CheckResult, broken, failed, passed
from runner.checks.spec import Python

Files = dict[str, bytes | None]


def judge(check: Python, files: Files, module: Path) -> CheckResult:
    """What the function says of the files. Whatever it raises is a broken check that names the place."""
    name = check.function.rpartition(":")[2]
    try:
        sys.path.insert(0, str(module.parent))
        function = runpy.run_path(str(module)).get(name)
        if not callable(function):
            return broken(f"{module.name} defines no function {name}")
        return _ruling(function(files))
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the user's own code)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = "".join(traceback.format_exception_only(error)).strip()
        end = traceback.format_exc()[-2000:]
        return broken(f"{Path(frame.filename).name}:{frame.lineno}: {message}", traceback=end)


def _ruling(said: object) -> CheckResult:
    match said:
        case bool():
            return passed("the function says so") if said else failed("the function says no")
        case (bool() as ok, str() as detail):
            return passed(detail) if ok else failed(detail)
    return broken(
        f"expected the function to return True, False or (bool, text), found a {type(said).__name__}"
    )
