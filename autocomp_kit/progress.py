"""Progress of a run, drawn from its events: a bar in a terminal, a line that renews itself in a notebook."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

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
    RunFinished,
    RunStarted,
)
from autocomp_kit.history import RunHistory

__all__ = ["NotebookProgress", "RunProgress"]


class _Tally:
    """What the events of a run add up to so far."""

    def __init__(self) -> None:
        self.iteration = 0
        self.iterations: int | None = None
        self._best: tuple[int, float | None] | None = None
        self._correct = self._failed = 0
        self._usd = 0.0
        self._tokens = 0
        self._answers = self._expected = 0

    def take_in(self, event: RunEvent) -> None:
        if isinstance(event, RunStarted):
            self.iterations = event.iterations
        elif isinstance(event, IterationStarted):
            self.iteration, self._answers, self._expected = event.iteration, 0, event.plans + event.samples
        elif isinstance(event, CandidateEvaluated):
            self._take_in_verdict(event)
        elif isinstance(event, BeamSelected):
            self._answers = self._expected
        if isinstance(event, PlanMade | PlanFailed | CandidateMade | CodeFailed):
            self._usd += event.usage.usd
            self._tokens += event.usage.tokens
        self._answers += isinstance(event, PlanMade | PlanFailed | CodeFailed | CandidateEvaluated)

    def _take_in_verdict(self, event: CandidateEvaluated) -> None:
        if event.status == "correct" and event.cycles and (self._best is None or event.cycles < self._best[0]):
            self._best = (event.cycles, event.utilization)
        if event.iteration:
            self._correct += event.status == "correct"
            self._failed += event.status != "correct"

    @property
    def done(self) -> float:
        """Iterations done, with the part of the one under way."""
        within = min(self._answers / self._expected, 1.0) if self._expected else 0.0
        return max(self.iteration - 1 + within, 0.0)

    @property
    def place(self) -> str:
        return f"iteration {self.iteration}" if self.iteration else "start kernel"

    @property
    def best(self) -> str:
        if self._best is None:
            return ""
        cycles, utilization = self._best
        share = "" if utilization is None else f", {utilization:.1%} of the array"
        return f"best {cycles:,} cycles{share}"

    @property
    def counts(self) -> str:
        return f"{self._correct + self._failed} tried, {self._correct} correct, {self._failed} failed"

    @property
    def cost(self) -> str:
        return f"{self._tokens:,} tokens, {self._usd:.2f} USD" if self._tokens else ""


class RunProgress:
    """An observer that draws a bar in a terminal while its ``with`` block lasts.

    The length of the bar is in iterations; within one it grows with each answer. ``before`` is what a reopened run has
    done in earlier sessions.
    """

    def __init__(self, console: Console | None = None, *, before: RunHistory | None = None) -> None:
        self._tally = _Tally()
        for event in before.events if before else ():
            self._tally.take_in(event)
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

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: RunEvent) -> None:
        """Take in an event and draw."""
        tally = self._tally
        tally.take_in(event)
        self._progress.update(
            self._task,
            total=tally.iterations,
            description=tally.place,
            completed=tally.done,
            best=tally.best,
            counts=tally.counts,
            cost=tally.cost,
        )


class NotebookProgress:
    """An observer that keeps one line of a notebook's output up to date, at most ten times a second.

    It is plain text, so that the saved notebook shows where the run ended, with no kernel and no widget.
    """

    _SECONDS = 0.1
    _BAR = 20

    def __init__(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - a terminal need not wait for it

        self._tally = _Tally()
        self._drawn = 0.0
        show: Any = display  # IPython does not annotate it
        self._handle = show(self._text(), raw=True, display_id=True)

    def __call__(self, event: RunEvent) -> None:
        """Take in an event and draw."""
        self._tally.take_in(event)
        now = time.monotonic()
        if now - self._drawn >= self._SECONDS or isinstance(event, RunFinished):
            self._drawn = now
            self._handle.update(self._text(), raw=True)

    def _text(self) -> dict[str, str]:
        tally = self._tally
        filled = round(self._BAR * tally.done / tally.iterations) if tally.iterations else 0
        bar = "\u2588" * filled + "\u2591" * (self._BAR - filled)
        parts = (tally.place, bar, tally.best, tally.counts, tally.cost)
        return {"text/plain": "  ".join(part for part in parts if part)}
