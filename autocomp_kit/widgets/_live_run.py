"""Start, watch, pause and end a run from a notebook, whose kernel stays free meanwhile."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import traitlets

from autocomp_kit.errors import InputError
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
)
from autocomp_kit.history import RunHistory
from autocomp_kit.run import Run
from autocomp_kit.widgets._base import Reply, Widget, request
from autocomp_kit.widgets._summary import Summary

__all__ = ["LiveRun"]

_SECONDS = 0.15
_POINTS = 1500


class LiveRun(Widget):
    """Buttons, meters and the score of a run as it happens; ``live.history()`` is what it has found.

    >>> run = make_run("exo/0")                             # doctest: +SKIP
    >>> LiveRun(run)                                        # doctest: +SKIP

    Parameters
    ----------
    run
        A run that has not been driven; reopened and forked ones go on from what they have.
    budget_usd : float
        US dollars after which no further call begins, 0 for no such budget; by default that of the run's ``Limits``.
        It may be changed while the run works.
    autostart : bool
        Whether to begin at once.

    Raises
    ------
    TypeError
        If there is no such option.
    """

    _module = "live"
    _options = ("budget_usd",)

    state = traitlets.Unicode("ready").tag(sync=True)
    """ready, running, paused, cancelling, or why the run ended."""
    title = traitlets.Unicode("").tag(sync=True)
    budget_usd = traitlets.Float(0.0, min=0.0).tag(sync=True)
    figures = traitlets.Dict().tag(sync=True)
    points = traitlets.List(traitlets.List()).tag(sync=True)
    """Tried candidates as [number, cycles or None, iteration], thinned out beyond 1,500."""

    def __init__(self, run: Run, *, autostart: bool = False, **options: Any) -> None:
        self.run = run
        options.setdefault("budget_usd", run.limits.usd or 0.0)
        super().__init__(**options)
        record = run.before.record
        self.title = f"{record.problem.workload} on {record.problem.machine}"
        self._lock = threading.Lock()
        self._counts: dict[str, Any] = {
            "iteration": 0, "iterations": record.config.iterations, "tried": 0, "correct": 0, "failed": 0,
            "calls_failed": 0, "tokens": 0, "usd": 0.0, "unpriced": 0, "start": None, "best": None, "best_id": "",
            "utilization": None, "seconds": 0.0, "expected": 0, "answers": 0, "message": "",
        }  # fmt: skip
        self._points: list[list[Any]] = []
        self._begun: float | None = None
        self._drawn = 0.0
        self._result: Future[RunHistory] | None = None
        for event in run.before.events:
            self._take_in(event)
        self._publish()
        if autostart:
            self.start()

    def start(self) -> None:
        """Begin; returns at once.

        Raises
        ------
        InputError
            If it has begun already, or an agent has no key.
        """
        if self._result is not None:
            raise InputError("the run has begun already; reopen it from its store to go on after its end")
        self._begun = time.monotonic()
        self.state = "running"
        try:
            self._result = self.run.start([self._observe])
        except InputError:
            self.state = "ready"
            raise
        self._result.add_done_callback(self._ended)

    def pause(self) -> None:
        """Start nothing further until :meth:`resume`; what is under way ends."""
        if self.state == "running":
            self.run.pause()
            self.state = "paused"

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self.state == "paused":
            self.run.unpause()
            self.state = "running"

    def cancel(self) -> None:
        """End the run as soon as the evaluations under way are done."""
        if self.state in {"running", "paused"}:
            self.state = "cancelling"
            self.run.cancel()
            self.run.unpause()

    def wait(self, seconds: float | None = None) -> RunHistory:
        """Wait for the end of the run and return what it did.

        Raises
        ------
        TimeoutError
            If it has not ended after so many seconds.
        InputError
            If it has not begun.
        """
        if self._result is None:
            raise InputError("the run has not begun: call start()")
        return self._result.result(seconds)

    def history(self) -> RunHistory:
        """Return what the run has done so far."""
        return self.run.history()

    @traitlets.observe("budget_usd")
    def _limit(self, change: Any) -> None:
        self.run.limits = self.run.limits.model_copy(update={"usd": change["new"] or None})

    @request
    def act(self, message: dict[str, Any]) -> Reply:
        """Do what a button says."""
        actions = {"start": self.start, "pause": self.pause, "resume": self.resume, "cancel": self.cancel}
        chosen = actions.get(str(message.get("action")))
        if chosen is None:
            raise InputError("no such action")
        chosen()
        return {}

    def _observe(self, event: RunEvent) -> None:
        with self._lock:
            self._take_in(event)
            now = time.monotonic()
            if now - self._drawn >= _SECONDS or isinstance(event, RunFinished | BeamSelected):
                self._drawn = now
                self._publish()

    def _ended(self, result: Future[RunHistory]) -> None:
        error = result.exception()
        with self._lock:
            if error is not None:
                self.problem = str(error)
                self.state = "failed"
            else:
                finished = result.result().finished
                self.state = finished.reason.replace("_", " ") if finished else "ended"
            self._publish()

    def _take_in(self, event: RunEvent) -> None:
        counts = self._counts
        if isinstance(event, IterationStarted):
            counts.update(iteration=event.iteration, expected=event.plans + event.samples, answers=0)
        elif isinstance(event, CandidateEvaluated):
            self._take_in_verdict(event)
        elif isinstance(event, RunFinished):
            counts["message"] = event.message
        if isinstance(event, PlanMade | PlanFailed | CandidateMade | CodeFailed):
            usage = event.usage
            counts["usd"] += usage.usd
            counts["unpriced"] += usage.unpriced_calls
            counts["tokens"] += usage.input_tokens + usage.output_tokens
            counts["tokens"] += usage.cache_read_tokens + usage.cache_write_tokens
        if isinstance(event, PlanFailed | CodeFailed):
            counts["calls_failed"] += 1
        counts["answers"] += isinstance(event, PlanMade | PlanFailed | CodeFailed | CandidateEvaluated)

    def _take_in_verdict(self, event: CandidateEvaluated) -> None:
        counts = self._counts
        correct = event.status == "correct"
        if event.iteration == 0:
            counts["start"] = event.cycles if correct else None
        else:
            counts["tried"] += 1
            counts["correct" if correct else "failed"] += 1
        if correct and event.cycles and (counts["best"] is None or event.cycles < counts["best"]):
            counts.update(best=event.cycles, best_id=event.candidate_id, utilization=event.utilization)
        self._points.append([len(self._points), event.cycles if correct else None, event.iteration])

    def _publish(self) -> None:
        if self._begun is not None and self.state in {"running", "paused", "cancelling"}:
            self._counts["seconds"] = time.monotonic() - self._begun
        self.figures = dict(self._counts)
        step = -(-len(self._points) // _POINTS) or 1
        best = self._counts["best"]
        self.points = [one for one in self._points if one[0] % step == 0 or one[1] == best]

    def _summary(self) -> Summary:
        counts = self._counts
        facts = [f"{self.state}; iteration {counts['iteration']} of {counts['iterations']}"]
        if counts["best"] and counts["start"]:
            facts.append(
                f"{counts['start']:,} -> {counts['best']:,} cycles (simulated): {counts['start'] / counts['best']:.2f}x"
            )
        facts.append(f"{counts['tried']} tried, {counts['correct']} correct, {counts['failed']} failed")
        if counts["tokens"]:
            facts.append(f"{counts['tokens']:,} tokens, {counts['usd']:.4f} USD")
        return Summary(f"Run {self.run.run_id}: {self.title}", facts)
