"""Calls by the Message Batches API: half the price, and an answer within a day, mostly within an hour.

Calls that are made at about the same time travel together. Nothing is known of an answer before its whole batch has
ended, so a search makes two waits per iteration: one for all plans, one for all kernels.

Each call says where its answer will be as soon as that is known, so that a run that was killed can collect it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import anthropic
from anthropic.types import Message

from autocomp_kit.agents._failures import BatchEntryError, BatchLostError, failure_of
from autocomp_kit.agents.accounts import BatchPlace

__all__ = ["Batches"]

_MOST_PER_BATCH = 10_000
_POLLS_THAT_MAY_FAIL = 20


class _Call:
    def __init__(self, parameters: dict[str, Any], placed: Callable[[BatchPlace], None]) -> None:
        self.parameters = parameters
        self.placed = placed
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
        self._tasks: set[asyncio.Task[None]] = set()
        self._earlier: dict[str, dict[str, asyncio.Future[Message]]] = {}

    async def send(self, parameters: dict[str, Any], placed: Callable[[BatchPlace], None]) -> Message:
        """Send a request with the next batch and return its answer; ``placed`` is told where that will be."""
        call = _Call(parameters, placed)
        self._waiting.append(call)
        if self._timer is not None:
            self._timer.cancel()
        delay = self._gather_seconds if len(self._waiting) < _MOST_PER_BATCH else 0.0
        self._timer = asyncio.get_running_loop().call_later(delay, self._submit)
        return await call.answer

    async def collect(self, place: BatchPlace) -> Message:
        """Return the answer to a request that was sent earlier, perhaps by another process."""
        answers = self._earlier.get(place.batch_id)
        if answers is None:
            answers = self._earlier[place.batch_id] = {}
            self._begin(self._collect(place.batch_id, answers))
        return await answers.setdefault(place.custom_id, asyncio.get_running_loop().create_future())

    def _submit(self) -> None:
        calls = [call for call in self._waiting if not call.answer.done()]
        self._waiting.clear()
        if calls:
            self._begin(self._carry_out(calls))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, calls: list[_Call]) -> None:
        """Send a batch, wait for its end, and hand out what came."""
        answers = {str(number): call.answer for number, call in enumerate(calls)}
        try:
            batch = await self._client.messages.batches.create(
                requests=[
                    {"custom_id": custom_id, "params": call.parameters}  # type: ignore[typeddict-item]  # it is our own
                    for custom_id, call in zip(answers, calls, strict=True)
                ]
            )
            for custom_id, call in zip(answers, calls, strict=True):
                call.placed(BatchPlace(batch_id=batch.id, custom_id=custom_id))
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            _fail(answers.values(), error)
            return
        await self._finish(batch.id, answers)

    async def _collect(self, name: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        try:
            await self._finish(name, answers)
        finally:
            del self._earlier[name]

    async def _finish(self, name: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        """Wait for the end of a batch and hand out what came, by the names of the requests in it."""
        try:
            try:
                await self._wait_until_ended(name, answers)
                await self._hand_out(name, answers)
            except BaseException:
                # Nobody waits any more: what has not begun on the server shall not begin, and not be paid.
                with contextlib.suppress(anthropic.AnthropicError, TimeoutError):
                    await asyncio.wait_for(self._client.messages.batches.cancel(name), timeout=10)
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            _fail(answers.values(), error)
        finally:
            _fail(answers.values(), BatchEntryError("canceled", "the batch ended without an answer to this request"))

    async def _wait_until_ended(self, name: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        failed_in_a_row = 0
        while True:
            await asyncio.sleep(self._poll_seconds)
            if all(answer.done() for answer in answers.values()):
                raise BatchLostError("all its calls were cancelled")
            try:
                batch = await self._client.messages.batches.retrieve(name)
            except anthropic.NotFoundError as error:
                raise BatchLostError(f"the server does not know batch {name} any more", gone=True) from error
            except anthropic.AnthropicError as error:
                failed_in_a_row += 1
                if not failure_of(error).retry or failed_in_a_row > _POLLS_THAT_MAY_FAIL:
                    raise BatchLostError(f"batch {name} cannot be asked for: {error}") from error
                continue
            failed_in_a_row = 0
            if batch.processing_status == "ended":
                return

    async def _hand_out(self, name: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        try:
            async for entry in await self._client.messages.batches.results(name):
                answer, result = answers.get(entry.custom_id), entry.result
                if answer is None or answer.done():
                    continue
                if result.type == "succeeded":
                    answer.set_result(result.message)
                elif result.type == "errored":
                    error = result.error.error
                    answer.set_exception(BatchEntryError(error.type, error.message))
                else:
                    answer.set_exception(BatchEntryError(result.type, f"the request was {result.type}"))
        except (anthropic.AnthropicError, ValueError, LookupError) as error:
            raise BatchLostError(f"the results of batch {name} cannot be read: {error}") from error


def _fail(answers: Collection[asyncio.Future[Message]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
