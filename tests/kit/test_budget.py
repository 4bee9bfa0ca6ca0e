from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocomp_kit.agents.base import AgentUnavailableError
from autocomp_kit.agents.budget import Budget, BudgetError
from autocomp_kit.agents.claude import ClaudeAgent, ClaudeSettings, RetryPolicy
from autocomp_kit.agents.models import ModelCard, Prices, model_card
from autocomp_kit.errors import InputError
from autocomp_kit.records import Plan, Usage
from tests.kit.messages_server import BrokenOff, Incoming, MessagesServer, Refused, Reply, Text
from tests.kit.samples import plan_request

MODEL = "claude-opus-5-5"


def charged_usd(server: MessagesServer, *, batch: bool = False) -> float:
    """What the server has charged, computed from the list prices and nothing of ours."""
    prices = {"input_tokens": 4, "output_tokens": 20, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 0.2}
    total = sum(usage[kind] * price for usage in server.charged for kind, price in prices.items()) / 1e6
    return total / 2 if batch else total


def mixed(incoming: Incoming) -> Reply:
    """Answer with every kind of success and failure, and with as many tokens as are allowed now and then."""
    choice = random.Random(incoming.number)  # noqa: S311 - a repeatable mixture, no secret
    plan = Text(
        json.dumps({"option": 1, "plan": "Do it."}),
        output_tokens=choice.choice([10, 300, 2000]),
        delay=choice.choice([0, 0.02, 0.05]),
    )
    return choice.choice([plan, plan, plan, Refused(500, "api_error"), BrokenOff(), Text("", stop_reason="refusal")])


@pytest.mark.parametrize("limit", [0.05, 0.5, 3.0])
async def test_spending_never_passes_the_limit_at_concurrency_16(limit: float) -> None:
    budget = Budget(usd=limit)
    sixteen = threading.Barrier(16, timeout=300)

    def reply(incoming: Incoming) -> Reply:
        # The first call goes alone, to write the prompt cache. A budget of 3 USD holds sixteen calls at once.
        if limit == 3.0 and 1 <= incoming.number <= 16:
            sixteen.wait()
        return mixed(incoming)

    with MessagesServer(reply) as server:
        agent = ClaudeAgent(
            MODEL,
            base_url=server.url,
            api_key="test-key",
            budget=budget,
            settings=ClaudeSettings(concurrency=16, max_plan_tokens=2000),
            retry=RetryPolicy(attempts=3, first_wait=0.001),
        )
        calls = (agent.plan(plan_request(slot=slot)) for slot in range(200))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert charged_usd(server) <= limit
        assert charged_usd(server) <= budget.committed.usd <= limit
        assert server.most_at_once <= 16
    refused = [outcome for outcome in outcomes if isinstance(outcome, BudgetError)]
    planned = [outcome for outcome in outcomes if isinstance(outcome, Plan)]
    assert refused
    assert isinstance(refused[0], AgentUnavailableError)
    assert sum(plan.usage.usd for plan in planned) <= budget.spent.usd
    # The limit is used, not only kept: what is left would not have held one more call.
    assert limit - budget.committed.usd < 0.2


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer(lambda _: Text('{"option": 1, "plan": "x"}')) as server:
        yield server


async def test_a_budget_in_dollars_refuses_a_model_without_a_price(server: MessagesServer) -> None:
    agent = ClaudeAgent("local-model", base_url=server.url, api_key="test-key", budget=Budget(usd=5))
    with pytest.raises(BudgetError, match="price of this model is not known"):
        await agent.plan(plan_request())
    assert not server.requests


async def test_a_budget_in_tokens(server: MessagesServer) -> None:
    budget = Budget(tokens=60_000)
    agent = ClaudeAgent("local-model", base_url=server.url, api_key="test-key", budget=budget)
    outcomes = [await asyncio.gather(agent.plan(plan_request()), return_exceptions=True) for _ in range(20)]
    assert isinstance(outcomes[0][0], Plan)
    assert isinstance(outcomes[-1][0], BudgetError)
    assert sum(sum(usage.values()) for usage in server.charged) <= 60_000


async def test_a_resumed_budget_remembers_what_was_spent() -> None:
    budget = Budget(usd=1.0, spent=Usage(calls=3, usd=0.5, unconfirmed_usd=0.4))
    with pytest.raises(BudgetError, match=r"0\.9000 are spent"):
        await budget.reserve(Usage(calls=1, usd=0.2))


async def test_a_raised_limit_lets_in_who_waits_and_a_lowered_one_sends_them_away() -> None:
    budget = Budget(tokens=100)
    with await budget.reserve(Usage(calls=1, output_tokens=90)):
        first, second = (asyncio.create_task(budget.reserve(Usage(calls=1, output_tokens=most))) for most in (60, 80))
        await asyncio.sleep(0)
        assert not first.done()
        budget.change(usd=None, tokens=150)
        assert await first
        assert not second.done()
        budget.change(usd=None, tokens=70)
        with pytest.raises(BudgetError, match="budget of 70 tokens"):
            await second


@pytest.mark.parametrize("limits", [{"usd": -1.0}, {"usd": float("nan")}, {"tokens": -5}])
def test_a_limit_below_zero_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be a number from 0"):
        Budget(**limits)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.booleans()), max_size=60), st.integers(0, 300))
def test_whatever_the_order_the_limit_holds(calls: list[tuple[int, int, bool]], limit: int) -> None:
    """Each call: the worst it can cost, what it does cost, and whether it breaks off."""
    paid = 0

    async def one(budget: Budget, worst: int, actual: int, *, breaks: bool) -> None:
        nonlocal paid
        try:
            reservation = await budget.reserve(Usage(calls=1, output_tokens=worst))
        except BudgetError:
            return
        with reservation:
            await asyncio.sleep(0)
            paid += min(worst, actual)
            if not breaks:
                reservation.settle(Usage(calls=1, output_tokens=min(worst, actual)))
        assert paid <= budget.spent.output_tokens + budget.unconfirmed.output_tokens + sum(
            usage.output_tokens for usage in budget._reserved
        )

    async def everything() -> Budget:
        budget = Budget(tokens=limit)
        await asyncio.gather(*(one(budget, worst, actual, breaks=breaks) for worst, actual, breaks in calls))
        return budget

    budget = asyncio.run(everything())
    assert paid <= budget.committed.output_tokens <= limit


def test_prices_of_a_long_prompt_apply_to_the_whole_request() -> None:
    card = model_card("claude-haiku-5-5")
    short = card.priced(Usage(calls=1, input_tokens=90_000, cache_read_tokens=10_000, output_tokens=1000))
    long = card.priced(Usage(calls=1, input_tokens=90_000, cache_read_tokens=10_001, output_tokens=1000))
    assert short.usd == pytest.approx((90_000 * 0.10 + 10_000 * 0.01 + 1000 * 0.50) / 1e6)
    assert long.usd == pytest.approx((90_000 * 0.50 + 10_001 * 0.05 + 1000 * 2.50) / 1e6)


def test_batches_cost_half() -> None:
    card = model_card(MODEL)
    usage = Usage(calls=1, input_tokens=1_000_000)
    assert card.priced(usage, batch=True).usd == pytest.approx(2.0)
    free = ModelCard(model="mine", prices=Prices(input=0, output=0, cache_write=0, cache_read=0))
    assert free.priced(usage).unpriced_calls == 0
