"""LiveRun in a browser: its buttons steer a run that works in the kernel, which stays free."""

from __future__ import annotations

import pytest

SETUP = """
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.widgets import LiveRun
config = SearchConfig(iterations=90, beam=2, plans=4, codes=1, seed=2)
live = LiveRun(make_run('exo/0', config=config))
"""
pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def notebook(browser_lab):
    opened = browser_lab.open("live", (SETUP, "live"))
    opened.page.wait_for_selector(".ack-live")
    yield opened
    opened.close()


def says(notebook, state):
    notebook.page.locator(".ack-live-state", has_text=state).wait_for()


def press(notebook, name):
    notebook.page.get_by_role("button", name=name, exact=True).click()


def test_a_budget_is_set_before_and_while_it_runs(notebook):
    budget = notebook.page.get_by_label("Budget in US dollars")
    budget.fill("0.25")
    budget.press("Tab")
    notebook.until("live.run.limits.usd == 0.25")
    press(notebook, "Start the run")
    says(notebook, "running")
    notebook.until("live.figures['tried'] > 0", seconds=600)  # the first simulation may compile
    budget.fill("2")
    budget.press("Tab")
    notebook.until("live.run.limits.usd == 2 and live.state == 'running'")
    notebook.shows(".ack-live", "of 2 USD")


def test_a_paused_run_begins_nothing_and_goes_on_where_it_was(notebook):
    press(notebook, "Begin nothing further")
    says(notebook, "paused")
    notebook.until("live.state == 'paused'")
    count = "len(live.history().candidates)"
    before, now = -1, notebook.value(count)
    while before != now:  # what was under way ends
        notebook.page.wait_for_timeout(1500)
        before, now = now, notebook.value(count)
    notebook.shoot(".ack-live", "live-paused-light")
    assert notebook.value("1 + 1") == 2
    notebook.page.locator(".ack-live button", has_text="Resume").press("Enter")
    says(notebook, "running")
    notebook.until(f"{count} > {now} and live.state == 'running'")


def test_a_cancelled_run_keeps_what_it_has(notebook):
    press(notebook, "End the run; all that is done stays in its store")
    says(notebook, "ended: cancelled")
    notebook.until("live.state == 'cancelled'")
    assert notebook.value("live.history().finished.reason") == "cancelled"
    best = notebook.value("live.history().summary().best_cycles")
    notebook.shows(".ack-live", f"{best:,}")
    notebook.has(".ack-live button:visible", 0)
