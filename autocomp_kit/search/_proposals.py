"""What an iteration asks: which parents, which parts of the menu, which agents."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from autocomp_kit.menu import Menu
from autocomp_kit.records import MenuItem
from autocomp_kit.search._parts import Member, Proposal, Roster, derive_seed
from autocomp_kit.search._successes import Successes
from autocomp_kit.settings import SearchConfig

__all__ = ["Drawing"]


class Drawing:
    """Draws the proposals of one iteration; equal drawings give equal proposals.

    A proposal's seed depends on its parent and not on the parent's rank, so that one rival more or less in the beam
    changes no other draw.
    """

    def __init__(
        self, config: SearchConfig, menu: Menu, roster: Roster, *, iteration: int, successes: Successes
    ) -> None:
        self._config = config
        self._menu = menu
        self._roster = roster
        self._iteration = iteration
        self._successes = successes
        self._slots = itertools.count()

    def plans(self, beam: Sequence[Member]) -> Iterator[Proposal]:
        """Yield ``plans`` proposals per parent, each with its own part of the menu."""
        for parent, number in itertools.product(beam, range(self._config.plans)):
            seed = derive_seed(self._config.seed, "plan", self._iteration, parent.id, number)
            adaptive = self._config.allocation == "adaptive"
            menu = self._successes.weigh(self._menu, seed) if adaptive else self._menu
            offered = menu.draw(
                seed=derive_seed(seed, "menu"),
                keep_probability=self._config.keep_probability,
                minimum=self._config.minimum_options,
                shuffle=self._config.shuffle_menu,
            )
            yield self._plan(parent, seed, offered)

    def step(self, beam: Sequence[Member], item: MenuItem) -> Iterator[Proposal]:
        """Yield ``plans`` proposals per parent that are offered one menu item alone."""
        for parent, number in itertools.product(beam, range(self._config.plans)):
            yield self._plan(
                parent, derive_seed(self._config.seed, "step", self._iteration, parent.id, number), (item,)
            )

    def sweep(self, beam: Sequence[Member]) -> Iterator[Proposal]:
        """Yield one proposal per parent and menu item, which is the only one offered."""
        for parent, item in itertools.product(beam, self._menu.available()):
            yield self._plan(parent, derive_seed(self._config.seed, "sweep", parent.id, item.item_id), (item,))

    def pairs(self, beam: Sequence[Member]) -> Iterator[Proposal]:
        """Yield one proposal for each of ``pairs`` random pairs of the beam."""
        all_pairs = list(itertools.combinations(beam, 2))
        generator = random.Random(derive_seed(self._config.seed, "pairs", self._iteration))  # noqa: S311 - a search
        for faster, other in generator.sample(all_pairs, min(self._config.pairs, len(all_pairs))):
            seed = derive_seed(self._config.seed, "pair", self._iteration, faster.id, other.id)
            slot = next(self._slots)
            combiners = self._roster.combiners
            yield Proposal(
                plan_id=f"{self._iteration}.{slot}",
                parent_id=faster.id,
                other_id=other.id,
                iteration=self._iteration,
                slot=slot,
                seed=seed,
                offered=(),
                planner=None,
                plan_text=f"Combine candidates {faster.id} and {other.id}.",
                coders=tuple(combiners[(slot + number) % len(combiners)] for number in range(self._config.per_pair)),
            )

    def _plan(self, parent: Member, seed: int, offered: Iterable[MenuItem]) -> Proposal:
        slot = next(self._slots)
        planner, coders = self._agents(slot, seed)
        return Proposal(
            plan_id=f"{self._iteration}.{slot}",
            parent_id=parent.id,
            iteration=self._iteration,
            slot=slot,
            seed=seed,
            offered=tuple(item.item_id for item in offered),
            planner=planner,
            coders=tuple(_without_repeats(coders, self._roster.deterministic)),
        )

    def _agents(self, slot: int, seed: int) -> tuple[str, list[str]]:
        planners, coders, samples = self._roster.planners, self._roster.coders, range(self._config.codes)
        if self._config.allocation == "adaptive":
            chosen = [self._successes.choose("coder", coders, derive_seed(seed, "coder", n)) for n in samples]
            return self._successes.choose("planner", planners, seed), chosen
        # Both rotate, the coders more slowly, so that every planner meets every coder.
        turn = slot + self._iteration - 1
        return planners[turn % len(planners)], [coders[(turn // len(planners) + n) % len(coders)] for n in samples]


def _without_repeats(names: Iterable[str], deterministic: frozenset[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name not in deterministic or name not in seen:
            yield name
        seen.add(name)
