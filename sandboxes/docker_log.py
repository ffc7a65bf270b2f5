"""What a container writes, kept here: an engine forgets it as soon as the container is gone."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from threading import Thread

import docker

from sandboxes.process import LOG_BYTES

_PIECES = 256


class LogTail:
    """The end of a container's output, read by a thread that ends with the container."""

    def __init__(self, container: str) -> None:
        self._pieces: deque[bytes] = deque(maxlen=_PIECES)
        Thread(target=self._follow, args=(container,), name=f"log of {container}", daemon=True).start()

    def text(self) -> str:
        """At most 64 KiB."""
        return b"".join(self._pieces)[-LOG_BYTES:].decode(errors="replace")

    def _follow(self, container: str) -> None:
        client = docker.from_env()
        try:
            with closing(client.api.logs(container, stream=True, follow=True)) as output:
                for piece in output:
                    self._pieces.append(piece[-LOG_BYTES:])
        except (docker.errors.DockerException, OSError) as error:
            self._pieces.append(f"\nthe log ends here: {error}\n".encode())
        finally:
            client.close()
