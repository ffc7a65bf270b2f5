"""From an agent's action to input on a desktop."""

from __future__ import annotations

from runner.actions import Action, Click, Drag, Fill, Focus, Hover, Open, Press, Scroll, Target, Type, WaitFor
from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import LocatorError
from sandboxes.guest import protocol
from sandboxes.guest.protocol import Button, Input, Point, Window
from sandboxes.locator import Locator

_BUTTONS: dict[str, tuple[Button, int]] = {
    "click": ("left", 1),
    "double_click": ("left", 2),
    "triple_click": ("left", 3),
    "right_click": ("right", 1),
    "middle_click": ("middle", 1),
}


async def execute(desktop: Desktop, action: Action, points: list[Point]) -> None:
    """Carry out one action, waiting for its targets first.

    Every point it aims at is added to `points` before input goes there, so that they are known also of an
    action that failed. Raises GuestError, DeadlineExceeded, InputError and InfraError.
    """
    match action:
        case Open():
            await desktop.open(action.argv)
        case Focus():
            await _focus(desktop, action)
        case WaitFor():
            await _wait_for(desktop, action)
        case Fill():
            await _fill(desktop, action, points)
        case _:
            await desktop.act(await _inputs(desktop, action, points))


async def _inputs(
    desktop: Desktop, action: Click | Hover | Drag | Scroll | Type | Press, points: list[Point]
) -> list[Input]:
    """The inputs that make up an action; one batch, so that nothing comes between them."""
    match action:
        case Type():
            return [protocol.Type(text=action.text)]
        case Press():
            return [protocol.Press(keys=action.keys, count=action.count)]
        case Drag():
            path = (await _aim(desktop, action.start, points), await _aim(desktop, action.end, points))
            return [protocol.Drag(path=path, button=action.button, modifiers=action.modifiers)]
    at = await _aim(desktop, action.target, points)
    match action:
        case Hover():
            return [protocol.Move(to=at)]
        case Scroll():
            return [protocol.Scroll(at=at, dx=action.dx, dy=action.dy)]
        case Click():
            button, count = _BUTTONS[action.do]
            return [protocol.Click(at=at, button=button, count=count, modifiers=action.modifiers)]


async def _fill(desktop: Desktop, action: Fill, points: list[Point]) -> None:
    target = action.target
    if target.at is None:
        points.append(await _locator(desktop, target).focus(timeout=target.timeout))
    else:
        points.append(target.at)
        await desktop.click(target.at.x, target.at.y)
    over = protocol.Type(text=action.text) if action.text else protocol.Press(keys="BackSpace")
    await desktop.act([protocol.Press(keys="ctrl+a"), over])


async def _aim(desktop: Desktop, target: Target, points: list[Point]) -> Point:
    at = target.at or await _locator(desktop, target).point(timeout=target.timeout)
    points.append(at)
    return at


def _locator(desktop: Desktop, target: Target) -> Locator:
    locator = desktop.locator(
        target.role,
        target.name,
        text=target.text,
        app=target.app,
        states=target.states,
        exact=target.exact,
    )
    return locator if target.nth is None else locator.nth(target.nth)


async def _wait_for(desktop: Desktop, action: WaitFor) -> None:
    if action.target.at is not None:
        raise LocatorError("wait_for: a point is always there; describe an object")
    await _locator(desktop, action.target).wait_for(action.state, timeout=action.target.timeout)


async def _focus(desktop: Desktop, action: Focus) -> None:
    with deadline(f"a window titled {action.title!r}", action.timeout):
        window = await _window(desktop, action.title)
        await desktop.activate_window(window.id)


async def _window(desktop: Desktop, title: str) -> Window:
    """The topmost window whose title holds this text, as soon as there is one."""
    pace = Pace()
    while True:
        found = [window for window in await desktop.windows() if title in window.title]
        if found:
            return max(found, key=lambda window: window.stack)
        await pace.wait()
