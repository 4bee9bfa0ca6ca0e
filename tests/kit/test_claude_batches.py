"""The Claude agent's calls by the Message Batches API, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from autocomp_kit.agents.base import AgentError, AgentUnavailableError
from autocomp_kit.agents.claude import ClaudeSettings
from tests.kit.claude_setting import OVERLOADED, PLAN, Setting, failing, many
from tests.kit.messages_server import (
    BrokenOff,
    Incoming,
    Refused,
    Reply,
    Text,
    wait_for,
)
from tests.kit.samples import plan_request

BATCH = ClaudeSettings(batch=True, batch_gather_seconds=0.05, batch_poll_seconds=0.02)


async def test_calls_travel_in_one_batch_at_half_the_price(against: Callable[..., Setting]) -> None:
    setting = against(Text(PLAN.text, output_tokens=1000), settings=BATCH)
    setting.server.polls_until_done = 3
    plans = await many(20, lambda number: setting.agent.plan(plan_request(plan_id=f"1.{number}", slot=number)))
    assert [plan.plan_id for plan in plans] == [f"1.{number}" for number in range(20)]
    assert [len(batch["requests"]) for batch in setting.server.batches.values()] == [20]
    body = setting.server.batches["msgbatch_0"]["requests"][0]["params"]
    assert body["output_config"]["format"]["type"] == "json_schema"
    assert "stream" not in body
    usage = plans[0].usage
    full = usage.input_tokens * 4 + 1000 * 20 + usage.cache_write_tokens * 5 + usage.cache_read_tokens * 0.2
    assert usage.usd == pytest.approx(full / 2e6)


async def test_each_call_of_a_batch_has_its_own_fate(against: Callable[..., Setting]) -> None:
    def reply(incoming: Incoming) -> Reply:
        fates = [PLAN, Refused(400, "invalid_request_error"), OVERLOADED, Text("", stop_reason="refusal"), BrokenOff()]
        return fates[incoming.number] if incoming.number < 5 else PLAN

    # Those that are sent again come a few milliseconds apart: the batch waits for both, however busy the machine is.
    setting = against(reply, settings=BATCH.model_copy(update={"batch_gather_seconds": 1.0}))
    outcomes = await many(5, lambda number: setting.agent.plan(plan_request(slot=number)))
    kinds = [outcome.kind if isinstance(outcome, AgentError) else outcome.item_id for outcome in outcomes]
    # Overloaded and expired ones went again with the next batch.
    assert kinds == ["unroll", "invalid_request", "unroll", "refusal", "unroll"]
    assert [len(batch["requests"]) for batch in setting.server.batches.values()] == [5, 2]


async def test_a_batch_outlives_errors_of_the_polls(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, settings=BATCH)
    setting.server.failing_polls = 3
    assert (await setting.agent.plan(plan_request())).item_id == "unroll"


async def test_a_batch_that_cannot_be_asked_for_is_lost_and_may_be_charged(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, settings=BATCH)
    setting.server.failing_polls = 1000
    with failing("batch_lost") as caught:
        await setting.agent.plan(plan_request())
    assert caught.value.usage.unpriced_calls == 1
    assert setting.server.batches["msgbatch_0"]["canceled"]


async def test_a_batch_that_is_refused_stops_at_once(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, settings=BATCH, key="wrong")
    outcomes = await many(3, lambda number: setting.agent.plan(plan_request(slot=number)))
    assert {type(outcome) for outcome in outcomes} == {AgentUnavailableError}


async def test_a_batch_that_nobody_waits_for_is_cancelled(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, settings=BATCH)
    setting.server.polls_until_done = 10_000
    calls = [asyncio.create_task(setting.agent.plan(plan_request(slot=slot))) for slot in range(3)]
    await asyncio.to_thread(wait_for, lambda: len(setting.server.batches) == 1)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.to_thread(wait_for, lambda: setting.server.batches["msgbatch_0"]["canceled"])
