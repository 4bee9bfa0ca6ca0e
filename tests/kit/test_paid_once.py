"""What a killed run has paid for is neither forgotten nor paid again: real processes, real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autocomp_kit.agents.budget import Budget, BudgetError
from autocomp_kit.agents.claude import ClaudeAgent, ClaudeSettings
from autocomp_kit.events import RequestSent
from autocomp_kit.history import RunHistory
from autocomp_kit.records import Evaluation, Usage
from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_MENU, TOY_PROBLEM, ToyEvaluator
from tests.kit.messages_server import Incoming, MessagesServer, Reply, Text, wait_for
from tests.kit.samples import plan_request
from tests.kit.test_budget import charged_usd

CONFIG = SearchConfig(iterations=3, beam=2, plans=3, codes=2, seed=4)
BATCH = ClaudeSettings(batch=True, batch_gather_seconds=0.05, batch_poll_seconds=0.02)
SINGLE = ClaudeSettings(max_plan_tokens=2000, max_code_tokens=2000)
KERNEL = "void solution(void) { int cycles = %d; }\n"


class NumberEvaluator(ToyEvaluator):
    """Believes the number that stands in a kernel."""

    def evaluate(self, code: str) -> Evaluation:
        evaluation = super().evaluate(f"cycles {re.search(r'[0-9]+', code)[0]}")
        return evaluation.model_copy(update={"evaluation_id": self.key(code)})


def answer(incoming: Incoming) -> Reply:
    if incoming.wants_plan:
        return Text(json.dumps({"option": 1, "plan": f"Plan {incoming.number}."}))
    return Text(f"```c\n{KERNEL % (900 - 7 * incoming.number)}```")


def new_run(store: Store, agent: ClaudeAgent) -> Run:
    parts = {"problem": PROBLEM, "menu": TOY_MENU, "config": CONFIG, "evaluator": NumberEvaluator()}
    return Run(kernel=KERNEL % 1000, store=store, agent=agent, **parts)


PROBLEM = TOY_PROBLEM.model_copy(update={"machine": "int8-16"})


def agent_for(url: str, settings: ClaudeSettings, budget: Budget | None = None) -> ClaudeAgent:
    return ClaudeAgent("claude-opus-5-5", base_url=url, api_key="test-key", settings=settings, budget=budget)


def work(path: Path, url: str, settings: ClaudeSettings) -> None:
    """One session of the search, in a process of its own."""
    with Store.open(path) as store:
        agent = agent_for(url, settings)
        run = Run.reopen(store=store, agent=agent, evaluator=NumberEvaluator()) if store.runs() else None
        (run or new_run(store, agent)).execute()


@contextmanager
def session(path: Path, url: str, settings: ClaudeSettings) -> Iterator[Callable[[], None]]:
    """Run a session in another process; the block gets what kills it."""
    Store.open(path).close()
    process = multiprocessing.get_context("fork").Process(target=work, args=(path, url, settings))
    process.start()

    def kill() -> None:
        process.kill()
        process.join(60)

    try:
        yield kill
    finally:
        kill()


def sent(path: Path, *, in_batches: bool = False) -> int:
    """Return how many requests were written down, or how many of them are known to travel in a batch."""
    if not path.exists():  # no session has begun
        return 0
    with Store.open(path, create=False) as store:
        events = store.load_run().events_of(RequestSent) if store.runs() else ()
    return sum((event.place is not None and event.place.batch_id is not None) == in_batches for event in events)


def resumed(path: Path, url: str, settings: ClaudeSettings, **limits: float) -> RunHistory:
    with Store.open(path, create=False) as store:
        budget = Budget(**limits, spent=store.load_run().usage) if limits else None
        return Run.reopen(store=store, agent=agent_for(url, settings, budget), evaluator=NumberEvaluator()).execute()


def test_a_killed_run_collects_its_batch_and_pays_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with MessagesServer(answer) as server:
        server.polls_until_done = 10_000
        with session(path, server.url, BATCH) as kill:
            wait_for(lambda: sent(path, in_batches=True) == 3)
            kill()
        server.answer_batch("msgbatch_0")
        assert len(server.charged) == 3, "paid, whether or not anybody comes for the answers"
        with Store.open(path, create=False) as store:
            before = store.load_run().usage
        server.polls_until_done = 1
        history = resumed(path, server.url, BATCH, usd=100.0)
        assert before.calls == before.unpriced_calls == 3
        assert history.finished.reason == "iterations"
        plans, candidates = len(history.plans), len(history.candidates) - 1
        assert len(server.charged) == plans + candidates == history.usage.calls
        assert history.usage.usd == pytest.approx(charged_usd(server, batch=True))
        assert history.usage.unpriced_calls == history.usage.unconfirmed_usd == history.usage.unconfirmed_tokens == 0
        assert sorted(plan.text for plan in history.plans.values())[:1] == ["Plan 0."]


def test_a_batch_whose_id_the_killed_run_never_heard_of_is_found_and_paid_once(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with MessagesServer(answer) as server:
        server.batches["somebody-elses"] = {
            "requests": [{"custom_id": "0", "params": {}}],
            "polls": 9,
            "canceled": False,
            "created": datetime.now(UTC).isoformat(),
            "results": [{"custom_id": "0", "result": {"type": "canceled"}}],
        }
        server.trouble = "silent"
        with session(path, server.url, BATCH) as kill:
            wait_for(lambda: len(server.batches) == 2)
            kill()
        assert sent(path) == 3
        assert sent(path, in_batches=True) == 0
        server.answer_batch("msgbatch_1")
        server.trouble = None
        history = resumed(path, server.url, BATCH, usd=100.0)
    assert history.finished.reason == "iterations"
    assert len(server.charged) == len(history.plans) + len(history.candidates) - 1 == history.usage.calls
    assert history.usage.usd == pytest.approx(charged_usd(server, batch=True))
    assert history.usage.unpriced_calls == history.usage.unconfirmed_usd == history.usage.unconfirmed_tokens == 0


def test_a_batch_that_never_arrived_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with MessagesServer(answer) as server:
        server.trouble = "lost"
        with session(path, server.url, BATCH) as kill:
            wait_for(lambda: sent(path) == 3)
            kill()
        assert not server.batches
        server.trouble = None
        history = resumed(path, server.url, BATCH, usd=100.0)
    assert history.finished.reason == "iterations"
    assert len(server.charged) == history.usage.calls
    assert history.usage.unpriced_calls == history.usage.unconfirmed_usd == 0


async def test_a_batch_whose_arrival_was_not_heard_of_is_not_sent_again() -> None:
    with MessagesServer(answer) as server:
        server.trouble = "broken"
        agent = agent_for(server.url, BATCH)
        plans = await asyncio.gather(*(agent.plan(plan_request(slot=slot)) for slot in range(3)))
        assert len(server.batches) == 1
    assert len(server.charged) == sum(plan.usage.calls for plan in plans) == 3
    assert sum(plan.usage.usd for plan in plans) == pytest.approx(charged_usd(server, batch=True))


def test_a_batch_that_the_server_has_forgotten_is_asked_for_anew_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    with MessagesServer(answer) as server:
        server.polls_until_done = 10_000
        with session(path, server.url, BATCH) as kill:
            wait_for(lambda: sent(path, in_batches=True) == 3)
            kill()
        lost = server.batches.pop("msgbatch_0")
        server.batches["another"] = lost  # so that the next one gets a name of its own
        server.polls_until_done = 1
        history = resumed(path, server.url, BATCH)
    assert history.finished.reason == "iterations"
    assert history.usage.unpriced_calls == len(lost["requests"]) == 3


def test_requests_that_died_with_their_process_count_against_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"

    def slow(incoming: Incoming) -> Reply:
        return Text(answer(incoming).text, delay=60)

    with MessagesServer(slow) as server:
        with session(path, server.url, SINGLE) as kill:
            wait_for(lambda: sent(path) == 1)  # the first goes alone, to write the prompt cache
            kill()
        server.handler = answer
        with Store.open(path, create=False) as store:
            lost = store.load_run().usage
        assert lost.calls == lost.unpriced_calls == 1
        assert lost.unconfirmed_usd > 0
        assert lost.unconfirmed_tokens > 2000
        refused = resumed(path, server.url, SINGLE, usd=lost.unconfirmed_usd * 1.5)
        assert refused.finished.reason == "budget"
        tokens = resumed(path, server.url, SINGLE, tokens=lost.unconfirmed_tokens + 1000)
        assert tokens.finished.reason == "budget"
        history = resumed(path, server.url, SINGLE, usd=50.0)
    assert history.finished.reason == "iterations"
    assert history.usage.unconfirmed_usd == lost.unconfirmed_usd, "what was lost stays in the books"
    assert history.usage.calls == len(history.plans) + len(history.candidates) - 1 + 1


@pytest.mark.parametrize("settings", [SINGLE, BATCH], ids=["single", "batch"])
def test_whenever_it_is_killed_the_books_hold_all_that_was_charged(tmp_path: Path, settings: ClaudeSettings) -> None:
    path = tmp_path / "study.sqlite"
    instants = random.Random(os.getpid())  # noqa: S311 - an instant, not a secret

    def reply(incoming: Incoming) -> Reply:
        return Text(answer(incoming).text, delay=0 if settings.batch else 0.02)

    with MessagesServer(reply) as server:
        for _ in range(6):
            already = sent(path)
            with session(path, server.url, settings):
                wait_for(lambda: sent(path) > already)  # noqa: B023 - called in this turn only
                time.sleep(instants.uniform(0, 0.15))
        with Store.open(path, create=False) as store:
            assert charged_usd(server, batch=settings.batch) <= store.load_run().usage.most_usd + 1e-9
        history = resumed(path, server.url, settings)
        assert history.finished.reason == "iterations"
        assert charged_usd(server, batch=settings.batch) <= history.usage.most_usd + 1e-9
        made = [event.candidate_id for event in history.events if event.kind == "candidate_made"]
        assert len(made) == len(set(made)) == len(history.candidates)


async def test_a_token_budget_remembers_calls_that_broke_off() -> None:
    broken = Usage(calls=1, input_tokens=300, output_tokens=600).unconfirmed()
    budget = Budget(tokens=1000, spent=broken)
    with pytest.raises(BudgetError, match="900 are spent"):
        await budget.reserve(Usage(calls=1, output_tokens=200))
    budget.confirm(Usage(calls=1, input_tokens=300, output_tokens=600), Usage(calls=1, output_tokens=50))
    assert budget.spent == Usage(calls=1, output_tokens=50)
    await budget.reserve(Usage(calls=1, output_tokens=200))
