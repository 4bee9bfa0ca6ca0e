"""``gemmini-sim run``: one program, as ``spike --extension=gemmini`` would run it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.result import SimulationResult, check_trace_name
from gemmini_sim.simulate import announce_compilation, simulate

__all__ = ["register"]

_CAUSES = 5
"""Causes of cycles on a line of ``--cycles``."""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(_run)


def _run(
    *,
    elf: Annotated[Path, typer.Argument(help="A bare-metal RV64 program linked for 0x80000000.")],
    config: Annotated[str, typer.Option(help="Preset name or TOML file.")] = "int8-16",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
    cycles: Annotated[
        bool, typer.Option("--cycles", help="Say on standard error how many cycles every region took, and why.")
    ] = False,
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
    """Run a program as spike would.

    Its console goes to standard output, its exit code is the exit code (1 if it fails).
    """
    if trace is not None:
        check_trace_name(trace)
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
        if result.trace.events_lost:
            typer.echo(f"gemmini-sim: the last {result.trace.events_lost:,} events did not fit", err=True)
        result.trace.save(trace)
    sys.stdout.flush()
    for line in _remarks(result, sanitized=sanitize):
        typer.echo(f"gemmini-sim: {line}", err=True)
    for line in _cycle_lines(result, timed=timing) if cycles else ():
        typer.echo(line, err=True)
    if as_json:
        if result.console and not result.console.endswith("\n"):
            sys.stdout.write("\n")
        typer.echo(json.dumps(_summary(result, machine)))
    raise typer.Exit(1 if result.exit_code is None else result.exit_code & 0xFF)


def _remarks(result: SimulationResult, *, sanitized: bool) -> Iterator[str]:
    """Yield why a program failed, and what the sanitizer says."""
    if result.fault is not None:
        yield result.fault.message
    for finding in result.findings:
        yield f"{finding.kind}: {finding.message}"
    if sanitized and not result.findings:
        yield "the sanitizer finds nothing wrong"


def _cycle_lines(result: SimulationResult, *, timed: bool) -> Iterator[str]:
    """Yield a line for the run and for each pass through a region: its cycles, and what most of them went to."""
    passes: Counter[str] = Counter()
    yield _cycle_line("whole run", result.cycles, result.instret, result.stalls if timed else {})
    for region in result.regions:
        passes[region.name] += 1
        name = f"region {region.name}, pass {passes[region.name]}"
        yield _cycle_line(name, region.cycles, region.instret, region.stalls if timed else {})


def _cycle_line(name: str, cycles: int, instret: int, stalls: Mapping[str, int]) -> str:
    causes = sorted(((count, cause) for cause, count in stalls.items() if count), reverse=True)
    shares = ", ".join(f"{cause} {count / cycles:.1%}" for count, cause in causes[:_CAUSES])
    return f"{name:<20}{cycles:>14,} cycles {instret:>14,} instructions  {shares}".rstrip()


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
