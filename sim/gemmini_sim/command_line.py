"""The frame of our command lines: commands found by the names of their modules, a version, and exit codes.

Every module ``_cli_*.py`` of a package adds its commands through a function ``register(app)``; heavy imports belong
inside a command, so that the others start at once. Exit codes: 0 done, 1 the program, kernel or run failed, 2 the input
is wrong.
"""

import importlib
import pkgutil
import sys
from typing import Annotated

import typer

from gemmini_sim.errors import InputError

__all__ = ["new_app", "run_app"]


def new_app(package: str, *, command: str, description: str) -> typer.Typer:
    """Return the command line of a package, with the commands of all its ``_cli_*`` modules."""
    module = importlib.import_module(package)
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help=description,
    )

    def show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the value of the flag
        if wanted:
            typer.echo(f"{command} {module.__version__}")
            raise typer.Exit

    @app.callback(help=description)
    def options(
        *,
        version: Annotated[
            bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        """Stand for the options before any command."""

    for name in sorted(found.name for found in pkgutil.iter_modules(module.__path__)):
        if name.startswith("_cli_"):
            importlib.import_module(f"{package}.{name}").register(app)
    return app


def run_app(app: typer.Typer, *, command: str) -> None:
    """Run a command line and leave with its exit code; a user's mistake is one line on standard error."""
    try:
        app()
    except InputError as error:
        typer.echo(f"{command}: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
