"""The command that all others hang on, its groups, and the arguments that several take."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Run swarms of computer-use agents, each on its own disposable desktop.",
)
image = typer.Typer(no_args_is_help=True, help="What desktops are made from.")
desktop = typer.Typer(no_args_is_help=True, help="Desktops that are there now.")
snapshot = typer.Typer(no_args_is_help=True, help="Saved desktops.")
ask = typer.Typer(no_args_is_help=True, help="Questions that runs put to people.")
dead_letters = typer.Typer(no_args_is_help=True, help="What failed for good.")
osworld = typer.Typer(no_args_is_help=True, help="Desktops for OSWorld's own client.")
export = typer.Typer(no_args_is_help=True, help="Recorded sessions in the forms that other tools take.")


class _SuiteByDefault(typer.core.TyperGroup):
    """`bench SUITE` is `bench run SUITE`: a first word that is no command is a suite."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["run", *args])


bench = typer.Typer(cls=_SuiteByDefault, no_args_is_help=True, help="Score an agent on a suite of tasks.")

for _name, _group in (
    ("image", image),
    ("desktop", desktop),
    ("snapshot", snapshot),
    ("ask", ask),
    ("dead-letters", dead_letters),
    ("osworld", osworld),
    ("bench", bench),
    ("export", export),
):
    app.add_typer(_group, name=_name)

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or `last`.")]
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="A task's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
