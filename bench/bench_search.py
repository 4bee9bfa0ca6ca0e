"""What an evaluation costs, how two processors help, what the search itself adds, and whether the bandit pays."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from run import Row

from autocomp_kit.agents.base import AgentError, CodeReply, CodeRequest, PlanRequest
from autocomp_kit.evaluate import Evaluator
from autocomp_kit.history import RunHistory
from autocomp_kit.optimize import make_run
from autocomp_kit.records import Plan
from autocomp_kit.run import Run
from autocomp_kit.search import derive_seed
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

_KERNELS = 12
_SEEDS = 10


def measure() -> Iterator[Row]:
    """Yield the figures of evaluations, of a long search in a toy world, and of the two ways to allot turns."""
    yield from _evaluations()
    yield from _overhead()
    yield from _allocations()


def _evaluations() -> Iterator[Row]:
    """Evaluate kernels that no cache has seen, on one thread and on two."""
    for name in ("small/0", "exo/0"):
        evaluator = Evaluator(name)
        naive = evaluator.workload.baseline_code(evaluator.machine)
        evaluator.evaluate(naive)
        stamp = time.time_ns() % 10**8 * 100
        rates = []
        for threads in (1, 2):
            # A constant that nobody reads makes each text a kernel of its own.
            names = [f"{{ const int unused = {stamp + threads * 50 + number};" for number in range(_KERNELS)]
            kernels = [naive.replace("{", unused, 1) for unused in names]
            begun = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                verdicts = list(pool.map(evaluator.evaluate, kernels))
            rates.append(_KERNELS / (time.perf_counter() - begun))
            if not all(verdict.correct for verdict in verdicts):
                raise RuntimeError(f"the benchmark's kernels must be correct: {verdicts[0].problems}")
        yield Row(f"evaluations of {name} naive (compile, 2 seeds, check)", rates[0], "per second")
        yield Row("the same on 2 threads", rates[1], "per second", rates[0], "1 thread")


def _overhead() -> Iterator[Row]:
    """Time a search of 10,000 candidates that cost nothing to write and nothing to evaluate."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.sqlite"
        config = SearchConfig(iterations=160, beam=4, plans=8, codes=2, slack=1.0)
        with Store.open(path) as store:
            begun = time.perf_counter()
            history = _toy_run(ToyAgent(), config, store=store).execute()
            seconds = time.perf_counter() - begun
        count = len(history.candidates)
        yield Row(f"search of {count:,} candidates in a toy world", seconds * 1e3 / count, "ms/candidate")
        yield Row("store of toy kernels", path.stat().st_size / 1024 * 1000 / count, "KB/1000 cand.")
        begun = time.perf_counter()
        with Store.open(path, create=False) as store:
            loaded = store.load_run()
        yield Row(f"opening the run of {count:,} candidates", time.perf_counter() - begun, "seconds")
        begun = time.perf_counter()
        loaded.summary()
        loaded.candidates_frame()
        yield Row("summary and table of all its candidates", time.perf_counter() - begun, "seconds")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.sqlite"
        with Store.open(path) as store:
            history = make_run("small/0", config=SearchConfig(iterations=4, seed=1), store=store).execute()
        count = len(history.candidates)
        yield Row("store of real kernels (small/0)", path.stat().st_size / 1024 * 1000 / count, "KB/1000 cand.")


def _toy_run(agent: ToyAgent, config: SearchConfig, *, store: Store | None = None) -> Run:
    return Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=agent,
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=config,
        store=store,
    )


class _PartlyUseful(ToyAgent):
    """A world in which two of the nine menu items make kernels faster and the others rarely do."""

    useful: tuple[str, ...] = ("option-2", "option-5")

    async def plan(self, request: PlanRequest) -> Plan:
        """Choose one of the options by the call's seed."""
        plan = await super().plan(request)
        if request.seed % 11 == 0:
            raise AgentError("nothing fits", kind="not_applicable")
        return plan

    async def implement(self, request: CodeRequest) -> CodeReply:
        """Write a kernel that is faster if the item is useful, and else mostly slower."""
        draw = derive_seed(request.seed, "gain") % 100
        works = draw < (70 if request.plan.item_id in self.useful else 5)
        cycles = request.evaluation.cycles or 0
        faster = 100 + (cycles - 100) * (80 + draw % 15) // 100
        return CodeReply(code=f"cycles {faster if works else cycles + 1 + draw}", agent=self.name)


class _Alike(_PartlyUseful):
    """A world in which it does not matter which item is chosen."""

    useful = tuple(item.item_id for item in TOY_MENU.items)


def _allocations() -> Iterator[Row]:
    """Compare equal numbers of candidates whose turns are given out evenly, or by success so far."""
    for world, agent in (("two useful items of nine", _PartlyUseful), ("all items alike", _Alike)):
        best: dict[str, list[int]] = {}
        for allocation in ("even", "adaptive"):
            config = SearchConfig(iterations=20, beam=4, plans=4, codes=1, keep_probability=0.3, allocation=allocation)
            runs = (_toy_run(agent(), config.model_copy(update={"seed": seed})) for seed in range(_SEEDS))
            best[allocation] = [_cycles(run.execute()) for run in runs]
        medians = {allocation: statistics.median(cycles) for allocation, cycles in best.items()}
        won = sum(adaptive < even for even, adaptive in zip(best["even"], best["adaptive"], strict=True))
        lost = sum(adaptive > even for even, adaptive in zip(best["even"], best["adaptive"], strict=True))
        yield Row(f"adaptive turns, {world}, median best", medians["adaptive"], "cycles", medians["even"], "even turns")
        yield Row(f"seeds of {_SEEDS} on which adaptive turns win", won, "seeds", lost, "they lose")


def _cycles(history: RunHistory) -> int:
    cycles = history.summary().best_cycles
    if cycles is None:
        raise RuntimeError("a toy search has found nothing")
    return cycles
