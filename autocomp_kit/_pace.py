"""When the calls of a run may begin: so many per agent, not while paused, and none once a limit is reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import TypeVar

from autocomp_kit.events import StopReason
from autocomp_kit.records import Usage
from autocomp_kit.settings import Limits

__all__ = ["Halt", "Pace"]

T = TypeVar("T")


class Halt(Exception):  # noqa: N818 - nothing is wrong: it says that no further call may begin
    """No further call may begin; what is under way ends in its own time and counts."""

    def __init__(self, reason: StopReason, message: str) -> None:
        super().__init__(message)
        self.reason: StopReason = reason


class Pace:
    """The gate that every agent call passes.

    Parameters
    ----------
    calls_at_once
        How many calls of each agent may be under way at a time, by its name.
    limits
        When no further call may begin.
    spent, seconds
        What earlier sessions of the run have used up.
    """

    def __init__(self, calls_at_once: Mapping[str, int], limits: Limits, *, spent: Usage, seconds: float) -> None:
        self._turns = {name: asyncio.Semaphore(number) for name, number in calls_at_once.items()}
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self.limits = limits
        self._spent = spent
        self._seconds_before = seconds
        self._since = time.monotonic()
        self._paused_at: float | None = None
        self._halted: BaseException | None = None

    def begin(self) -> None:
        """Start the clock of the time limit."""
        self._since = time.monotonic() - self._seconds_before

    def pause(self) -> None:
        """Let nothing begin; the clock of the time limit stands still."""
        if self._unpaused.is_set():
            self._unpaused.clear()
            self._paused_at = time.monotonic()

    def unpause(self) -> None:
        """Let things begin again."""
        if self._paused_at is not None:
            self._since += time.monotonic() - self._paused_at
            self._paused_at = None
        self._unpaused.set()

    def spend(self, usage: Usage) -> None:
        """Count what a call has cost."""
        self._spent += usage

    async def unpaused(self) -> None:
        """Wait while paused."""
        await self._unpaused.wait()

    async def call(self, agent: str, call: Coroutine[object, object, T]) -> T:
        """Make one call of an agent when its turn comes.

        A call that fails for good lets no further one begin; those under way are left to end, for they are paid.

        Raises
        ------
        BaseException
            What the call raises, or what has let no further call begin.
        """
        try:
            async with self._turns[agent]:
                await self.unpaused()
                if self._halted is None:
                    self._halted = self._limit_reached()
                if self._halted is not None:
                    raise self._halted
                return await call
        finally:
            call.close()

    def halt(self, cause: BaseException) -> None:
        """Let no further call begin; they raise the cause instead."""
        self._halted = self._halted or cause

    def _limit_reached(self) -> Halt | None:
        limits, spent = self.limits, self._spent
        seconds = time.monotonic() - self._since
        if limits.usd is not None and spent.most_usd >= limits.usd:
            return Halt("budget", f"{spent.most_usd:.4f} of {limits.usd:.4f} USD are spent")
        if limits.tokens is not None and spent.most_tokens >= limits.tokens:
            return Halt("budget", f"{spent.most_tokens:,} of {limits.tokens:,} tokens are used")
        if limits.seconds is not None and seconds >= limits.seconds:
            return Halt("time", f"{seconds:.3g} of {limits.seconds:.3g} seconds are over")
        return None
