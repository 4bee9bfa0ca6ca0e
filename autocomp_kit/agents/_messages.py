"""Requests to a Messages API: a bounded number at once, retries that respect the server, the price of each.

The SDK's own retries are off. Ours set money aside for every attempt, make all calls wait when the server asks one to,
and report each attempt to whoever listens.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import anthropic
import httpx2
from anthropic.types import Message

from autocomp_kit.agents._batches import Batches
from autocomp_kit.agents._connection import Connection
from autocomp_kit.agents._failures import Failure, failure_of
from autocomp_kit.agents._prefixes import Prefixes
from autocomp_kit.agents.accounts import BatchPlace, SentEarlier, current_account
from autocomp_kit.agents.answers import plain_text
from autocomp_kit.agents.base import AgentError, AgentUnavailableError
from autocomp_kit.agents.budget import Budget
from autocomp_kit.agents.models import ModelCard
from autocomp_kit.prompts import Prompt
from autocomp_kit.records import Usage

__all__ = ["Answer", "Attempt", "MessagesClient", "Request", "RetryPolicy", "Way"]

_log = logging.getLogger(__name__)

# What the provider adds to a request that our text does not show: roles, the instructions for structured output.
_HIDDEN_PROMPT_TOKENS = 2000
# Of our prompts, about: more of plain English, less of C. Only for estimates; a budget counts every byte as a token.
_BYTES_PER_TOKEN = 3.0
# So many calls in a row that fail although they were tried again mean that the server is down.
_GIVE_UP_AFTER = 8


class Request(NamedTuple):
    """One question: ``schema`` asks for a JSON answer of that form; ``purpose`` names the phase in tables."""

    purpose: str
    prompt: Prompt
    max_tokens: int
    schema: dict[str, object] | None = None
    thinking: dict[str, object] | None = None
    effort: str | None = None


class Answer(NamedTuple):
    """The text that came back, and what the whole call cost, failed attempts included."""

    text: str
    usage: Usage


class Attempt(NamedTuple):
    """One request that was sent, for meters and logs; ``outcome`` is ``ok`` or the kind of the failure."""

    purpose: str
    model: str
    number: int
    outcome: str
    message: str
    usage: Usage


class RetryPolicy(NamedTuple):
    """How often a request is sent at most, and how long to wait before sending it again (seconds).

    Without a wish of the server the wait doubles each time from ``first_wait`` and is shortened by a random part of up
    to a quarter. A server that asks for more than ``longest_wait`` is not waited for.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 120.0

    def wait(self, number: int, failure: Failure) -> float:
        """Return how long to wait after the attempt of this number (from 1)."""
        if failure.retry_after is not None:
            return failure.retry_after
        longest = min(self.first_wait * 2.0 ** (number - 1), self.longest_wait)
        return longest * random.uniform(0.75, 1.0)  # noqa: S311 - spreads requests, keeps no secret


class Way(NamedTuple):
    """How calls travel: at most ``concurrency`` at once, streamed or not; or in batches, as many as there are."""

    concurrency: int = 8
    stream: bool = True
    batch: bool = False
    gather_seconds: float = 2.0
    poll_seconds: float = 30.0


