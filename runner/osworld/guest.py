"""One desktop as OSWorld's guest: all endpoints, and what each request comes to."""

from __future__ import annotations

from collections.abc import Mapping

from runner.osworld.commands import Commands
from runner.osworld.endpoint import Answer, Endpoint, Refused, refusal
from runner.osworld.files import FilesAndFolders
from runner.osworld.looks import Looks
from runner.osworld.recording import Recording
from runner.osworld.repeats import Repeats
from runner.osworld.windows import Windows
from sandboxes.desktop import Desktop
from sandboxes.errors import DeskswarmError, InputError

_GROUPS = (Commands, FilesAndFolders, Looks, Recording, Windows)


class Guest:
    def __init__(self, desktop: Desktop) -> None:
        self.repeats = Repeats()
        self._endpoints = {
            path: one for group in _GROUPS for one in group(desktop).endpoints() for path in one.paths
        }

    def find(self, method: str, path: str) -> Endpoint:
        """Raises Refused."""
        found = self._endpoints.get(path)
        if found is None:
            raise Refused(404, "there is no such endpoint")
        if found.method != method:
            raise Refused(405, f"this endpoint is for {found.method}")
        return found


async def furnish(desktop: Desktop) -> None:
    """pyautogui's X library prints a warning among a program's output where `.Xauthority` has no entry."""
    await desktop.exec(["sh", "-c", 'xauth add "$DISPLAY" . 00'])


async def carry_out(found: Endpoint, fields: Mapping[str, object]) -> Answer:
    """Whatever comes of it is an answer: 400 for what is wrong with the request, 500 for the rest."""
    try:
        return await found.respond(fields)
    except Refused as refused:
        return refused.answer
    except InputError as error:
        return refusal(400, str(error))
    except DeskswarmError as error:
        return refusal(500, str(error))
