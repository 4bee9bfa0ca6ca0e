"""What an evaluation costs, how two threads help, and what the search itself adds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from run import Row

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.workloads import load_workload

_KERNELS = 12


def measure() -> Iterator[Row]:
    """Yield evaluations per second on one and two threads, and the size and cost of a search."""
    evaluator = Evaluator(load_workload("exo/0"))
    naive = evaluator.workload.baseline_code(evaluator.machine)
    evaluator.evaluate(naive)
    stamp = time.time_ns()
    rates = []
    for threads in (1, 2):
        # A constant that nobody reads makes each text a kernel that no cache has seen.
        kernels = [
            naive.replace("{", f"{{ const int unused = {stamp % 10**8 * 100 + threads * 50 + number};", 1)
            for number in range(_KERNELS)
        ]
        begun = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            verdicts = list(pool.map(evaluator.evaluate, kernels))
        rates.append(_KERNELS / (time.perf_counter() - begun))
        if not all(verdict.correct for verdict in verdicts):
            raise RuntimeError(f"the benchmark's kernels must be correct: {verdicts[0].problems}")
    yield Row("evaluations of exo/0 naive (compile, 2 seeds, check), 1 thread", rates[0], "per second")
    yield Row("the same on 2 threads", rates[1], "per second", rates[0], "1 thread")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.sqlite"
        with Store.open(path) as store:
            begun = time.perf_counter()
            history = make_run("small/0", config=SearchConfig(iterations=4, seed=1), store=store).execute()
            seconds = time.perf_counter() - begun
        evaluating = sum(evaluation.seconds for evaluation in history.evaluations.values())
        count = len(history.candidates)
        yield Row(f"search of small/0 with rules, {count} candidates", seconds, "seconds", evaluating, "in evaluations")
        yield Row("store", path.stat().st_size / 1024 * 1000 / count, "KB/1000 cand.")
