"""Evaluations elsewhere than in this process."""

from __future__ import annotations

import os
import pickle
import signal
from concurrent.futures import ProcessPoolExecutor

import pytest
from distributed import LocalCluster

from autocomp_kit.errors import InputError
from autocomp_kit.evaluate import Evaluator
from autocomp_kit.executors import open_executor
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

CONFIG = SearchConfig(iterations=4, beam=3, plans=4, seed=8)


def search(executor=None, *, seconds=0.0, observers=()):
    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=ToyAgent(),
        evaluator=ToyEvaluator(seconds=seconds),
        menu=TOY_MENU,
        config=CONFIG,
        executor=executor,
    )
    history = run.execute(observers)
    return dict(history.candidates), dict(history.evaluations), [one.kept for one in history.selections]


def test_a_worker_killed_in_the_middle_costs_a_retry_and_nothing_else():
    """Two Dask worker processes; the one that is evaluating is killed with the search half done."""
    killed = []
    with open_executor("local:2") as executor:
        client = executor._client

        def kill_one(event):
            if event.kind == "beam_selected" and event.iteration == 2:
                pid = next(iter(client.run(os.getpid).values()))
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

        result = search(executor, seconds=0.03, observers=[kill_one])
    assert killed
    assert result == search()


def test_a_process_pool_will_do_as_well():
    with ProcessPoolExecutor(2) as executor:
        assert search(executor) == search()


def test_an_evaluation_without_a_verdict_is_tried_again(caplog):
    class Shaky(ToyEvaluator):
        failures = 2

        def evaluate(self, code):
            if self.failures:
                self.failures -= 1
                raise OSError("the worker is gone")
            return super().evaluate(code)

    run = Run(
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        agent=ToyAgent(),
        evaluator=Shaky(),
        menu=TOY_MENU,
        config=CONFIG,
    )
    assert run.execute().finished.reason == "iterations"
    assert caplog.text.count("is tried again") == 2


def test_an_evaluation_that_never_has_a_verdict_ends_the_run():
    class Dead(ToyEvaluator):
        def evaluate(self, code):
            raise OSError(f"no worker for {code}")

    run = Run(problem=TOY_PROBLEM, kernel=TOY_KERNEL, agent=ToyAgent(), evaluator=Dead(), menu=TOY_MENU, config=CONFIG)
    with pytest.raises(OSError, match="no worker for cycles 1000"):
        run.execute()
    assert run.history().finished.reason == "internal_error"


def test_the_evaluator_can_be_sent_to_a_worker():
    evaluator = Evaluator("small/1")
    kernel = evaluator.workload.baseline_code(evaluator.machine)
    assert pickle.loads(pickle.dumps(evaluator)).key(kernel) == evaluator.key(kernel)  # noqa: S301 - our own


def test_wrong_places_are_refused_with_the_way_out():
    for where, message in (("local:many", "write local:N"), ("tcp://127.0.0.1:1", "there is no Dask scheduler at")):
        with pytest.raises(InputError, match=message), open_executor(where):
            pass
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(InputError, match="has no workers"),
        open_executor(cluster.scheduler_address),
    ):
        pass
