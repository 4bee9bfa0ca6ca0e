"""What a view shows is kept in the run's store: a kernel that is restarted shows it again, whoever wrote the file."""

from __future__ import annotations

import os
import sqlite3

import pytest

from autocomp_kit.menu import load_menu
from autocomp_kit.optimize import make_run
from autocomp_kit.records import ViewState
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store, StoreError
from autocomp_kit.traces import trace_candidate
from autocomp_kit.widgets import BeamStepper, BoundsView, KernelLab, MenuEditor, ScratchpadView, TimelineView
from autocomp_kit.widgets._memory import ViewMemory


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "study.sqlite"
    with Store.open(path) as store:
        make_run("small/0", config=SearchConfig(iterations=1, beam=2, plans=3, codes=1, seed=3), store=store).execute()
    return path


@pytest.fixture
def path(written, tmp_path):
    """A store of its own for each test."""
    copy = tmp_path / "study.sqlite"
    with sqlite3.connect(written) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    return copy


def load(path):
    with Store.open(path, create=False) as store:
        return store.load_run()


@pytest.fixture
def settled(monkeypatch):
    """Write at once what is to be kept, instead of in a while."""
    monkeypatch.setattr(ViewMemory, "keep", _write)


def _write(memory, look):
    if memory._path is not None:
        with Store.open(memory._path) as store:
            store.save_view(memory._run_id, memory._view, ViewState(values=dict(look())))


@pytest.mark.usefixtures("settled")
def test_selections_and_layout_come_back(path):
    other = next(one for one in load(path).candidates if one != BeamStepper(path).selected)
    first = BeamStepper(path)
    first.selected, first.layout_of_diff, first.tab, first.iteration = other, "unified", "Advice", 0
    again = BeamStepper(path)
    assert (again.selected, again.layout_of_diff, again.tab, again.iteration) == (other, "unified", "Advice", 0)
    assert again.detail["id"] == other
    assert BeamStepper(path, tab="Cost", selected="0").selected == "0"
    BoundsView(path).selected = other
    assert BoundsView(path).selected == other


@pytest.mark.usefixtures("settled")
def test_zoom_cursor_and_selection_of_a_trace_come_back_for_its_candidate_only(path):
    trace = trace_candidate(load(path), "0")
    timeline, memory = TimelineView(trace), ScratchpadView(trace)
    timeline.window, timeline.selected = (100.0, 900.0), 7
    memory.memory, memory.cycle, memory.rows = "accumulator", 321, (0, 64)
    again, other = trace_candidate(load(path), "0"), trace_candidate(load(path))
    assert (TimelineView(again).window, TimelineView(again).detail["command"]) == ((100.0, 900.0), 7)
    assert ScratchpadView(again).get_state(("memory", "cycle", "rows")) == {
        "memory": "accumulator", "cycle": 321, "rows": (0, 64),
    }  # fmt: skip
    assert TimelineView(other).window == (0.0, other.cycles)


@pytest.mark.usefixtures("settled")
def test_a_draft_in_the_lab_comes_back_with_its_verdict(path):
    lab = KernelLab(path)
    lab.code = "// mine\n" + lab.code
    lab.plan = "a thought"
    lab.evaluate()
    again = KernelLab(path)
    assert (again.code, again.plan, again.result, again.attempts) == (lab.code, lab.plan, lab.result, lab.attempts)
    assert again.evaluate().correct
    assert [one["number"] for one in again.attempts] == [1, 2]


@pytest.mark.usefixtures("settled")
def test_an_edited_menu_comes_back_where_the_same_menu_is_opened(path):
    menu = load_menu("gemm")
    editor = MenuEditor(menu, runs=[path])
    items = [{**editor.items[0], "text": "reworded"}, *editor.items[1:]]
    editor.edit({"items": items}, [])
    editor.keep_probability = 0.9
    again = MenuEditor(menu, runs=[path])
    assert (again.menu, again.keep_probability) == (editor.menu, 0.9)
    again.undo()
    assert again.menu == menu
    other = menu.model_copy(update={"items": menu.items[1:]})
    assert MenuEditor(other, runs=[path]).menu == other


def test_what_changes_quickly_is_written_when_it_rests_and_never_into_what_the_search_reads(path):
    before = load(path)
    stepper = BeamStepper(path)
    memory = ViewMemory(before, "BeamStepper")
    for number, one in enumerate(before.candidates):
        stepper.selected = one
        memory.keep(lambda number=number: {"selected": number})
    memory.write()
    assert memory.recall() == {"selected": len(before.candidates) - 1}
    assert load(path) == before


@pytest.mark.parametrize(
    "values",
    [
        {"selected": 5, "iteration": "x", "tab": "<script>", "layout_of_diff": None},
        {"selected": "nobody", "against": "nobody", "iteration": -7},
        {"window": [5, 1], "cycle": 1.5, "rows": "all", "memory": "disk", "shown": 9, "line": 1e300},
        {"attempts": [{"number": "1"}], "result": {"status": []}, "code": 7},
        {"attempts": 3, "items": 3, "opened": 3, "seed": -1, "keep_probability": 7},
    ],
    ids=" ".join,
)
def test_a_record_that_fits_nothing_is_as_none(path, values):
    history = load(path)
    trace = trace_candidate(history, "0")
    views = (BeamStepper, BoundsView, KernelLab, lambda source: MenuEditor("gemm", runs=[source]))
    fresh = [make(history).get_state() for make in views]
    names = ("BeamStepper", "BoundsView", "KernelLab", "MenuEditor gemm")
    with Store.open(path) as store:
        for name in (*names, f"TimelineView {trace.name}", f"ScratchpadView {trace.name}"):
            store.save_view(history.run_id, name, ViewState(values=values))
    for make, state in zip(views, fresh, strict=True):
        differences = {name for name, value in make(history).get_state().items() if value != state[name]}
        assert differences <= {"layout", "against", "iteration"}  # any value of the last two is one that a page may set
    assert TimelineView(trace).window == (0.0, trace.cycles)
    assert ScratchpadView(trace).picture({"begin": 0, "end": 10, "height": 4, "width": 4}, [])[0]["parts"] == 4


def test_a_file_of_an_earlier_release_takes_views_once_one_is_kept(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE views")
        connection.execute("PRAGMA user_version = 1")
    run_id = load(path).run_id
    with Store.open(path) as store:
        assert store.view(run_id, "x") is None
        store.save_view(run_id, "x", ViewState(values={"a": 1}))
    with Store.open(path) as store:
        assert store.view(run_id, "x").values == {"a": 1}


def test_a_file_that_nobody_may_write_is_shown_and_keeps_nothing(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who may run the tests, may write everything
    stepper = BeamStepper(path)
    with Store.open(path, create=False) as store, pytest.raises(StoreError, match="cannot write"):
        store.save_view(stepper.overview["run_id"], "BeamStepper", ViewState(values={}))
    memory = ViewMemory(load(path), "BeamStepper")
    memory.keep(lambda: {"selected": "0"})
    memory.write()
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]
