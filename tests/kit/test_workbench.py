"""MenuEditor, KernelLab, LiveRun, BoundsView, linked and the rich displays, as Python sees them."""

from __future__ import annotations

import threading

import pytest
from IPython.testing.globalipapp import start_ipython
from IPython.utils.capture import capture_output

import autocomp_kit
from autocomp_kit.errors import InputError
from autocomp_kit.menu import load_menu
from autocomp_kit.optimize import make_run
from autocomp_kit.search import derive_seed
from autocomp_kit.settings import SearchConfig
from autocomp_kit.traces import trace_kernel
from autocomp_kit.widgets import (
    BeamStepper,
    BoundsView,
    KernelLab,
    LiveRun,
    MenuEditor,
    ScratchpadView,
    TimelineView,
    linked,
)
from autocomp_kit.widgets._bounds_table import bounds_table
from autocomp_kit.widgets._menu_tables import expected_options, menu_changes, option_records
from tests.browser.synthetic import HOSTILE, made_up_run

CONFIG = SearchConfig(iterations=2, beam=2, plans=3, codes=1, seed=3)


@pytest.fixture(scope="module")
def run():
    made = make_run("small/0", config=CONFIG)
    made.execute()
    return made


def test_the_editor_previews_exactly_what_a_plan_with_that_seed_is_offered(run):
    editor = MenuEditor("gemm", runs=[run], seed=5)
    expected = run.history().record.menu.draw(seed=derive_seed(5, "menu"), keep_probability=CONFIG.keep_probability)
    assert editor.offered == [item.item_id for item in expected]
    prompt = editor.prompt({}, [])[0]["text"]
    assert all(item.text in prompt for item in expected)


def test_the_expected_number_is_what_many_draws_give():
    menu = load_menu("gemm")
    drawn = [len(menu.draw(seed=seed, keep_probability=0.3, minimum=1)) for seed in range(400)]
    assert sum(drawn) / len(drawn) == pytest.approx(expected_options(menu, 0.3), rel=0.1)


def test_edits_change_the_menu_and_undo_takes_them_back():
    editor = MenuEditor("gemm")
    rows = [dict(row) for row in editor.items]
    rows[0]["enabled"] = False
    rows[1]["weight"] = 3.5
    assert editor.edit({"items": rows[::-1]}, [])[0] == {}
    assert not editor.menu[rows[0]["item_id"]].enabled
    assert f"{rows[0]['item_id']} is off" in editor.changes
    assert "the order has changed" in editor.changes
    editor.undo()
    assert editor.menu == load_menu("gemm")
    assert editor.changes == []


def test_a_mistake_is_told_and_changes_nothing():
    editor = MenuEditor("gemm")
    rows = [dict(row) for row in editor.items]
    rows[0]["item_id"] = "No Such Form"
    assert "id: " in editor.edit({"items": rows}, [])[0]["error"]
    rows[0]["item_id"] = rows[1]["item_id"]
    assert "stands more than once" in editor.edit({"items": rows}, [])[0]["error"]
    assert editor.menu == load_menu("gemm")


def test_a_menu_is_saved_and_loaded(tmp_path):
    editor = MenuEditor("gemm")
    path = tmp_path / "mine.yaml"
    assert "Saved" in editor.save({"path": str(path)}, [])[0]["text"]
    assert "Loaded" in editor.load({"path": str(path)}, [])[0]["text"]
    assert "is saved as a .yaml file" in editor.save({"path": str(tmp_path / "mine.py")}, [])[0]["error"]
    assert "no menu and no file" in editor.load({"path": "missing"}, [])[0]["error"]


def test_statistics_count_what_happened_in_the_run(run):
    history = run.history()
    records = option_records([history])
    assert sum(record.chosen for record in records.values()) == len(history.plans)
    assert sum(record.candidates for record in records.values()) == len(history.evaluations) - 1
    assert all(record.faster <= record.correct <= record.candidates for record in records.values())


def test_changes_name_what_is_new_and_gone():
    menu = load_menu("gemm")
    fewer = menu.model_copy(update={"items": menu.items[1:]})
    assert menu_changes(menu, fewer) == [f"{menu.items[0].item_id} is gone"]
    assert menu_changes(fewer, menu) == [f"{menu.items[0].item_id} is new"]


