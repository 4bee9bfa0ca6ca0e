"""Calls by the Message Batches API: half the price, and an answer within a day, mostly within an hour.

Calls that are made at about the same time travel together. Nothing is known of an answer before its whole batch has
ended, so a search makes two waits per iteration: one for all plans, one for all kernels.

Each call has a name that is on record before it travels, and says which batch it travels in as soon as that is known,
so that a run that was killed can collect its answer instead of paying for another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import anthropic
from anthropic.types import Message

from autocomp_kit.agents._batch_server import BatchServer
from autocomp_kit.agents._failures import BatchEntryError, BatchLostError, failure_of
from autocomp_kit.agents._lost_batches import LostBatches
from autocomp_kit.agents.accounts import SentEarlier

__all__ = ["Batches"]

_MOST_PER_BATCH = 10_000
# However many calls keep coming, the first of them is not held back for longer.
_LONGEST_GATHERING = 60.0


class _Call:
    def __init__(self, custom_id: str, parameters: dict[str, Any], placed: Callable[[str], None]) -> None:
        self.custom_id = custom_id
        self.parameters = parameters
        self.placed = placed
        self.since = time.time()
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
        self._server = BatchServer(client, poll_seconds=poll_seconds)
        self._lost = LostBatches(self._server)
        self._gather_seconds = gather_seconds
        self._waiting: list[_Call] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._earlier: dict[str, dict[str, asyncio.Future[Message]]] = {}

    async def send(self, parameters: dict[str, Any], *, custom_id: str, placed: Callable[[str], None]) -> Message:
        """Send a request with the next batch and return its answer; ``placed`` is told the id of the batch."""
        call = _Call(custom_id, parameters, placed)
        self._waiting.append(call)
        if self._timer is not None:
            self._timer.cancel()
        longest = max(0.0, self._waiting[0].since + _LONGEST_GATHERING - time.time())
        delay = min(self._gather_seconds, longest) if len(self._waiting) < _MOST_PER_BATCH else 0.0
        self._timer = asyncio.get_running_loop().call_later(delay, self._submit)
        return await call.answer

    async def collect(self, sent: SentEarlier, *, placed: Callable[[str], None]) -> Message:
        """Return the answer to a request that was sent earlier, perhaps by another process.

        ``placed`` is told the id of its batch if that was not on record.

        Raises
        ------
        BatchLostError
            If no batch holds the request, so that it must be sent again.
        """
        custom_id, batch_id = sent.place.custom_id, sent.place.batch_id
        if batch_id is None:
            batch_id = await self._lost.find(custom_id, since=sent.time)
            if batch_id is None:
                raise BatchLostError("the request has never reached the server", gone=True, charged=False)
            placed(batch_id)
        answers = self._earlier.get(batch_id)
        if answers is None:
            answers = self._earlier[batch_id] = {}
            self._begin(self._collect(batch_id, answers))
        return await answers.setdefault(custom_id, asyncio.get_running_loop().create_future())

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
        answers = {call.custom_id: call.answer for call in calls}
        try:
            batch_id = await self._create(calls)
            for call in calls:
                call.placed(batch_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            _fail(answers.values(), error)
            return
        await self._finish(batch_id, answers)

    async def _create(self, calls: list[_Call]) -> str:
        """Send a batch and return its id, also if the server has it and its word of that was lost on the way."""
        requests = [{"custom_id": call.custom_id, "params": call.parameters} for call in calls]
        try:
            batch = await self._client.messages.batches.create(requests=requests)  # type: ignore[arg-type]  # our own
        except Exception as error:
            if not failure_of(error).charged:
                raise
            batch_id = await self._lost.find(calls[0].custom_id, since=calls[0].since)
            if batch_id is None:
                message = f"the batch has not reached the server: {error}"
                raise BatchLostError(message, gone=True, charged=False) from error
            return batch_id
        return batch.id

    async def _collect(self, batch_id: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        try:
            await self._finish(batch_id, answers)
        finally:
            del self._earlier[batch_id]

    async def _finish(self, batch_id: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        """Wait for the end of a batch and hand out what came, by the names of the requests in it."""
        try:
            try:
                await self._server.wait_for_end(
                    batch_id, abandoned=lambda: all(answer.done() for answer in answers.values())
                )
                await self._hand_out(batch_id, answers)
            except BaseException:
                # Nobody waits any more: what has not begun on the server shall not begin, and not be paid.
                await self._server.cancel(batch_id)
                raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            _fail(answers.values(), error)
        finally:
            _fail(answers.values(), BatchEntryError("canceled", "the batch ended without an answer to this request"))

    async def _hand_out(self, batch_id: str, answers: dict[str, asyncio.Future[Message]]) -> None:
        async for entry in self._server.results(batch_id):
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


def _fail(answers: Collection[asyncio.Future[Message]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
