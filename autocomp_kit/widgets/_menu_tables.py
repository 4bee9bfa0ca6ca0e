"""Facts about a menu: how its options fared in past runs, how many a plan sees, and how it differs from another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from autocomp_kit.history import RunHistory
from autocomp_kit.menu import Menu
from autocomp_kit.records import MenuItem

__all__ = ["OptionRecord", "expected_options", "menu_changes", "option_records"]


class OptionRecord(NamedTuple):
    """How an option fared: plans that were offered it and chose it, and candidates that came of it.

    ``best_gain`` is the largest parent's cycles over the child's, 0 if no child was correct.
    """

    offered: int
    chosen: int
    candidates: int
    correct: int
    faster: int
    best_gain: float


def option_records(histories: Iterable[RunHistory]) -> dict[str, OptionRecord]:
    """Return how each option fared in some runs, by its id."""
    totals: dict[str, list[float]] = {}

    def add(item_id: str, column: int) -> None:
        totals.setdefault(item_id, [0] * 6)[column] += 1

    for history in histories:
        for plan in history.plans.values():
            for item_id in plan.offered:
                add(item_id, 0)
            if plan.item_id:
                add(plan.item_id, 1)
        for candidate in history.candidates.values():
            chosen = history.plans.get(candidate.plan_id or "")
            evaluation = history.evaluations.get(candidate.candidate_id)
            if chosen is None or chosen.item_id is None or evaluation is None:
                continue
            add(chosen.item_id, 2)
            parent = history.evaluations.get(candidate.parent_id or "")
            if not evaluation.correct or not evaluation.cycles:
                continue
            add(chosen.item_id, 3)
            gain = parent.cycles / evaluation.cycles if parent and parent.cycles else 0.0
            if gain > 1:
                add(chosen.item_id, 4)
            totals[chosen.item_id][5] = max(totals[chosen.item_id][5], gain)
    return {item_id: _record(numbers) for item_id, numbers in totals.items()}


def _record(numbers: list[float]) -> OptionRecord:
    offered, chosen, candidates, correct, faster = map(int, numbers[:5])
    return OptionRecord(offered, chosen, candidates, correct, faster, numbers[5])


def expected_options(menu: Menu, keep_probability: float) -> float:
    """Return how many options a plan is offered on average, before the minimum is filled up."""
    available = [item for item in menu.items if item.enabled and item.weight > 0]
    return sum(1.0 if item.always else min(1.0, item.weight * keep_probability) for item in available)


def menu_changes(before: Menu, after: Menu) -> list[str]:
    """Return in sentences how a menu differs from another."""
    return list(_changes(before, after))


def _changes(before: Menu, after: Menu) -> Iterator[str]:
    old = {item.item_id: item for item in before.items}
    new = {item.item_id: item for item in after.items}
    for item_id in old.keys() - new.keys():
        yield f"{item_id} is gone"
    for item_id, item in new.items():
        if item_id not in old:
            yield f"{item_id} is new"
        else:
            yield from _item_changes(old[item_id], item)
    shared = [item.item_id for item in before.items if item.item_id in new]
    if shared != [item.item_id for item in after.items if item.item_id in old]:
        yield "the order has changed"


def _item_changes(old: MenuItem, new: MenuItem) -> Iterator[str]:
    if old.enabled != new.enabled:
        yield f"{new.item_id} is {'on' if new.enabled else 'off'}"
    if old.weight != new.weight:
        yield f"{new.item_id} weighs {new.weight:g} instead of {old.weight:g}"
    for field in ("text", "preconditions", "effect", "rewrite", "always"):
        if getattr(old, field) != getattr(new, field):
            yield f"{new.item_id} has another {'escape rule' if field == 'always' else field}"
