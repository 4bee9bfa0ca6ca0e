"""The command ``gemmini-sim``.

Every module ``gemmini_sim/_cli_*.py`` adds its commands through a function ``register(app)``; heavy imports belong
inside a command, so that the others start at once. Exit codes: 0 done, 1 the program failed, 2 the input is wrong.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from typing import Annotated

import typer

import gemmini_sim
from gemmini_sim.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Simulate Rocket + Gemmini programs: what they compute, and in how many cycles.",
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the value of the flag
    if wanted:
        typer.echo(f"gemmini-sim {gemmini_sim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Simulate Rocket + Gemmini programs: what they compute, and in how many cycles."""


for _module in sorted(module.name for module in pkgutil.iter_modules(gemmini_sim.__path__)):
    if _module.startswith("_cli_"):
        importlib.import_module(f"gemmini_sim.{_module}").register(app)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except InputError as error:
        typer.echo(f"gemmini-sim: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
