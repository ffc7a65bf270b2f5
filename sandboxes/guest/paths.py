"""Where things are inside a desktop."""

from __future__ import annotations

import os

SOCKET_PATH = "/run/deskswarm/guest.sock"
MACHINE_ID = "/run/machine-id"
HOME = "/home/user"
HOME_SKELETON = "/usr/share/deskswarm/home"
ENVIRONMENT_FILE = "/etc/deskswarm/environment"
SESSION_PROGRAM = "/etc/deskswarm/session"
RUNTIME_DIR = f"/run/user/{os.getuid()}"
FRAME_BUFFER_DIR = f"{RUNTIME_DIR}/display"
FRAME_BUFFER = f"{FRAME_BUFFER_DIR}/Xvfb_screen0"
LAUNCH_LOG = f"{RUNTIME_DIR}/launched.log"
DISPLAY = ":0"
LOOPBACK = "127.0.0.1"
PROXY_PORT = 3128
BUS_ADDRESS = f"unix:path={RUNTIME_DIR}/bus"
