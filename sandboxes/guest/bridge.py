"""The bridge: standard input and output to the guest's socket, for backends that can only run a program."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

from .paths import SOCKET_PATH

_CHUNK_BYTES = 1 << 18
_LISTENS_WITHIN_S = 60.0
_PACE_S = 0.02


def bridge() -> int:
    """Copy both ways until the guest closes; the end of our input only closes the guest's side."""
    try:
        guest = _connect(time.monotonic() + _LISTENS_WITHIN_S)
    except OSError as error:
        print(f"deskswarm guest: cannot connect: {error}", file=sys.stderr)
        return 1
    threading.Thread(target=_send_input, args=(guest,), daemon=True).start()
    _receive_output(guest)
    return 0


def _connect(deadline: float) -> socket.socket:
    """The bridge may be there before the guest listens. Raises OSError."""
    while True:
        guest = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            guest.connect(SOCKET_PATH)
        except (FileNotFoundError, ConnectionRefusedError):
            guest.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(_PACE_S)
        else:
            return guest


def _send_input(guest: socket.socket) -> None:
    try:
        while data := os.read(0, _CHUNK_BYTES):
            guest.sendall(data)
        guest.shutdown(socket.SHUT_WR)
    except OSError:
        return  # The guest has closed; the other direction ends the bridge.


def _receive_output(guest: socket.socket) -> None:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    try:
        while count := guest.recv_into(buffer):
            written = 0
            while written < count:
                written += os.write(1, buffer[written:count])
    except OSError:
        return  # Our output is gone: there is nobody to bridge for.
