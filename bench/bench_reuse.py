"""What a found schedule is worth for a similar workload: equal numbers of candidates with and without its recipe."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from run import Row

from autocomp_kit.compare import best_after
from autocomp_kit.history import RunHistory
from autocomp_kit.optimize import make_run
from autocomp_kit.reuse import Recipe, recipe_of
from autocomp_kit.settings import SearchConfig

_PAIRS = (("gemm/7", "gemm/8"), ("exo/0", "gemm/2"))
_BUDGETS = (10, 20, 40)
_SEEDS = 3
_CONFIG = SearchConfig(iterations=40, evaluations=40)


def measure() -> Iterator[Row]:
    """Yield the best cycles after some candidates that follow another search's recipe, beside those without."""
    for source, target in _PAIRS:
        recipe = recipe_of(_search(source, seed=100))
        without = [_search(target, seed=seed) for seed in range(_SEEDS)]
        following = [_search(target, seed=seed, reuse=recipe) for seed in range(_SEEDS)]
        for budget in _BUDGETS:
            name = f"{target} by the recipe of {source}, {budget} candidates, median"
            yield Row(name, _median(following, budget), "cycles", _median(without, budget), "no recipe")


def _search(workload: str, *, seed: int, reuse: Recipe | None = None) -> RunHistory:
    config = _CONFIG.model_copy(update={"seed": seed})
    return make_run(workload, config=config, reuse=reuse).execute()


def _median(histories: list[RunHistory], budget: int) -> float:
    cycles = [best_after(history, budget) for history in histories]
    return statistics.median(count for count in cycles if count is not None)
