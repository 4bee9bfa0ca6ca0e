"""Finds a batch whose id nobody wrote down: the process was killed, or the line broke, while it was being sent.

Each request has a name of its own, which is on record before its batch is sent. The server tells the names in a batch
with its results, so that a batch is known by what is in it. A request that no batch of its time holds has not arrived:
it can be sent again, and is not paid twice.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from anthropic.types.messages import MessageBatch

from autocomp_kit.agents._batch_server import BatchServer

__all__ = ["LostBatches"]

# A batch is created after the names in it were written down, and before the attempt to send it is given up. Both
# leave room for clocks, ours and the server's, that differ.
_EARLIER = timedelta(minutes=5)
_LATER = timedelta(minutes=30)
# What has been sent may still be under way, so the server is believed only so many polls later.
_POLLS_TO_SETTLE = 2


class LostBatches:
    """Looks for requests in the batches of a server, each of which is read once."""

    def __init__(self, server: BatchServer) -> None:
        self._server = server
        self._lock = asyncio.Lock()
        self._listed: list[MessageBatch] = []
        self._since = self._until = 0.0
        self._names: dict[str, frozenset[str]] = {}

    async def find(self, custom_id: str, *, since: float) -> str | None:
        """Return the id of the batch that holds a request, or ``None`` if none does.

        Waits until what is under way has arrived and the batches of that time have ended, for only then the server
        tells what is in them.

        Parameters
        ----------
        custom_id
            The name of the request.
        since
            When its name was written down, in Unix seconds.

        Raises
        ------
        BatchLostError
            If the server cannot be asked.
        """
        until = time.time()
        async with self._lock:
            earliest, latest = (datetime.fromtimestamp(since, UTC) + room for room in (-_EARLIER, _LATER))
            for batch in await self._list(earliest, until):
                if earliest <= batch.created_at <= latest and custom_id in await self._names_in(batch.id):
                    return batch.id
            return None

    async def _list(self, earliest: datetime, until: float) -> list[MessageBatch]:
        """Return the batches from a time on, as listed when all that was sent until then must have arrived."""
        wait = _POLLS_TO_SETTLE * self._server.poll_seconds
        if earliest.timestamp() < self._since or until + wait / 2 > self._until:
            await asyncio.sleep(wait)
            self._listed = await self._server.created_since(earliest)
            self._since, self._until = earliest.timestamp(), time.time()
        return self._listed

    async def _names_in(self, batch_id: str) -> frozenset[str]:
        if batch_id not in self._names:
            await self._server.wait_for_end(batch_id)
            self._names[batch_id] = frozenset([entry.custom_id async for entry in self._server.results(batch_id)])
        return self._names[batch_id]
