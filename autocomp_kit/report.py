"""A run as one HTML page that needs nothing else: to send to somebody, or to keep with a paper.

Plans, kernels and messages are other people's text; the page shows them as text and may run no script.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import jinja2

from autocomp_kit.history import RunHistory, Step
from autocomp_kit.resources import data_folder

__all__ = ["html_report"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 900, 320, 90, 24, 12


@dataclass(frozen=True)
class _Mark:
    """A point or a label of the chart, in SVG units."""

    x: float = 0.0
    y: float = 0.0
    label: str = ""
    role: str = ""


@dataclass(frozen=True)
class _Chart:
    ticks: tuple[_Mark, ...]
    iterations: tuple[_Mark, ...]
    points: tuple[_Mark, ...]
    line: str
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT


def html_report(history: RunHistory) -> str:
    """Return the page: headline numbers, score chart, the steps to the best kernel with their diffs, all candidates."""
    folder = jinja2.FileSystemLoader(data_folder() / "reports")
    environment = jinja2.Environment(loader=folder, autoescape=True, undefined=jinja2.StrictUndefined)
    steps = history.lineage(history.best.candidate_id) if history.best else ()
    return environment.get_template("run.html.j2").render(
        summary=history.summary(),
        facts=list(_facts(history)),
        chart=_chart(history, steps),
        steps=[_step(number, steps) for number in range(len(steps))],
        best_code=steps[-1].candidate.code if steps else "",
        rows=list(_rows(history)),
    )


def _facts(history: RunHistory) -> Iterator[tuple[str, str]]:
    summary, record = history.summary(), history.record
    yield "run", f"{summary.run_id}, {summary.state.replace('_', ' ')}"
    yield "agents", f"plans: {', '.join(record.planners)}; code: {', '.join(record.coders)}"
    config = record.config
    yield (
        "search",
        (
            f"{summary.iterations} iterations, beam {config.beam}, {config.plans} plans, {config.codes} codes, "
            f"seed {config.seed}"
        ),
    )
    if summary.start_cycles is not None:
        yield "start kernel", f"{summary.start_cycles:,} cycles"
    if summary.best_cycles is not None and summary.speedup is not None:
        share = "" if summary.utilization is None else f", {summary.utilization:.1%} of the array"
        yield "best kernel", f"{summary.best_cycles:,} cycles{share}, {summary.speedup:.2f}x faster"
    yield "candidates", f"{summary.tried} tried, {summary.correct} correct, {summary.failed} failed"
    usage = summary.usage
    if usage.calls:
        tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        yield "cost", f"{usage.usd:.4f} USD, {usage.calls} calls, {tokens:,} tokens"
    yield "time", f"{summary.seconds:.0f} s"


def _step(number: int, steps: tuple[Step, ...]) -> dict[str, object]:
    step = steps[number]
    cycles = f"{step.evaluation.cycles:,} cycles"
    if number == 0:
        return {"title": f"{step.candidate.candidate_id}: start kernel, {cycles}", "plan": "", "diff": []}
    before = steps[number - 1]
    gain = (before.evaluation.cycles or 0) / (step.evaluation.cycles or 1)
    item = (step.plan.item_id if step.plan else None) or "free plan"
    lines = difflib.unified_diff(before.candidate.code.splitlines(), step.candidate.code.splitlines(), lineterm="", n=2)
    kinds = {"+": "added", "-": "removed", "@": "place"}
    diff = [{"text": line, "kind": kinds.get(line[:1], "same")} for line in lines]
    return {
        "title": f"{step.candidate.candidate_id}: {item}, {cycles} ({gain:.2f}x)",
        "plan": step.plan.text if step.plan else "",
        "diff": diff[2:],
    }


def _rows(history: RunHistory) -> Iterator[dict[str, str]]:
    for candidate in history.candidates.values():
        plan = history.plans.get(candidate.plan_id or "")
        evaluation = history.evaluations.get(candidate.candidate_id)
        problem = evaluation.problems[0].message if evaluation and evaluation.problems else ""
        yield {
            "candidate": candidate.candidate_id,
            "parent": candidate.parent_id or "",
            "item": (plan.item_id if plan else None) or "",
            "agent": candidate.agent,
            "status": evaluation.status.replace("_", " ") if evaluation else "not evaluated",
            "problem": problem[:200],
            "cycles": f"{evaluation.cycles:,}" if evaluation and evaluation.cycles is not None else "",
            "share": f"{evaluation.utilization:.1%}" if evaluation and evaluation.utilization is not None else "",
            "fate": history.fate(candidate.candidate_id).replace("_", " "),
        }


def _chart(history: RunHistory, steps: tuple[Step, ...]) -> _Chart | None:
    correct = {
        one.candidate_id: (one.iteration, evaluation.cycles)
        for one in history.candidates.values()
        if (evaluation := history.evaluations.get(one.candidate_id)) and evaluation.correct and evaluation.cycles
    }
    if not correct:
        return None
    iterations = sorted({iteration for iteration, _ in correct.values()})
    low, high = min(cycles for _, cycles in correct.values()), max(cycles for _, cycles in correct.values())

    def x(iteration: int) -> float:
        span = max(iterations[-1] - iterations[0], 1)
        return round(_LEFT + 20 + (iteration - iterations[0]) / span * (_WIDTH - _LEFT - 40), 1)

    def y(cycles: int) -> float:
        share = math.log(cycles / low) / math.log(high / low) if high > low else 0.5
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP), 1)

    line = [step.candidate.candidate_id for step in steps]
    points = [
        _Mark(
            x=x(iteration),
            y=y(cycles),
            label=f"{candidate_id}: {cycles:,} cycles, {history.fate(candidate_id).replace('_', ' ')}",
            role="best" if candidate_id in line else "kept" if history.fate(candidate_id) == "kept" else "dropped",
        )
        for candidate_id, (iteration, cycles) in correct.items()
    ]
    ticks = sorted({round(low * (high / low) ** (part / 4)) for part in range(5)})
    return _Chart(
        ticks=tuple(_Mark(y=y(tick), label=f"{tick:,}") for tick in ticks),
        iterations=tuple(_Mark(x=x(iteration), label=str(iteration)) for iteration in iterations),
        points=tuple(sorted(points, key=lambda point: ("dropped", "kept", "best").index(point.role))),
        line=" ".join(f"{x(correct[one][0])},{y(correct[one][1])}" for one in line),
    )