def test_the_lab_evaluates_and_says_what_is_wrong_where(run):
    lab = KernelLab(run)
    assert lab.evaluate().correct
    assert lab.result["cycles"] == lab.result["parent_cycles"]
    lab.code = lab.code.replace("fence();", "fence(); nonsense();")
    assert lab.evaluate().status == "rejected"
    ((line, text),) = lab.result["problems"]
    assert "nonsense" in text
    assert "nonsense" in lab.code.splitlines()[line - 1]
    assert [attempt["number"] for attempt in lab.attempts] == [1, 2]


def test_the_lab_works_in_the_background_for_the_page():
    lab = KernelLab(workload="small/0")
    done = threading.Event()
    lab.observe(lambda change: done.set() if not change["new"] else None, "busy")
    assert lab.start_evaluate({}, [])[0] == {}
    assert done.wait(300)
    assert lab.result["correct"]
    assert "no search" in lab.submit({}, [])[0]["error"]


def test_a_kernel_by_hand_goes_into_the_beam_of_a_finished_run(run):
    lab = KernelLab(run, plan="by hand")
    lab.code = lab.code.replace("void solution", "// mine\nvoid solution")
    fork = lab.continue_search()
    assert lab.run is fork
    history = lab.continued.result(120)
    assert history.finished.reason == "iterations"
    assert [one.code for one in history.candidates.values() if one.agent == "human"] == [lab.code]


def test_the_lab_needs_a_run_or_a_workload(run):
    with pytest.raises(InputError, match="needs a run or a workload"):
        KernelLab()
    with pytest.raises(InputError, match="no evaluated candidate 'x'"):
        KernelLab(run, parent="x")


def test_a_live_run_starts_pauses_and_ends():
    live = LiveRun(make_run("small/0", config=CONFIG))
    with pytest.raises(InputError, match="has not begun"):
        live.wait()
    live.start()
    live.pause()
    assert live.state == "paused"
    live.resume()
    history = live.wait(300)
    assert live.state == "iterations"
    assert live.figures["best"] == history.summary().best_cycles
    assert live.figures["tried"] == history.summary().tried
    assert "begun already" in live.act({"action": "start"}, [])[0]["error"]
    assert "no such action" in live.act({"action": "<b>"}, [])[0]["error"]


def test_a_live_run_can_be_cancelled_while_paused():
    live = LiveRun(make_run("small/0", config=CONFIG.model_copy(update={"iterations": 50})))
    live.start()
    live.pause()
    live.cancel()
    assert live.wait(300).finished.reason == "cancelled"


def test_no_candidate_is_below_its_bounds(run):
    table = bounds_table(run.history())
    assert len(table) == sum(one.correct for one in run.history().evaluations.values())
    assert (table["headroom"] >= 1).all()
    view = BoundsView(run)
    assert view.detail["by"] in {"array", "memory", "host"}
    assert view.detail["cycles"] == run.history().summary().best_cycles


def test_linked_views_share_what_is_selected(run):
    beam, bounds = BeamStepper(run), BoundsView(run)
    box = linked(beam, bounds)
    beam.selected = "0"
    assert bounds.selected == "0"
    box.unlink()
    beam.selected = "1.0.0"
    assert bounds.selected == "0"
    trace = trace_kernel("small/0")
    timeline, memory = TimelineView(trace), ScratchpadView(trace)
    linked(timeline, memory)
    memory.line = 20
    memory.window = (10.0, 500.0)
    assert (timeline.line, timeline.window) == (20, (10.0, 500.0))
    with pytest.raises(InputError, match="share nothing"):
        linked(beam, MenuEditor("gemm"))


def test_the_extension_shows_records_escaped_and_histories_as_widgets():
    shell = start_ipython() or __import__("IPython").get_ipython()
    autocomp_kit.load_ipython_extension(shell)
    history = made_up_run(40, text=HOSTILE)
    candidate = next(iter(history.candidates.values()))
    plan = next(iter(history.plans.values()))
    failed = next(one for one in history.evaluations.values() if not one.correct)
    for record in (candidate, plan, failed):
        shown, _ = shell.display_formatter.format(record)
        assert "<img" not in shown["text/html"]
        assert "&lt;" in shown["text/html"]
    with capture_output() as captured:
        assert shell.display_formatter.format(history) == ({}, {})
    live, summary = (output.data for output in captured.outputs)
    assert "application/vnd.jupyter.widget-view+json" in live
    assert "&lt;img" in summary["text/html"]
    assert "<img" not in summary["text/html"]
    autocomp_kit.unload_ipython_extension(shell)
    shown, _ = shell.display_formatter.format(plan)
    assert "text/html" not in shown
