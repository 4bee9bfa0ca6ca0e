from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import time

import pytest

from autocomp_kit.events import CandidateEvaluated, CandidateMade, PlanMade, RunFinished, RunStarted
from autocomp_kit.history import RunRecord
from autocomp_kit.records import Candidate, Evaluation, Plan, Usage
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store, StoreError
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyEvaluator


def record_of(run_id="run-1", created=1.0) -> RunRecord:
    return RunRecord(
        run_id=run_id,
        created=created,
        kit_version="0",
        problem=TOY_PROBLEM,
        kernel=TOY_KERNEL,
        config=SearchConfig(),
        menu=TOY_MENU,
        planners=("toy",),
        coders=("toy",),
    )


def plan_of(plan_id="1.0", parent_id="0") -> Plan:
    return Plan(
        plan_id=plan_id,
        parent_id=parent_id,
        iteration=1,
        slot=0,
        seed=1,
        offered=("a",),
        item_id="a",
        text="do a; -- '); DROP TABLE runs",
        agent="toy",
        usage=Usage(calls=1, usd=0.5),
    )


class Writer:
    """Writes one candidate after the other, as a run does."""

    def __init__(self, store, run_id="run-1"):
        self.store, self.run_id, self.sequence = store, run_id, 0

    def stamp(self):
        self.sequence += 1
        return {"run_id": self.run_id, "sequence": self.sequence - 1, "time": float(self.sequence)}

    def begin(self):
        started = RunStarted(**self.stamp(), workload="toy", machine="toy", iterations=1)
        self.store.add_run(record_of(self.run_id), started)

    def plan(self, plan):
        made = PlanMade(
            **self.stamp(),
            plan_id=plan.plan_id,
            parent_id=plan.parent_id,
            iteration=1,
            item_id=plan.item_id,
            agent="toy",
            usage=plan.usage,
        )
        self.store.add_event(made, plan=plan)

    def candidate(self, candidate_id, code, *, parent_id=None, plan_id=None):
        candidate = Candidate(
            candidate_id=candidate_id,
            parent_id=parent_id,
            plan_id=plan_id,
            iteration=1 if parent_id else 0,
            code=code,
            agent="toy",
        )
        evaluator = ToyEvaluator()
        key, evaluation = evaluator.key(code), evaluator.evaluate(code)
        made = CandidateMade(
            **self.stamp(),
            candidate_id=candidate_id,
            parent_id=parent_id,
            plan_id=plan_id,
            iteration=0,
            agent="toy",
            usage=Usage(),
        )
        self.store.add_event(made, candidate=candidate, entry=key)
        self.store.add_evaluation(key, evaluation)
        done = CandidateEvaluated(
            **self.stamp(),
            candidate_id=candidate_id,
            iteration=0,
            status=evaluation.status,
            cycles=evaluation.cycles,
            utilization=evaluation.utilization,
            reused=False,
        )
        self.store.add_event(done)
        return candidate

    def finish(self):
        self.store.add_event(
            RunFinished(**self.stamp(), reason="iterations", message="", best_id=None, best_cycles=None)
        )


def write_small_run(store, run_id="run-1"):
    writer = Writer(store, run_id)
    writer.begin()
    writer.candidate("0", TOY_KERNEL)
    writer.plan(plan_of())
    writer.candidate("1.0.0", "cycles 500", parent_id="0", plan_id="1.0")
    writer.candidate("1.0.1", "wrong", parent_id="0", plan_id="1.0")
    writer.finish()
    return writer


@pytest.fixture(params=["memory", "file", "reopened"])
def written(request, tmp_path):
    """A store with one small run: in memory, in a file, and read back from a file."""
    if request.param == "memory":
        store = Store.open(":memory:")
        write_small_run(store)
    else:
        store = Store.open(tmp_path / "study.sqlite")
        write_small_run(store)
        if request.param == "reopened":
            store.close()
            store = Store.open(tmp_path / "study.sqlite", create=False)
    yield store
    store.close()


