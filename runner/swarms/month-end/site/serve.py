"""The supplier portal of the month-end swarm: a form, and a confirmation to download.

Runs inside the task's own desktop, on its own loopback, and opens the browser once it listens.
"""

import html
import subprocess
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT = 8000
FIELDS = ("period", "company", "contact", "amount")
FORM = (Path(__file__).parent / "form.html").read_text(encoding="utf-8")
CONFIRMED = (Path(__file__).parent / "confirmed.html").read_text(encoding="utf-8")


class Portal(BaseHTTPRequestHandler):
    """Answers the form, its submission, and the confirmation it leads to."""

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path == "/":
            self.answer(200, "text/html", FORM)
        elif path.path == "/confirmation.txt":
            query = {name: values[0] for name, values in parse_qs(path.query).items()}
            self.answer(200, "text/plain", confirmation(query), download="confirmation.txt")
        else:
            self.answer(404, "text/plain", "There is no such page.\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        missing = [name for name in FIELDS if name not in fields]
        if missing:
            self.answer(400, "text/plain", f"Missing: {', '.join(missing)}\n")
            return
        page = CONFIRMED.replace("{reference}", reference(fields)).replace("{query}", html.escape(body))
        self.answer(200, "text/html", page)

    def answer(self, status: int, kind: str, text: str, download: str | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        if download:
            self.send_header("Content-Disposition", f'attachment; filename="{download}"')
        self.end_headers()
        self.wfile.write(data)


def reference(fields: dict[str, str]) -> str:
    """The same fields always get the same reference, so that a check can expect it."""
    joined = "|".join(fields[name] for name in FIELDS)
    return f"VAT-{zlib.crc32(joined.encode()):08X}"


def confirmation(fields: dict[str, str]) -> str:
    lines = [f"{name.capitalize()}: {fields[name]}" for name in FIELDS]
    return "\n".join(["Filing confirmation", f"Reference: {reference(fields)}", *lines, ""])


if __name__ == "__main__":
    # Chromium opens connections that it sends nothing on; one thread would wait for them.
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Portal)
    # Its processes end themselves where another takes longer than 15 s to start, as in an emulated machine.
    subprocess.Popen(["google-chrome", "--ipc-connection-timeout=300", f"http://localhost:{PORT}/"])
    server.serve_forever()
