"""One run as it stands in the store: frozen, safe to keep, and unable to change what it shows.

A :class:`RunHistory` is a snapshot. Take another one to see what a live run has done since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from autocomp_kit._requests import Requests
from autocomp_kit.errors import InputError
from autocomp_kit.events import (
    BeamSelected,
    CodeFailed,
    Event,
    PlanFailed,
    RunEvent,
    RunFinished,
    RunResumed,
)
from autocomp_kit.menu import Menu
from autocomp_kit.records import Candidate, Evaluation, Plan, Record, Usage
from autocomp_kit.settings import SearchConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Origin", "Problem", "RunHistory", "RunRecord", "RunSummary", "Step"]

EventT = TypeVar("EventT", bound=Event)


class Problem(Record):
    """What is optimised, and for what machine; the texts are what an agent reads about them.

    ``source`` is what the workload was loaded from, a name or a path; ``machine`` is a preset's name or a path.
    """

    workload: str
    source: str
    workload_text: str
    workload_kind: str = ""
    machine: str
    machine_text: str


class Origin(Record):
    """Where a forked run comes from: the beam of an iteration of another run, whose lines it has as its own."""

    run_id: str
    iteration: int
    beam: tuple[str, ...]


class RunRecord(Record):
    """What a run was started with; together with the agents' answers it decides everything else."""

    run_id: str
    created: float
    """Unix time in seconds."""
    kit_version: str
    problem: Problem
    kernel: str
    """The C source of the start kernel."""
    config: SearchConfig
    menu: Menu
    planners: tuple[str, ...]
    coders: tuple[str, ...]
    deterministic: frozenset[str] = frozenset()
    """Those of the agents whose equal requests get equal answers."""
    origin: Origin | None = None


@dataclass(frozen=True)
class Step:
    """One step of a lineage: a candidate, the plan that led to it (none for the start kernel), and its verdict."""

    candidate: Candidate
    plan: Plan | None
    evaluation: Evaluation


class RunSummary(Record):
    """The headline numbers of a run.

    ``tried`` counts the candidates evaluated without the start kernel, ``failed`` those of them that were not
    correct, ``calls_failed`` the agent calls that gave no plan or no kernel. ``seconds`` is the time spent working:
    pauses between an interruption and the resumption do not count.
    """

    run_id: str
    workload: str
    machine: str
    state: str
    start_cycles: int | None
    best_id: str | None
    best_cycles: int | None
    speedup: float | None
    utilization: float | None
    iterations: int
    tried: int
    correct: int
    failed: int
    calls_failed: int
    seconds: float
    usage: Usage


