"""One iteration of a search: all proposals at a time, and what a person adds meanwhile."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import NamedTuple

from autocomp_kit._recorder import Recorder
from autocomp_kit._session import Session
from autocomp_kit.errors import InputError
from autocomp_kit.search import BeamSearch, SearchError

__all__ = ["Inbox", "Suggestion", "carry_out_iteration", "check_texts"]


class Suggestion(NamedTuple):
    """A person's plan for a parent, perhaps with the kernel; ``accepted`` gets the plan's id."""

    parent_id: str
    plan_text: str
    item_id: str | None
    coder: str
    code: str | None
    accepted: Future[str]


def check_texts(**texts: str | None) -> None:
    """Refuse what no file of the run could hold, such as half a character that a page has sent.

    Raises
    ------
    InputError
        If one of them is no text.
    """
    for name, text in texts.items():
        try:
            _ = text is None or text.encode()
        except (AttributeError, UnicodeEncodeError):
            raise InputError(f"{name} must be a text of whole characters, not {ascii(text)[:60]}") from None


class Inbox:
    """Suggestions that wait for an iteration to take them in; lives in the run's event loop."""

    def __init__(self) -> None:
        self._suggestions: deque[Suggestion] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def put(self, suggestion: Suggestion) -> None:
        """Take in a suggestion."""
        if self._closed:
            suggestion.accepted.set_exception(SearchError("the search is over; fork the run to add to it"))
            return
        self._suggestions.append(suggestion)
        self._arrived.set()

    async def arrived(self) -> None:
        """Wait until there is a suggestion."""
        await self._arrived.wait()

    def take(self) -> Suggestion | None:
        """Return the oldest suggestion."""
        if not self._suggestions:
            return None
        suggestion = self._suggestions.popleft()
        if not self._suggestions:
            self._arrived.clear()
        return suggestion

    def close(self) -> None:
        """Turn down what is left and all that still comes."""
        self._closed = True
        while suggestion := self.take():
            self.put(suggestion)


async def carry_out_iteration(search: BeamSearch, session: Session, recorder: Recorder, inbox: Inbox) -> None:
    """Carry out all that the search asks in its iteration, all at a time and to the end of each.

    Raises
    ------
    BaseException
        What the first of the proposals raised, after all have ended.
    """
    iteration, proposals = search.iteration, search.ask()
    recorder.iteration_started(search, proposals)
    tasks = [asyncio.create_task(session.carry_out(search, proposal)) for proposal in proposals]
    for event in recorder.added(iteration):
        proposal = search.add(event.parent_id, event.plan_text, item_id=event.item_id, coder=event.coder)
        tasks.append(asyncio.create_task(session.carry_out(search, proposal, code=event.code)))
    listening = asyncio.create_task(inbox.arrived())
    try:
        while search.iteration == iteration and not search.stopped and not all(task.done() for task in tasks):
            waiting = [task for task in tasks if not task.done()]
            await asyncio.wait([*waiting, listening], return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                tasks += _take_in(search, session, recorder, inbox, iteration)
                listening = asyncio.create_task(inbox.arrived())
        for task in tasks:
            await task
    finally:
        for task in (*tasks, listening):
            task.cancel()
        await asyncio.gather(*tasks, listening, return_exceptions=True)


def _take_in(
    search: BeamSearch, session: Session, recorder: Recorder, inbox: Inbox, iteration: int
) -> list[asyncio.Task[None]]:
    """Begin what has been suggested, as long as the iteration lasts."""
    tasks = []
    while search.iteration == iteration and not search.stopped and (suggestion := inbox.take()):
        try:
            proposal = search.add(
                suggestion.parent_id, suggestion.plan_text, item_id=suggestion.item_id, coder=suggestion.coder
            )
        except SearchError as error:
            suggestion.accepted.set_exception(error)
            continue
        recorder.proposal_added(proposal, suggestion.code)
        tasks.append(asyncio.create_task(session.carry_out(search, proposal, code=suggestion.code)))
        suggestion.accepted.set_result(proposal.plan_id)
    return tasks
