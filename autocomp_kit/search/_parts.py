"""What a search hands out and takes in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from autocomp_kit.events import Dropped
from autocomp_kit.records import Candidate, Evaluation, Plan, Record

__all__ = ["Member", "Outcome", "Proposal", "Roster", "Selection", "code_seed", "derive_seed"]


def derive_seed(*words: str | int) -> int:
    """Return a seed of 48 bits (exact in JSON and JavaScript) that depends on nothing but the words."""
    digest = hashlib.sha256("\0".join(str(word) for word in words).encode()).digest()
    return int.from_bytes(digest[:6], "little")


def code_seed(plan_seed: int, sample: int, attempt: int = 0) -> int:
    """Return the seed of a code call for a plan of the given seed, or of an attempt (from 1) to repair its kernel."""
    return derive_seed(plan_seed, "code", sample, attempt)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A candidate with its verdict and the plan that led to it; the start kernel has no plan."""

    candidate: Candidate
    evaluation: Evaluation
    plan: Plan | None = None

    @property
    def id(self) -> str:
        """The candidate's id."""
        return self.candidate.candidate_id

    @property
    def cycles(self) -> int:
        """Cycles of a correct candidate.

        Raises
        ------
        ValueError
            If the candidate is not correct: its cycles mean nothing.
        """
        if not self.evaluation.correct or self.evaluation.cycles is None:
            raise ValueError(f"candidate {self.id} is not correct")
        return self.evaluation.cycles

    def beats(self, other: Member, *, slack: float = 1.0) -> bool:
        """Whether this one is correct and needs fewer than ``slack`` times the cycles of a correct other one."""
        return self.evaluation.correct and self.cycles < other.cycles * slack


class Roster(Record):
    """Names of the agents that plan, that write code, and that can combine two kernels.

    One of ``deterministic`` gets no second code sample of the same plan.
    """

    planners: tuple[str, ...]
    coders: tuple[str, ...]
    combiners: tuple[str, ...] = ()
    deterministic: frozenset[str] = frozenset()


class Proposal(Record):
    """One plan call to make on one parent, and the code calls to make if it succeeds, one per name in ``coders``.

    Without a ``planner`` there is nothing to plan: ``plan_text`` is the plan. With ``other_id`` the code calls combine
    the parent with that other candidate. ``plan_id`` is ``iteration.slot``; the candidate of code sample ``s`` is
    ``iteration.slot.s``.
    """

    plan_id: str
    parent_id: str
    other_id: str | None = None
    iteration: int
    slot: int
    seed: int
    offered: tuple[str, ...]
    planner: str | None
    plan_text: str = ""
    coders: tuple[str, ...]

    def candidate_id(self, sample: int) -> str:
        """Return the id of the candidate that a code sample leads to."""
        return f"{self.plan_id}.{sample}"

    def code_seed(self, sample: int, attempt: int = 0) -> int:
        """Return the seed of a code call, or of an attempt (from 1) to repair its kernel."""
        return code_seed(self.seed, sample, attempt)


@dataclass(frozen=True)
class Outcome:
    """What became of a proposal: the plan (``None`` if the call failed) and the candidates that were evaluated."""

    plan: Plan | None
    members: tuple[Member, ...] = ()


class Selection(Record):
    """The end of an iteration: the new beam, fastest first, and why every other candidate is not in it."""

    iteration: int
    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    best_cycles: int