def test_a_run_reads_back_as_it_was_written(written):
    run = written.load_run("run-1")
    assert run.record == record_of()
    assert run.plans == {"1.0": plan_of()}
    assert list(run.candidates) == ["0", "1.0.0", "1.0.1"]
    assert run.candidates["1.0.0"].code == "cycles 500"
    assert run.evaluations["1.0.0"].cycles == 500
    assert run.evaluations["1.0.1"].status == "wrong"
    assert [event.kind for event in run.events][:3] == ["run_started", "candidate_made", "candidate_evaluated"]
    assert run.finished.reason == "iterations"
    assert run.best.candidate_id == "1.0.0"


def test_the_lineage_runs_from_the_start_kernel(written):
    steps = written.load_run("run-1").lineage("1.0.0")
    assert [(step.candidate.candidate_id, step.plan and step.plan.plan_id) for step in steps] == [
        ("0", None),
        ("1.0.0", "1.0"),
    ]


def test_the_summary_counts_and_adds_up(written):
    summary = written.load_run("run-1").summary()
    assert (summary.start_cycles, summary.best_cycles, summary.speedup) == (1000, 500, 2.0)
    assert (summary.tried, summary.correct, summary.failed) == (2, 1, 1)
    assert summary.usage.usd == 0.5
    assert summary.seconds == pytest.approx(8.0)


def test_the_frames_have_one_row_per_record(written):
    run = written.load_run("run-1")
    candidates, plans = run.candidates_frame(), run.plans_frame()
    assert candidates["cycles"].tolist()[:2] == [1000, 500]
    assert candidates["cycles"].isna().tolist() == [False, False, True]
    assert plans.loc[0, ["item_id", "candidates"]].tolist() == ["a", 2]


def test_verdicts_are_shared_by_all_runs_but_our_own_failures_are_not(written):
    key = ToyEvaluator().key("cycles 500")
    assert written.evaluation(key).cycles == 500
    assert written.evaluation("unknown") is None
    broken = written.evaluation(key).model_copy(update={"status": "internal_error", "cycles": None})
    written.add_evaluation("broken", broken)
    assert written.evaluation("broken") is None
    written.add_evaluation("broken", written.evaluation(key))
    assert written.evaluation("broken").cycles == 500


def test_a_verdict_of_another_run_does_not_count_before_this_run_has_come_to_it(written):
    writer = Writer(written, "run-2")
    writer.begin()
    candidate = Candidate(candidate_id="0", code="cycles 500", agent="toy")
    made = CandidateMade(
        **writer.stamp(), candidate_id="0", parent_id=None, plan_id=None, iteration=0, agent="toy", usage=Usage()
    )
    written.add_event(made, candidate=candidate, entry=ToyEvaluator().key("cycles 500"))
    assert written.load_run("run-2").evaluations == {}


def test_runs_are_found_by_the_beginning_of_their_name(written):
    Writer(written, "run-2").begin()
    assert [record.run_id for record in written.runs()] == ["run-1", "run-2"]
    assert written.load_run("run-2").run_id == "run-2"
    with pytest.raises(StoreError, match=r"several runs begin with 'run'"):
        written.load_run("run")
    with pytest.raises(StoreError, match=r"there is no run 'other'; runs: run-1, run-2"):
        written.load_run("other")


def test_a_run_cannot_be_added_twice(written):
    with pytest.raises(StoreError, match="already has a run 'run-1'"):
        Writer(written).begin()


def test_an_event_is_written_with_its_record_or_not_at_all(written):
    writer = Writer(written)
    before = written.load_run("run-1")
    with pytest.raises(StoreError, match="gone on elsewhere"):
        writer.plan(plan_of("9.9"))  # sequence 0 is taken
    assert written.load_run("run-1") == before


def test_an_empty_store_says_so():
    with pytest.raises(StoreError, match="has no runs yet"):
        Store.open(":memory:").load_run()


def test_reading_while_another_connection_writes(tmp_path):
    with Store.open(tmp_path / "study.sqlite") as writing, Store.open(tmp_path / "study.sqlite") as reading:
        writer = Writer(writing)
        writer.begin()
        assert reading.load_run().candidates == {}
        writer.candidate("0", TOY_KERNEL)
        assert list(reading.load_run().candidates) == ["0"]


