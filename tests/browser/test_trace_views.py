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
    opened.page.wait_for_selector(".ack-pad-row")
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


def test_every_unit_has_its_lane_and_the_causes_add_up_to_the_cycles(notebook):
    lanes = notebook.value("[lane['name'] for lane in timeline.overview['traces'][0]['lanes']]")
    assert set(lanes) == {
        *("host", "host waits", "RoCC queue", "waits in station"),
        *("load", "execute", "store", "DMA", "memory"),
    }
    assert notebook.value("sum(trace.stalls.values()) == trace.cycles")
    notebook.shows(".ack-time-stalls", notebook.value("f\"{trace.stalls['load']:,}\""))


def test_a_line_of_c_makes_its_commands_stand_out_and_a_command_shows_its_line(notebook):
    notebook.page.locator(".ack-timeline .ack-line", has_text="preload(").click()
    notebook.until("'preload' in trace.code.splitlines()[timeline.line - 1]")
    notebook.run("timeline.selected = 20")
    notebook.page.wait_for_function(
        "() => document.querySelector('.ack-time-detail').textContent.includes('command 20')"
    )
    notebook.shows(".ack-time-detail", notebook.value("timeline.detail['name']"))
    notebook.page.locator(".ack-timeline canvas").press("n")
    notebook.until("timeline.selected > 20")
    notebook.until("timeline.line == trace.lines[timeline.selected] > 0")
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
    notebook.page.locator(".ack-pad-row").first.press("Enter")
    notebook.until("memory.line > 0 and 'mvin' in trace.code.splitlines()[memory.line - 1]")


def test_conflicts_are_drawn_and_a_row_tells_its_address_operand_and_line(notebook):
    conflicts = notebook.value("sum(memory.overview['memories']['scratchpad']['conflicts'])")
    assert conflicts == notebook.value("trace.stalls['bank_conflict']") > 0
    notebook.shows(".ack-scratchpad", f"{conflicts:,} cycles of bank conflicts")
    notebook.page.locator(".ack-pad-slider").fill("1400")
    canvas = notebook.page.locator(".ack-scratchpad canvas")
    box = canvas.bounding_box()
    canvas.hover(position={"x": 74 + (box["width"] - 82) * 1400 / notebook.value("trace.cycles"), "y": 90})
    hint = notebook.page.locator(".ack-scratchpad .ack-hint")
    hint.filter(has_text="A[").wait_for()
    assert "address 0x" in hint.inner_text()
    assert "by line " in hint.inner_text()
    canvas.hover(position={"x": 74 + (box["width"] - 82) * 1400 / notebook.value("trace.cycles"), "y": 385})
    hint.filter(has_text="bank 0: operands wait for it").wait_for()


def test_the_trace_is_exported_for_perfetto(notebook):
    notebook.page.get_by_role("button", name="Write a file that ui.perfetto.dev opens").click()
    notebook.page.locator(".ack-timeline .ack-status", has_text="kernel.perfetto.json").wait_for()
    assert notebook.value("len(__import__('json').load(open('kernel.perfetto.json'))['traceEvents'])") > 100


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
    for theme in ("Light", "Dark"):
        notebook.theme(theme)
        for width in (1280, 1920):
            notebook.page.set_viewport_size({"width": width, "height": 1080})
            for view in ("timeline", "scratchpad"):
                notebook.shoot(f".ack-{view}", f"{view}-{theme.lower()}-{width}")
