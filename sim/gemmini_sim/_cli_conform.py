"""``gemmini-sim conform``: run a folder of programs that check themselves, and say which of them pass."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.errors import InputError
from gemmini_sim.simulate import announce_compilation, simulate

__all__ = ["register"]

_ELF_MAGIC = b"\x7fELF"


@dataclass(frozen=True)
class _Verdict:
    """How one program did; ``reason`` is empty if it passed."""

    program: str
    passed: bool
    reason: str
    exit_code: int | None
    instret: int
    cycles: int
    seconds: float


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("conform")(_conform)


def _conform(
    *,
    folder: Annotated[Path, typer.Argument(help="Every ELF in it is run, in the order of names.")],
    config: Annotated[str, typer.Option(help="Preset name or TOML file.")] = "int8-16",
    max_instructions: Annotated[int, typer.Option(min=1, help="Per program.")] = 500_000_000,
    timing: Annotated[bool, typer.Option("--timing/--no-timing", help="Run the clock.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Run a conformance suite: a program passes if it exits with 0.

    If a file NAME.expected lies beside the program NAME, its console must also be equal to that file.
    """
    machine = load_config(config)
    try:
        programs = [path for path in sorted(folder.iterdir()) if path.is_file() and _is_elf(path)]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
    if not programs:
        raise InputError(f"{folder}: no ELF in this folder")
    width = max(len(path.name) for path in programs)
    verdicts = []
    with announce_compilation():
        for path in programs:
            verdict = _judge(path, machine, max_instructions=max_instructions, timing=timing)
            verdicts.append(verdict)
            outcome = "pass" if verdict.passed else "FAIL"
            typer.echo(
                f"{outcome}  {path.name:{width}}  {verdict.instret:>13,}  {verdict.seconds:7.2f} s  {verdict.reason}"
            )
    failed = sum(not verdict.passed for verdict in verdicts)
    typer.echo(f"{len(verdicts) - failed} of {len(verdicts)} programs pass")
    if as_json:
        typer.echo(json.dumps({"programs": [asdict(v) for v in verdicts], "failed": failed}))
    raise typer.Exit(1 if failed else 0)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _ELF_MAGIC


def _judge(path: Path, machine: MachineConfig, *, max_instructions: int, timing: bool) -> _Verdict:
    start = time.perf_counter()
    exit_code, instret, cycles = None, 0, 0
    try:
        result = simulate(path, config=machine, max_instructions=max_instructions, timing=timing)
    except InputError as error:
        reason = str(error)
    else:
        exit_code, instret, cycles = result.exit_code, result.instret, result.cycles
        if result.fault is not None:
            reason = result.fault.message
        elif exit_code:
            reason = f"exit code {exit_code}"
        else:
            reason = _difference(result.console, path.with_name(path.name + ".expected"))
    return _Verdict(
        program=path.name,
        passed=not reason,
        reason=reason,
        exit_code=exit_code,
        instret=instret,
        cycles=cycles,
        seconds=time.perf_counter() - start,
    )


def _difference(console: str, expected: Path) -> str:
    """Return where the console departs from the expected text; nothing if it does not, or none is known."""
    if not expected.exists():
        return ""
    try:
        text = expected.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{expected}: {error.strerror}") from None
    if text == console:
        return ""
    got, wanted = console.splitlines(), text.splitlines()
    for number, (one, other) in enumerate(zip(got, wanted, strict=False), start=1):
        if one != other:
            return f"line {number} of the console is {one!r}, expected {other!r}"
    return f"the console has {len(got)} lines, expected {len(wanted)}"
