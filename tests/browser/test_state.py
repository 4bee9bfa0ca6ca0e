"""Close the browser, restart the kernel, reopen: every view shows the same, from the run's store."""

from __future__ import annotations

SETUP = """
from pathlib import Path
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.traces import trace_candidate
from autocomp_kit.widgets import BeamStepper, KernelLab, MenuEditor, ScratchpadView, TimelineView
path = 'state.sqlite'
if not Path(path).exists():
    with Store.open(path) as store:
        make_run('small/0', config=SearchConfig(iterations=2, beam=2, plans=3, codes=1, seed=2), store=store).execute()
with Store.open(path) as store:
    history = store.load_run()
kept = lambda view: (Store.open(path).view(history.run_id, view) or history).model_dump()['values']
"""
CELLS = (
    SETUP,
    "beam = BeamStepper(path)\nbeam",
    "trace = trace_candidate(history, '0')\ntimeline = TimelineView(trace)\ntimeline",
    "memory = ScratchpadView(trace)\nmemory",
    "editor = MenuEditor('gemm', runs=[path])\neditor",
    "lab = KernelLab(path)\nlab",
)


def test_the_same_is_shown_after_a_restart(browser_lab):
    notebook = browser_lab.open("state", CELLS)
    page = notebook.page
    page.wait_for_selector(".ack-lab .cm-editor")
    page.locator(".ack-beam canvas").click(position={"x": 30, "y": 48})
    page.get_by_role("tab", name="Advice").click()
    canvas = page.locator(".ack-timeline canvas")
    canvas.focus()
    canvas.press("+")
    page.locator(".ack-pad-slider").fill("1234")
    page.get_by_label("Memory").select_option("accumulator")
    first = notebook.value("editor.menu.items[0].item_id")
    page.get_by_label(f"Offer {first}").click()
    content = page.locator(".ack-lab .cm-content")
    content.click()
    content.press("Control+Home")
    page.keyboard.insert_text("// a draft\n")
    page.get_by_label("Plan", exact=True).fill("A thought.")
    window = notebook.value("timeline.window")
    for view, expected in (
        ("BeamStepper", "{'selected': '0', 'tab': 'Advice'}"),
        ("TimelineView candidate 0", f"{{'window': {window}}}"),
        ("ScratchpadView candidate 0", "{'cycle': 1234, 'memory': 'accumulator'}"),
        ("KernelLab", "{'plan': 'A thought.'}"),
    ):
        notebook.until(f"{expected}.items() <= kept({view!r}).items()")
    notebook.until("kept('KernelLab')['code'].startswith('// a draft')")
    notebook.until("not kept('MenuEditor gemm')['items'][0]['enabled']")
    assert notebook.errors == []
    notebook.has(".ack-summary:visible", 0)
    notebook.save()
    notebook.close()

    saved = browser_lab.show("state", run=False)
    saved.page.locator(".ack-summary", has_text="candidates tried").wait_for()
    saved.has(".ack-summary:visible", 5)
    assert saved.page.get_by_text("Error displaying widget").locator("visible=true").count() == 0
    saved.shoot(".jp-Notebook", "saved-without-kernel")
    saved.close()

    again = browser_lab.show("state")
    page = again.page
    page.wait_for_selector(".ack-lab .cm-editor")
    assert again.value("beam.selected") == "0"
    page.wait_for_function("() => document.querySelector('.ack-beam-heading').textContent.startsWith('0')")
    page.locator("[role=tab][aria-selected=true]", has_text="Advice").wait_for()
    assert again.value("timeline.window") == window
    assert page.locator(".ack-pad-slider").input_value() == "1234"
    assert page.get_by_label("Memory").input_value() == "accumulator"
    assert not page.get_by_label(f"Offer {first}").is_checked()
    page.wait_for_function("() => document.querySelector('.ack-lab .cm-line').textContent === '// a draft'")
    assert page.get_by_label("Plan", exact=True).input_value() == "A thought."
    assert again.value("history.run_id == beam.overview['run_id']")
    assert again.errors == []
    again.close()
