"""What an agent is: something that plans one transformation, and something that carries a plan out.

Claude, the offline rules, a person in a notebook and a replay of an earlier run all have this shape, so that the
search never knows whom it talks to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from pydantic import JsonValue

from autocomp_kit.records import Candidate, Evaluation, MenuItem, Plan, Record, Usage

__all__ = [
    "PASSING",
    "Agent",
    "AgentError",
    "AgentUnavailableError",
    "CallPrices",
    "CodeReply",
    "CodeRequest",
    "CombineRequest",
    "Combiner",
    "Keyed",
    "PlanRequest",
    "Price",
    "Priced",
    "RepairRequest",
    "Repairer",
    "Request",
    "calls_at_once",
]


PASSING = frozenset({"rate_limited", "overloaded", "timeout", "server_error", "unreachable", "canceled", "batch_lost"})
"""Kinds of failures that say something of the server at that moment and nothing of the question."""


class AgentError(Exception):
    """One call gave no usable answer, and says why; the search records the failure and goes on.

    ``kind`` is a short word for tables: ``not_applicable`` (an offline rewrite does not fit this kernel),
    ``refusal``, ``max_tokens``, ``malformed``, or one of ``PASSING``. ``usage`` is what the call cost all the same.
    """

    def __init__(self, message: str, *, kind: str, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage or Usage()


class AgentUnavailableError(AgentError):
    """No later call can succeed either (bad key, unknown model, no such server); the search stops and says why."""


class Request(Record):
    """What every call is told.

    ``workload_text`` and ``machine_text`` describe the problem and the hardware; ``workload_kind`` is the family of the
    problem, such as ``gemm``, or empty if it is not known. ``seed`` is unique to the call and is the only source of
    randomness that an agent may use.
    """

    workload: str
    workload_text: str
    workload_kind: str = ""
    machine: str
    machine_text: str
    iteration: int
    iterations: int
    seed: int


class PlanRequest(Request):
    """One plan call: improve ``parent`` with one of ``options`` (the menu after dropout, in the order shown).

    ``ancestors`` runs from the root to the parent's parent.
    """

    plan_id: str
    parent: Candidate
    evaluation: Evaluation
    options: tuple[MenuItem, ...]
    slot: int
    ancestors: tuple[tuple[Candidate, Plan | None, Evaluation], ...] = ()

    def plan(
        self,
        item_id: str | None,
        text: str,
        *,
        agent: str,
        parameters: Mapping[str, JsonValue] | None = None,
        usage: Usage | None = None,
    ) -> Plan:
        """Return the plan that answers this request with one of its options."""
        return Plan(
            plan_id=self.plan_id,
            parent_id=self.parent.candidate_id,
            iteration=self.iteration,
            slot=self.slot,
            seed=self.seed,
            offered=tuple(option.item_id for option in self.options),
            item_id=item_id,
            text=text,
            parameters=dict(parameters or {}),
            agent=agent,
            usage=usage or Usage(),
        )


class CodeRequest(Request):
    """One code call: carry ``plan`` out on ``parent``; ``sample`` counts the implementations of one plan."""

    plan: Plan
    parent: Candidate
    evaluation: Evaluation
    sample: int


class RepairRequest(Request):
    """One repair call: make ``failed``, an implementation of ``plan``, correct; ``evaluation`` says what is wrong.

    ``round`` counts the repairs of one implementation, from 1.
    """

    plan: Plan
    parent: Candidate
    parent_evaluation: Evaluation
    failed: Candidate
    evaluation: Evaluation
    round: int


class CombineRequest(Request):
    """One cross-over call: write a kernel that has what is good in each of two."""

    parents: tuple[tuple[Candidate, Evaluation], tuple[Candidate, Evaluation]]
    sample: int


class CodeReply(Record):
    """The kernel that a code call wrote; ``notes`` is what its author says about it, or is empty."""

    code: str
    agent: str
    notes: str = ""
    usage: Usage = Usage()


@runtime_checkable
class Agent(Protocol):
    """Plans and implements; both calls may run many at a time in one event loop.

    ``deterministic`` says that equal requests get equal answers, so that a second code sample of one plan is pointless
    and the search asks for one only.
    """

    @property
    def name(self) -> str:
        """Name for records and tables, such as ``rules`` or ``claude:claude-opus-4-5``."""
        ...

    @property
    def deterministic(self) -> bool:
        """Whether equal requests always get equal answers."""
        ...

    async def plan(self, request: PlanRequest) -> Plan:
        """Choose one option and say how to apply it.

        Raises
        ------
        AgentError
            If no usable plan came of the call.
        """
        ...

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Write the whole kernel that results from carrying the plan out.

        Raises
        ------
        AgentError
            If no usable kernel came of the call.
        """
        ...


class Price(NamedTuple):
    """US dollars of one call: ``usual`` with a warm prompt cache and an answer of usual length, and the ``most``."""

    usual: float
    most: float


class CallPrices(NamedTuple):
    """What a plan call and a code call cost."""

    plan: Price
    code: Price


@runtime_checkable
class Priced(Protocol):
    """An agent that costs money and can say how much before it is asked."""

    def call_prices(self, request: PlanRequest) -> CallPrices | None:
        """Return what calls such as this one cost, or ``None`` if the price is not known."""
        ...


@runtime_checkable
class Keyed(Protocol):
    """An agent whose calls need a key."""

    def check_key(self) -> None:
        """Raise :class:`~autocomp_kit.errors.InputError` if there is none, before any work is done for calls."""
        ...


def calls_at_once(agent: Agent) -> int:
    """Return how many calls of an agent are worth making at a time: its ``calls_at_once`` if it has one, or 8."""
    return int(getattr(agent, "calls_at_once", 8))


@runtime_checkable
class Repairer(Protocol):
    """An agent that can also correct a kernel which did not compile, run or give the right result."""

    async def repair(self, request: RepairRequest) -> CodeReply:
        """Write the corrected kernel.

        Raises
        ------
        AgentError
            If no usable kernel came of the call.
        """
        ...


@runtime_checkable
class Combiner(Protocol):
    """An agent that can also combine two kernels."""

    async def combine(self, request: CombineRequest) -> CodeReply:
        """Write one kernel that has what is good in each of two.

        Raises
        ------
        AgentError
            If no usable kernel came of the call.
        """
        ...
