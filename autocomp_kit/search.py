"""Beam search over kernels, as a pure ask/tell machine: no clock, no files, no calls to anybody.

One iteration: every member of the beam is a parent; every parent gets a number of plan calls, each with its own part
of the menu; every plan gets a number of code calls; the resulting candidates are evaluated. When the last answer of
the iteration is in, the fastest correct ones that beat their parents become the next beam.

>>> search = BeamSearch(config, menu, start=[member])           # doctest: +SKIP
>>> while proposals := search.ask():                            # doctest: +SKIP
...     for proposal in proposals:
...         search.tell(proposal, carry_out(proposal))

Answers may be told in any order. The same settings and the same answers give the same search: every random choice is
a hash of the seed and of the place where it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from autocomp_kit.errors import InputError
from autocomp_kit.events import Dropped, DropReason
from autocomp_kit.menu import Menu
from autocomp_kit.records import Candidate, Evaluation, Plan, Record
from autocomp_kit.settings import SearchConfig

__all__ = ["BeamSearch", "Member", "Outcome", "Proposal", "Roster", "SearchError", "Selection", "derive_seed"]


class SearchError(InputError):
    """The search cannot start or was told something that it did not ask for."""


def derive_seed(*words: str | int) -> int:
    """Return a seed of 48 bits (exact in JSON and JavaScript) that depends on nothing but the words."""
    digest = hashlib.sha256("\0".join(str(word) for word in words).encode()).digest()
    return int.from_bytes(digest[:6], "little")


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


class Roster(Record):
    """Names of the agents that plan and of those that write code.

    Plans and code samples are divided evenly over them. One of ``deterministic`` gets no second code sample of the
    same plan.
    """

    planners: tuple[str, ...]
    coders: tuple[str, ...]
    deterministic: frozenset[str] = frozenset()


class Proposal(Record):
    """One plan call to make on one parent, and the code calls to make if it succeeds, one per name in ``coders``.

    ``plan_id`` is ``iteration.slot``; the candidate of code sample ``s`` is ``iteration.slot.s``.
    """

    plan_id: str
    parent_id: str
    iteration: int
    slot: int
    seed: int
    offered: tuple[str, ...]
    planner: str
    coders: tuple[str, ...]

    def candidate_id(self, sample: int) -> str:
        """Return the id of the candidate that a code sample leads to."""
        return f"{self.plan_id}.{sample}"

    def code_seed(self, sample: int) -> int:
        """Return the seed of a code call."""
        return derive_seed(self.seed, "code", sample)


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


class BeamSearch:
    """The state of one beam search.

    Parameters
    ----------
    config, menu
        How to search, and what the plans may choose from.
    start
        The first beam: usually the start kernel alone, or the beam of an earlier run.
    roster
        Who plans and who writes code.
    history, done
        If ``start`` comes from an earlier run: the other members of its lines, and how many iterations it has behind
        it. The search's own iterations are numbered from there.

    Raises
    ------
    SearchError
        If ``start`` is empty or holds a candidate that is not correct.
    """

    def __init__(
        self,
        config: SearchConfig,
        menu: Menu,
        *,
        start: Sequence[Member],
        roster: Roster,
        history: Iterable[Member] = (),
        done: int = 0,
    ) -> None:
        for member in start:
            if not member.evaluation.correct:
                raise SearchError(f"cannot start from candidate {member.id}: it is {member.evaluation.status}")
        if not start:
            raise SearchError("cannot start from nothing: give the start kernel or the beam of an earlier run")
        self.config = config
        self.menu = menu
        self.roster = roster
        self._done = done
        self._members = {member.id: member for member in (*history, *start)}
        self._beam = tuple(sorted(start, key=lambda member: member.cycles))[: config.beam]
        self._best_cycles = [self._beam[0].cycles]
        self._selections: list[Selection] = []
        self._proposals: dict[str, Proposal] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._stopped: Literal["iterations", "no_progress", "near_bound"] | None = None
        self._begin_iteration()

    @property
    def iteration(self) -> int:
        """Number of the iteration that :meth:`ask` asks about, counted from 1."""
        return self._done + len(self._selections) + 1

    @property
    def beam(self) -> tuple[Member, ...]:
        """The parents of the current iteration, fastest first."""
        return self._beam

    @property
    def best(self) -> Member:
        """The fastest correct candidate so far, those of the unfinished iteration included; the earlier one of two."""
        fresh = (member for member in self._told_members() if member.evaluation.correct)
        return min((*self._beam, *fresh), key=lambda member: member.cycles)

    @property
    def selections(self) -> tuple[Selection, ...]:
        """How every finished iteration ended."""
        return tuple(self._selections)

    @property
    def stopped(self) -> Literal["iterations", "no_progress", "near_bound"] | None:
        """Why the search is over, or ``None`` while it is not."""
        return self._stopped

    def ask(self) -> tuple[Proposal, ...]:
        """Return the proposals of this iteration that have not been told yet; none once the search is over."""
        if self._stopped:
            return ()
        return tuple(proposal for plan_id, proposal in self._proposals.items() if plan_id not in self._outcomes)

    def tell(self, proposal: Proposal, outcome: Outcome) -> Selection | None:
        """Take the answer to one proposal; returns how the iteration ended if this was its last one.

        Raises
        ------
        SearchError
            If the proposal was not asked, was answered before, or the answer belongs to another.
        """
        if self._stopped or self._proposals.get(proposal.plan_id) != proposal:
            raise SearchError(f"proposal {proposal.plan_id} is not one of iteration {self.iteration}")
        if proposal.plan_id in self._outcomes:
            raise SearchError(f"proposal {proposal.plan_id} has been told already")
        for member in outcome.members:
            if (member.candidate.parent_id, member.candidate.plan_id) != (proposal.parent_id, proposal.plan_id):
                raise SearchError(f"candidate {member.id} does not come from proposal {proposal.plan_id}")
        self._outcomes[proposal.plan_id] = outcome
        return self._end_iteration() if len(self._outcomes) == len(self._proposals) else None

    def member(self, candidate_id: str) -> Member:
        """Return a candidate of a finished iteration, or of the start."""
        return self._members[candidate_id]

    def ancestors(self, candidate_id: str) -> tuple[Member, ...]:
        """Return the members from the start kernel to the candidate's parent."""
        return tuple(self._up_from(self._members[candidate_id]))[:0:-1]

    def _begin_iteration(self) -> None:
        """Draw this iteration's proposals."""
        self._outcomes.clear()
        self._proposals.clear()
        for rank, parent in enumerate(self._beam):
            for number in range(self.config.plans):
                proposal = self._propose(parent.id, slot=rank * self.config.plans + number, number=number)
                self._proposals[proposal.plan_id] = proposal

    def _propose(self, parent_id: str, *, slot: int, number: int) -> Proposal:
        # The seed depends on the parent and not on its rank, so that one rival more or less changes no other draw.
        seed = derive_seed(self.config.seed, "plan", self.iteration, parent_id, number)
        options = self.menu.draw(
            seed=derive_seed(seed, "menu"),
            keep_probability=self.config.keep_probability,
            minimum=self.config.minimum_options,
            shuffle=self.config.shuffle_menu,
        )
        planners, coders = self.roster.planners, self.roster.coders
        # Both rotate, the coders more slowly, so that every planner meets every coder.
        turn = slot + self.iteration - 1
        samples = [coders[(turn // len(planners) + sample) % len(coders)] for sample in range(self.config.codes)]
        return Proposal(
            plan_id=f"{self.iteration}.{slot}",
            parent_id=parent_id,
            iteration=self.iteration,
            slot=slot,
            seed=seed,
            offered=tuple(item.item_id for item in options),
            planner=planners[turn % len(planners)],
            coders=tuple(_without_repeats(samples, self.roster.deterministic)),
        )

    def _told_members(self) -> Iterator[Member]:
        """Yield the candidates of this iteration in the order of their ids, whatever order they were told in."""
        for plan_id in self._proposals:
            if plan_id in self._outcomes:
                yield from sorted(self._outcomes[plan_id].members, key=lambda member: member.candidate.sample)

    def _end_iteration(self) -> Selection:
        children = tuple(self._told_members())
        self._members.update((child.id, child) for child in children)
        beam, dropped = self._select(children)
        selection = Selection(
            iteration=self.iteration,
            kept=tuple(member.id for member in beam),
            dropped=tuple(dropped),
            best_cycles=beam[0].cycles,
        )
        self._selections.append(selection)
        self._best_cycles.append(selection.best_cycles)
        self._beam = beam
        self._stopped = self._stop_reason()
        if not self._stopped:
            self._begin_iteration()
        return selection

    def _select(self, children: Iterable[Member]) -> tuple[tuple[Member, ...], list[Dropped]]:
        slack = self.config.slack if self.iteration <= self.config.slack_iterations else 1.0
        pool = list(self._beam)
        dropped: list[Dropped] = []
        for child in children:
            parent = self._members[child.candidate.parent_id or ""]
            if not child.evaluation.correct:
                dropped.append(Dropped(candidate_id=child.id, reason="not_correct"))
            elif child.cycles >= parent.cycles * slack:
                dropped.append(Dropped(candidate_id=child.id, reason="not_faster", other_id=parent.id))
            else:
                pool.append(child)
        # The sort is stable: at equal cycles an incumbent stays, and then the earlier child.
        beam: list[Member] = []
        for member in sorted(pool, key=lambda member: member.cycles):
            if drop := self._rival(member, beam):
                dropped.append(drop)
            elif len(beam) == self.config.beam:
                dropped.append(Dropped(candidate_id=member.id, reason="beam_full"))
            else:
                beam.append(member)
        return tuple(beam), dropped

    def _rival(self, member: Member, beam: Iterable[Member]) -> Dropped | None:
        """Return the reason why a faster member of the beam leaves no room for this one."""
        for other in beam:
            if reason := self._conflict(member, other):
                return Dropped(candidate_id=member.id, reason=reason, other_id=other.id)
        return None

    def _conflict(self, one: Member, other: Member) -> DropReason | None:
        if one.evaluation.evaluation_id == other.evaluation.evaluation_id:
            return "same_code"
        signature = one.evaluation.trace_signature
        if not self.config.same_behaviour and signature and signature == other.evaluation.trace_signature:
            return "same_behaviour"
        parent_id = one.candidate.parent_id
        siblings = parent_id is not None and parent_id == other.candidate.parent_id
        if siblings and one.plan and other.plan and one.plan.text.strip() == other.plan.text.strip():
            return "same_plan"
        if self.config.diversity == "parent" and siblings and not self._is_start(parent_id):
            return "same_parent"
        if self.config.diversity == "lineage" and self._line(one) & self._line(other):
            return "same_lineage"
        return None

    def _is_start(self, candidate_id: str | None) -> bool:
        return self._members[candidate_id or ""].candidate.parent_id is None

    def _up_from(self, member: Member) -> Iterator[Member]:
        """Yield a member, its parent, and so on up to where this search knows the line."""
        while True:
            yield member
            parent = self._members.get(member.candidate.parent_id or "")
            if parent is None:
                return
            member = parent

    def _line(self, member: Member) -> frozenset[str]:
        """Return the ids of a member and its ancestors, without the start kernel."""
        return frozenset(step.id for step in self._up_from(member) if step.candidate.parent_id is not None)

    def _stop_reason(self) -> Literal["iterations", "no_progress", "near_bound"] | None:
        config, best = self.config, self._beam[0]
        if config.stop_within is not None and best.cycles <= best.evaluation.ideal_cycles * (1 + config.stop_within):
            return "near_bound"
        if len(self._selections) >= config.iterations:
            return "iterations"
        window = config.early_stop_window
        if window and len(self._best_cycles) > window:
            ratio = self._best_cycles[-1] / self._best_cycles[-1 - window]
            if ratio >= config.early_stop_ratio:
                return "no_progress"
        return None


def _without_repeats(names: Iterable[str], deterministic: frozenset[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name not in deterministic or name not in seen:
            yield name
        seen.add(name)
