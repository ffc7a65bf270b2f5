"""What whoever starts `deskswarm mcp` lets its client have. What is not said is denied."""

from __future__ import annotations

from pydantic import Field

from runner.errors import suggest
from sandboxes.errors import InputError
from sandboxes.host import DEFAULT_BACKEND
from sandboxes.spec import DesktopSpec, Limits, Model, Name, Network, Screen

SCREEN = Screen(width=1280, height=800)
"""No larger than what models look at without scaling it: a pixel of the image is a pixel of the screen."""

_TO_END_S = 300.0  # a desktop lives so much longer than its budget, so that it is the budget that ends it


class Options(Model):
    """`network` is all that desktops may reach; the budget is each desktop's own."""

    backend: str = DEFAULT_BACKEND
    images: tuple[Name, ...] = Field(default=("desktop",), min_length=1)
    network: Network | None = None
    root: bool = False
    desktops: int = Field(default=2, ge=1, le=100)
    steps: int = Field(default=200, ge=1, le=100_000)
    wall_s: float = Field(default=3600, gt=0, le=86_400 - _TO_END_S)

    def __str__(self) -> str:
        """For the client to know beforehand."""
        return (
            f"At most {self.desktops} at once, {self.steps} steps and {self.wall_s:g} s each. "
            f"Images: {', '.join(self.images)}. "
            f"Network: {', '.join(self.network.allow) if self.network else 'none'}. "
            f"Root: {'yes' if self.root else 'no'}."
        )

    def desktop(self, image: str | None, network: Network | None, root: bool) -> DesktopSpec:
        """What a client asks for, where it may have it. Raises InputError."""
        if image is not None and image not in self.images:
            raise _denied("image", image, f"--image {image}", suggest(image, self.images))
        if root and not self.root:
            raise _denied("root", "true", "--root")
        allowed = self.network.allow if self.network else ()
        for entry in network.allow if network else ():
            if entry not in allowed:
                raise _denied("network", entry, f"--network {entry}", suggest(entry, allowed))
        return DesktopSpec(
            image=image or self.images[0],
            screen=SCREEN,
            limits=Limits(lifetime_s=self.wall_s + _TO_END_S),
            root=root,
            network=network or "none",
        )


def _denied(field: str, value: str, option: str, known: str = "") -> InputError:
    return InputError(
        f"{field}: {value!r} is not allowed here{known}; who starts `deskswarm mcp` allows it with `{option}`"
    )
