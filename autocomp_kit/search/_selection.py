"""Who stays in the beam, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from autocomp_kit.events import Dropped, DropReason
from autocomp_kit.search._parts import Member
from autocomp_kit.settings import SearchConfig

__all__ = ["line_of", "select"]


def select(
    config: SearchConfig,
    *,
    iteration: int,
    size: int,
    beam: Sequence[Member],
    children: Iterable[Member],
    members: Mapping[str, Member],
) -> tuple[tuple[Member, ...], tuple[Dropped, ...]]:
    """Return the next beam of at most ``size``, fastest first, and the candidates that are not in it.

    ``members`` holds every candidate known, parents and ancestors included.
    """
    slack = config.slack if iteration <= config.slack_iterations else 1.0
    pool = list(beam)
    dropped: list[Dropped] = []
    for child in children:
        parent = members[child.candidate.parent_id or ""]
        if not child.evaluation.correct:
            dropped.append(Dropped(candidate_id=child.id, reason="not_correct"))
        elif not child.beats(parent, slack=slack):
            dropped.append(Dropped(candidate_id=child.id, reason="not_faster", other_id=parent.id))
        else:
            pool.append(child)
    # The sort is stable: at equal cycles an incumbent stays, and then the earlier child.
    kept: list[Member] = []
    for member in sorted(pool, key=lambda member: member.cycles):
        if drop := _rival(config, member, kept, members):
            dropped.append(drop)
        elif len(kept) == size:
            dropped.append(Dropped(candidate_id=member.id, reason="beam_full"))
        else:
            kept.append(member)
    return tuple(kept), tuple(dropped)


def line_of(member: Member, members: Mapping[str, Member]) -> Iterator[Member]:
    """Yield a member, its parent, and so on up to the start kernel."""
    current: Member | None = member
    while current is not None:
        yield current
        current = members.get(current.candidate.parent_id or "")


def _rival(
    config: SearchConfig, member: Member, kept: Iterable[Member], members: Mapping[str, Member]
) -> Dropped | None:
    """Return the reason why a faster member of the beam leaves no room for this one."""
    for other in kept:
        if reason := _conflict(config, member, other, members):
            return Dropped(candidate_id=member.id, reason=reason, other_id=other.id)
    return None


def _conflict(config: SearchConfig, one: Member, other: Member, members: Mapping[str, Member]) -> DropReason | None:
    if one.evaluation.evaluation_id == other.evaluation.evaluation_id:
        return "same_code"
    signature = one.evaluation.trace_signature
    if not config.same_behaviour and signature and signature == other.evaluation.trace_signature:
        return "same_behaviour"
    parent_id = one.candidate.parent_id
    siblings = parent_id is not None and parent_id == other.candidate.parent_id
    if siblings and one.plan and other.plan and one.plan.text.strip() == other.plan.text.strip():
        return "same_plan"
    if config.diversity == "parent" and siblings and members[parent_id or ""].candidate.parent_id is not None:
        return "same_parent"
    if config.diversity == "lineage" and _line_ids(one, members) & _line_ids(other, members):
        return "same_lineage"
    return None


def _line_ids(member: Member, members: Mapping[str, Member]) -> frozenset[str]:
    """Return the ids of a member and its ancestors, without the start kernel."""
    return frozenset(step.id for step in line_of(member, members) if step.candidate.parent_id is not None)
