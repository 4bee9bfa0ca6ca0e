"""Which requests of a run may have cost something that no plan, kernel or failure on record accounts for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from autocomp_kit.events import CandidateMade, CodeFailed, PlanFailed, PlanMade, RequestSent, RunEvent, RunResumed
from autocomp_kit.records import Usage

__all__ = ["Requests"]


class Requests(NamedTuple):
    """Requests that are ``under_way``, by the id of their call, and what the ``lost`` ones can have cost.

    A request is lost when its process was killed before the answer came. One that travels in a batch is not: the
    server keeps the answer, or has never had the request.
    """

    under_way: Mapping[str, tuple[RequestSent, ...]]
    lost: Usage

    @classmethod
    def of(cls, events: Iterable[RunEvent]) -> Self:
        """Return the requests of a stream of events."""
        under_way: dict[str, tuple[RequestSent, ...]] = {}
        lost = Usage()
        for event in events:
            if isinstance(event, RequestSent):
                sent = under_way.get(event.call_id, ())
                under_way[event.call_id] = (*(sent[:-1] if event.again else sent), event)
            elif isinstance(event, PlanMade | PlanFailed):
                under_way.pop(event.plan_id, None)
            elif isinstance(event, CandidateMade | CodeFailed):
                under_way.pop(event.candidate_id, None)
            elif isinstance(event, RunResumed):
                waiting = {call_id: sent[-1:] for call_id, sent in under_way.items() if sent[-1].place}
                known = {sent[0].sequence for sent in waiting.values()}
                gone = (one for sent in under_way.values() for one in sent if one.sequence not in known)
                lost = sum((one.most.unconfirmed() for one in gone), lost)
                under_way = waiting
        return cls(under_way, lost)

    @property
    def most(self) -> Usage:
        """The most that all of them can have cost."""
        return sum((one.most.unconfirmed() for sent in self.under_way.values() for one in sent), self.lost)
