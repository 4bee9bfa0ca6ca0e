"""``autocomp-kit workloads``: the problems that come with the package, and what a user's own file says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
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
    config: Annotated[str | None, typer.Option(help="Machine: preset or TOML file; by default int8-16.")] = None,
    kernel: Annotated[bool, typer.Option("--kernel", help="Print the kernel that a search starts from.")] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Simulate the start kernel and the vendor's library, beside the best.")
    ] = False,
    store: Annotated[
        list[Path] | None, typer.Option(help="With --baselines: files with runs, for the best kernels; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the workloads, or describe one."""
    from gemmini_sim.config import load_config  # noqa: PLC0415 - help needs none of it

    from autocomp_kit.workloads import load_workload, workload_names  # noqa: PLC0415

    if baselines:
        names = workload_names() if name is None else (name,)
        _baselines([load_workload(each) for each in names], config, store or [], as_json=as_json)
        return
    machine = load_config(config or "int8-16")
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
    line = "{:20} {:4} {:>14} {:>14}  {}"
    typer.echo(line.format("name", "kind", "MACs", "ideal cycles", "what"))
    for workload in workloads:
        ideal = f"{workload.ideal_cycles(machine):,}" if workload.element == machine.array.element else "-"
        typer.echo(line.format(workload.name, workload.kind, f"{workload.macs:,}", ideal, workload.title))


_MACHINES = {"int8": "int8-16", "fp32": "fp32-4"}
"""The preset for each element type."""


def _baselines(workloads: Sequence[Workload], config: str | None, stores: Sequence[Path], *, as_json: bool) -> None:
    """Print a row for each workload that the machine can run; without a machine, each on the preset for its type."""
    from gemmini_sim.config import load_config  # noqa: PLC0415 - help needs none of it

    from autocomp_kit.baselines import baselines_of  # noqa: PLC0415 - heavy
    from autocomp_kit.evaluate import FileCache  # noqa: PLC0415 - heavy
    from autocomp_kit.store import Store  # noqa: PLC0415

    line = "{:20} {:8} {:>11} {:>11} {:>13} {:>11} {:>8} {:>9}"
    with contextlib.ExitStack() as stack:
        studies = [stack.enter_context(Store.open(path, create=False)) for path in stores]
        if not as_json:
            typer.echo(
                line.format("workload", "machine", "ideal", "start", "hardware loop", "best", "speed-up", "of loop")
            )
        for workload in workloads:
            machine = load_config(config or _MACHINES[workload.element])
            if machine.array.element != workload.element and len(workloads) > 1:
                continue
            row = baselines_of(workload, machine, stores=studies, cache=FileCache())
            if as_json:
                typer.echo(json.dumps(row._asdict()))
                continue
            cycles = [f"{one:,}" if one else "-" for one in (row.ideal, row.start, row.hardware_loop, row.best)]
            gain = f"{row.speedup:.2f}x" if row.speedup else "-"
            share = f"{row.of_hardware_loop:.1%}" if row.of_hardware_loop else "-"
            typer.echo(line.format(row.workload, row.machine, *cycles, gain, share))


def _summary(workload: Workload, machine: MachineConfig) -> dict[str, object]:
    return {
        **workload.model_dump(mode="json"),
        "macs": workload.macs,
        "ideal_cycles": workload.ideal_cycles(machine),
        "signature": workload.signature,
        "arguments": [argument.model_dump(mode="json") for argument in workload.arguments],
    }
