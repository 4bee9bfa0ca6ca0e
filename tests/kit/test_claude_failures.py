"""What the Claude agent does about errors, refusals, slow servers and answers that are none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from autocomp_kit.agents.base import AgentError, AgentUnavailableError
from autocomp_kit.agents.claude import ClaudeAgent, ClaudeSettings, RetryPolicy
from tests.kit.claude_setting import CODE, FAST, KERNEL, MODEL, OVERLOADED, PLAN, Setting, failing, many
from tests.kit.messages_server import (
    BrokenOff,
    Incoming,
    Raw,
    Refused,
    Reply,
    Text,
    in_turn,
    wait_for,
)
from tests.kit.samples import code_request, plan_request


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused(429, "rate_limit_error", headers={"retry-after": "0"}), "rate_limited"),
        (Refused(500, "api_error"), "server_error"),
        (Refused(503, "api_error"), "server_error"),
        (OVERLOADED, "overloaded"),
        (Refused(504, "timeout_error"), "timeout"),
        (Refused(409, "conflict_error"), "server_error"),
        (Refused(400, "invalid_request_error", headers={"x-should-retry": "true"}), "invalid_request"),
    ],
)
async def test_passing_errors_are_tried_again_and_seen(
    against: Callable[..., Setting], refused: Refused, kind: str
) -> None:
    setting = against(in_turn(refused, PLAN))
    plan = await setting.agent.plan(plan_request())
    assert plan.item_id == "unroll"
    assert [attempt.outcome for attempt in setting.attempts] == [kind, "ok"]
    assert plan.usage.calls == 1


async def test_a_server_that_asks_one_call_to_wait_makes_all_wait(against: Callable[..., Setting]) -> None:
    times: list[float] = []
    loop = asyncio.get_running_loop()

    def reply(incoming: Incoming) -> Reply:
        times.append(loop.time())
        limited = Refused(429, "rate_limit_error", headers={"retry-after-ms": "400"})
        return limited if incoming.number == 1 else PLAN

    setting = against(reply)
    await setting.agent.plan(plan_request())
    await many(3, lambda number: setting.agent.plan(plan_request(slot=number)))
    after = sorted(times)
    # The call that was refused, and one that was under way at the same time; whatever comes later has waited.
    assert after[-1] - after[1] >= 0.39


async def test_a_wait_that_is_too_long_is_not_waited_for(against: Callable[..., Setting]) -> None:
    setting = against(Refused(429, "rate_limit_error", headers={"retry-after": "86400"}))
    with failing("rate_limited"):
        await setting.agent.plan(plan_request())
    assert len(setting.attempts) == 1


@pytest.mark.parametrize("refused", [OVERLOADED, Refused(500, "api_error"), Refused(429, "rate_limit_error")])
async def test_after_enough_attempts_a_call_is_given_up(against: Callable[..., Setting], refused: Refused) -> None:
    setting = against(refused)
    with pytest.raises(AgentError, match="tried 4 times") as caught:
        await setting.agent.plan(plan_request())
    assert not isinstance(caught.value, AgentUnavailableError)
    assert len(setting.server.requests) == 4


async def test_a_server_that_is_down_stops_the_search(against: Callable[..., Setting]) -> None:
    setting = against(OVERLOADED, retry=RetryPolicy(attempts=1), settings=ClaudeSettings(concurrency=16))
    outcomes = await many(16, lambda number: setting.agent.plan(plan_request(slot=number)))
    unavailable = [outcome for outcome in outcomes if isinstance(outcome, AgentUnavailableError)]
    assert len(unavailable) == 9
    assert "have all failed" in str(unavailable[0])


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (Refused(401, "authentication_error", "invalid x-api-key"), "authentication"),
        (Refused(402, "billing_error"), "billing"),
        (Refused(403, "permission_error"), "permission"),
        (Refused(400, "invalid_request_error", "thinking.type: unknown"), "invalid_request"),
    ],
)
async def test_hopeless_errors_stop_at_once(against: Callable[..., Setting], refused: Refused, kind: str) -> None:
    setting = against(refused)
    with failing(kind) as caught:
        await setting.agent.plan(plan_request())
    assert isinstance(caught.value, AgentUnavailableError)
    assert refused.message in str(caught.value)
    assert len(setting.server.requests) == 1


async def test_an_unknown_model_stops_at_once(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, model="claude-opus-99")
    with pytest.raises(AgentUnavailableError, match="check the name of the model"):
        await setting.agent.plan(plan_request())
    assert len(setting.server.requests) == 1


async def test_a_wrong_key_is_not_shown(against: Callable[..., Setting]) -> None:
    setting = against(PLAN, key="sk-ant-another-secret")
    with pytest.raises(AgentUnavailableError) as caught:
        await setting.agent.plan(plan_request())
    assert "another-secret" not in str(caught.value)
    assert "invalid key [key]" in str(caught.value)


async def test_no_key_says_what_to_set() -> None:
    with pytest.raises(AgentUnavailableError, match="set ANTHROPIC_API_KEY"):
        await ClaudeAgent(MODEL).plan(plan_request())


async def test_server_and_key_come_from_the_environment(
    against: Callable[..., Setting], secret_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = against(PLAN)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", setting.server.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", secret_key)
    assert (await ClaudeAgent(MODEL).plan(plan_request())).item_id == "unroll"


async def test_no_server_says_so(secret_key: str) -> None:
    agent = ClaudeAgent(MODEL, base_url="http://127.0.0.1:9", api_key=secret_key, retry=FAST)
    with pytest.raises(AgentUnavailableError, match="check the network and ANTHROPIC_BASE_URL"):
        await agent.plan(plan_request())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Text("void solution(", stop_reason="max_tokens"), "max_tokens"),
        (Text("", stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber"}), "refusal"),
        (Text("I will not do that.", stop_reason="refusal"), "refusal"),
        (Text("x", stop_reason="model_context_window_exceeded"), "too_long"),
        (Text("x", stop_reason="pause_turn"), "malformed"),
        (Text(""), "malformed"),
        (Text("I am afraid that I do not know how."), "malformed"),
        (Text("Error 500: internal server error"), "malformed"),
    ],
)
async def test_what_is_no_answer_is_an_error_that_says_its_cost(
    against: Callable[..., Setting], reply: Text, kind: str
) -> None:
    setting = against(reply)
    with failing(kind) as plan_error:
        await setting.agent.plan(plan_request())
    with failing(kind) as code_error:
        await setting.agent.implement(code_request())
    assert plan_error.value.usage.usd > 0
    assert code_error.value.usage.output_tokens == setting.server.charged[-1]["output_tokens"]
    assert len(setting.server.requests) == 2


@pytest.mark.parametrize("broken", [BrokenOff(), BrokenOff(kind="overloaded_error"), BrokenOff(kind="api_error")])
async def test_an_answer_that_breaks_off_is_asked_for_again(against: Callable[..., Setting], broken: BrokenOff) -> None:
    setting = against(in_turn(broken, CODE))
    reply = await setting.agent.implement(code_request())
    assert reply.code == KERNEL
    assert len(setting.attempts) == 2
    # What the server charges for half an answer is not known to us; it is counted and not invented.
    assert (reply.usage.calls, reply.usage.unpriced_calls) == (2, 1)


@pytest.mark.parametrize(
    "raw",
    [
        Raw(b"<html>Welcome to nginx</html>"),
        Raw(b'{"hello": "world"}', "application/json"),
        Raw(b"data: {broken\n\n", "text/event-stream"),
        Raw(b'event: message_stop\ndata: {"type": "message_stop"}\n\n', "text/event-stream"),
        Raw(b"", "text/event-stream"),
        Raw(b"\xff\xfe\x00", "application/octet-stream"),
        Raw(b"nothing here", "text/plain", 404),
        Raw(b"teapot", "text/plain", 418),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_server_of_another_kind_is_an_error(against: Callable[..., Setting], raw: Raw, *, stream: bool) -> None:
    setting = against(raw, settings=ClaudeSettings(stream=stream))
    with pytest.raises(AgentError) as caught:
        await setting.agent.plan(plan_request())
    assert caught.value.kind in {"malformed", "unknown_model", "invalid_request", "unreachable"}


async def test_a_slow_server_times_out(against: Callable[..., Setting]) -> None:
    setting = against(
        Text(PLAN.text, delay=30), settings=ClaudeSettings(timeout_seconds=0.2), retry=RetryPolicy(2, 0.01)
    )
    with failing("timeout"):
        await setting.agent.plan(plan_request())
    assert [attempt.outcome for attempt in setting.attempts] == ["timeout", "timeout"]


async def test_a_cancelled_call_frees_its_place(against: Callable[..., Setting]) -> None:
    gate = threading.Event()

    def reply(incoming: Incoming) -> Reply:
        if incoming.number == 0:
            gate.wait(300)
        return PLAN

    setting = against(reply, settings=ClaudeSettings(concurrency=1))
    call = asyncio.create_task(setting.agent.plan(plan_request()))
    await asyncio.to_thread(wait_for, lambda: len(setting.server.requests) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    gate.set()
    assert (await setting.agent.plan(plan_request())).item_id == "unroll"
