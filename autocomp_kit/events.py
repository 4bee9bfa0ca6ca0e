"""The one stream of events of a run: what the store keeps, and what progress bars, meters and widgets watch.

An event is small: it names plans and candidates by id and carries the few facts that a display needs. The whole
records are in the store, under those ids, before anybody sees the event.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from autocomp_kit.agents.accounts import BatchPlace
from autocomp_kit.records import EvaluationStatus, Record, Usage

__all__ = [
    "BeamSelected",
    "CandidateEvaluated",
    "CandidateMade",
    "CodeFailed",
    "DropReason",
    "Dropped",
    "Event",
    "IterationStarted",
    "PlanFailed",
    "PlanMade",
    "ProposalAdded",
    "RequestSent",
    "RunEvent",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "StopReason",
    "parse_event",
]

StopReason = Literal[
    "iterations",  # all iterations are done
    "no_progress",  # the early-stop window went by without enough improvement
    "near_bound",  # the best candidate is as close to the ideal cycles as was asked for
    "start_kernel",  # the kernel to start from is not correct
    "agent_unavailable",  # no later agent call can succeed
    "evaluations",  # as many candidates as allowed have been evaluated
    "budget",  # money or tokens are used up
    "time",  # the time is used up
    "cancelled",  # by the user
    "internal_error",  # a defect of ours or of an agent
]

DropReason = Literal[
    "not_correct",
    "not_faster",  # than its parent, slack included
    "same_code",
    "same_behaviour",
    "same_plan",
    "same_parent",
    "same_lineage",
    "beam_full",
]


class Event(Record):
    """What every event has: its run, its place in the run's stream (0, 1, ...) and Unix time in seconds."""

    run_id: str
    sequence: int
    time: float


class RunStarted(Event):
    """The run exists in the store; the start kernel is evaluated next."""

    kind: Literal["run_started"] = "run_started"
    workload: str
    machine: str
    iterations: int


class RunResumed(Event):
    """Work goes on with a run that was interrupted; what had finished is not done again and has no new events."""

    kind: Literal["run_resumed"] = "run_resumed"


class IterationStarted(Event):
    """The plan calls of an iteration are about to be made."""

    kind: Literal["iteration_started"] = "iteration_started"
    iteration: int
    parents: tuple[str, ...]
    plans: int
    samples: int
    """Code calls if every plan call succeeds."""


class ProposalAdded(Event):
    """A person has added a plan, and perhaps its kernel, to the iteration under way."""

    kind: Literal["proposal_added"] = "proposal_added"
    plan_id: str
    parent_id: str
    iteration: int
    plan_text: str
    item_id: str | None
    coder: str
    code: str | None


class RequestSent(Event):
    """A call is about to send a request that costs money; with a ``place`` it travels in a batch.

    It can cost ``most``; what it did cost is known when the plan, the kernel or the failure of the call is.
    """

    kind: Literal["request_sent"] = "request_sent"
    call_id: str
    """The id of the plan or the candidate that the call is to give."""
    agent: str
    most: Usage
    place: BatchPlace | None = None
    again: bool = False
    """Whether this takes the place of the call's last request: more is known of it, or it was refused for free."""


class PlanMade(Event):
    """A plan call succeeded."""

    kind: Literal["plan_made"] = "plan_made"
    plan_id: str
    parent_id: str
    iteration: int
    item_id: str | None
    agent: str
    usage: Usage


class PlanFailed(Event):
    """A plan call gave no plan; ``error`` is the :class:`~autocomp_kit.agents.base.AgentError`'s kind."""

    kind: Literal["plan_failed"] = "plan_failed"
    plan_id: str
    parent_id: str
    iteration: int
    seed: int
    offered: tuple[str, ...]
    agent: str
    error: str
    message: str
    usage: Usage


class CandidateMade(Event):
    """A code call gave a kernel, or the start kernel was taken in."""

    kind: Literal["candidate_made"] = "candidate_made"
    candidate_id: str
    parent_id: str | None
    plan_id: str | None
    iteration: int
    agent: str
    usage: Usage


class CodeFailed(Event):
    """A code call gave no kernel."""

    kind: Literal["code_failed"] = "code_failed"
    candidate_id: str
    parent_id: str
    plan_id: str
    iteration: int
    agent: str
    error: str
    message: str
    usage: Usage


class CandidateEvaluated(Event):
    """The verdict on a candidate is in; ``reused`` says that an equal kernel had been evaluated before."""

    kind: Literal["candidate_evaluated"] = "candidate_evaluated"
    candidate_id: str
    iteration: int
    status: EvaluationStatus
    cycles: int | None
    utilization: float | None
    reused: bool


class Dropped(Record):
    """Why a candidate is not in the beam; ``other_id`` is the parent or rival that it lost against."""

    candidate_id: str
    reason: DropReason
    other_id: str | None = None


class BeamSelected(Event):
    """An iteration is complete; ``kept`` are the parents of the next one, fastest first."""

    kind: Literal["beam_selected"] = "beam_selected"
    iteration: int
    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    best_cycles: int


class RunFinished(Event):
    """The last event of a stream; ``message`` explains the reason where it needs explaining."""

    kind: Literal["run_finished"] = "run_finished"
    reason: StopReason
    message: str
    best_id: str | None
    best_cycles: int | None


RunEvent = Annotated[
    RunStarted
    | RunResumed
    | IterationStarted
    | ProposalAdded
    | RequestSent
    | PlanMade
    | PlanFailed
    | CandidateMade
    | CodeFailed
    | CandidateEvaluated
    | BeamSelected
    | RunFinished,
    Field(discriminator="kind"),
]

_adapter: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)


def parse_event(text: str | bytes) -> RunEvent:
    """Return the event that a JSON text holds.

    Raises
    ------
    pydantic.ValidationError
        If it holds none.
    """
    return _adapter.validate_json(text)
