"""``gemmini-sim run``: one program, as ``spike --extension=gemmini`` would run it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.errors import InputError
from gemmini_sim.result import SimulationResult, Trace
from gemmini_sim.simulate import announce_compilation, simulate

__all__ = ["register"]

_KONATA = (".kanata", ".log")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(_run)


def _run(
    *,
    elf: Annotated[Path, typer.Argument(help="A bare-metal RV64 program linked for 0x80000000.")],
    config: Annotated[str, typer.Option(help="Preset name or TOML file.")] = "int8-16",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
    max_instructions: Annotated[
        int, typer.Option(min=1, help="Stop after this many; a local row that the accelerator works on counts as one.")
    ] = 2_000_000_000,
    dram_latency: Annotated[int | None, typer.Option(min=0, help="Cycles to the first data of a DRAM read.")] = None,
    timing: Annotated[bool, typer.Option("--timing/--no-timing", help="Run the clock.")] = True,
    trace: Annotated[
        Path | None,
        typer.Option(help="Write a .json for Perfetto, .kanata for Konata, or .csv."),
    ] = None,
    sanitize: Annotated[bool, typer.Option("--sanitize", help="Look for races, unset rows, needless loads.")] = False,
) -> None:
    """Run a program: its console on standard output, its exit code as exit code (1 if it fails)."""
    if trace is not None and trace.suffix not in {".json", ".csv", *_KONATA}:
        raise InputError(
            f"--trace {trace}: the name must end in .json, .csv, .kanata or .log, which says what to write"
        )
    machine = load_config(config)
    if dram_latency is not None:
        machine = machine.with_values({"memory.latency": dram_latency}, source="--dram-latency")
    with announce_compilation():
        result = simulate(
            elf,
            config=machine,
            trace="full" if trace else "none",
            timing=timing,
            max_instructions=max_instructions,
            sanitize=sanitize,
        )
    sys.stdout.write(result.console)
    if trace is not None and result.trace is not None:
        _write_trace(trace, result.trace)
    if result.fault is not None:
        sys.stdout.flush()
        typer.echo(f"gemmini-sim: {result.fault.message}", err=True)
    for finding in result.findings:
        typer.echo(f"gemmini-sim: {finding.kind}: {finding.message}", err=True)
    if sanitize and not result.findings:
        typer.echo("gemmini-sim: the sanitizer finds nothing wrong", err=True)
    if as_json:
        if result.console and not result.console.endswith("\n"):
            sys.stdout.write("\n")
        typer.echo(json.dumps(_summary(result, machine)))
    raise typer.Exit(1 if result.exit_code is None else result.exit_code & 0xFF)


def _summary(result: SimulationResult, machine: MachineConfig) -> dict[str, Any]:
    regions = [{**asdict(region), "cycles": region.cycles, "instret": region.instret} for region in result.regions]
    return {
        "exit_code": result.exit_code,
        "status": result.status,
        "cycles": result.cycles,
        "instret": result.instret,
        "stalls": dict(result.stalls),
        "regions": regions,
        "console": result.console,
        "config": machine.name,
        "fault": None if result.fault is None else asdict(result.fault),
        "findings": [asdict(finding) for finding in result.findings],
    }


def _write_trace(path: Path, trace: Trace) -> None:
    if trace.events_lost:
        typer.echo(f"gemmini-sim: the last {trace.events_lost:,} events did not fit and are missing", err=True)
    if path.suffix == ".json":
        trace.to_perfetto(path)
    elif path.suffix in _KONATA:
        trace.to_konata(path)
    else:
        from gemmini_sim.trace_tables import command_table  # noqa: PLC0415 - imports pandas

        try:
            command_table(trace).to_csv(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
