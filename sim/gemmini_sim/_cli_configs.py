"""``gemmini-sim configs``: the machines that come with the package."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gemmini_sim.config import MachineConfig, load_config, preset_names

__all__ = ["register"]

_LINE = "{:10} {:11} {:11} {:12} {:8} {}"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("configs")(_configs)


def _configs(
    *,
    machine: Annotated[str | None, typer.Argument(help="Show every field of this preset or TOML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the machines, or print one.

    What is printed is a TOML file to start one's own from.
    """
    if machine is not None:
        config = load_config(machine)
        typer.echo(json.dumps(config.model_dump(), indent=2) if as_json else _as_toml(config))
    elif as_json:
        presets = {name: load_config(name) for name in preset_names()}
        listed = {name: {**config.model_dump(), "identity": config.identity} for name, config in presets.items()}
        typer.echo(json.dumps(listed, indent=2))
    else:
        typer.echo(_LINE.format("name", "array", "scratchpad", "accumulator", "L2", "what"))
        for name in preset_names():
            config = load_config(name)
            typer.echo(
                _LINE.format(
                    name,
                    f"{config.array.dim}x{config.array.dim} {config.array.element}",
                    f"{config.scratchpad.kilobytes} KB",
                    f"{config.accumulator.kilobytes} KB",
                    f"{config.l2.kilobytes} KB",
                    config.description,
                )
            )


def _as_toml(config: MachineConfig) -> str:
    """Return a machine as a TOML file; JSON writes strings, integers and booleans the way TOML does."""
    fields = config.model_dump()
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items() if not isinstance(value, dict)]
    for group, values in fields.items():
        if isinstance(values, dict):
            lines += ["", f"[{group}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    return "\n".join(lines)
