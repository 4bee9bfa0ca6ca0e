"""Who writes a prompt prefix into the provider's cache, so that the others can read it.

A cached prefix can be read as soon as the first answer to it begins. Sixteen calls sent at once would all pay for
writing it. So one call goes first, and the others with the same prefix wait until its answer begins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

__all__ = ["Prefixes"]

_LIFE_SECONDS = 270.0
"""A little less than the five minutes for which an unused cache entry lives."""


class _Prefix:
    def __init__(self) -> None:
        self.decided = asyncio.Event()
        self.used = time.monotonic()


class Prefixes:
    """The prefixes that one event loop has sent lately."""

    def __init__(self) -> None:
        self._known: dict[Hashable, _Prefix] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[Callable[[], None]]:
        """Wait for this call's turn to send a prefix; the block calls what it is given when its answer begins.

        If the block of the first call ends without that, the next waiting call goes first.
        """
        while True:
            prefix = self._known.get(key)
            if prefix is None or (prefix.decided.is_set() and time.monotonic() - prefix.used > _LIFE_SECONDS):
                break
            if prefix.decided.is_set():
                prefix.used = time.monotonic()
                yield _nothing
                return
            await prefix.decided.wait()
        first = self._known[key] = _Prefix()

        def begun() -> None:
            first.used = time.monotonic()
            first.decided.set()

        try:
            yield begun
        finally:
            if not first.decided.is_set():
                del self._known[key]
                first.decided.set()


def _nothing() -> None:
    """Do nothing: the prefix is in the cache already."""
