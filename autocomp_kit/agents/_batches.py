"""Calls by the Message Batches API: half the price, and an answer within a day, mostly within an hour.

Calls that are made at about the same time travel together. Nothing is known of an answer before its whole batch has
ended, so a search makes two waits per iteration: one for all plans, one for all kernels.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import anthropic
from anthropic.types import Message

from autocomp_kit.agents._failures import BatchEntryError, BatchLostError, failure_of

__all__ = ["Batches"]

_MOST_PER_BATCH = 10_000
_POLLS_THAT_MAY_FAIL = 20


class _Call:
    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters
        self.answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()


class Batches:
    """Collects the calls of one event loop into batches.

    Parameters
    ----------
    client
        The SDK's client.
    gather_seconds
        A batch is sent when no other call has come for so long.
    poll_seconds
        How often the server is asked whether a batch has ended.
    """

    def __init__(self, client: anthropic.AsyncAnthropic, *, gather_seconds: float, poll_seconds: float) -> None:
        self._client = client
        self._gather_seconds = gather_seconds
        self._poll_seconds = poll_seconds
        self._waiting: list[_Call] = []
        self._timer: asyncio.TimerHandle | None = None
        self._batches: set[asyncio.Task[None]] = set()

    async def send(self, parameters: dict[str, Any]) -> Message:
        """Send a request with the next batch and return its answer."""
        call = _Call(parameters)
        self._waiting.append(call)
        if self._timer is not None:
            self._timer.cancel()
        delay = self._gather_seconds if len(self._waiting) < _MOST_PER_BATCH else 0.0
        self._timer = asyncio.get_running_loop().call_later(delay, self._submit)
        return await call.answer

    def _submit(self) -> None:
        calls = [call for call in self._waiting if not call.answer.done()]
        self._waiting.clear()
        if calls:
            batch = asyncio.get_running_loop().create_task(self._carry_out(calls))
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def _carry_out(self, calls: list[_Call]) -> None:
        """Send a batch, wait for its end, and hand out what came."""
        try:
            batch = await self._client.messages.batches.create(
                requests=[
                    {"custom_id": str(number), "params": call.parameters}  # type: ignore[typeddict-item]  # it is our own
                    for number, call in enumerate(calls)
                ]
            )
            try:
                await self._wait_until_ended(batch.id, calls)
                await self._hand_out(batch.id, calls)
            except BaseException:
                # Nobody waits any more: what has not begun on the server shall not begin, and not be paid.
                with contextlib.suppress(anthropic.AnthropicError, TimeoutError):
                    await asyncio.wait_for(self._client.messages.batches.cancel(batch.id), timeout=10)
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            _fail(calls, error)
        finally:
            _fail(calls, BatchEntryError("canceled", "the batch ended without an answer to this request"))

    async def _wait_until_ended(self, name: str, calls: list[_Call]) -> None:
        failed_in_a_row = 0
        while True:
            await asyncio.sleep(self._poll_seconds)
            if all(call.answer.done() for call in calls):
                raise BatchLostError("all its calls were cancelled")
            try:
                batch = await self._client.messages.batches.retrieve(name)
            except anthropic.AnthropicError as error:
                failed_in_a_row += 1
                if not failure_of(error).retry or failed_in_a_row > _POLLS_THAT_MAY_FAIL:
                    raise BatchLostError(f"batch {name} cannot be asked for: {error}") from error
                continue
            failed_in_a_row = 0
            if batch.processing_status == "ended":
                return

    async def _hand_out(self, name: str, calls: list[_Call]) -> None:
        try:
            async for entry in await self._client.messages.batches.results(name):
                call, result = calls[int(entry.custom_id)], entry.result
                if call.answer.done():
                    continue
                if result.type == "succeeded":
                    call.answer.set_result(result.message)
                elif result.type == "errored":
                    error = result.error.error
                    call.answer.set_exception(BatchEntryError(error.type, error.message))
                else:
                    call.answer.set_exception(BatchEntryError(result.type, f"the request was {result.type}"))
        except (anthropic.AnthropicError, ValueError, LookupError) as error:
            raise BatchLostError(f"the results of batch {name} cannot be read: {error}") from error


def _fail(calls: list[_Call], error: Exception) -> None:
    for call in calls:
        if not call.answer.done():
            call.answer.set_exception(error)
