"""A run that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time

import pytest

from autocomp_kit.errors import InputError
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

CONFIG = SearchConfig(iterations=8, beam=3, plans=4, codes=2, pairs=1, repairs=1, allocation="adaptive", seed=3)
KILLS = 20


def new_run(store, **fields) -> Run:
    fields = {"agent": ToyAgent(), "evaluator": ToyEvaluator()} | fields
    return Run(problem=TOY_PROBLEM, kernel=TOY_KERNEL, menu=TOY_MENU, config=CONFIG, store=store, **fields)


def work(path, started):
    """One session of the search in a process of its own: begins it, or goes on with it."""
    with Store.open(path) as store:
        parts = {
            "agent": ToyAgent(seconds=0.03),
            "evaluator": ToyEvaluator(seconds=0.003),
            "store": store,
            "concurrent_calls": 3,
        }
        run = Run.reopen(**parts) if store.runs() else new_run(**parts)
        run.execute(observers=[lambda _: started.set()])


def without_order(history):
    return (
        dict(sorted(history.plans.items())),
        dict(sorted(history.candidates.items())),
        dict(sorted(history.evaluations.items())),
        [(event.iteration, event.kept, event.dropped) for event in history.selections],
        sorted((event.kind, event.message) for event in history.events if event.kind in {"plan_failed", "code_failed"}),
        history.finished.reason,
        history.usage.calls,
    )


def test_a_search_killed_at_20_random_instants_ends_as_the_uninterrupted_one(tmp_path):
    path = tmp_path / "study.sqlite"
    context = multiprocessing.get_context("fork")
    instants = random.Random(os.getpid())  # noqa: S311 - an instant, not a secret
    states = []
    for kill in range(KILLS + 1):
        started = context.Event()
        process = context.Process(target=work, args=(path, started))
        process.start()
        assert started.wait(300)
        if kill < KILLS:
            time.sleep(instants.uniform(0, 0.06))
            os.kill(process.pid, signal.SIGKILL)
        process.join(300)
        with Store.open(path, create=False) as store:
            states.append(store.load_run().summary().state)
    assert process.exitcode == 0
    assert states.count("unfinished") > KILLS // 2, "the kills must fall into the search, not after it"
    with Store.open(path, create=False) as store:
        history = store.load_run()
    plain = new_run(Store.open(":memory:"))
    assert without_order(history) == without_order(plain.execute())
    made = [event.candidate_id for event in history.events if event.kind == "candidate_made"]
    assert len(made) == len(set(made))


@pytest.mark.parametrize("after", range(1, 30, 4))
def test_a_run_reopens_after_any_event(after):
    """The same at chosen events, down to the first, without processes."""
    store = Store.open(":memory:")
    run = new_run(store, agent=ToyAgent(seconds=0.005))
    run.execute(observers=[lambda event: run.cancel() if event.sequence == after else None])
    agent = ToyAgent()
    first = store.load_run()
    again = Run.reopen(store=store, agent=agent, evaluator=ToyEvaluator()).execute()
    assert without_order(again) == without_order(new_run(Store.open(":memory:")).execute())
    assert not set(agent.calls) & (set(first.plans) | set(first.candidates))


def test_a_run_does_not_go_on_with_verdicts_of_another_kind():
    class OtherSimulator(ToyEvaluator):
        def key(self, code):
            return "other " + super().key(code)

    store = Store.open(":memory:")
    new_run(store).execute()
    with pytest.raises(InputError, match="workload, machine or simulator has changed"):
        Run.reopen(store=store, agent=ToyAgent(), evaluator=OtherSimulator())