class _Session:
    """What belongs to one event loop: a client with its connections, the places for calls, the state of the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: anthropic.AsyncAnthropic, way: Way) -> None:
        self.loop = loop
        self.client = client
        self.places = asyncio.Semaphore(way.concurrency)
        self.prefixes = Prefixes()
        self.batches = Batches(client, gather_seconds=way.gather_seconds, poll_seconds=way.poll_seconds)
        self.not_before = 0.0
        self.answered = False
        self.failed_in_a_row = 0

    async def wait_for_server(self) -> None:
        """Wait until the moment before which the server wants no request."""
        while self.not_before > time.monotonic():  # noqa: ASYNC110 - the moment can move while we wait
            await asyncio.sleep(self.not_before - time.monotonic())


class MessagesClient:
    """Sends requests to one model and returns answers, or raises an error that says what went wrong."""

    def __init__(
        self,
        card: ModelCard,
        *,
        connection: Connection,
        retry: RetryPolicy,
        way: Way,
        budget: Budget | None,
        on_attempt: Callable[[Attempt], None] | None,
    ) -> None:
        self.card = card
        self._connection = connection
        self._retry = retry
        self._way = way
        self._budget = budget or Budget()
        self._on_attempt = on_attempt
        self._session: _Session | None = None

    async def ask(self, request: Request) -> Answer:
        """Send a request, again if need be, and return the answer.

        Raises
        ------
        AgentError
            If no usable answer came; ``usage`` is what all attempts have cost as far as the server has said.
        AgentUnavailableError
            If no other request can succeed either.
        """
        session = self._session_of_loop()
        account = current_account()
        spent = Usage()
        number = 0
        earlier = account.earlier if account else None
        on_record = earlier is not None
        while True:
            number += 1
            if earlier is not None:
                text, usage, failure = await self._collected(session, earlier)
                earlier = None
            else:
                text, usage, failure = await self._attempt(session, request, on_record=on_record)
            # What the server has refused without charge leaves the record of it free for the next attempt.
            on_record = failure is not None and not failure.charged
            spent += usage
            self._report(request, number, failure, usage)
            if failure is None:
                session.answered = True
                session.failed_in_a_row = 0
                return Answer(text, spent)
            wait = self._retry.wait(number, failure)
            if not failure.retry or number >= self._retry.attempts or wait > self._retry.longest_wait:
                raise self._error(session, failure, number, spent)
            if failure.kind in {"rate_limited", "overloaded"}:
                session.not_before = max(session.not_before, time.monotonic() + wait)
            else:
                await asyncio.sleep(wait)

    async def _collected(self, session: _Session, earlier: SentEarlier) -> tuple[str, Usage, Failure | None]:
        """Fetch the answer to what an earlier session has sent; the budget counts the most of it as spent already."""
        started = time.monotonic()
        try:
            message = await session.batches.collect(earlier, placed=_placed(earlier.place.custom_id, earlier.most))
        except Exception as error:  # noqa: BLE001 - a server can answer anything; all of it is a failed attempt
            failure = failure_of(error, keys=self._connection.secrets())
            if failure.charged:
                return "", earlier.most.unconfirmed(), failure
            self._budget.confirm(earlier.most)
            return "", Usage(), failure
        usage = self.card.priced(_usage_of(message, time.monotonic() - started), batch=True)
        self._budget.confirm(earlier.most, usage)
        return _text_of(message), usage, _unfinished(message)

    async def _attempt(
        self, session: _Session, request: Request, *, on_record: bool
    ) -> tuple[str, Usage, Failure | None]:
        """Send a request once, when there is a place, the server wants it and the budget holds it."""
        async with self._turn(session, request) as begun:
            await session.wait_for_server()
            worst = self.most(request)
            with await self._budget.reserve(worst) as reservation:
                account = current_account()
                place = BatchPlace(custom_id=secrets.token_hex(16)) if self._way.batch else None
                if account is not None and (place or not on_record):
                    account.sent(worst, place, again=on_record)
                started = time.monotonic()
                try:
                    message = await self._send(session, request, begun, place)
                except Exception as error:  # noqa: BLE001 - a server can answer anything; all of it is a failed attempt
                    failure = failure_of(error, keys=self._connection.secrets())
                    if failure.charged:
                        usage = worst.unconfirmed()
                    else:
                        usage = Usage()
                        reservation.settle()
                    return "", usage.model_copy(update={"seconds": time.monotonic() - started}), failure
                usage = self._priced(_usage_of(message, time.monotonic() - started))
                reservation.settle(usage)
        return _text_of(message), usage, _unfinished(message)

    @asynccontextmanager
    async def _turn(self, session: _Session, request: Request) -> AsyncIterator[Callable[[], None]]:
        """Wait until this call may be sent; calls of a batch go together at once."""
        if self._way.batch:
            yield lambda: None
            return
        prefix = (request.prompt.constant, request.schema is None)
        async with session.prefixes.turn(prefix) as begun, session.places:
            yield begun

    async def _send(
        self, session: _Session, request: Request, begun: Callable[[], None], place: BatchPlace | None
    ) -> Message:
        parameters = _parameters(self.card.model, request)
        if place is not None:
            placed = _placed(place.custom_id, self.most(request))
            message = await session.batches.send(parameters, custom_id=place.custom_id, placed=placed)
        else:
            async with asyncio.timeout(self._connection.timeout):
                message = await (
                    self._streamed(session, parameters, begun)
                    if self._way.stream
                    else session.client.messages.create(**parameters, timeout=self._connection.timeout)
                )
        if not isinstance(message, Message):
            raise TypeError(f"a {type(message).__name__} instead of a message")
        if message.stop_reason is None:
            raise httpx2.ReadError("the answer broke off")
        begun()
        return message

    async def _streamed(self, session: _Session, parameters: dict[str, Any], begun: Callable[[], None]) -> Message:
        async with session.client.messages.stream(**parameters, timeout=self._connection.timeout) as stream:
            async for event in stream:
                if event.type == "message_start":
                    begun()
            return await stream.get_final_message()

    def _priced(self, usage: Usage) -> Usage:
        return self.card.priced(usage, batch=self._way.batch)

    def most(self, request: Request) -> Usage:
        """Return the most that one attempt can cost: no token is shorter than a byte, and no prefix is cached."""
        prompt = len(request.prompt.text.encode()) + len(str(request.schema or "")) + _HIDDEN_PROMPT_TOKENS
        return self._priced(Usage(calls=1, cache_write_tokens=prompt, output_tokens=request.max_tokens))

    def usual(self, request: Request, *, output_tokens: int) -> Usage:
        """Return about what an attempt costs that finds its prefix in the cache and gets an answer of this length."""
        cached = sum(len(part.encode()) for part in request.prompt.constant)
        fresh = len(request.prompt.varying.encode())
        return self._priced(
            Usage(
                calls=1,
                cache_read_tokens=round(cached / _BYTES_PER_TOKEN),
                input_tokens=round(fresh / _BYTES_PER_TOKEN),
                output_tokens=output_tokens,
            )
        )

    def _session_of_loop(self) -> _Session:
        """Return what belongs to the running event loop; a notebook runs one loop after another."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.loop is not loop:
            self._session = _Session(loop, self._connection.open(), self._way)
        return self._session

    def _report(self, request: Request, number: int, failure: Failure | None, usage: Usage) -> None:
        outcome, message = ("ok", "") if failure is None else (failure.kind, failure.message)
        if failure is not None:
            _log.info("%s call to %s, attempt %d: %s: %s", request.purpose, self.card.model, number, outcome, message)
        if self._on_attempt is not None:
            self._on_attempt(Attempt(request.purpose, self.card.model, number, outcome, message, usage))

    def _error(self, session: _Session, failure: Failure, number: int, spent: Usage) -> AgentError:
        tried = f" (tried {number} times)" if number > 1 else ""
        text = f"{self.card.model}: {failure.kind}: {failure.message}{tried}"
        # Before the first answer, a request that the server calls invalid means that our settings are.
        refused_from_the_start = failure.kind == "invalid_request" and not session.answered
        if failure.final or failure.kind == "unreachable" or refused_from_the_start:
            return AgentUnavailableError(text, kind=failure.kind, usage=spent)
        if failure.retry:
            session.failed_in_a_row += 1
        if session.failed_in_a_row >= _GIVE_UP_AFTER:
            text = f"{text}; the last {session.failed_in_a_row} calls have all failed"
            return AgentUnavailableError(text, kind=failure.kind, usage=spent)
        return AgentError(text, kind=failure.kind, usage=spent)


