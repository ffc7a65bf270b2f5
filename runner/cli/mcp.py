"""`deskswarm mcp`."""

from __future__ import annotations

from functools import partial

from pydantic import ValidationError

from runner.cli.signals import run_interruptibly
from runner.errors import SpecError
from runner.explain import explain
from sandboxes.errors import InfraError
from sandboxes.home import find_home


def serve_mcp(**options: object) -> None:
    """Serve the client at the other end of standard input and output, until it goes away.

    Raises InputError for a wrong option, InfraError without the `mcp` extra or the backend, and Interrupted.
    """
    try:
        from runner.mcp.options import Options
        from runner.mcp.server import serve
    except ModuleNotFoundError as error:
        raise InfraError(
            f"mcp needs a package that is not installed ({error.name}): pip install 'deskswarm[mcp]'"
        ) from None
    try:
        chosen = Options.model_validate({name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise SpecError(explain(error, model=Options)) from None
    run_interruptibly(partial(serve, find_home(), chosen))
