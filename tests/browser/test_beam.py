"""BeamStepper in a browser: stepping, selecting, comparing, keys, both themes."""

from __future__ import annotations

import pytest

SETUP = """
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.widgets import BeamStepper
run = make_run('small/0', config=SearchConfig(iterations=3, beam=3, plans=4, codes=1, seed=1))
history = run.execute()
"""
CELLS = (SETUP, "stepper = BeamStepper(run)\nstepper")
pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def notebook(browser_lab):
    opened = browser_lab.open("beam", CELLS)
    opened.page.wait_for_selector(".ack-beam .ack-diff")
    yield opened
    opened.close()


def test_it_opens_at_the_best_candidate_with_its_plan_and_diff(notebook):
    best = notebook.value("history.best.candidate_id")
    notebook.shows(".ack-beam-heading", best)
    notebook.shows(".ack-beam-plan", notebook.value("history.plans[history.best.plan_id].text"))
    notebook.page.locator(".ack-d-added").first.wait_for()
    notebook.shoot(".ack-beam", "beam-light")


def test_arrow_keys_step_through_the_iterations_and_columns(notebook):
    canvas = notebook.page.locator(".ack-beam canvas")
    canvas.focus()
    canvas.press("Home")
    notebook.until("stepper.iteration == 0 and stepper.selected == '0'")
    notebook.shows(".ack-beam .ack-panel", "start kernel")
    canvas.press("ArrowRight")
    notebook.until("stepper.iteration == 1 and stepper.selected == history.beam_after(1)[0]")
    first = notebook.value("stepper.selected")
    canvas.press("ArrowDown")
    notebook.until(f"stepper.selected != {first!r}")
    canvas.press("End")
    notebook.until("stepper.iteration == 3")


def test_a_click_on_a_node_selects_it_and_python_selects_too(notebook):
    notebook.page.locator(".ack-beam canvas").click(position={"x": 30, "y": 48})
    notebook.until("stepper.selected == '0'")
    notebook.run("stepper.selected = history.best.candidate_id")
    best = notebook.value("history.best.candidate_id")
    notebook.page.wait_for_function(
        "id => document.querySelector('.ack-beam-heading').textContent.startsWith(id)", arg=best
    )


def test_the_code_can_be_compared_with_any_ancestor_in_two_layouts(notebook):
    notebook.page.get_by_role("button", name="Select the best candidate").click()
    notebook.page.get_by_label("Compare the code with").select_option("0")
    notebook.until("stepper.against == '0'")
    notebook.page.get_by_role("button", name="Show the differences in one column").click()
    notebook.until("stepper.layout_of_diff == 'unified'")
    notebook.has(".ack-diff-unified", 1)


@pytest.mark.parametrize("tab", ["Measurements", "Advice", "Prompt", "Reply", "Cost"])
def test_every_tab_shows_something(notebook, tab):
    notebook.page.get_by_role("tab", name=tab).click()
    expected = {
        "Measurements": "cycles (simulated)",
        "Advice": "utilization",
        "Prompt": "Gemmini",
        "Reply": "void solution",
        "Cost": "cost nothing",
    }[tab]
    notebook.page.wait_for_function(
        "text => document.querySelector('.ack-beam .ack-panel').textContent.includes(text)", arg=expected
    )


def test_it_looks_right_in_both_themes_and_wide(notebook):
    notebook.page.get_by_role("tab", name="Plan and code").click()
    for theme in ("Light", "Dark"):
        notebook.theme(theme)
        for width in (1280, 1920):
            notebook.page.set_viewport_size({"width": width, "height": 1080})
            notebook.shoot(".ack-beam", f"beam-{theme.lower()}-{width}")
    notebook.theme("Light")


def test_play_runs_to_the_end(notebook):
    notebook.page.get_by_role("button", name="First iteration").click()
    notebook.until("stepper.iteration == 0")
    notebook.page.get_by_role("button", name="Play").click()
    notebook.until("stepper.iteration == 3")