def test_any_sqlite_shell_can_read_it(tmp_path):
    with Store.open(tmp_path / "study.sqlite") as store:
        write_small_run(store)
    rows = sqlite3.connect(tmp_path / "study.sqlite").execute(
        "SELECT candidate_id, agent, cycles FROM candidates "
        "JOIN evaluations USING (evaluation_entry) WHERE cycles < 900"
    )
    assert rows.fetchall() == [("1.0.0", "toy", 500)]


# Files that are not ours.


def foreign(path):
    sqlite3.connect(path).execute("CREATE TABLE runs (a)").connection.commit()


def newer(path):
    Store.open(path).close()
    sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.commit()


def with_a_trigger(path):
    Store.open(path).close()
    statement = "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM events; END"
    sqlite3.connect(path).execute(statement).connection.commit()


def with_a_view_for_a_table(path):
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE events")
    connection.execute("CREATE VIEW events AS SELECT 1 AS run_id, 2 AS sequence, load_extension('evil') AS record")
    connection.commit()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("not a database, but long enough to look at" * 10), "not a database"),
        (lambda path: path.mkdir(), "is a folder"),
        (foreign, "is an SQLite file, but not a store"),
        (newer, r"written by a later release \(schema 99\); update autocomp-kit"),
        (with_a_trigger, "has been changed"),
        (with_a_view_for_a_table, "has been changed"),
        (lambda _: None, "there is no store"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path, make, message):
    path = tmp_path / "file.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=message):
        Store.open(path, create=False)
    assert before == (path.read_bytes() if path.is_file() else None)


def test_a_damaged_file_is_an_error_and_not_a_crash(tmp_path):
    path = tmp_path / "study.sqlite"
    with Store.open(path) as store:
        write_small_run(store)
    whole = path.read_bytes()
    rng = random.Random(0)  # noqa: S311 - damage, not a secret
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[rng.randrange(100, len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.randrange(1000, len(damaged))] if rng.random() < 0.3 else damaged)
        try:
            with Store.open(path, create=False) as store:
                for record in store.runs():
                    store.load_run(record.run_id)
        except StoreError as error:
            assert str(path) in str(error)  # noqa: PT017 - most damage is found, but some hits only slack space


def test_a_record_that_is_not_ours_is_named(tmp_path):
    path = tmp_path / "study.sqlite"
    with Store.open(path) as store:
        write_small_run(store)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE candidates SET record = json_remove(record, '$.code') WHERE candidate_id = '0'")
    connection.commit()
    with Store.open(path) as store, pytest.raises(StoreError, match=r"Candidate\.code: Field required"):
        store.load_run()


# Killing.


def write_until_killed(path, started):
    with Store.open(path) as store:
        writer = Writer(store)
        writer.begin()
        started.set()
        number = 0
        while True:
            writer.plan(plan_of(f"1.{number}"))
            writer.candidate(f"1.{number}.0", f"cycles {number}", plan_id=f"1.{number}")
            number += 1


def test_a_killed_writer_leaves_a_file_with_all_that_it_had_finished(tmp_path):
    context = multiprocessing.get_context("fork")
    rng = random.Random(os.getpid())  # noqa: S311 - an instant, not a secret
    for attempt in range(10):
        path = tmp_path / f"{attempt}.sqlite"
        started = context.Event()
        process = context.Process(target=write_until_killed, args=(path, started))
        process.start()
        assert started.wait(300)
        time.sleep(rng.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with Store.open(path, create=False) as store:
            run = store.load_run()
            kinds = [event.kind for event in run.events]
            assert [event.sequence for event in run.events] == list(range(len(kinds)))
            assert len(run.plans) == kinds.count("plan_made")
            assert len(run.candidates) == kinds.count("candidate_made")
            assert len(run.evaluations) == kinds.count("candidate_evaluated")
            # And it is good for more: the next one goes on where this one was killed.
            writer = Writer(store)
            writer.sequence = len(kinds)
            writer.candidate("more", "cycles 7")
            assert isinstance(store.load_run().evaluations["more"], Evaluation)
