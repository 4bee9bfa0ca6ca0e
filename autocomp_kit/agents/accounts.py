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
    """Where the answer to a request will be: the batch that it travels in, and its name there.

    The name is on record before the request is sent, the batch as soon as the server has given it an id. Without one
    nobody knows whether the request has arrived; only the batches of that time can tell.
    """

    batch_id: str | None = None
    custom_id: str


class SentEarlier(NamedTuple):
    """A request of an earlier session, whose answer may wait on the server; it can cost ``most``.

    ``time`` is when that was written down, in Unix seconds.
    """

    place: BatchPlace
    most: Usage
    time: float


class Account(Protocol):
    """Where one call says what it sends; what is written there outlives the process."""

    @property
    def earlier(self) -> SentEarlier | None:
        """What an earlier session has sent for this very call."""
        ...

    def sent(self, most: Usage, place: BatchPlace | None = None, *, again: bool = False) -> None:
        """Write down that a request is about to be sent, with its name if it will travel in a batch.

        ``again`` says that this takes the place of what was last written: more is known of that request, or the server
        has refused it without charge.
        """
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
