"""A limit on what model calls may cost, which calls in flight cannot overrun.

Before a request is sent, the most that it can cost is set aside; afterwards it is settled with what it did cost. A
request for which too little is left waits for the ones in flight to be settled. If none is left in flight, the budget
is used up. So the sum of what was paid and what may still be paid never passes the limit, however many run at once.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from autocomp_kit.agents.base import AgentUnavailableError
from autocomp_kit.errors import InputError
from autocomp_kit.records import Usage

__all__ = ["Budget", "BudgetError", "Reservation"]

_NOTHING = Usage()


class BudgetError(AgentUnavailableError):
    """The next call could cost more than is left."""


class Reservation:
    """What is set aside for one request; leave its ``with`` block to give back what was not needed.

    If the block ends without :meth:`settle`, the whole sum stays spent: nobody knows what the server has charged for a
    request that broke off in the middle.
    """

    def __init__(self, budget: Budget, worst: Usage) -> None:
        self._budget = budget
        self._worst = worst
        self._actual: Usage | None = None

    def settle(self, actual: Usage = _NOTHING) -> None:
        """Say what the request did cost; nothing by default."""
        self._actual = actual

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._budget._close(self._worst, self._actual)  # noqa: SLF001 - the two classes are one thing


class Budget:
    """A limit in US dollars, in tokens, or both, for any number of agents that run in one event loop.

    Parameters
    ----------
    usd
        Limit in US dollars, or ``None``.
    tokens
        Limit on tokens of all kinds together, or ``None``.
    spent
        What was spent before, when a run is resumed; of requests that broke off, the most that they can have cost.

    Attributes
    ----------
    spent : Usage
        What all settled requests have cost.
    unconfirmed : Usage
        The most that requests which broke off may have cost. It counts as spent.
    """

    def __init__(self, *, usd: float | None = None, tokens: int | None = None, spent: Usage = _NOTHING) -> None:
        self.spent = spent
        self.unconfirmed = _NOTHING
        self._reserved: list[Usage] = []
        self._waiting: list[asyncio.Future[None]] = []
        self.change(usd=usd, tokens=tokens)

    def change(self, *, usd: float | None, tokens: int | None) -> None:
        """Set other limits for all requests that are not yet sent; those that wait look again."""
        for name, limit in (("usd", usd), ("tokens", tokens)):
            if limit is not None and not limit >= 0:
                raise InputError(f"budget: {name} must be a number from 0, not {limit}")
        self.usd = usd
        self.tokens = tokens
        self._wake()

    @property
    def committed(self) -> Usage:
        """The most that can have been spent when every request in flight is settled."""
        return sum(self._reserved, self.spent + self.unconfirmed)

    async def reserve(self, worst: Usage) -> Reservation:
        """Set aside the most that a request can cost, and wait for as long as others in flight may free enough.

        Raises
        ------
        BudgetError
            If too little is left even when all requests in flight turn out to cost nothing, or if there is a limit in
            dollars and the price is not known.
        """
        if self.usd is not None and worst.unpriced_calls:
            raise BudgetError("the price of this model is not known, so a budget in USD cannot hold it", kind="budget")
        while not self._fits(worst, self.committed):
            if not self._fits(worst, self.spent + self.unconfirmed):
                raise BudgetError(self._refusal(worst), kind="budget")
            freed = asyncio.get_running_loop().create_future()
            self._waiting.append(freed)
            await freed
        self._reserved.append(worst)
        return Reservation(self, worst)

    def confirm(self, most: Usage, actual: Usage = _NOTHING) -> None:
        """Say what a request of an earlier session did cost, of which ``spent`` counts the most that it can cost."""
        known = most.unconfirmed()
        self.spent += actual + Usage(
            calls=-known.calls,
            unpriced_calls=-known.unpriced_calls,
            unconfirmed_usd=-known.unconfirmed_usd,
            unconfirmed_tokens=-known.unconfirmed_tokens,
        )
        self._wake()

    def _fits(self, worst: Usage, taken: Usage) -> bool:
        return (self.usd is None or taken.most_usd + worst.usd <= self.usd) and (
            self.tokens is None or taken.most_tokens + worst.tokens <= self.tokens
        )

    def _refusal(self, worst: Usage) -> str:
        taken = self.spent + self.unconfirmed
        if self.usd is not None and taken.most_usd + worst.usd > self.usd:
            return (
                f"budget of {self.usd:.2f} USD: {taken.most_usd:.4f} are spent, and the next call can cost "
                f"{worst.usd:.4f}; raise the budget, or lower the most that one answer may be long"
            )
        return (
            f"budget of {self.tokens} tokens: {taken.most_tokens} are spent, and the next call can take {worst.tokens}"
        )

    def _close(self, worst: Usage, actual: Usage | None) -> None:
        self._reserved.remove(worst)
        if actual is None:
            self.unconfirmed += worst
        else:
            self.spent += actual
        self._wake()

    def _wake(self) -> None:
        """Have those who wait look again."""
        waiting, self._waiting = self._waiting, []
        for freed in waiting:
            if not freed.done():
                freed.set_result(None)
