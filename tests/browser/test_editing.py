"""MenuEditor, KernelLab, the end of a LiveRun, BoundsView and linked views in a browser."""

from __future__ import annotations

import pytest

SETUP = """
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.widgets import BeamStepper, BoundsView, KernelLab, LiveRun, MenuEditor, linked
config = SearchConfig(iterations=3, beam=2, plans=3, codes=1, seed=2)
live = LiveRun(make_run('small/0', config=config), budget_usd=1.0)
"""
AFTER = """
history = live.wait(600)
editor = MenuEditor('gemm', runs=[history], keep_probability=0.4)
lab = KernelLab(live.run)
beam, bounds = BeamStepper(history), BoundsView(history)
"""
CELLS = (SETUP, "live", "live.start()", AFTER, "editor", "lab", "linked(beam, bounds)")
pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def notebook(browser_lab):
    opened = browser_lab.open("editing", CELLS)
    opened.page.wait_for_selector(".cm-editor")
    yield opened
    opened.close()


def test_a_live_run_shows_its_end_and_what_it_found(notebook):
    notebook.page.wait_for_selector("text=done: all iterations")
    best = notebook.value("history.summary().best_cycles")
    notebook.shows(".ack-live", f"{best:,}")
    notebook.shoot(".ack-live", "live-light")


def test_the_menu_is_edited_by_mouse_and_keyboard_and_undone(notebook):
    first = notebook.value("editor.menu.items[0].item_id")
    notebook.page.get_by_label(f"Offer {first}").click()
    notebook.until(f"not editor.menu[{first!r}].enabled")
    weight = notebook.page.get_by_label(f"Weight of {first}")
    weight.fill("4.5")
    weight.press("Tab")
    notebook.until(f"editor.menu[{first!r}].weight == 4.5")
    notebook.page.get_by_label(f"Move {first} down").click()
    notebook.until(f"editor.menu.items[1].item_id == {first!r}")
    notebook.page.get_by_role("button", name=f"Duplicate {first}").click()
    notebook.until(f"editor.menu[{first + '-2'!r}] is not None")
    notebook.page.get_by_role("button", name=f"Delete {first}-2").click()
    notebook.page.get_by_role("button", name="Add an option").click()
    notebook.until("editor.menu.items[-1].item_id == 'my-option'")
    for _ in range(6):
        notebook.page.get_by_role("button", name="Take back").click()
    notebook.until("editor.changes == []")


def test_the_next_seed_draws_other_options_and_shows_their_prompt(notebook):
    notebook.page.get_by_role("button", name="Preview the next seed").click()
    notebook.until("editor.seed == 1")
    notebook.page.get_by_role("button", name="The prompt that").click()
    notebook.page.wait_for_selector(".ack-menu pre")
    offered = notebook.value("[editor.menu[one].text[:30] for one in editor.offered]")
    for text in offered:
        notebook.shows(".ack-menu pre", text.split("`")[0][:20])
    notebook.shoot(".ack-menu", "menu-light")


def test_a_mistake_in_the_editor_is_shown_at_its_line_and_cured(notebook):
    content = notebook.page.locator(".ack-lab .cm-content")
    content.click()
    content.press("Control+Home")
    for _ in range(3):  # past two comments and the function's head
        content.press("ArrowDown")
    notebook.page.keyboard.insert_text("  nonsense();\n")
    content.press("Control+Enter")
    notebook.until("lab.result and not lab.result['correct']")
    notebook.page.wait_for_selector(".ack-lab .cm-lintRange-error")
    notebook.page.wait_for_selector(".ack-lab .ack-problems")
    notebook.shoot(".ack-lab", "lab-error-light")
    content.click()
    content.press("Control+z")
    notebook.page.get_by_role("button", name="Compile, run and check").click()
    notebook.until("lab.result['correct']")
    notebook.shows(".ack-lab-verdict", "correct")
    assert notebook.value("len(lab.attempts)") == 2


def test_words_of_the_dialect_are_completed(notebook):
    content = notebook.page.locator(".ack-lab .cm-content")
    content.click()
    content.press("Control+Home")
    notebook.page.keyboard.type("compute_p")
    notebook.page.wait_for_selector(".cm-tooltip-autocomplete >> text=compute_preloaded")
    content.press("Escape")
    content.press("Control+z")


def test_a_kernel_by_hand_continues_the_search(notebook):
    notebook.page.get_by_label("Plan", exact=True).fill("As it was, by hand.")
    notebook.page.get_by_role("button", name="The search continues").click()
    notebook.until("lab.continued is not None and lab.continued.done()")
    assert notebook.value("[one.agent for one in lab.continued.result().candidates.values()].count('human')") == 1
    notebook.shoot(".ack-lab", "lab-light")


def test_linked_views_select_together(notebook):
    notebook.page.locator(".ack-beam canvas").click(position={"x": 30, "y": 48})
    notebook.until("beam.selected == '0' and bounds.selected == '0'")
    notebook.page.locator(".ack-bounds canvas").focus()
    notebook.page.locator(".ack-bounds canvas").press("ArrowLeft")
    notebook.until("beam.selected == bounds.selected != '0'")
    notebook.shoot(".ack-bounds", "bounds-light")


def test_all_look_right_in_both_themes_and_wide(notebook):
    for theme in ("Light", "Dark"):
        notebook.theme(theme)
        for width in (1280, 1920):
            notebook.page.set_viewport_size({"width": width, "height": 1080})
            for view in ("menu", "lab", "live", "bounds"):
                notebook.shoot(f".ack-{view}", f"{view}-{theme.lower()}-{width}")
    notebook.theme("Light")
