"""Carries out what the search proposes: asks the agents, has their kernels evaluated, tells the search."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TypedDict, TypeVar

from autocomp_kit._evaluations import Evaluations
from autocomp_kit._recorder import Recorder
from autocomp_kit.agents.base import AgentError, AgentUnavailableError, CodeRequest, PlanRequest
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.history import RunRecord
from autocomp_kit.records import Candidate, Plan
from autocomp_kit.search import BeamSearch, Member, Outcome, Proposal

__all__ = ["Pace", "Session", "together"]

T = TypeVar("T")


class Pace:
    """How many agent calls may be under way at a time, and whether anything may begin at all."""

    def __init__(self, concurrent_calls: int) -> None:
        self._calls = asyncio.Semaphore(concurrent_calls)
        self._unpaused = asyncio.Event()
        self.unpause()

    def pause(self) -> None:
        """Let nothing begin."""
        self._unpaused.clear()

    def unpause(self) -> None:
        """Let things begin again."""
        self._unpaused.set()

    async def unpaused(self) -> None:
        """Wait while paused."""
        await self._unpaused.wait()

    async def call(self, call: Coroutine[object, object, T]) -> T:
        """Make one agent call when its turn comes."""
        try:
            async with self._calls:
                await self.unpaused()
                return await call
        finally:
            call.close()


class Session:
    """Carries out proposals; what an earlier session of the run has done is taken from its history."""

    def __init__(
        self,
        record: RunRecord,
        ensemble: Ensemble,
        recorder: Recorder,
        evaluations: Evaluations,
        pace: Pace,
    ) -> None:
        self._record = record
        self._planners = {agent.name: agent for agent in ensemble.planners}
        self._coders = {agent.name: agent for agent in ensemble.coders}
        self._recorder = recorder
        self._evaluations = evaluations
        self._pace = pace

    async def carry_out(self, search: BeamSearch, proposal: Proposal) -> None:
        """Make a proposal's calls, evaluate what comes of them, and tell the search."""
        plan = await self._planned(search, proposal)
        members: list[Member | None] = []
        if plan is not None:
            samples = range(len(proposal.coders))
            members = await together(self._implemented(search, proposal, plan, sample) for sample in samples)
        search.tell(proposal, Outcome(plan, tuple(member for member in members if member is not None)))

    async def evaluated(self, candidate: Candidate, plan: Plan | None) -> Member:
        """Return a candidate with its verdict."""
        self._recorder.candidate_made(candidate, self._evaluations.entry(candidate.code))
        evaluation = self._recorder.before.evaluations.get(candidate.candidate_id)
        if evaluation is None:
            await self._pace.unpaused()
            evaluation, reused = await self._evaluations.get(candidate.code)
            self._recorder.evaluated(candidate, evaluation, reused=reused)
        return Member(candidate=candidate, evaluation=evaluation, plan=plan)

    async def _planned(self, search: BeamSearch, proposal: Proposal) -> Plan | None:
        """Return the proposal's plan, or ``None`` if the call fails."""
        if self._recorder.has_failed(proposal.plan_id):
            return None
        if plan := self._recorder.before.plans.get(proposal.plan_id):
            return plan
        parent = search.member(proposal.parent_id)
        request = PlanRequest(
            plan_id=proposal.plan_id,
            parent=parent.candidate,
            evaluation=parent.evaluation,
            options=tuple(self._record.menu[item_id] for item_id in proposal.offered),
            **self._context(proposal),
            slot=proposal.slot,
            seed=proposal.seed,
            ancestors=tuple((one.candidate, one.plan, one.evaluation) for one in search.ancestors(parent.id)),
        )
        try:
            plan = await self._pace.call(self._planners[proposal.planner].plan(request))
        except AgentUnavailableError:
            raise
        except AgentError as error:
            self._recorder.plan_failed(proposal, error)
            return None
        if (plan.plan_id, plan.parent_id) != (proposal.plan_id, proposal.parent_id):
            raise RuntimeError(f"agent {proposal.planner} was asked for plan {proposal.plan_id}, made {plan.plan_id}")
        self._recorder.plan_made(plan)
        return plan

    async def _implemented(self, search: BeamSearch, proposal: Proposal, plan: Plan, sample: int) -> Member | None:
        """Return one implementation of a plan with its verdict, or ``None`` if the call gives no kernel."""
        candidate_id = proposal.candidate_id(sample)
        if self._recorder.has_failed(candidate_id):
            return None
        if candidate := self._recorder.before.candidates.get(candidate_id):
            return await self.evaluated(candidate, plan)
        parent = search.member(proposal.parent_id)
        request = CodeRequest(
            plan=plan,
            parent=parent.candidate,
            evaluation=parent.evaluation,
            **self._context(proposal),
            sample=sample,
            seed=proposal.code_seed(sample),
        )
        try:
            reply = await self._pace.call(self._coders[proposal.coders[sample]].implement(request))
        except AgentUnavailableError:
            raise
        except AgentError as error:
            self._recorder.code_failed(proposal, sample, error)
            return None
        candidate = Candidate(
            candidate_id=candidate_id,
            parent_id=proposal.parent_id,
            plan_id=proposal.plan_id,
            iteration=proposal.iteration,
            slot=proposal.slot,
            sample=sample,
            code=reply.code,
            agent=reply.agent,
            notes=reply.notes,
            usage=reply.usage,
        )
        return await self.evaluated(candidate, plan)

    def _context(self, proposal: Proposal) -> _Context:
        problem = self._record.problem
        return {
            "workload": problem.workload,
            "workload_text": problem.workload_text,
            "workload_kind": problem.workload_kind,
            "machine": problem.machine,
            "machine_text": problem.machine_text,
            "iteration": proposal.iteration,
            "iterations": self._record.config.iterations,
        }


class _Context(TypedDict):
    """What plan and code requests have in common."""

    workload: str
    workload_text: str
    workload_kind: str
    machine: str
    machine_text: str
    iteration: int
    iterations: int


async def together(coroutines: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Run all at a time and return their results in order; the first failure stops the others and is raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
