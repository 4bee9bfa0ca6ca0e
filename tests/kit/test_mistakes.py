"""What a user does wrong: one line that says so at once, before anything is written, paid or computed."""

from __future__ import annotations

import multiprocessing
import re
import sqlite3
import threading

import pytest

from autocomp_kit.agents.registry import make_agent
from autocomp_kit.errors import InputError
from autocomp_kit.evaluate import Evaluator
from autocomp_kit.run import Run
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store, StoreError
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator
from autocomp_kit.workloads import WorkloadError

CONFIG = SearchConfig(iterations=3, beam=2, plans=3, seed=1)


def run_of(store, **fields):
    return Run(
        **{
            "problem": TOY_PROBLEM,
            "kernel": TOY_KERNEL,
            "agent": ToyAgent(),
            "evaluator": ToyEvaluator(),
            "menu": TOY_MENU,
            "config": CONFIG,
            "store": store,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--budget", "inf"), "limits: usd: Input should be a finite number"),
        (("--set", "beam=true"), "settings: beam: .*not true or false"),
        (("--set", "recipe=[hoist]"), "recipe: menu gemm does not offer hoist"),
        (("--set", "pairs=1"), "pairs is 1, but none of rules can combine kernels"),
        (("--agent", "claude:claude-opus-5-5,effort=["), r"effort: the value '\[' cannot be read"),
        (("--agent", "claude:claude-opus-5-5"), "no key for Claude"),
        (("--output", "nowhere/best.c"), "cannot write nowhere/best.c"),
        (("--output", "."), r"cannot write \."),
        (("--record", "mine.c"), "mine.c, line 1: this is not a recorded answer"),
    ],
)
def test_a_wrong_option_leaves_no_run_behind(call, tmp_path, monkeypatch, options, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.c").write_text(TOY_KERNEL)
    done = call("optimize", "-w", "small/1", "--iterations", 1, *options)
    assert done.returncode == 2
    assert re.search(reason, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    if (tmp_path / "autocomp.sqlite").exists():
        with Store.open(tmp_path / "autocomp.sqlite") as store:
            assert store.runs() == ()
    assert (tmp_path / "mine.c").read_text() == TOY_KERNEL


def test_a_word_that_stands_twice_in_a_table_counts_once(call, tmp_path):
    with Store.open(tmp_path / "study.sqlite") as store:
        run_of(store).execute()
    once, twice = (
        call("runs", "costs", "--by", by, "--store", tmp_path / "study.sqlite") for by in ("phase", "phase,phase")
    )
    assert twice == once
    assert once.returncode == 0


@pytest.mark.parametrize("record", [SearchConfig, Limits])
def test_true_is_no_number_and_a_number_no_truth(record):
    for name in ("beam", "seed", "slack", "usd", "tokens", "seconds"):
        if name in record.model_fields:
            with pytest.raises(ValueError, match="not true or false"):
                record(**{name: True})


def test_a_key_is_asked_for_when_the_run_starts_and_not_before():
    run = run_of(None, agent=make_agent("claude:claude-opus-5-5"))
    assert run.run_id
    with pytest.raises(InputError, match="set ANTHROPIC_API_KEY"):
        run.start()


@pytest.mark.parametrize("address", ["localhost:8000", "my-server", "ftp://my-server", "http://"])
def test_an_address_that_is_none_is_refused_before_it_is_tried(monkeypatch, address):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any-word")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    with pytest.raises(InputError, match=f"ANTHROPIC_BASE_URL: '{address}' is no address"):
        run_of(None, agent=make_agent("claude:claude-opus-5-5")).execute()


@pytest.mark.parametrize("key", ["two words", "word\r", "wörd"])
def test_a_key_that_no_request_can_carry_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(InputError, match="check ANTHROPIC_API_KEY") as refused:
        run_of(None, agent=make_agent("claude:claude-opus-5-5")).execute()
    assert key not in str(refused.value)


def test_a_seed_below_zero_is_refused():
    with pytest.raises(InputError, match="seeds are not negative"):
        Evaluator("small/1", seeds=(0, -1))


def test_a_workload_that_no_memory_holds_is_refused(tmp_path):
    path = tmp_path / "huge.yaml"
    path.write_text("kind: gemm\nm: 65536\nn: 65536\nk: 65536\n")
    with pytest.raises(WorkloadError, match=r"needs 12,\d+,\d+,\d+ bytes of memory, but int8-16 has 268,"):
        Evaluator(path)


class Waiting(ToyEvaluator):
    """Lets nobody go on before it is told to."""

    def __init__(self):
        super().__init__()
        self.begun, self.may_end = threading.Event(), threading.Event()

    def evaluate(self, code):
        self.begun.set()
        assert self.may_end.wait(300)
        return super().evaluate(code)


def resume_elsewhere(path, answers):
    with Store.open(path) as store:
        try:
            Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
            answers.put("driven")
        except StoreError as error:
            answers.put(str(error))


def test_a_run_that_is_under_way_cannot_be_resumed_by_another_process(tmp_path):
    path = tmp_path / "study.sqlite"
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with Store.open(path) as store:
        evaluator = Waiting()
        result = run_of(store, evaluator=evaluator).start()
        assert evaluator.begun.wait(300)
        other = context.Process(target=resume_elsewhere, args=(path, answers))
        other.start()
        said = answers.get(timeout=300)
        other.join(300)
        with pytest.raises(StoreError, match="under way already"):
            Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
        evaluator.may_end.set()
        assert result.result(300).finished.reason == "iterations"
    assert "is under way already, in this process or another one" in said
    assert sorted(one.name for one in tmp_path.iterdir()) == ["study.sqlite"]


def test_a_run_that_has_gone_on_since_it_was_opened_is_left_alone(tmp_path):
    with Store.open(tmp_path / "study.sqlite") as store:
        first = run_of(store)
        first.execute(observers=[lambda event: first.cancel() if event.sequence == 9 else None])
        early, late = (Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()) for _ in range(2))
        ended = early.execute()
        with pytest.raises(StoreError, match="gone on elsewhere since it was opened; open it again"):
            late.execute()
        assert store.load_run() == ended


def test_a_full_disk_ends_the_run_and_costs_nothing_that_was_finished(tmp_path):
    path = tmp_path / "study.sqlite"
    with Store.open(":memory:") as store:
        whole = run_of(store).execute()
    with Store.open(path) as store:
        run = run_of(store)
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match=r"cannot write to .*full"):
            run.execute()
        so_far = run.history()
    assert 0 < len(so_far.candidates) < len(whole.candidates)
    with Store.open(path) as store:
        again = Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
    assert again.candidates == whole.candidates
    assert [event.kept for event in again.selections] == [event.kept for event in whole.selections]


def test_a_store_that_somebody_else_holds_is_named_and_left_as_it_was(tmp_path):
    with Store.open(tmp_path / "study.sqlite") as store:
        run_of(store).execute()
        before = store.load_run()
        store._connection.execute("PRAGMA busy_timeout = 10")
        with sqlite3.connect(tmp_path / "study.sqlite", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
            other.execute("ROLLBACK")
        assert store.load_run() == before
        again = Run.reopen(store=store, agent=ToyAgent(), evaluator=ToyEvaluator()).execute()
        assert again.finished.reason == "iterations"
