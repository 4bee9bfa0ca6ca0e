"""What the kernel lab shows of its evaluations, typed, because it is also read back from a run's store."""

from __future__ import annotations

from autocomp_kit.records import Record
from autocomp_kit.widgets._beam_tables import DiffRow

__all__ = ["Attempt", "Evaluated", "Verdict"]


class Attempt(Record):
    """One evaluation of what was in the editor."""

    number: int
    status: str
    cycles: int | None
    code: str


class Verdict(Record):
    """What the page shows of the last evaluation; problems and facts begin with their lines, 0 if they have none."""

    status: str
    correct: bool
    cycles: int | None
    utilization: float | None
    parent_cycles: int | None
    previous_cycles: int | None
    problems: list[tuple[int, str]]
    facts: list[tuple[int, str, str]]
    diff: list[DiffRow]


class Evaluated(Record):
    """All that the lab keeps of them."""

    attempts: list[Attempt]
    result: Verdict | None
