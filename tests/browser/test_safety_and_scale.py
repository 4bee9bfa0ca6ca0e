"""Hostile texts stay texts in every view, and large runs and traces stay quick enough to be used."""

from __future__ import annotations

import pytest

from tests.browser.conftest import spread

SETUP = """
import sys
sys.path.insert(0, ROOT)
from gemmini_sim import load_config
from autocomp_kit.menu import Menu
from autocomp_kit.traces import KernelTrace
from autocomp_kit import load_ipython_extension
from autocomp_kit.run import Run
from autocomp_kit.testing import TOY_KERNEL, ToyAgent, ToyEvaluator
from autocomp_kit.widgets import (
    BeamStepper, BoundsView, KernelLab, LiveRun, MenuEditor, ScratchpadView, TimelineView, linked
)
from tests.browser.synthetic import HOSTILE, made_up_run, made_up_trace
load_ipython_extension(get_ipython())
machine = load_config('int8-16')
hostile = made_up_run(60, iterations=4, text=HOSTILE)
small = made_up_trace(4000)
trace = KernelTrace(HOSTILE, HOSTILE, machine, small.commands, 0, small.cycles)
items = tuple(one.model_copy(update={'text': HOSTILE, 'preconditions': HOSTILE}) for one in hostile.record.menu.items)
menu = Menu(name=HOSTILE[:64], items=items)
run = Run(problem=hostile.record.problem, kernel=TOY_KERNEL, agent=ToyAgent(), evaluator=ToyEvaluator(), menu=menu)
failed = next(one for one, verdict in hostile.evaluations.items() if not verdict.correct)
"""
CELLS = (
    "beam = BeamStepper(hostile)\nbeam",
    "BoundsView(hostile)",
    "editor = MenuEditor(menu, runs=[hostile])\neditor",
    "TimelineView(trace, trace)",
    "ScratchpadView(trace)",
    "lab = KernelLab(hostile, code='/* ' + HOSTILE + ' */', plan=HOSTILE)\nverdict = lab.evaluate()\nlab",
    "live = LiveRun(run)\nlive",
    "linked(TimelineView(trace), ScratchpadView(trace))",
    "hostile.candidates['0']",
    "next(iter(hostile.plans.values()))",
    "hostile.evaluations[failed]",
    "hostile",
    "trace",
)
SCALE = """
import sys
sys.path.insert(0, ROOT)
from gemmini_sim import load_config
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets import BeamStepper, BoundsView, KernelLab, MenuEditor, ScratchpadView, TimelineView
from tests.browser.synthetic import made_up_run, made_up_trace
big = made_up_trace(1_000_000)
trace = KernelTrace('1,000,000 commands', 'void solution();', load_config('int8-16'), big.commands, 0, big.cycles)
history = made_up_run(10_001)
"""
VIEWS = {
    "beam": "BeamStepper(history)",
    "bounds": "BoundsView(history)",
    "menu": "MenuEditor('gemm', runs=[history])",
    "lab": "KernelLab(history)",
    "timeline": "TimelineView(trace)",
    "scratchpad": "ScratchpadView(trace)",
}
MADE = "\n".join(f"{name} = {make}" for name, make in VIEWS.items())


def root(setup):
    from tests.browser.lab import ROOT  # noqa: PLC0415 - a path for the kernel of the page

    return setup.replace("ROOT", repr(str(ROOT)))


def is_inert(page):
    for css in (
        ".ack img",
        ".ack script",
        ".ack a",
        ".ack svg:not(.cm-editor svg)",
        ".jp-OutputArea-output img[src=x]",
    ):
        assert page.locator(css).count() == 0, css
    assert page.locator(".jp-OutputArea [href^='javascript']").count() == 0
    assert page.evaluate("() => window.hacked ?? null") is None


def test_hostile_texts_are_inert_in_every_view(browser_lab):
    notebook = browser_lab.open("hostile", (root(SETUP), *CELLS))
    page = notebook.page
    page.wait_for_selector(".ack-lab .cm-editor")
    page.wait_for_selector(".ack-pad-residents td")
    beam = page.locator(".ack-beam").first
    notebook.run("beam.selected = failed")
    beam.locator(".ack-problems", has_text="onerror").wait_for()
    notebook.run("beam.selected = next(one for one in hostile.candidates if one != '0' and one != failed)")
    for tab in ("Measurements", "Advice", "Reply", "Cost", "Prompt", "Plan and code"):
        beam.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(200)
    page.get_by_role("button", name="The prompt that").click()
    page.locator(".ack-menu pre", has_text="onerror").wait_for()
    page.get_by_role("button", name="Compile, run and check").click()
    notebook.until("len(lab.attempts) == 2")
    notebook.run("lab.message = lab.problem = editor.problem = live.problem = live.state = HOSTILE")
    notebook.run("live.figures = {**live.figures, 'message': HOSTILE}; editor.changes = [HOSTILE]; lab.busy = HOSTILE")
    notebook.run("lab.result = {**lab.result, 'status': HOSTILE, 'facts': [[1, HOSTILE, HOSTILE]]}")
    for view in ("lab", "menu", "live"):
        page.locator(f".ack-{view} .ack-status", has_text="onerror").wait_for()
    page.locator(".ack-lab-verdict", has_text="onerror").first.wait_for()
    for view in ("beam", "bounds", "menu", "timeline", "scratchpad", "lab", "live"):
        notebook.shows(f".ack-{view}", "onerror")
    is_inert(page)
    assert notebook.errors == []
    notebook.save()
    notebook.close()

    saved = browser_lab.show("hostile", run=False)
    saved.page.locator(".ack-summary", has_text="onerror").nth(5).wait_for()
    is_inert(saved.page)
    saved.close()


@pytest.mark.slow
def test_a_large_run_and_a_long_trace_are_quick_enough_to_use(browser_lab, report):
    """Slow: a run of 10,000 candidates and a trace of a million commands; figures go to the report."""
    notebook = browser_lab.open("scale", (root(SCALE) + MADE, *VIEWS))
    page = notebook.page
    page.wait_for_function(
        "names => names.every(name => globalThis.ackTimes?.[`${name} first paint`])", arg=list(VIEWS), timeout=120_000
    )
    beam = page.locator(".ack-beam canvas")
    beam.focus()
    beam.press("Home")
    for _ in range(15):
        beam.press("ArrowRight")
        page.wait_for_timeout(50)
    notebook.until("beam.iteration == 15")
    timeline = page.locator(".ack-timeline canvas")
    timeline.focus()
    for key in (*("+" * 12), *(["ArrowRight"] * 8), *("-" * 6)):
        timeline.press(key)
        page.wait_for_timeout(120)
    notebook.until("timeline.window[1] - timeline.window[0] < 0.1 * trace.cycles")
    slider = page.locator(".ack-pad-slider")
    for part in range(1, 21):
        slider.fill(str(part * 400_000))
        page.wait_for_timeout(120)
    notebook.until("scratchpad.cycle == 8_000_000")
    report["saved_notebook_bytes"] = notebook.save()
    report |= {name.replace(" ", "_"): spread(times) for name, times in notebook.times().items()}
    assert notebook.path.stat().st_size < 1_000_000
    assert notebook.errors == []
    notebook.shoot(".ack-beam", "beam-10000-candidates")
    notebook.shoot(".ack-bounds", "bounds-10000-candidates")
    notebook.shoot(".ack-timeline", "timeline-1000000-commands")
    notebook.shoot(".ack-scratchpad", "scratchpad-1000000-commands")
    notebook.close()
