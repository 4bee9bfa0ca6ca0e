"""Writes down what a run does: each event with its record into the store, then out to whoever watches.

A reopened run goes through its earlier iterations again, with the recorded answers; what is recorded already is not
written a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypedDict

from autocomp_kit.agents.accounts import BatchPlace, SentEarlier
from autocomp_kit.agents.base import AgentError
from autocomp_kit.errors import InputError
from autocomp_kit.events import (
    BeamSelected,
    CandidateEvaluated,
    CandidateMade,
    CodeFailed,
    IterationStarted,
    PlanFailed,
    PlanMade,
    ProposalAdded,
    RequestSent,
    RunEvent,
    RunFinished,
    RunResumed,
    RunStarted,
    StopReason,
)
from autocomp_kit.history import RunHistory
from autocomp_kit.records import Candidate, Evaluation, Plan, Usage
from autocomp_kit.search import BeamSearch, Proposal, Selection
from autocomp_kit.store import Store

__all__ = ["Recorder"]


class _Stamp(TypedDict):
    run_id: str
    sequence: int
    time: float


class Recorder:
    """The one writer of a run; ``before`` is what earlier sessions of the run did, ``publish`` gets every event."""

    def __init__(self, before: RunHistory, store: Store, publish: Callable[[RunEvent], None]) -> None:
        self.before = before
        self._store = store
        self._publish = publish
        self._next_sequence = len(before.events)
        self._begun = {event.iteration for event in before.events_of(IterationStarted)}
        self._selected = {event.iteration: event.kept for event in before.selections}
        self._failed = {event.plan_id for event in before.events_of(PlanFailed)}
        self._failed |= {event.candidate_id for event in before.events_of(CodeFailed)}

    def has_failed(self, call_id: str) -> bool:
        """Whether the plan call or code call of this id failed in an earlier session."""
        return call_id in self._failed

    def account(self, call_id: str, agent: str) -> CallAccount:
        """Return the account of a call that is about to be made."""
        return CallAccount(self, call_id, agent)

    def request_sent(self, call_id: str, agent: str, most: Usage, place: BatchPlace | None, *, again: bool) -> None:
        """Note what may have been spent if the process dies now."""
        event = RequestSent(**self._stamp(), call_id=call_id, agent=agent, most=most, place=place, again=again)
        self._write(event)

    def started(self, entry_of: Callable[[str], str]) -> None:
        """Put the run into the store, with what it has from the run that it was forked from, or note that it goes on.

        ``entry_of`` gives the name that the verdict on a kernel has in the store.
        """
        if self.before.events:
            self._write(RunResumed(**self._stamp()))
            return
        record = self.before.record
        problem, iterations = record.problem, record.config.iterations
        with self._store.all_or_nothing():
            started = RunStarted(
                **self._stamp(), workload=problem.workload, machine=problem.machine, iterations=iterations
            )
            self._store.add_run(record, started)
            self._published(started)
            for plan in self.before.plans.values():
                self.plan_made(plan)
            for candidate in self.before.candidates.values():
                evaluation, entry = self.before.evaluations[candidate.candidate_id], entry_of(candidate.code)
                self._store.add_evaluation(entry, evaluation)
                self._candidate_made(candidate, entry)
                self.evaluated(candidate, evaluation, reused=True)

    def iteration_started(self, search: BeamSearch, proposals: tuple[Proposal, ...]) -> None:
        """Note what an iteration is about to ask."""
        if search.iteration in self._begun:
            return
        event = IterationStarted(
            **self._stamp(),
            iteration=search.iteration,
            parents=tuple(member.id for member in search.beam),
            plans=len(proposals),
            samples=sum(len(proposal.coders) for proposal in proposals),
        )
        self._write(event)

    def added(self, iteration: int) -> tuple[ProposalAdded, ...]:
        """Return what a person had added to an iteration in earlier sessions."""
        return tuple(event for event in self.before.events_of(ProposalAdded) if event.iteration == iteration)

    def proposal_added(self, proposal: Proposal, code: str | None) -> None:
        """Keep what a person adds."""
        event = ProposalAdded(
            **self._stamp(),
            plan_id=proposal.plan_id,
            parent_id=proposal.parent_id,
            iteration=proposal.iteration,
            plan_text=proposal.plan_text,
            item_id=next(iter(proposal.offered), None),
            coder=proposal.coders[0],
            code=code,
        )
        self._write(event)

    def plan_made(self, plan: Plan) -> None:
        """Keep a plan."""
        event = PlanMade(
            **self._stamp(),
            plan_id=plan.plan_id,
            parent_id=plan.parent_id,
            iteration=plan.iteration,
            item_id=plan.item_id,
            agent=plan.agent,
            usage=plan.usage,
        )
        self._write(event, plan=plan)

    def plan_failed(self, proposal: Proposal, error: AgentError) -> None:
        """Note that a plan call gave no plan."""
        event = PlanFailed(
            **self._stamp(),
            plan_id=proposal.plan_id,
            parent_id=proposal.parent_id,
            iteration=proposal.iteration,
            seed=proposal.seed,
            offered=proposal.offered,
            agent=proposal.planner or "",
            error=error.kind,
            message=str(error),
            usage=error.usage,
        )
        self._write(event)

    def code_failed(self, proposal: Proposal, candidate_id: str, agent: str, error: AgentError) -> None:
        """Note that a code call gave no kernel."""
        event = CodeFailed(
            **self._stamp(),
            candidate_id=candidate_id,
            parent_id=proposal.parent_id,
            plan_id=proposal.plan_id,
            iteration=proposal.iteration,
            agent=agent,
            error=error.kind,
            message=str(error),
            usage=error.usage,
        )
        self._write(event)

    def candidate_made(self, candidate: Candidate, entry: str) -> None:
        """Keep a candidate and the name that its verdict will have in the store."""
        if candidate.candidate_id not in self.before.candidates:
            self._candidate_made(candidate, entry)

    def _candidate_made(self, candidate: Candidate, entry: str) -> None:
        event = CandidateMade(
            **self._stamp(),
            candidate_id=candidate.candidate_id,
            parent_id=candidate.parent_id,
            plan_id=candidate.plan_id,
            iteration=candidate.iteration,
            agent=candidate.agent,
            usage=candidate.usage,
        )
        self._write(event, candidate=candidate, entry=entry)

    def evaluated(self, candidate: Candidate, evaluation: Evaluation, *, reused: bool) -> None:
        """Note the verdict on a candidate."""
        event = CandidateEvaluated(
            **self._stamp(),
            candidate_id=candidate.candidate_id,
            iteration=candidate.iteration,
            status=evaluation.status,
            cycles=evaluation.cycles,
            utilization=evaluation.utilization,
            reused=reused,
        )
        self._write(event)

    def selected(self, selection: Selection) -> None:
        """Note the beam of an iteration.

        Raises
        ------
        InputError
            If an earlier session of the run selected another one.
        """
        if selection.iteration in self._selected:
            if self._selected[selection.iteration] != selection.kept:
                raise InputError(
                    f"run {self.before.run_id} cannot go on: this release selects another beam in iteration "
                    f"{selection.iteration} than release {self.before.record.kit_version}, which started it"
                )
            return
        event = BeamSelected(
            **self._stamp(),
            iteration=selection.iteration,
            kept=selection.kept,
            dropped=selection.dropped,
            best_cycles=selection.best_cycles,
        )
        self._write(event)

    def finished(self, reason: StopReason, message: str) -> None:
        """Note the end."""
        history = self._store.load_run(self.before.run_id)
        best = history.best
        event = RunFinished(
            **self._stamp(),
            reason=reason,
            message=message,
            best_id=best.candidate_id if best else None,
            best_cycles=history.evaluations[best.candidate_id].cycles if best else None,
        )
        self._write(event)

    def _stamp(self) -> _Stamp:
        return {"run_id": self.before.run_id, "sequence": self._next_sequence, "time": time.time()}

    def _write(
        self, event: RunEvent, *, plan: Plan | None = None, candidate: Candidate | None = None, entry: str | None = None
    ) -> None:
        self._store.add_event(event, plan=plan, candidate=candidate, entry=entry)
        self._published(event)

    def _published(self, event: RunEvent) -> None:
        self._next_sequence += 1
        self._publish(event)


class CallAccount:
    """The :class:`~autocomp_kit.agents.accounts.Account` of one call of a run."""

    def __init__(self, recorder: Recorder, call_id: str, agent: str) -> None:
        self._recorder = recorder
        self._call_id = call_id
        self._agent = agent

    @property
    def earlier(self) -> SentEarlier | None:
        """What an earlier session has sent for this call in a batch."""
        sent = self._recorder.before.requests.under_way.get(self._call_id)
        return SentEarlier(sent[-1].place, sent[-1].most, sent[-1].time) if sent and sent[-1].place else None

    def sent(self, most: Usage, place: BatchPlace | None = None, *, again: bool = False) -> None:
        """Write down that a request is about to be sent, or what more is known of the last one."""
        self._recorder.request_sent(self._call_id, self._agent, most, place, again=again)
