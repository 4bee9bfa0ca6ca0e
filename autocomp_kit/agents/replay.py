"""Puts a recording between a search and its agents: answers from it, or calls and records, as its mode says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from autocomp_kit.agents.base import (
    PASSING,
    Agent,
    AgentError,
    AgentUnavailableError,
    CallPrices,
    CodeReply,
    CodeRequest,
    Combiner,
    CombineRequest,
    Keyed,
    PlanRequest,
    Price,
    Priced,
    Repairer,
    RepairRequest,
    calls_at_once,
)
from autocomp_kit.agents.ensemble import Ensemble
from autocomp_kit.agents.recording import (
    Answer,
    Call,
    Cast,
    Failure,
    Recording,
    RecordingError,
    code_address,
    combine_address,
    plan_address,
    repair_address,
)
from autocomp_kit.records import Plan, Usage

__all__ = ["ReplayAgent", "recorded", "replayed"]

Request = PlanRequest | CodeRequest | RepairRequest | CombineRequest
AnswerT = TypeVar("AnswerT", Plan, CodeReply)


class ReplayAgent:
    """Answers as its agent did when it was recorded; answers from a recording cost nothing.

    Parameters
    ----------
    name, deterministic
        Those of the agent.
    recording
        Where its answers are.
    agent
        Whom to call for what is not on record, if the recording's mode allows it.
    """

    def __init__(self, name: str, recording: Recording, *, deterministic: bool, agent: Agent | None = None) -> None:
        self._name = name
        self._deterministic = deterministic
        self._recording = recording
        self._agent = agent

    @property
    def name(self) -> str:
        """The name of the agent that was recorded."""
        return self._name

    @property
    def deterministic(self) -> bool:
        """What the agent said of itself."""
        return self._deterministic

    @property
    def calls_at_once(self) -> int:
        """How many calls the agent takes at a time."""
        return calls_at_once(self._agent) if self._agent else 64

    def call_prices(self, request: PlanRequest) -> CallPrices | None:
        """Return what the agent's calls cost, if they are made."""
        agent: object = self._agent
        if self._recording.records and isinstance(agent, Priced):
            return agent.call_prices(request)
        return CallPrices(Price(0.0, 0.0), Price(0.0, 0.0))

    def check_key(self) -> None:
        """Check the agent's key if all will have to be asked; a recording may have what is needed without one."""
        agent: object = self._agent
        if self._recording.records and not len(self._recording) and isinstance(agent, Keyed):
            agent.check_key()

    async def plan(self, request: PlanRequest) -> Plan:
        """Give the recorded plan, or ask for it."""
        plan = await self._answer(request, Plan, self._agent.plan if self._agent else None)
        return plan.model_copy(
            update={
                "plan_id": request.plan_id,
                "parent_id": request.parent.candidate_id,
                "iteration": request.iteration,
                "slot": request.slot,
                "seed": request.seed,
                "offered": tuple(option.item_id for option in request.options),
            }
        )

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Give the recorded kernel, or ask for it."""
        return await self._answer(request, CodeReply, self._agent.implement if self._agent else None)

    async def repair(self, request: RepairRequest) -> CodeReply:
        """Give the recorded correction, or ask for it."""
        agent: object = self._agent
        return await self._answer(request, CodeReply, agent.repair if isinstance(agent, Repairer) else None)

    async def combine(self, request: CombineRequest) -> CodeReply:
        """Give the recorded combination, or ask for it."""
        agent: object = self._agent
        return await self._answer(request, CodeReply, agent.combine if isinstance(agent, Combiner) else None)

    async def _answer(
        self, request: Request, kind: type[AnswerT], call: Callable[..., Awaitable[AnswerT]] | None
    ) -> AnswerT:
        address = _address(request, self.name)
        found = self._recording.find(address) if self._recording.replays else None
        may_call = call is not None and self._recording.records
        if found is not None:
            # That a server was overloaded then is no reason not to ask it now, if it may be asked.
            if isinstance(found.answer, Failure) and not (may_call and found.answer.kind in PASSING):
                raise AgentError(found.answer.message, kind=found.answer.kind)
            if isinstance(found.answer, kind):
                return found.answer.model_copy(update={"usage": Usage()})
        if call is None or not may_call:
            raise AgentUnavailableError(
                f"the recording has no answer of {self.name} to {_place(request)}: the search goes another way than "
                "when it was recorded (other kernel, menu, settings or seed), or goes on for longer",
                kind="not_recorded",
            )
        try:
            answer = await call(request)
        except AgentUnavailableError:
            raise
        except AgentError as error:
            failure = Failure(kind=error.kind, message=str(error))
            self._recording.add(Answer(address=address, agent=self.name, answer=failure))
            raise
        on_record = self._recording.add(Answer(address=address, agent=self.name, answer=answer))
        # The search goes on with what a replay will give it, so that both go the same way.
        if isinstance(on_record, Answer) and isinstance(on_record.answer, kind):
            return on_record.answer
        raise TypeError(f"a {type(answer).__name__} of {self.name} is on record as {on_record!r}")


def recorded(ensemble: Ensemble, recording: Recording) -> Ensemble:
    """Return the ensemble with a recording in between, in the recording's mode."""
    if recording.records:
        planners, coders = (tuple(one.name for one in group) for group in (ensemble.planners, ensemble.coders))
        recording.add(Cast(planners=planners, coders=coders, deterministic=ensemble.deterministic))
    agents = {
        agent.name: ReplayAgent(agent.name, recording, deterministic=agent.deterministic, agent=agent)
        for agent in (*ensemble.planners, *ensemble.coders)
    }
    return Ensemble(
        planners=tuple(agents[agent.name] for agent in ensemble.planners),
        coders=tuple(agents[agent.name] for agent in ensemble.coders),
    )


def replayed(recording: Recording) -> Ensemble:
    """Return the ensemble that a recording was made of, which only knows what is on record.

    Raises
    ------
    RecordingError
        If the recording does not say who took part.
    """
    if recording.cast is None:
        raise RecordingError("the recording does not say which agents took part")
    cast = recording.cast
    agents = {
        name: ReplayAgent(name, recording, deterministic=name in cast.deterministic)
        for name in (*cast.planners, *cast.coders)
    }
    return Ensemble(
        planners=tuple(agents[name] for name in cast.planners), coders=tuple(agents[name] for name in cast.coders)
    )


def _address(request: Request, agent: str) -> str:
    call = Call(agent, request.workload, request.machine, request.seed)
    if isinstance(request, PlanRequest):
        return plan_address(call, parent=request.parent.code, options=request.options)
    if isinstance(request, CodeRequest):
        return code_address(call, parent=request.parent.code, plan=request.plan, sample=request.sample)
    if isinstance(request, RepairRequest):
        codes = {"parent": request.parent.code, "failed": request.failed.code}
        return repair_address(call, **codes, plan=request.plan, attempt=request.round)
    return combine_address(call, parents=[one.code for one, _ in request.parents], sample=request.sample)


def _place(request: Request) -> str:
    if isinstance(request, PlanRequest):
        return f"plan {request.plan_id}"
    if isinstance(request, CodeRequest):
        return f"code {request.plan.plan_id}.{request.sample}"
    if isinstance(request, RepairRequest):
        return f"repair {request.round} of {request.failed.candidate_id}"
    return "the combination of " + " and ".join(candidate.candidate_id for candidate, _ in request.parents)
