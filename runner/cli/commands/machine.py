"""What this machine has: images, backends, desktops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.root import app, desktop, image


@app.command()
def doctor() -> None:
    """Say what works on this machine, and how to fix what does not."""
    from runner.cli.doctor import print_findings

    raise typer.Exit(print_findings())


@app.command()
def conformance(
    backend: Annotated[str, typer.Argument(metavar="BACKEND", help="A kind of isolation.")],
    only: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Only this group of checks; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
) -> None:
    """Check that a backend does all that a backend must, on real desktops."""
    from runner.cli.conformance import run_conformance

    raise typer.Exit(run_conformance(backend, only or [], json))


@app.command()
def mcp(
    backend: Annotated[str | None, typer.Option(help="Kind of isolation; default: bubblewrap.")] = None,
    image: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An image it may use; may be repeated.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="What desktops may reach; may be repeated.")
    ] = None,
    root: Annotated[bool, typer.Option("--root", help="Desktops may have `sudo`.")] = False,
    desktops: Annotated[int, typer.Option(metavar="N", help="Desktops at once.")] = 2,
    steps: Annotated[int, typer.Option(metavar="N", help="Budget of each desktop.")] = 200,
    wall_s: Annotated[float, typer.Option(metavar="S", help="Budget of each desktop, in seconds.")] = 3600,
) -> None:
    """Serve desktops to the MCP client at the other end of standard input and output."""
    from runner.cli.mcp import serve_mcp

    serve_mcp(
        backend=backend,
        images=image,
        network={"allow": network} if network else None,
        root=root,
        desktops=desktops,
        steps=steps,
        wall_s=wall_s,
    )


@app.command()
def pool() -> None:
    """Say which desktops are kept warm now, and by which process."""
    from runner.cli.pool import list_warm

    list_warm()


@image.command("build")
def image_build(name: Annotated[str, typer.Argument(metavar="[NAME]", help="An image.")] = "desktop") -> None:
    """Build an image, unless it is built already."""
    from runner.cli.image import build

    build(name)


@image.command("ls")
def image_ls() -> None:
    """List the images: built, outdated, and not built yet."""
    from runner.cli.image import list_images

    list_images()


@image.command("rm")
def image_rm(name: Annotated[str, typer.Argument(metavar="NAME", help="A name, or a key.")]) -> None:
    """Remove built images."""
    from runner.cli.image import remove

    remove(name)


@desktop.command("ls")
def desktop_ls() -> None:
    """List the desktops that are there now, whoever started them."""
    from runner.cli.desktop import list_desktops

    list_desktops()


@desktop.command("rm")
def desktop_rm(
    desktop: Annotated[str, typer.Argument(metavar="ID", help="A desktop's id, or its beginning.")],
) -> None:
    """End a desktop, whoever uses it."""
    from runner.cli.desktop import remove_desktop

    remove_desktop(desktop)


@desktop.command("shot")
def desktop_shot(
    desktop: Annotated[str, typer.Argument(metavar="ID", help="A desktop's id, or its beginning.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="The file to write.")],
) -> None:
    """Save the last screenshot taken of a desktop, which may have ended since."""
    from runner.cli.desktop import save_screenshot

    save_screenshot(desktop, out)
