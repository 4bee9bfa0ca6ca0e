"""Every notebook runs from top to bottom in a real kernel, and its .py twin says the same."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from autocomp_kit.experiments import replay_notebook
from autocomp_kit.store import Store

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
ALL = sorted(NOTEBOOKS.rglob("*.ipynb"))


def cells(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_and_its_text_twin_are_the_same_and_hold_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    assert cells(notebook) == cells(jupytext.read(path.with_suffix(".py")))
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", sorted((NOTEBOOKS / "explore").glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_explore_notebook_replays_on_a_small_kernel_and_stays_small(path, tmp_path):
    output = tmp_path / "rendered.ipynb"
    parameters = {"workload": "small/0", "iterations": 2}
    if "\nstore = " in path.with_suffix(".py").read_text():
        parameters["store"] = str(tmp_path / "study.sqlite")
    replay_notebook(path, output, parameters=parameters, progress=False)
    cells = nbformat.read(output, as_version=4).cells
    assert cells[0].source.splitlines()[0].endswith("?")
    assert "What to try" in cells[-1].source
    shown = [out.get("data", {}) for cell in cells for out in cell.get("outputs", ())]
    views = [place for place, data in enumerate(shown) if "application/vnd.jupyter.widget-view+json" in data]
    assert views
    assert all("ack-summary" in shown[place + 1]["text/html"] for place in views)
    assert output.stat().st_size < 1_000_000


@pytest.mark.parametrize("path", sorted((NOTEBOOKS / "course").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_course_notebook_runs_without_a_guess_and_with_one(path, tmp_path):
    text = path.with_suffix(".py").read_text()
    parameters = dict.fromkeys(re.findall(r"^(guess_\w+) = 0", text, re.MULTILINE)[:1], 1234)
    if "\nstore = " in text:
        parameters |= {"workload": "small/0", "iterations": 2, "store": str(tmp_path / "study.sqlite")}
    output = tmp_path / "rendered.ipynb"
    replay_notebook(path, output, parameters=parameters, progress=False)
    cells = nbformat.read(output, as_version=4).cells
    assert cells[0].source.splitlines()[0].endswith("?")
    printed = "".join(out.get("text", "") for cell in cells for out in cell.get("outputs", ()))
    assert re.search(r"you said 1,?234", printed)
    assert ("made no guess" in printed) == (len(re.findall(r"^guess_", text, re.MULTILINE)) > 1)
    kinds = [kind for cell in cells for out in cell.get("outputs", ()) for kind in out.get("data", {})]
    assert kinds.count("application/vnd.jupyter.widget-view+json") >= 2
    assert output.stat().st_size < 1_000_000


def test_quickstart_optimises_a_small_kernel_and_shows_it(tmp_path):
    output, store = tmp_path / "rendered.ipynb", tmp_path / "run.sqlite"
    parameters = {"workload": "small/0", "iterations": 3, "beam": 2, "plans": 4, "store": str(store)}
    replay_notebook(NOTEBOOKS / "quickstart.ipynb", output, parameters=parameters, progress=False)
    with Store.open(store, create=False) as study:
        summary = study.load_run().summary()
    assert summary.best_cycles < summary.start_cycles
    kinds = [
        kind
        for cell in nbformat.read(output, as_version=4).cells
        for shown in cell.get("outputs", ())
        for kind in shown.get("data", {})
    ]
    assert kinds.count("application/vnd.plotly.v1+json") == 4
    assert output.stat().st_size < 1_000_000


def test_timing_accuracy_measures_some_programs_and_shows_both_figures(tmp_path):
    output = tmp_path / "rendered.ipynb"
    parameters = {"programs": "ex_m2_n1 mm16_v3"}
    replay_notebook(NOTEBOOKS / "figures" / "timing_accuracy.ipynb", output, parameters=parameters, progress=False)
    shown = [out for cell in nbformat.read(output, as_version=4).cells for out in cell.get("outputs", ())]
    kinds = [kind for out in shown for kind in out.get("data", {})]
    assert kinds.count("application/vnd.plotly.v1+json") == 2
    assert any("matmul warm" in out.get("data", {}).get("text/html", "") for out in shown)


def test_search_results_searches_once_and_draws_what_it_found(tmp_path):
    store = tmp_path / "results.sqlite"
    parameters = {"workloads": "small/1 small/0", "iterations": 1, "beam": 1, "store": str(store)}
    for attempt in ("first", "second"):
        output = tmp_path / f"{attempt}.ipynb"
        replay_notebook(NOTEBOOKS / "figures" / "search_results.ipynb", output, parameters=parameters, progress=False)
        with Store.open(store, create=False) as study:
            runs = [study.load_run(record.run_id).summary() for record in study.runs()]
        assert [run.workload for run in runs] == ["small/1", "small/0"]
    shown = [
        out.get("data", {}) for cell in nbformat.read(output, as_version=4).cells for out in cell.get("outputs", ())
    ]
    table, *figures = shown
    assert all(f"{run.best_cycles:,}" in table["text/html"] for run in runs)
    assert ["application/vnd.plotly.v1+json" in figure for figure in figures] == [True, True]
