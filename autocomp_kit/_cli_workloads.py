"""``autocomp-kit workloads``: the problems that come with the package, and what a user's own file says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from autocomp_kit.errors import InputError

if TYPE_CHECKING:
    from gemmini_sim import MachineConfig

    from autocomp_kit.workloads import Workload

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("workloads")(_workloads)


def _workloads(
    *,
    name: Annotated[str | None, typer.Argument(help="Show this one: name or YAML file.", show_default=False)] = None,
    config: Annotated[str, typer.Option(help="Machine: preset or TOML file.")] = "int8-16",
    kernel: Annotated[bool, typer.Option("--kernel", help="Print the kernel that a search starts from.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the workloads, or describe one."""
    from gemmini_sim.config import load_config  # noqa: PLC0415 - help needs none of it

    from autocomp_kit.workloads import load_workload, workload_names  # noqa: PLC0415

    machine = load_config(config)
    if name is None and kernel:
        raise InputError("--kernel needs the name of a workload")
    if name is not None:
        workload = load_workload(name)
        if kernel:
            typer.echo(workload.baseline_code(machine), nl=False)
        elif as_json:
            typer.echo(json.dumps(_summary(workload, machine)))
        else:
            typer.echo(workload.describe())
        return
    workloads = [load_workload(each) for each in workload_names()]
    if as_json:
        typer.echo(json.dumps([_summary(workload, machine) for workload in workloads]))
        return
    line = "{:9} {:16} {:>14} {:>14}  {}"
    typer.echo(line.format("name", "kind", "MACs", "ideal cycles", "what"))
    for workload in workloads:
        ideal = f"{workload.ideal_cycles(machine):,}" if workload.element == machine.array.element else "-"
        typer.echo(line.format(workload.name, workload.kind, f"{workload.macs:,}", ideal, workload.title))


def _summary(workload: Workload, machine: MachineConfig) -> dict[str, object]:
    return {
        **workload.model_dump(mode="json"),
        "macs": workload.macs,
        "ideal_cycles": workload.ideal_cycles(machine),
        "signature": workload.signature,
        "arguments": [argument.model_dump(mode="json") for argument in workload.arguments],
    }
