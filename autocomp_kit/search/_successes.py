"""Which menu items and which agents have made kernels faster so far, and what to try next because of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from autocomp_kit.menu import Menu
from autocomp_kit.search._parts import Member, Outcome, Proposal, derive_seed

__all__ = ["Successes"]


class Successes:
    """Counts of tries and successes, and Thompson sampling from them.

    A try is a success if it led to a correct kernel that beats its parent. What is not known to succeed or fail gets
    its turns too, because the chances are drawn from the posterior (a beta distribution over a flat prior) and not
    set to its mean.
    """

    def __init__(self) -> None:
        self._tries: Counter[tuple[str, str]] = Counter()
        self._successes: Counter[tuple[str, str]] = Counter()

    def take_in(self, proposal: Proposal, outcome: Outcome, members: Mapping[str, Member]) -> None:
        """Count what became of a proposal."""
        parent = members[proposal.parent_id]
        succeeded = [member for member in outcome.members if member.beats(parent)]
        if proposal.planner is not None:
            self._count("planner", proposal.planner, success=bool(succeeded))
        if outcome.plan is not None and outcome.plan.item_id is not None:
            self._count("item", outcome.plan.item_id, success=bool(succeeded))
        authors = {member.candidate.agent for member in succeeded}
        for coder in set(proposal.coders) if outcome.plan is not None else ():
            self._count("coder", coder, success=coder in authors)

    def weigh(self, menu: Menu, seed: int) -> Menu:
        """Return the menu with its weights multiplied by chances of success drawn for this seed, 1 on average."""
        chances = {item.item_id: self._draw("item", item.item_id, seed) for item in menu.items}
        mean = sum(chances.values()) / len(chances)
        return menu.reweighted({item_id: chance / mean for item_id, chance in chances.items()})

    def choose(self, role: str, names: Sequence[str], seed: int) -> str:
        """Return the name whose chance, drawn for this seed, is the highest; ``role`` is planner or coder."""
        return max(names, key=lambda name: self._draw(role, name, seed))

    def _count(self, role: str, name: str, *, success: bool) -> None:
        self._tries[role, name] += 1
        self._successes[role, name] += success

    def _draw(self, role: str, name: str, seed: int) -> float:
        successes = self._successes[role, name]
        failures = self._tries[role, name] - successes
        generator = random.Random(derive_seed(seed, role, name))  # noqa: S311 - a search, not a secret
        return generator.betavariate(1 + successes, 1 + failures)
