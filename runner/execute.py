"""From an agent's action to input on a desktop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from runner.actions import (
    Action,
    Click,
    Drag,
    Fill,
    Focus,
    Hold,
    Hover,
    MouseButton,
    Open,
    Press,
    Scroll,
    Target,
    Type,
    Wait,
    WaitFor,
)
from sandboxes.deadline import Pace, deadline
from sandboxes.desktop import Desktop
from sandboxes.errors import InputError, LocatorError
from sandboxes.guest import protocol
from sandboxes.guest.protocol import Button, Input, Point, Window
from sandboxes.inputs import checked
from sandboxes.locator import Locator

_BUTTONS: dict[str, tuple[Button, int]] = {
    "click": ("left", 1),
    "double_click": ("left", 2),
    "triple_click": ("left", 3),
    "right_click": ("right", 1),
    "middle_click": ("middle", 1),
    "back_click": ("back", 1),
    "forward_click": ("forward", 1),
}


Aimed = Callable[[Target, Point], Awaitable[None]]
"""Told of each point that is aimed at before input goes there; what it raises keeps the input from going."""


Reveal = Callable[[str], str]
"""The value of a secret by its name, asked for just before it is typed. Raises InputError."""


def no_secrets(name: str) -> str:
    raise InputError(f"secret: {name!r} is not known here")


async def execute(desktop: Desktop, action: Action, aimed: Aimed, reveal: Reveal = no_secrets) -> None:
    """Carry out one action, waiting for its targets first. Only here a secret's name becomes its value.

    Raises GuestError, DeadlineExceeded, InputError and InfraError, and what `aimed` raises.
    """
    match action:
        case Open():
            await desktop.open(action.argv)
        case Focus():
            await _focus(desktop, action)
        case WaitFor():
            await _wait_for(desktop, action)
        case Fill():
            await _fill(desktop, action, aimed, reveal)
        case Type():
            await desktop.act([protocol.Type(text=_text_of(action, reveal))])
        case Hold():
            await _hold(desktop, action)
        case Wait():
            await anyio.sleep(action.seconds)
        case _:
            await desktop.act(await _inputs(desktop, action, aimed))


def _text_of(action: Type | Fill, reveal: Reveal) -> str:
    return action.text if action.secret is None else reveal(action.secret)


async def _inputs(
    desktop: Desktop, action: Click | MouseButton | Hover | Drag | Scroll | Press, aimed: Aimed
) -> list[Input]:
    """The inputs that make up an action; one batch, so that nothing comes between them."""
    match action:
        case Press():
            return [protocol.Press(keys=action.keys, count=action.count)]
        case Drag():
            start, end = await _aim(desktop, action.start, aimed), await _aim(desktop, action.end, aimed)
            path = (start, *action.through, end)
            return [protocol.Drag(path=path, button=action.button, modifiers=action.modifiers)]
    at = await _aim(desktop, action.target, aimed)
    match action:
        case Hover():
            return [protocol.Move(to=at)]
        case Scroll():
            return [protocol.Scroll(at=at, dx=action.dx, dy=action.dy, modifiers=action.modifiers)]
        case MouseButton():
            return [protocol.Move(to=at), protocol.MouseButton(do=action.do, button=action.button)]
        case Click():
            button, count = _BUTTONS[action.do]
            return [protocol.Click(at=at, button=button, count=count, modifiers=action.modifiers)]


async def _fill(desktop: Desktop, action: Fill, aimed: Aimed, reveal: Reveal) -> None:
    target = action.target
    at = await _aim(desktop, target, aimed)
    if target.at is None:
        await _locator(desktop, target).focus(timeout=target.timeout)
    else:
        await desktop.click(at.x, at.y)
    text = _text_of(action, reveal)
    over = protocol.Type(text=text) if text else protocol.Press(keys="BackSpace")
    await desktop.act([protocol.Press(keys="ctrl+a"), over])


async def _hold(desktop: Desktop, action: Hold) -> None:
    """The keys are released also where the wait is cut short."""
    keys = action.keys.split("+")
    down = [checked(protocol.Key, do="key_down", key=key) for key in keys]
    up = [checked(protocol.Key, do="key_up", key=key) for key in reversed(keys)]
    try:
        await desktop.act(down)
        await anyio.sleep(action.seconds)
    finally:
        with anyio.CancelScope(shield=True):
            await desktop.act(up)


async def _aim(desktop: Desktop, target: Target, aimed: Aimed) -> Point:
    at = target.at or await _locator(desktop, target).point(timeout=target.timeout)
    await aimed(target, at)
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
