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
from autocomp_kit.widgets import BeamStepper, BoundsView, KernelLab, MenuEditor, ScratchpadView, TimelineView
from tests.browser.synthetic import HOSTILE, made_up_run, made_up_trace
machine = load_config('int8-16')
hostile = made_up_run(60, iterations=4, text=HOSTILE)
small = made_up_trace(4000)
trace = KernelTrace(HOSTILE, HOSTILE, machine, small.commands, 0, small.cycles)
items = tuple(one.model_copy(update={'text': HOSTILE, 'preconditions': HOSTILE}) for one in hostile.record.menu.items)
menu = Menu(name=HOSTILE[:64], items=items)
"""
HOSTILE_CELLS = (
    "beam = BeamStepper(hostile)\nbeam",
    "BoundsView(hostile)",
    "MenuEditor(menu, runs=[hostile])",
    "TimelineView(trace, trace)",
    "ScratchpadView(trace)",
    "lab = KernelLab(workload='small/0', code='/* ' + HOSTILE + ' */')\nlab.evaluate()\nlab",
    "from autocomp_kit import load_ipython_extension\nload_ipython_extension(get_ipython())\nhostile.candidates['0']",
    "next(iter(hostile.plans.values()))",
)
SCALE = """
import sys
sys.path.insert(0, ROOT)
from gemmini_sim import load_config
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets import BeamStepper, ScratchpadView, TimelineView
from tests.browser.synthetic import made_up_run, made_up_trace
big = made_up_trace(1_000_000)
trace = KernelTrace('1,000,000 commands', 'void solution();', load_config('int8-16'), big.commands, 0, big.cycles)
history = made_up_run(10_001)
"""


def root(setup):
    from tests.browser.lab import ROOT  # noqa: PLC0415 - a path for the kernel of the page

    return setup.replace("ROOT", repr(str(ROOT)))


def test_hostile_texts_are_inert_in_every_view(browser_lab):
    notebook = browser_lab.open("hostile", (root(SETUP), *HOSTILE_CELLS))
    page = notebook.page
    page.wait_for_selector(".ack-lab .cm-editor", timeout=90_000)
    page.wait_for_selector(".ack-pad-residents td", timeout=60_000)
    for tab in ("Measurements", "Advice", "Reply", "Cost", "Prompt", "Plan and code"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
    notebook.run("beam.selected = next(one for one, e in hostile.evaluations.items() if not e.correct)")
    page.wait_for_selector(".ack-beam .ack-problems")
    assert "onerror" in page.locator(".ack-beam").inner_text()
    for css in (
        ".ack img",
        ".ack script",
        ".ack a",
        ".ack svg:not(.cm-editor svg)",
        ".jp-OutputArea-output img[src=x]",
    ):
        assert page.locator(css).count() == 0, css
    assert page.evaluate("() => window.hacked ?? null") is None
    assert notebook.errors == []
    notebook.close()


@pytest.mark.slow
def test_a_large_run_and_a_long_trace_are_quick_enough_to_use(browser_lab, report):
    """Slow: a run of 10,000 candidates and a trace of a million commands; figures go to the report."""
    notebook = browser_lab.open(
        "scale", (root(SCALE), "beam = BeamStepper(history)\nbeam", "timeline = TimelineView(trace)\ntimeline")
    )
    page = notebook.page
    page.wait_for_function("() => globalThis.ackTimes?.['beam paint'] && globalThis.ackTimes?.['timeline zoom']")
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
    report["saved_notebook_bytes"] = notebook.save()
    report |= {name.replace(" ", "_"): spread(times) for name, times in notebook.times().items()}
    assert notebook.path.stat().st_size < 1_000_000
    assert notebook.errors == []
    notebook.shoot(".ack-beam", "beam-10000-candidates")
    notebook.shoot(".ack-timeline", "timeline-1000000-commands")
    notebook.close()
