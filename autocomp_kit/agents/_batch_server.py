"""What a Message Batches API is asked for once a batch has been sent; all that can go wrong is one kind of error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import anthropic
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

from autocomp_kit.agents._failures import BatchLostError, failure_of

__all__ = ["BatchServer"]

_POLLS_THAT_MAY_FAIL = 20
_PER_PAGE = 100


class BatchServer:
    """The batches of one server.

    Parameters
    ----------
    client
        The SDK's client.
    poll_seconds
        How often the server is asked whether a batch has ended.
    """

    def __init__(self, client: anthropic.AsyncAnthropic, *, poll_seconds: float) -> None:
        self._batches = client.messages.batches
        self.poll_seconds = poll_seconds

    async def wait_for_end(self, batch_id: str, *, abandoned: Callable[[], bool] = lambda: False) -> None:
        """Wait until all requests of a batch have an answer.

        Raises
        ------
        BatchLostError
            If the server does not know the batch any more or cannot be asked, or if the batch is ``abandoned``.
        """
        failed_in_a_row = 0
        while True:
            await asyncio.sleep(self.poll_seconds)
            if abandoned():
                raise BatchLostError("all its calls were cancelled")
            try:
                batch = await self._batches.retrieve(batch_id)
            except anthropic.NotFoundError as error:
                raise BatchLostError(f"the server does not know batch {batch_id} any more", gone=True) from error
            except anthropic.AnthropicError as error:
                failed_in_a_row += 1
                if not failure_of(error).retry or failed_in_a_row > _POLLS_THAT_MAY_FAIL:
                    raise BatchLostError(f"batch {batch_id} cannot be asked for: {error}") from error
                continue
            failed_in_a_row = 0
            if batch.processing_status == "ended":
                return

    async def results(self, batch_id: str) -> AsyncIterator[MessageBatchIndividualResponse]:
        """Yield the answers of a batch that has ended, in any order.

        Raises
        ------
        BatchLostError
            If they cannot be read.
        """
        try:
            async for entry in await self._batches.results(batch_id):
                yield entry
        except (anthropic.AnthropicError, ValueError, LookupError) as error:
            raise BatchLostError(f"the results of batch {batch_id} cannot be read: {error}") from error

    async def created_since(self, earliest: datetime) -> list[MessageBatch]:
        """Return the batches that were created from a time on, the first first.

        Raises
        ------
        BatchLostError
            If the server does not say.
        """
        found: list[MessageBatch] = []
        failed = 0
        while True:
            found.clear()
            try:
                async for batch in self._batches.list(limit=_PER_PAGE):  # the API lists the newest first
                    if batch.created_at < earliest:
                        break
                    found.append(batch)
            except anthropic.NotFoundError as error:
                raise BatchLostError("the server has no list of its batches", gone=True) from error
            except anthropic.AnthropicError as error:
                failed += 1
                if not failure_of(error).retry or failed > _POLLS_THAT_MAY_FAIL:
                    raise BatchLostError(f"the server does not list its batches: {error}") from error
                await asyncio.sleep(self.poll_seconds)
                continue
            return found[::-1]

    async def cancel(self, batch_id: str) -> None:
        """Have the requests of a batch that have not begun not begin, so that they are not paid, if that works."""
        with contextlib.suppress(anthropic.AnthropicError, TimeoutError):
            await asyncio.wait_for(self._batches.cancel(batch_id), timeout=10)
