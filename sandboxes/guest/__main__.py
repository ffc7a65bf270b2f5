"""`python3 -m deskswarm_guest` runs the guest; `connect` bridges its standard streams to a running one;
`machine` is process 1 of a virtual machine, and runs the guest in it."""

from __future__ import annotations

import sys


def main() -> int:
    """Start only what the argument asks for: the bridge must not pay for the guest's imports."""
    if sys.argv[1:] == ["connect"]:
        from .bridge import bridge

        return bridge()
    if sys.argv[1:] == ["machine"]:
        from .machine import start

        start()
    from .boot import boot

    started = boot()  # The display starts while the rest is imported.
    from .server import serve

    return serve(started)


if __name__ == "__main__":
    sys.exit(main())
