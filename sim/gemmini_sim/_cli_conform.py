"""``gemmini-sim conform``: run a folder of programs that check themselves, and say which of them pass."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
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
_REFERENCE_SECONDS = 600.0

# What libgemmini prints on behalf of itself at a program's first command; wherever a pipe's buffer puts it.
_ANNOUNCEMENT = re.compile(r"Gemmini extension configured with:\n    dim = \d+\n")


@dataclass(frozen=True)
class _Outcome:
    """What a program is to do: its console, and its exit code as far as a process can tell it (modulo 256)."""

    console: str | None
    exit_code: int
    unknown: str = ""
    """Why it is not known, if it is not."""


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
    reference: Annotated[
        str, typer.Option(metavar="COMMAND", help='Simulator to compare with, as in "spike --extension=gemmini".')
    ] = "",
    max_instructions: Annotated[int, typer.Option(min=1, help="Per program.")] = 500_000_000,
    timing: Annotated[bool, typer.Option("--timing/--no-timing", help="Run the clock.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Run a conformance suite: a program passes if it exits with 0.

    If a file NAME.expected lies beside the program NAME, its console must also be equal to that file.

    With --reference, COMMAND is run on every program too: a program passes if it prints the same and exits with the
    same code there, be it a failure. Without the clock (the default) an instruction takes one cycle, as it does for
    spike, so that cycle counts in the output are the same as well.
    """
    machine = load_config(config)
    try:
        programs = [path for path in sorted(folder.iterdir()) if path.is_file() and _is_elf(path)]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
    if not programs:
        raise InputError(f"{folder}: no ELF in this folder")
    try:
        command = shlex.split(reference)
    except ValueError as error:
        raise InputError(f"--reference {reference!r}: {error}") from None
    width = max(len(path.name) for path in programs)
    verdicts = []
    with announce_compilation():
        for path in programs:
            verdict = _judge(path, machine, command, max_instructions=max_instructions, timing=timing)
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


def _judge(
    path: Path, machine: MachineConfig, reference: list[str], *, max_instructions: int, timing: bool
) -> _Verdict:
    expected = _run_reference(reference, path) if reference else _recorded(path)
    start = time.perf_counter()
    exit_code, instret, cycles = None, 0, 0
    try:
        result = simulate(path, config=machine, max_instructions=max_instructions, timing=timing)
    except InputError as error:
        reason = str(error)
    else:
        exit_code, instret, cycles = result.exit_code, result.instret, result.cycles
        if expected.unknown:
            reason = expected.unknown
        elif result.fault is not None:
            reason = result.fault.message
        elif exit_code is None or exit_code & 0xFF != expected.exit_code or (exit_code and not reference):
            reason = f"exit code {exit_code}" + (f", expected {expected.exit_code}" if expected.exit_code else "")
        else:
            reason = _difference(result.console, expected.console)
    return _Verdict(
        program=path.name,
        passed=not reason,
        reason=reason,
        exit_code=exit_code,
        instret=instret,
        cycles=cycles,
        seconds=time.perf_counter() - start,
    )


def _recorded(path: Path) -> _Outcome:
    """Return success, with the console that a file beside the program holds if there is one."""
    expected = path.with_name(path.name + ".expected")
    if not expected.exists():
        return _Outcome(console=None, exit_code=0)
    try:
        return _Outcome(console=expected.read_text(encoding="utf-8", errors="replace"), exit_code=0)
    except OSError as error:
        raise InputError(f"{expected}: {error.strerror}") from None


def _run_reference(command: list[str], path: Path) -> _Outcome:
    try:
        done = subprocess.run(
            [*command, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_REFERENCE_SECONDS,
            check=False,
        )
    except OSError as error:
        raise InputError(f"--reference {command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        return _Outcome(None, 0, unknown=f"the reference has not ended it after {_REFERENCE_SECONDS:.0f} s")
    text = done.stdout.decode(errors="replace")
    return _Outcome(console=_ANNOUNCEMENT.sub("", text, count=1), exit_code=done.returncode & 0xFF)


def _difference(console: str, text: str | None) -> str:
    """Return where the console departs from the expected text; nothing if it does not, or none is known."""
    if text is None or text == console:
        return ""
    got, wanted = console.splitlines(), text.splitlines()
    for number, (one, other) in enumerate(zip(got, wanted, strict=False), start=1):
        if one != other:
            return f"line {number} of the console is {one!r}, expected {other!r}"
    return f"the console has {len(got)} lines, expected {len(wanted)}"
