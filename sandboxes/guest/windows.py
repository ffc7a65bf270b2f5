"""Top-level windows, as the window manager lists them (EWMH)."""

from __future__ import annotations

from typing import Any

from Xlib import X, Xutil, error

from .display import Display
from .failures import RequestFailed
from .protocol import Nothing, Rect, Window, WindowAction, WindowsReply

_MAX_WINDOWS = 500
_MAX_TITLE = 1000
_MAX_CLASS = 200
_BY_A_PAGER = 2


class Windows:
    def __init__(self, display: Display) -> None:
        self._display = display

    async def listed(self, _: Nothing) -> WindowsReply:
        return WindowsReply(windows=self.all())

    def all(self) -> tuple[Window, ...]:
        """All managed windows, the lowest first. Pop-up menus and tooltips are not managed."""
        active = self._display.active_window()
        described = (self._describe(window, active) for window in self._ids()[:_MAX_WINDOWS])
        found = [window for window in described if window is not None]
        return tuple(window.model_copy(update={"stack": i}) for i, window in enumerate(found))

    async def act(self, args: WindowAction) -> Nothing:
        """Close asks the window and returns; activate waits until the window is active."""
        if args.id not in self._ids():
            raise RequestFailed("not_found", f"window: there is no window {args.id}")
        window = self._display.window(args.id)
        if args.do == "close":
            self._display.send_to_root(window, "_NET_CLOSE_WINDOW", (X.CurrentTime, _BY_A_PAGER))
            return Nothing()
        self._display.send_to_root(window, "_NET_ACTIVE_WINDOW", (_BY_A_PAGER, X.CurrentTime))
        await self._display.wait_for(lambda: self._display.active_window() == args.id)
        return Nothing()

    def _ids(self) -> list[int]:
        return [int(window) for window in self._display.property(self._display.root, _STACKING) or ()]

    def _describe(self, window_id: int, active: int | None) -> Window | None:
        """None where the window went away meanwhile."""
        window = self._display.window(window_id)
        try:
            frame = self._frame(window)
            kind = window.get_wm_class()
            state = window.get_wm_state()
        except error.XError:
            return None
        pid = self._display.property(window, "_NET_WM_PID")
        return Window(
            id=window_id,
            title=self._title(window)[:_MAX_TITLE],
            application=(kind[1] if kind else "")[:_MAX_CLASS],
            pid=int(pid[0]) if pid is not None and len(pid) else None,
            frame=frame,
            stack=0,
            focused=window_id == active,
            minimized=bool(state and state.state == Xutil.IconicState),
        )

    def _title(self, window: Any) -> str:
        value = self._display.property(window, "_NET_WM_NAME")
        if value is None:
            value = self._display.property(window, "WM_NAME") or b""
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def _frame(self, window: Any) -> Rect:
        """The window with its decorations, in screen coordinates."""
        size = window.get_geometry()
        origin = self._display.root.translate_coords(window, 0, 0)
        extents = self._display.property(window, "_NET_FRAME_EXTENTS")
        left, right, top, bottom = extents[:4] if extents is not None and len(extents) >= 4 else (0, 0, 0, 0)
        return Rect(
            x=origin.x - left,
            y=origin.y - top,
            width=size.width + left + right,
            height=size.height + top + bottom,
        )


_STACKING = "_NET_CLIENT_LIST_STACKING"
