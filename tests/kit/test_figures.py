"""The tables behind the figures, on a real search of a small kernel."""

import numpy as np
import pytest

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.figures import (
    lineage_figure,
    lineage_table,
    live_rows_figure,
    live_rows_table,
    score_figure,
    score_table,
)
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.workloads import load_workload


@pytest.fixture(scope="module")
def history():
    return make_run("small/0", config=SearchConfig(iterations=2, beam=2, plans=3, codes=1, seed=3)).execute()


@pytest.fixture(scope="module")
def evaluator():
    return Evaluator(load_workload("small/0"))


@pytest.fixture(scope="module")
def traced(evaluator):
    return evaluator.trace(evaluator.workload.baseline_code(evaluator.machine))


def test_the_score_table_has_every_evaluated_candidate_and_a_best_that_never_rises(history):
    table = score_table(history)
    assert set(table["candidate_id"]) == set(history.evaluations)
    best = table.sort_values("iteration")["best_so_far"].tolist()
    assert best == sorted(best, reverse=True)
    assert best[-1] == history.summary().best_cycles


def test_the_best_line_of_the_score_table_is_the_lineage_of_the_best(history):
    table = score_table(history)
    line = {step.candidate.candidate_id for step in history.lineage(history.summary().best_id)}
    assert set(table.loc[table["best_line"], "candidate_id"]) == line


def test_the_gains_of_a_lineage_multiply_to_its_speedup(history):
    table = lineage_table(history.lineage(history.summary().best_id))
    assert table["step"].tolist() == list(range(len(table)))
    assert np.prod(table["gain"].dropna()) == pytest.approx(table["speedup"].iloc[-1])
    assert table["speedup"].iloc[-1] == pytest.approx(history.summary().speedup)


def test_live_rows_end_with_nothing_live_and_never_exceed_the_memory(evaluator, traced):
    table = live_rows_table(traced, evaluator.machine, row_bins=64, time_bins=50)
    assert len(table) == 64 * 50
    assert table["live"].between(0, table["rows"]).all()
    assert table.groupby("bank")["first_row"].min().tolist() == [0, 4096, 8192, 12288]
    by_cycle = table.groupby("cycle")["live"].sum()
    assert by_cycle.max() > 0
    assert by_cycle.iloc[-1] == 0  # after the last compute only results are still needed, and they are elsewhere


def test_the_accumulator_is_live_until_the_results_are_stored(evaluator, traced):
    table = live_rows_table(traced, evaluator.machine, memory="accumulator", time_bins=50)
    by_cycle = table.groupby("cycle")["live"].sum()
    assert by_cycle.iloc[-3] > 0


def test_live_rows_need_a_full_trace(evaluator, traced):
    bare = type(traced)(**{name: getattr(traced, name) for name in traced.__slots__} | {"trace": None})
    with pytest.raises(ValueError, match="trace='full'"):
        live_rows_table(bare, evaluator.machine)


def test_every_figure_draws_what_its_table_says(history, evaluator, traced):
    scores = score_table(history)
    drawn = score_figure(scores)
    shown = sum(len(trace.x) for trace in drawn.data if trace.mode == "markers")
    assert shown == (scores["status"] == "correct").sum()
    lineage = lineage_table(history.lineage(history.summary().best_id))
    assert list(lineage_figure(lineage).data[0].y) == lineage["cycles"].tolist()
    live = live_rows_table(traced, evaluator.machine, time_bins=20)
    heat = live_rows_figure({"one": live, "two": live}).data
    assert [picture.z.shape for picture in heat] == [(128, 20), (128, 20)]
