"""Carries out what the search proposes: asks the agents, has their kernels evaluated, tells the search."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import TypeVar

from autocomp_kit._evaluations import Evaluations
from autocomp_kit._pace import Pace
from autocomp_kit._record import context_of
from autocomp_kit._recorder import Recorder
from autocomp_kit.agents.accounts import on_account
from autocomp_kit.agents.base import (
    AgentError,
    AgentUnavailableError,
    CodeReply,
    CodeRequest,
    Combiner,
    CombineRequest,
    PlanRequest,
    Repairer,
    RepairRequest,
)
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.history import RunRecord
from autocomp_kit.records import Candidate, Plan
from autocomp_kit.search import BeamSearch, Member, Outcome, Proposal

__all__ = ["PERSON", "Session", "together"]

PERSON = "human"
"""The author of what a person adds to a search."""

T = TypeVar("T")


class Session:
    """Carries out proposals; what an earlier session of the run has done is taken from its history."""

    def __init__(
        self, record: RunRecord, ensemble: Ensemble, recorder: Recorder, evaluations: Evaluations, pace: Pace
    ) -> None:
        self._record = record
        self._planners = {agent.name: agent for agent in ensemble.planners}
        self._coders = {agent.name: agent for agent in ensemble.coders}
        self._recorder = recorder
        self._evaluations = evaluations
        self._pace = pace

    async def carry_out(self, search: BeamSearch, proposal: Proposal, *, code: str | None = None) -> None:
        """Make a proposal's calls, evaluate what comes of them, and tell the search; ``code`` is a person's kernel."""
        plan = await self._planned(search, proposal)
        members: tuple[Member, ...] = ()
        if plan is not None:
            samples = range(len(proposal.coders))
            made = await together(self._implemented(search, proposal, plan, sample, given=code) for sample in samples)
            members = tuple(member for line in made for member in line)
        search.tell(proposal, Outcome(plan, members))

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
        if recorded := self._recorder.before.plans.get(proposal.plan_id):
            return recorded
        if proposal.planner is None:
            plan = _given_plan(proposal)
        else:
            try:
                request = self._plan_request(search, proposal)
                call = self._planners[proposal.planner].plan(request)
                plan = await self._call(proposal.planner, proposal.plan_id, call)
            except AgentUnavailableError:
                raise
            except AgentError as error:
                self._pace.spend(error.usage)
                self._recorder.plan_failed(proposal, error)
                return None
            if (plan.plan_id, plan.parent_id) != (proposal.plan_id, proposal.parent_id):
                raise RuntimeError(f"agent {proposal.planner} was asked for plan {proposal.plan_id}: {plan.plan_id}")
            self._pace.spend(plan.usage)
        self._recorder.plan_made(plan)
        return plan

    async def _implemented(
        self, search: BeamSearch, proposal: Proposal, plan: Plan, sample: int, *, given: str | None
    ) -> tuple[Member, ...]:
        """Return one implementation of a plan, and the attempts to repair it if it fails."""
        members: list[Member] = []
        for attempt in range(1 + self._record.config.repairs):
            candidate_id = proposal.candidate_id(sample) + (f"r{attempt}" if attempt else "")
            if self._recorder.has_failed(candidate_id):
                break
            candidate = self._recorder.before.candidates.get(candidate_id)
            if candidate is None:
                if given is not None and not members:
                    reply = CodeReply(code=given, agent=PERSON)
                elif call := self._code_call(search, proposal, plan, sample, members):
                    try:
                        reply = await self._call(proposal.coders[sample], candidate_id, call)
                    except AgentUnavailableError:
                        raise
                    except AgentError as error:
                        self._pace.spend(error.usage)
                        self._recorder.code_failed(proposal, candidate_id, proposal.coders[sample], error)
                        break
                else:
                    break
                self._pace.spend(reply.usage)
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
            members.append(await self.evaluated(candidate, plan))
            if members[-1].evaluation.correct or members[-1].evaluation.status == "internal_error":
                break
        return tuple(members)

    def _code_call(
        self, search: BeamSearch, proposal: Proposal, plan: Plan, sample: int, failed: Sequence[Member]
    ) -> Coroutine[object, object, CodeReply] | None:
        """Return the call that writes a kernel or repairs the last failed one; none if the coder cannot do that."""
        coder = self._coders.get(proposal.coders[sample])
        if coder is None:
            return None
        parent, seed = search.member(proposal.parent_id), proposal.code_seed(sample, len(failed))
        if failed:
            repair = RepairRequest(
                plan=plan,
                parent=parent.candidate,
                parent_evaluation=parent.evaluation,
                failed=failed[-1].candidate,
                evaluation=failed[-1].evaluation,
                **context_of(self._record, proposal.iteration),
                round=len(failed),
                seed=seed,
            )
            return coder.repair(repair) if isinstance(coder, Repairer) else None
        if proposal.other_id is not None:
            other = search.member(proposal.other_id)
            pair = CombineRequest(
                parents=((parent.candidate, parent.evaluation), (other.candidate, other.evaluation)),
                **context_of(self._record, proposal.iteration),
                sample=sample,
                seed=seed,
            )
            return coder.combine(pair) if isinstance(coder, Combiner) else None
        request = CodeRequest(
            plan=plan,
            parent=parent.candidate,
            evaluation=parent.evaluation,
            **context_of(self._record, proposal.iteration),
            sample=sample,
            seed=seed,
        )
        return coder.implement(request)

    def _plan_request(self, search: BeamSearch, proposal: Proposal) -> PlanRequest:
        parent = search.member(proposal.parent_id)
        return PlanRequest(
            plan_id=proposal.plan_id,
            parent=parent.candidate,
            evaluation=parent.evaluation,
            options=tuple(self._record.menu[item_id] for item_id in proposal.offered),
            **context_of(self._record, proposal.iteration),
            slot=proposal.slot,
            seed=proposal.seed,
            ancestors=tuple((one.candidate, one.plan, one.evaluation) for one in search.ancestors(parent.id)),
        )

    async def _call(self, agent: str, call_id: str, call: Coroutine[object, object, T]) -> T:
        """Make one call; whatever is not this call's own failure lets no further call begin."""
        try:
            with on_account(self._recorder.account(call_id, agent)):
                return await self._pace.call(agent, call)
        except AgentUnavailableError as error:
            self._pace.halt(error)
            raise
        except (AgentError, asyncio.CancelledError):
            raise
        except Exception as error:
            self._pace.halt(error)
            raise


async def together(coroutines: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """Run all at a time, to the end of each, and return their results in order.

    Raises
    ------
    BaseException
        What the first of them raised, after all have ended.
    """
    results = await asyncio.gather(*coroutines, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _given_plan(proposal: Proposal) -> Plan:
    """Return the plan of a proposal for which nobody has to plan."""
    return Plan(
        plan_id=proposal.plan_id,
        parent_id=proposal.parent_id,
        iteration=proposal.iteration,
        slot=proposal.slot,
        seed=proposal.seed,
        offered=proposal.offered,
        item_id=next(iter(proposal.offered), None),
        text=proposal.plan_text,
        parameters={} if proposal.other_id is None else {"combine_with": proposal.other_id},
        agent=PERSON if proposal.other_id is None else "search",
    )
