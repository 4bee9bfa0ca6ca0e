"""Runs as a page, and side by side."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from autocomp_kit.compare import best_after, comparison_table, progress_table
from autocomp_kit.report import html_report
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator

HOSTILE = "<img src=x onerror=alert(1)> <script>alert(2)</script> [x](javascript:alert(3)) </pre></p>"


def run_of(agent=None, *, kernel=TOY_KERNEL, **config):
    run = Run(
        problem=TOY_PROBLEM,
        kernel=kernel,
        agent=agent or ToyAgent(),
        evaluator=ToyEvaluator(),
        menu=TOY_MENU,
        config=SearchConfig(**({"iterations": 3, "beam": 2, "plans": 4} | config)),
    )
    return run.execute()


class Hostile(ToyAgent):
    async def plan(self, request):
        plan = await super().plan(request)
        return plan.model_copy(update={"text": f"{HOSTILE} {plan.plan_id}"})

    async def implement(self, request):
        reply = await super().implement(request)
        return reply.model_copy(update={"code": f"{reply.code} # {HOSTILE}", "notes": HOSTILE})


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.attributes = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def history():
    return run_of()


def test_the_page_tells_the_numbers_the_lineage_and_every_candidate(history):
    page = html_report(history)
    text = "".join(Elements(page).text)
    summary = history.summary()
    assert f"{summary.best_cycles:,} cycles, {summary.utilization:.1%} of the array, {summary.speedup:.2f}x" in text
    for step in history.lineage(summary.best_id)[1:]:
        assert step.plan.text in text
        assert f"+{step.candidate.code}" in text
    rows = re.findall(r"<tr><td>([\d.]+)</td>", page)
    assert rows == list(history.candidates)
    assert page.count("<circle") == summary.correct + 1


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(history):
    elements = Elements(html_report(history))
    assert not {"script", "img", "link", "iframe", "object", "a"} & set(elements.tags)
    policy = dict(elements.attributes)["content"]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in elements.attributes, policy


def test_hostile_text_is_shown_as_text():
    history = run_of(Hostile())
    elements = Elements(html_report(history))
    assert not {"script", "img"} & set(elements.tags)
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert "<script>alert(2)</script>" in "".join(elements.text)


def test_a_run_without_any_correct_kernel_still_has_a_page():
    class OnlyWrong(ToyAgent):
        async def implement(self, request):
            reply = await super().implement(request)
            return reply.model_copy(update={"code": "wrong"})

    page = html_report(run_of(OnlyWrong()))
    assert "0 correct" in page


def test_runs_are_laid_side_by_side(history):
    other = run_of(seed=9, plans=2)
    table = comparison_table([history, other]).set_index("run_id")
    assert table.loc[history.run_id, "best_cycles"] == history.summary().best_cycles
    assert table.loc[other.run_id, "seed"] == 9
    assert table.loc[other.run_id, "tried"] == other.summary().tried
    assert (table["half_way"] >= 1).all()


def test_progress_is_the_best_kernel_by_candidates_tried(history):
    table = progress_table([history])
    assert table["tried"].iloc[0] == 0
    assert table["best_cycles"].iloc[0] == 1000
    assert table["best_cycles"].is_monotonic_decreasing
    assert table["best_cycles"].iloc[-1] == history.summary().best_cycles
    for tried, cycles in zip(table["tried"], table["best_cycles"], strict=True):
        assert best_after(history, tried) == cycles
    assert best_after(history, 10**6) == history.summary().best_cycles
