"""What a call that costs money writes down before it sends, so that a killed run neither forgets nor repeats it.

A run opens an account for each call that it makes of an agent; the agent finds it with :func:`current_account`,
without a parameter in every request. Outside a run there is none, and nothing is written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from autocomp_kit.records import Record, Usage

__all__ = ["Account", "BatchPlace", "SentEarlier", "current_account", "on_account"]


class BatchPlace(Record):
    """Where the answer to a request will be: the batch that it travels in, and its name there."""

    batch_id: str
    custom_id: str


class SentEarlier(NamedTuple):
    """A request of an earlier session, whose answer waits on the server; it can cost ``most``."""

    place: BatchPlace
    most: Usage


class Account(Protocol):
    """Where one call says what it sends; what is written there outlives the process."""

    @property
    def earlier(self) -> SentEarlier | None:
        """What an earlier session has sent for this very call."""
        ...

    def sent(self, most: Usage, place: BatchPlace | None = None) -> None:
        """Write down that a request is about to be sent, or by a second time that it travels in a batch."""
        ...


_CURRENT: ContextVar[Account | None] = ContextVar("account", default=None)


@contextmanager
def on_account(account: Account) -> Iterator[None]:
    """Make it the account of all that is called in the block."""
    token = _CURRENT.set(account)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_account() -> Account | None:
    """Return the account of the call under way, if a run has made it."""
    return _CURRENT.get()
