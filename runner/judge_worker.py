"""A judge that is a function of the user's own: `python -m runner.judge_worker module:function FOLDER`.

Takes the case as JSON on its standard input and answers with an opinion on its standard output. What the
function prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from runner.hooks import load_function
from sandboxes.errors import InputError


def main() -> None:
    name, folder = sys.argv[1:]
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        try:
            judge = load_function(name, Path(folder))
        except InputError as error:
            sys.exit(str(error))
        json.dump(_opinion(judge(json.load(sys.stdin))), answer)


def _opinion(said: Any) -> Any:
    """A function may answer True, False, (bool, text), or an opinion as a mapping."""
    match said:
        case bool():
            return {"passed": said}
        case (bool() as passed, str() as reason):
            return {"passed": passed, "reason": reason}
    return said


if __name__ == "__main__":
    main()
