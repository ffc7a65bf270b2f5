"""A film of the screen, made by ffmpeg inside the desktop."""

from __future__ import annotations

import secrets

from runner.osworld.endpoint import Answer, Args, Endpoint, Refused, as_json, endpoint
from runner.osworld.files import MAX_FILE_BYTES, TRANSFER_TIMEOUT_S
from sandboxes.desktop import Desktop

FRAMES_A_SECOND = 10
END_TIMEOUT_S = 60.0
# Interrupted, ffmpeg finishes its file.
_END = 'kill -INT "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.05; done'
_START = 'exec ffmpeg -y -loglevel error -f x11grab -draw_mouse 1 -framerate "$1" -i "$DISPLAY" \
-c:v libx264 -preset ultrafast -pix_fmt yuv420p -fs "$2" "$3"'


class Recording:
    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._running: tuple[int, str] | None = None  # its process, and its file

    def endpoints(self) -> list[Endpoint]:
        return [
            endpoint("POST", "/start_recording", Args, self.start, act=True),
            endpoint("POST", "/end_recording", Args, self.end, act=True),
        ]

    async def start(self, _: Args) -> Answer:
        if self._running is not None:
            raise Refused(400, "a recording is under way already")
        if (await self._desktop.exec(["which", "ffmpeg"])).exit_code != 0:
            raise Refused(500, "there is no ffmpeg in this image")
        path = f"/tmp/osworld-{secrets.token_hex(8)}.mp4"
        script = ["sh", "-c", _START, "sh", str(FRAMES_A_SECOND), str(MAX_FILE_BYTES), path]
        self._running = await self._desktop.open(script), path
        return as_json({"status": "success", "message": "Started recording"})

    async def end(self, _: Args) -> Answer:
        if self._running is None:
            raise Refused(400, "no recording is under way")
        (process, path), self._running = self._running, None
        await self._desktop.exec(["sh", "-c", _END, "sh", str(process)], timeout=END_TIMEOUT_S)
        film = await self._desktop.files.read(path, max_bytes=MAX_FILE_BYTES, timeout=TRANSFER_TIMEOUT_S)
        await self._desktop.files.remove(path)
        return Answer(200, film, "video/mp4", {"Content-Disposition": 'attachment; filename="recording.mp4"'})
