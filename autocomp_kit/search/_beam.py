"""The state of one beam search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from autocomp_kit.errors import InputError
from autocomp_kit.events import StopReason
from autocomp_kit.menu import Menu
from autocomp_kit.search._parts import Member, Outcome, Proposal, Roster, Selection, derive_seed
from autocomp_kit.search._proposals import Drawing
from autocomp_kit.search._selection import line_of, select
from autocomp_kit.search._successes import Successes
from autocomp_kit.settings import SearchConfig

__all__ = ["BeamSearch", "SearchError", "check_fits"]


class SearchError(InputError):
    """The search cannot start or was told something that it did not ask for."""


def check_fits(config: SearchConfig, menu: Menu, roster: Roster) -> None:
    """Raise :class:`SearchError` if kernels are to be combined and nobody can, or the recipe is not on the menu."""
    if config.pairs and not roster.combiners:
        raise SearchError(f"pairs is {config.pairs}, but none of {', '.join(roster.coders)} can combine kernels")
    if missing := set(config.recipe) - {item.item_id for item in menu.available()}:
        raise SearchError(f"recipe: menu {menu.name} does not offer {', '.join(sorted(missing))}")


class BeamSearch:
    """Asks for plans and kernels, is told what came of them, and keeps the best.

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
        If ``start`` is empty or holds a candidate that is not correct, kernels are to be combined and nobody can, or
        the recipe has an item that the menu does not offer.
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
        check_fits(config, menu, roster)
        self.config = config
        self.menu = menu
        self.roster = roster
        self._done = done
        self._members = {member.id: member for member in (*history, *start)}
        self._beam = tuple(sorted(start, key=lambda member: member.cycles))[: config.beam]
        self._best_cycles = [self._beam[0].cycles]
        self._selections: list[Selection] = []
        self._successes = Successes()
        self._evaluations = 0
        self._proposals: dict[str, Proposal] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._stopped: StopReason | None = None
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
    def stopped(self) -> StopReason | None:
        """Why the search is over, or ``None`` while it is not."""
        return self._stopped

    def ask(self) -> tuple[Proposal, ...]:
        """Return the proposals of this iteration that have not been told yet; none once the search is over."""
        if self._stopped:
            return ()
        return tuple(proposal for plan_id, proposal in self._proposals.items() if plan_id not in self._outcomes)

    def add(self, parent_id: str, plan_text: str, *, item_id: str | None = None, coder: str) -> Proposal:
        """Add a person's proposal to this iteration, whose plan is made already; it must be told like any other.

        Raises
        ------
        SearchError
            If the search is over or has no such correct candidate.
        """
        if self._stopped:
            raise SearchError("the search is over; continue from its run to add to it")
        parent = self._members.get(parent_id)
        if parent is None or not parent.evaluation.correct:
            raise SearchError(f"there is no correct candidate {parent_id!r} of a finished iteration to start from")
        slot = len(self._proposals)
        proposal = Proposal(
            plan_id=f"{self.iteration}.{slot}",
            parent_id=parent_id,
            iteration=self.iteration,
            slot=slot,
            seed=derive_seed(self.config.seed, "added", self.iteration, slot),
            offered=() if item_id is None else (item_id,),
            planner=None,
            plan_text=plan_text,
            coders=(coder,),
        )
        self._proposals[proposal.plan_id] = proposal
        return proposal

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
        return tuple(line_of(self._members[candidate_id], self._members))[:0:-1]

    def _begin_iteration(self) -> None:
        self._outcomes.clear()
        drawing = Drawing(self.config, self.menu, self.roster, iteration=self.iteration, successes=self._successes)
        if step := self._recipe_step():
            proposals = [*drawing.step(self._beam, self.menu[step])]
        else:
            plans = drawing.sweep(self._beam) if self._is_sweep() else drawing.plans(self._beam)
            proposals = [*plans, *drawing.pairs(self._beam)]
        self._proposals = {proposal.plan_id: proposal for proposal in self._affordable(proposals)}
        if not self._proposals:
            self._stopped = "evaluations"

    def _recipe_step(self) -> str | None:
        """Return the menu item that this iteration offers alone, if it follows the recipe."""
        position = self.iteration - 1
        return self.config.recipe[position] if position < len(self.config.recipe) else None

    def _is_sweep(self) -> bool:
        stalled = len(self._best_cycles) > 1 and self._best_cycles[-1] == self._best_cycles[-2]
        return self.config.sweep == "always" or (self.config.sweep == "stalled" and stalled)

    def _affordable(self, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
        """Yield as many proposals and code samples as the limit on evaluations allows whatever comes of them."""
        if self.config.evaluations is None:
            yield from proposals
            return
        samples = (self.config.evaluations - self._evaluations) // (1 + self.config.repairs)
        for proposal in proposals:
            if samples <= 0:
                return
            yield proposal.model_copy(update={"coders": proposal.coders[:samples]})
            samples -= len(proposal.coders)

    def _told_members(self) -> Iterator[Member]:
        """Yield the candidates of this iteration in the order of their ids, whatever order they were told in."""
        for plan_id in self._proposals:
            if plan_id in self._outcomes:
                told = self._outcomes[plan_id].members
                yield from sorted(told, key=lambda member: (member.candidate.sample, member.id))

    def _end_iteration(self) -> Selection:
        children = tuple(self._told_members())
        self._members.update((child.id, child) for child in children)
        for plan_id, proposal in self._proposals.items():
            self._successes.take_in(proposal, self._outcomes[plan_id], self._members)
        self._evaluations += len(children)
        beam, dropped = select(
            self.config,
            iteration=self.iteration,
            size=self.config.recipe_beam if self._recipe_step() else self.config.beam,
            beam=self._beam,
            children=children,
            members=self._members,
        )
        selection = Selection(
            iteration=self.iteration,
            kept=tuple(member.id for member in beam),
            dropped=dropped,
            best_cycles=beam[0].cycles,
        )
        self._selections.append(selection)
        self._best_cycles.append(selection.best_cycles)
        self._beam = beam
        self._stopped = self._stop_reason()
        if not self._stopped:
            self._begin_iteration()
        return selection

    def _stop_reason(self) -> StopReason | None:
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
