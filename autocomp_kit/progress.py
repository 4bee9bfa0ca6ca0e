"""A progress bar that follows a run's events, in a terminal or a notebook."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autocomp_kit.events import (
    BeamSelected,
    CandidateEvaluated,
    CandidateMade,
    CodeFailed,
    IterationStarted,
    PlanFailed,
    PlanMade,
    RunEvent,
    RunStarted,
)

__all__ = ["RunProgress"]


class RunProgress:
    """An observer that draws a run's progress while its ``with`` block lasts.

    The length of the bar is in iterations; within one it grows with each answer.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[best]}"),
            TextColumn("{task.fields[counts]}"),
            TextColumn("{task.fields[cost]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("start", total=None, best="", counts="", cost="")
        self._best: tuple[int, float | None] | None = None
        self._correct = self._failed = 0
        self._usd = 0.0
        self._tokens = 0
        self._iteration = 0
        self._answers = self._expected = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: RunEvent) -> None:
        """Take in an event and draw."""
        if isinstance(event, RunStarted):
            self._progress.update(self._task, total=event.iterations)
        elif isinstance(event, IterationStarted):
            self._iteration, self._answers, self._expected = event.iteration, 0, event.plans + event.samples
        elif isinstance(event, CandidateEvaluated):
            self._take_in(event)
        elif isinstance(event, BeamSelected):
            self._answers = self._expected
        if isinstance(event, PlanMade | PlanFailed | CandidateMade | CodeFailed):
            self._usd += event.usage.usd
            self._tokens += event.usage.input_tokens + event.usage.output_tokens
        self._answers += isinstance(event, PlanMade | PlanFailed | CodeFailed | CandidateEvaluated)
        self._draw()

    def _take_in(self, event: CandidateEvaluated) -> None:
        if event.cycles is not None and (self._best is None or event.cycles < self._best[0]):
            self._best = (event.cycles, event.utilization)
        if event.iteration:
            self._correct += event.status == "correct"
            self._failed += event.status != "correct"

    def _draw(self) -> None:
        cycles, utilization = self._best or (0, None)
        best = f"best {cycles:,} cycles" if cycles else ""
        if utilization is not None:
            best += f", {utilization:.1%} of the array"
        within = min(self._answers / self._expected, 1.0) if self._expected else 0.0
        self._progress.update(
            self._task,
            description=f"iteration {self._iteration}" if self._iteration else "start kernel",
            completed=max(self._iteration - 1 + within, 0.0),
            best=best,
            counts=f"{self._correct + self._failed} tried, {self._correct} correct, {self._failed} failed",
            cost=f"{self._tokens:,} tokens, {self._usd:.2f} USD" if self._tokens else "",
        )
