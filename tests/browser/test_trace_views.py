"""TimelineView and ScratchpadView in a browser: looking around, selecting, links between bar, line and rows."""

from __future__ import annotations

import pytest

SETUP = """
from autocomp_kit.traces import trace_kernel
from autocomp_kit.widgets import ScratchpadView, TimelineView
trace = trace_kernel('small/0')
"""
CELLS = (SETUP, "timeline = TimelineView(trace)\ntimeline", "memory = ScratchpadView(trace)\nmemory")
pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def notebook(browser_lab):
    opened = browser_lab.open("traces", CELLS)
    opened.page.wait_for_selector(".ack-pad-row", timeout=60_000)
    yield opened
    opened.close()


def test_keys_zoom_and_pan_the_timeline(notebook):
    canvas = notebook.page.locator(".ack-timeline canvas")
    canvas.focus()
    canvas.press("+")
    notebook.until("timeline.window[1] - timeline.window[0] < 0.6 * trace.cycles")
    before = notebook.value("timeline.window[0]")
    canvas.press("ArrowRight")
    notebook.until(f"timeline.window[0] > {before}")
    canvas.press("Home")
    notebook.until("timeline.window[1] - timeline.window[0] > 0.99 * trace.cycles")


def test_a_line_of_c_makes_its_commands_stand_out_and_a_command_shows_its_line(notebook):
    notebook.page.locator(".ack-timeline .ack-line", has_text="preload(").click()
    notebook.until("'preload' in trace.code.splitlines()[timeline.line - 1]")
    notebook.run("timeline.selected = 20")
    notebook.page.wait_for_function(
        "() => document.querySelector('.ack-time-detail').textContent.includes('command 20')"
    )
    assert notebook.value("timeline.detail['name']") in notebook.page.locator(".ack-time-detail").inner_text()
    notebook.page.locator(".ack-timeline canvas").press("n")
    notebook.until("timeline.selected > 20")
    notebook.shoot(".ack-timeline", "timeline-light")


def test_the_cursor_of_the_memory_moves_and_tells_what_lives_there(notebook):
    canvas = notebook.page.locator(".ack-scratchpad canvas")
    canvas.focus()
    before = notebook.value("memory.cycle")
    canvas.press("ArrowLeft")
    notebook.until(f"memory.cycle < {before}")
    notebook.page.locator(".ack-pad-slider").fill("1000")
    notebook.until("memory.cycle == 1000")
    notebook.page.wait_for_function("() => document.querySelector('.ack-pad-residents').textContent.includes('A[')")
    notebook.page.locator(".ack-pad-row").first.click()
    notebook.until("memory.line > 0 and 'mvin' in trace.code.splitlines()[memory.line - 1]")


def test_the_address_inspector_decodes_and_explains_errors(notebook):
    field = notebook.page.get_by_label("Local address")
    field.fill("0xc0000040")
    notebook.page.wait_for_function(
        "() => document.querySelector('.ack-scratchpad').textContent.includes('accumulator row 64')"
    )
    field.fill("<b>")
    notebook.page.wait_for_function(
        "() => document.querySelector('.ack-scratchpad .ack-status').textContent.includes('no number')"
    )
    field.fill("7")
    notebook.page.wait_for_function(
        "() => document.querySelector('.ack-scratchpad').textContent.includes('scratchpad row 7')"
    )


def test_colours_can_tell_reloads_and_the_accumulator_has_its_own_picture(notebook):
    notebook.page.get_by_label("Colour").select_option("reload")
    notebook.until("memory.colour == 'reload'")
    notebook.shoot(".ack-scratchpad", "scratchpad-light")
    notebook.page.get_by_label("Memory").select_option("accumulator")
    notebook.until("memory.memory == 'accumulator' and memory.rows[1] <= 1024")
    notebook.page.get_by_label("Memory").select_option("scratchpad")


def test_both_look_right_in_the_dark_and_wide(notebook):
    notebook.theme("Dark")
    notebook.page.set_viewport_size({"width": 1920, "height": 1080})
    notebook.shoot(".ack-timeline", "timeline-dark-wide")
    notebook.shoot(".ack-scratchpad", "scratchpad-dark-wide")