@dataclass(frozen=True, repr=False)
class RunHistory:
    """Everything that a run has done so far; the mappings keep the order in which things happened."""

    record: RunRecord
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    """By candidate id; a candidate whose evaluation has not finished is missing."""
    events: tuple[RunEvent, ...] = ()
    path: Path | None = field(default=None, compare=False)
    """The file of the store that it was read from, if it was."""

    def __repr__(self) -> str:
        problem, best = self.record.problem, self.summary().best_cycles
        found = f", best {best:,} cycles" if best else ""
        return (
            f"<RunHistory {self.run_id}: {problem.workload} on {problem.machine}, "
            f"{len(self.candidates):,} candidates{found}>"
        )

    @property
    def run_id(self) -> str:
        """The run's name in its store."""
        return self.record.run_id

    @cached_property
    def finished(self) -> RunFinished | None:
        """How the run ended; ``None`` while it runs, or if it was interrupted and not resumed."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, RunFinished) else None

    @cached_property
    def selections(self) -> tuple[BeamSelected, ...]:
        """How each finished iteration ended."""
        return self.events_of(BeamSelected)

    @cached_property
    def start(self) -> Candidate | None:
        """The kernel that the search started from."""
        return next((candidate for candidate in self.candidates.values() if candidate.parent_id is None), None)

    @cached_property
    def best(self) -> Candidate | None:
        """The fastest correct candidate; of two equally fast ones the earlier."""
        cycles = {
            candidate_id: evaluation.cycles
            for candidate_id, evaluation in self.evaluations.items()
            if evaluation.correct and evaluation.cycles is not None
        }
        if not cycles:
            return None
        return self.candidates[min(cycles, key=lambda candidate_id: (cycles[candidate_id], self._age(candidate_id)))]

    @cached_property
    def requests(self) -> Requests:
        """The requests that have been sent and of which nobody knows what they cost: under way, or lost."""
        return Requests.of(self.events)

    @cached_property
    def usage(self) -> Usage:
        """Tokens and money of all agent calls, failed ones too; of those under way and lost ones the most."""
        failures: tuple[PlanFailed | CodeFailed, ...] = (*self.events_of(PlanFailed), *self.events_of(CodeFailed))
        usages = [
            record.usage for group in (self.plans.values(), self.candidates.values(), failures) for record in group
        ]
        return sum(usages, self.requests.most)

    def events_of(self, kind: type[EventT]) -> tuple[EventT, ...]:
        """Return the events of one kind in order."""
        return tuple(event for event in self.events if isinstance(event, kind))

    def beam_after(self, iteration: int) -> tuple[str, ...]:
        """Return the ids of the beam that an iteration ended with, fastest first; 0 is before the first iteration.

        Raises
        ------
        InputError
            If the run has not come so far.
        """
        for event in self.selections:
            if event.iteration == iteration:
                return event.kept
        origin = self.record.origin
        if origin is not None and iteration == origin.iteration:
            return origin.beam
        if origin is None and iteration == 0 and self.start is not None:
            return (self.start.candidate_id,)
        done = [event.iteration for event in self.selections]
        reach = f"its iterations are {done[0]} to {done[-1]}" if done else "it has finished no iteration"
        raise InputError(f"run {self.run_id} has no iteration {iteration}: {reach}")

    def lineage(self, candidate_id: str) -> tuple[Step, ...]:
        """Return the steps from the start kernel to a candidate.

        Raises
        ------
        InputError
            If the run has no such evaluated candidate.
        """
        if candidate_id not in self.evaluations:
            raise InputError(f"run {self.run_id} has no evaluated candidate {candidate_id!r}")
        steps = []
        current: str | None = candidate_id
        while current is not None:
            candidate = self.candidates[current]
            plan = self.plans.get(candidate.plan_id) if candidate.plan_id else None
            steps.append(Step(candidate, plan, self.evaluations[current]))
            current = candidate.parent_id
        return tuple(reversed(steps))

    def fate(self, candidate_id: str) -> str:
        """Return what became of a candidate: ``kept``, the reason why it was dropped, or ``pending``."""
        return self._fates.get(candidate_id, "pending")

    def summary(self) -> RunSummary:
        """Return the headline numbers."""
        start = self.evaluations.get(self.start.candidate_id) if self.start else None
        best = self.evaluations[self.best.candidate_id] if self.best else None
        tried = [self.evaluations[one.candidate_id] for one in self.candidates.values() if self._was_tried(one)]
        start_cycles = start.cycles if start and start.correct else None
        return RunSummary(
            run_id=self.run_id,
            workload=self.record.problem.workload,
            machine=self.record.problem.machine,
            state=self.finished.reason if self.finished else "unfinished",
            start_cycles=start_cycles,
            best_id=self.best.candidate_id if self.best else None,
            best_cycles=best.cycles if best else None,
            speedup=start_cycles / best.cycles if start_cycles and best and best.cycles else None,
            utilization=best.utilization if best else None,
            iterations=len(self.selections),
            tried=len(tried),
            correct=sum(evaluation.correct for evaluation in tried),
            failed=sum(not evaluation.correct for evaluation in tried),
            calls_failed=len(self.events_of(PlanFailed)) + len(self.events_of(CodeFailed)),
            seconds=self._seconds(),
            usage=self.usage,
        )

    def candidates_frame(self) -> pd.DataFrame:
        """Return one row per candidate: ids, agent, plan item, status, cycles, utilisation, fate, cost."""
        import pandas as pd  # noqa: PLC0415 - a quick start matters more on the command line than tables do

        rows = []
        for candidate in self.candidates.values():
            plan = self.plans.get(candidate.plan_id) if candidate.plan_id else None
            evaluation = self.evaluations.get(candidate.candidate_id)
            rows.append(
                {
                    "candidate_id": candidate.candidate_id,
                    "parent_id": candidate.parent_id,
                    "plan_id": candidate.plan_id,
                    "iteration": candidate.iteration,
                    "item_id": plan.item_id if plan else None,
                    "agent": candidate.agent,
                    "status": evaluation.status if evaluation else None,
                    "cycles": evaluation.cycles if evaluation else None,
                    "utilization": evaluation.utilization if evaluation else None,
                    "fate": self.fate(candidate.candidate_id),
                    "usd": candidate.usage.usd,
                }
            )
        frame = pd.DataFrame(rows, columns=[*_CANDIDATE_COLUMNS])
        return frame.astype({"cycles": "Int64", "utilization": "Float64"})

    def plans_frame(self) -> pd.DataFrame:
        """Return one row per plan: ids, agent, the item chosen and those offered, text, children, cost."""
        import pandas as pd  # noqa: PLC0415 - as above

        children: dict[str, int] = {}
        for candidate in self.candidates.values():
            if candidate.plan_id:
                children[candidate.plan_id] = children.get(candidate.plan_id, 0) + 1
        rows = [
            {
                "plan_id": plan.plan_id,
                "parent_id": plan.parent_id,
                "iteration": plan.iteration,
                "item_id": plan.item_id,
                "offered": ", ".join(plan.offered),
                "text": plan.text,
                "agent": plan.agent,
                "candidates": children.get(plan.plan_id, 0),
                "usd": plan.usage.usd,
            }
            for plan in self.plans.values()
        ]
        return pd.DataFrame(rows, columns=[*_PLAN_COLUMNS])

    @cached_property
    def _fates(self) -> dict[str, str]:
        fates: dict[str, str] = {}
        for selection in self.selections:
            fates |= {drop.candidate_id: drop.reason for drop in selection.dropped if drop.candidate_id not in fates}
            fates |= dict.fromkeys(selection.kept, "kept")
        begin = self.record.origin.beam if self.record.origin else [self.start.candidate_id] if self.start else []
        return dict.fromkeys(begin, "kept") | fates

    @cached_property
    def _ages(self) -> dict[str, tuple[int, int, int]]:
        return {one.candidate_id: (one.iteration, one.slot, one.sample) for one in self.candidates.values()}

    def _age(self, candidate_id: str) -> tuple[int, int, int]:
        return self._ages[candidate_id]

    def _was_tried(self, candidate: Candidate) -> bool:
        """Whether it was evaluated, is not the start kernel, and does not come from the run this was forked from."""
        first = self.record.origin.iteration + 1 if self.record.origin else 1
        return candidate.iteration >= first and candidate.candidate_id in self.evaluations

    def _seconds(self) -> float:
        total = 0.0
        for before, after in zip(self.events, self.events[1:], strict=False):
            if not isinstance(after, RunResumed):
                total += max(0.0, after.time - before.time)
        return total


_CANDIDATE_COLUMNS = (
    "candidate_id",
    "parent_id",
    "plan_id",
    "iteration",
    "item_id",
    "agent",
    "status",
    "cycles",
    "utilization",
    "fate",
    "usd",
)
_PLAN_COLUMNS = (
    "plan_id",
    "parent_id",
    "iteration",
    "item_id",
    "offered",
    "text",
    "agent",
    "candidates",
    "usd",
)
