"""``autocomp-kit eval``: is one kernel right, how fast is it, and what holds it back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autocomp_kit.errors import InputError

if TYPE_CHECKING:
    from autocomp_kit.evaluate import Evaluator
    from autocomp_kit.records import Evaluation

__all__ = ["register"]

_MAX_BYTES = 1 << 20


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("eval")(_eval)


def _eval(
    *,
    kernel: Annotated[
        str | None, typer.Argument(help="C file that defines solution(), or - for standard input.", show_default=False)
    ] = None,
    workload: Annotated[str, typer.Option("--workload", "-w", help="Name (exo/0) or YAML file of the problem.")],
    config: Annotated[str, typer.Option(help="Machine: preset or TOML file.")] = "int8-16",
    baseline: Annotated[
        Literal["start", "naive", "library"] | None,
        typer.Option(help="Instead of a file: what a search starts from, a plain loop nest, the vendor's operator."),
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Input seeds; repeatable; by default 0 and 1.")] = None,
    library: Annotated[bool, typer.Option(help="Allow whole operators such as tiled_matmul_auto.")] = False,
    bounds: Annotated[bool, typer.Option(help="Simulate the vendor's hardware loop on the same work too.")] = False,
    trace: Annotated[
        Path | None, typer.Option(help="Write the run's trace: .json for Perfetto, .kanata for Konata, or .csv.")
    ] = None,
    cache: Annotated[bool, typer.Option(help="Use verdicts of earlier calls on the same text.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether a kernel is right, how fast, and what holds it back.

    It is compiled, run in the simulator, compared with NumPy element by element, and measured.
    """
    from autocomp_kit.evaluate import Evaluator, FileCache  # noqa: PLC0415 - heavy; other commands start without it

    if (kernel is None) == (baseline is None):
        raise InputError("give either a kernel file or --baseline start|naive|library")
    evaluator = Evaluator(
        workload,
        config,
        cache=FileCache() if cache else None,
        seeds=tuple(seed or (0, 1)),
        library=library or baseline == "library",
    )
    code = _read(kernel) if kernel is not None else _baseline(evaluator, baseline)
    if trace is not None:
        from gemmini_sim.result import check_trace_name  # noqa: PLC0415 - heavy

        check_trace_name(trace)
    evaluation = evaluator.evaluate(code)
    ran = evaluation.status in {"correct", "wrong"}
    if trace is not None and ran and (record := evaluator.trace(code).trace) is not None:
        record.save(trace)
    loop = None
    if bounds and evaluation.correct:
        from autocomp_kit.bounds import hardware_loop_cycles  # noqa: PLC0415 - heavy

        loop = hardware_loop_cycles(evaluator.workload, evaluator.machine, cache=FileCache() if cache else None)
    if as_json:
        extra = {"hardware_loop_cycles": loop} if bounds else {}
        typer.echo(json.dumps({**_as_json(evaluation), **extra}))
    else:
        _print(evaluation, code, hardware_loop=loop)
    raise typer.Exit(0 if evaluation.correct else 1)


def _baseline(evaluator: Evaluator, which: str | None) -> str:
    if which == "library":
        return evaluator.workload.library_kernel()
    if which == "naive":
        return evaluator.workload.naive_kernel(evaluator.machine)
    return evaluator.workload.baseline_code(evaluator.machine)


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read(_MAX_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot read the kernel: {error.strerror}") from None
    if len(data) > _MAX_BYTES:
        raise InputError(f"{name}: larger than {_MAX_BYTES} bytes; a kernel is C text")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: byte {error.start} is not UTF-8; a kernel is C text") from None


def _as_json(evaluation: Evaluation) -> dict[str, object]:
    values = evaluation.model_dump(mode="json", exclude={"version", "problems", "feedback"})
    return {
        **values,
        "correct": evaluation.correct,
        "errors": [problem.model_dump(mode="json", exclude={"version"}) for problem in evaluation.problems],
        "hazards": [hazard.text for hazard in evaluation.hazards],
        "feedback": [fact.model_dump(mode="json", exclude={"version"}) for fact in evaluation.feedback],
    }


def _print(evaluation: Evaluation, code: str, *, hardware_loop: int | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
    verdict, colour = evaluation.status.replace("_", " "), "green" if evaluation.correct else "red"
    if evaluation.correct and evaluation.hazards:
        verdict, colour = "correct here, but hardware may compute something else", "yellow"
    console.print(Text(f"{evaluation.workload} on {evaluation.machine}: {verdict}", style=f"bold {colour}"))
    for hazard in evaluation.hazards:
        console.print(Text(f"- {hazard.text}"))
    if evaluation.cycles is not None and evaluation.utilization is not None:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column(justify="right")
        table.add_row("cycles", f"{evaluation.cycles:,}")
        table.add_row("utilization", f"{evaluation.utilization:.1%}")
        table.add_row("ideal cycles", f"{evaluation.ideal_cycles:,}")
        if hardware_loop is not None:
            table.add_row("hardware loop", f"{hardware_loop:,}")
            table.add_row("of its speed", f"{hardware_loop / evaluation.cycles:.1%}")
        table.add_row("host instructions", f"{evaluation.instret:,}")
        table.add_row("scratchpad rows", f"{evaluation.scratchpad_rows:,} of {evaluation.scratchpad_rows_total:,}")
        table.add_row("accumulator rows", f"{evaluation.accumulator_rows:,} of {evaluation.accumulator_rows_total:,}")
        console.print(table)
    lines = code.splitlines()
    for problem in evaluation.problems:
        place = f"line {problem.line}: " if problem.line else ""
        console.print(Text(f"{place}{problem.message}"))
        if problem.line and problem.line <= len(lines):
            console.print(Text(f"    {lines[problem.line - 1].strip()}", style="dim"))
    for fact in evaluation.feedback:
        if fact not in evaluation.hazards:
            console.print(Text(f"- {fact.text}"))