def _placed(custom_id: str, most: Usage) -> Callable[[str], None]:
    """Return what writes down in which batch a request of the call under way travels."""
    account = current_account()

    def placed(batch_id: str) -> None:
        if account is not None:
            account.sent(most, BatchPlace(batch_id=batch_id, custom_id=custom_id), again=True)

    return placed


def _parameters(model: str, request: Request) -> dict[str, Any]:
    """Return the body of a request; each constant part ends a prefix that the provider caches."""
    output_config: dict[str, object] = {"effort": request.effort} if request.effort else {}
    if request.schema is not None:
        output_config["format"] = {"type": "json_schema", "schema": request.schema}
    return {
        "model": model,
        "max_tokens": request.max_tokens,
        "system": [
            {"type": "text", "text": part, "cache_control": {"type": "ephemeral"}} for part in request.prompt.constant
        ],
        "messages": [{"role": "user", "content": request.prompt.varying}],
        **({"output_config": output_config} if output_config else {}),
        **({"thinking": request.thinking} if request.thinking else {}),
    }


def _usage_of(message: Message, seconds: float) -> Usage:
    usage = message.usage
    return Usage(
        calls=1,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        seconds=seconds,
    )


def _text_of(message: Message) -> str:
    return plain_text("".join(block.text for block in message.content if block.type == "text"))


def _unfinished(message: Message) -> Failure | None:
    """Return why an answer that arrived whole is no answer, or ``None`` if it is one."""
    reason = message.stop_reason
    if reason in {"end_turn", "stop_sequence"} and _text_of(message).strip():
        return None
    if reason == "max_tokens":
        kind, text = "max_tokens", f"the answer was cut off after {message.usage.output_tokens} tokens"
    elif reason == "refusal":
        details = message.stop_details
        kind, text = "refusal", f"the model refused ({(details and details.category) or 'no category given'})"
    elif reason == "model_context_window_exceeded":
        kind, text = "too_long", "prompt and answer are longer than the model's context"
    else:
        kind, text = "malformed", f"an answer without text (stop reason {reason})"
    return Failure(kind, text, retry=False, final=False, charged=True)
