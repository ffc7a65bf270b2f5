"""What a tool answers: a picture and words, both bounded."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO

from anyio import to_thread
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent

from runner.agents.base import ActionResult, View
from sandboxes.frame import Frame
from sandboxes.guest.protocol import Window
from sandboxes.spec import Screen
from sandboxes.text_tree import tree_text

MAX_PNG_BYTES = 600_000  # clients refuse results of over 1 MB, and this grows by a third on the way
_JPEG_QUALITY = 75
_MAX_WINDOWS = 20
_MAX_TITLE = 80


def told(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)])


def refused(text: str) -> CallToolResult:
    """An error that the model behind the client reads, and can do something about."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


async def shown(heading: str, view: View, max_tokens: int, *, failed: bool = False) -> CallToolResult:
    """The screen as it is in a view: what is on it in words, of at most `max_tokens`, and the picture."""
    text = "\n".join([heading, *_state(view), _tree(view, max_tokens)])
    image = await to_thread.run_sync(picture, view.observation.screenshot.frame)
    content: list[ContentBlock] = [TextContent(text=text), image]
    return CallToolResult(content=content, is_error=failed)


def results(asked: int, last: tuple[ActionResult, ...]) -> str:
    """What became of so many actions."""
    lines = [f"action {n}: {'ok' if one.ok else f'failed: {one.error}'}" for n, one in enumerate(last)]
    if asked > len(last):
        lines.append(f"the other {asked - len(last)} were not tried")
    return "\n".join(lines)


def _state(view: View) -> list[str]:
    left, screen = view.budget, view.observation.screenshot
    windows = sorted(view.observation.windows, key=lambda window: -window.stack)
    return [
        f"left: {left.steps} steps, {left.wall_s:.0f} s",
        f"screen: {screen.width}x{screen.height}; points are pixels of the picture, from its top left",
        *(_window(window) for window in windows[:_MAX_WINDOWS]),
    ]


def _window(window: Window) -> str:
    at = window.frame
    said = " (focused)" if window.focused else " (minimized)" if window.minimized else ""
    name = f"{json.dumps(window.title[:_MAX_TITLE])} of {json.dumps(window.application[:_MAX_TITLE])}"
    return f"window {name}{said} at {at.x},{at.y}, {at.width}x{at.height}"


def _tree(view: View, max_tokens: int) -> str:
    seen = view.observation
    size = Screen.model_construct(width=seen.screenshot.width, height=seen.screenshot.height)
    return tree_text(seen.tree, size, max_tokens).text


def picture(frame: Frame) -> ImageContent:
    """Never scaled, so that its points are the screen's; lossy where it would be too large else."""
    data, kind = frame.png(), "image/png"
    if len(data) > MAX_PNG_BYTES:
        encoded = BytesIO()
        frame.image().save(encoded, "JPEG", quality=_JPEG_QUALITY)
        data, kind = encoded.getvalue(), "image/jpeg"
    return ImageContent(data=b64encode(data).decode(), mime_type=kind)
