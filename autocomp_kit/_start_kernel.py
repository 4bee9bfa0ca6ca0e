"""The kernel that a search starts from: nothing can be won where it is not correct."""

from __future__ import annotations

from autocomp_kit.errors import InputError
from autocomp_kit.history import RunHistory, RunRecord
from autocomp_kit.records import Candidate, Evaluation

__all__ = ["START_ID", "StartKernelError", "checked_start", "start_candidate", "why_not_correct"]

START_ID = "0"
"""The id of the start kernel."""


class StartKernelError(InputError):
    """The kernel that the search should start from is not correct; the message says why."""


def start_candidate(record: RunRecord) -> Candidate:
    """Return the start kernel of a run as a candidate, of which there is no verdict yet."""
    return Candidate(candidate_id=START_ID, code=record.kernel, agent="start")


def why_not_correct(evaluation: Evaluation) -> str:
    """Return what is wrong with a start kernel, with the lines."""
    lines = [f"line {one.line}: {one.message}" if one.line else one.message for one in evaluation.problems[:3]]
    verdict = "; ".join((evaluation.status.replace("_", " "), *(line[:500] for line in lines)))
    if evaluation.status == "unsafe":
        return f"the start kernel is {verdict} Mend it, or set allow_hazards=true to search all the same."
    return f"the start kernel is not correct: {verdict}"


def checked_start(history: RunHistory) -> RunHistory:
    """Return the history of a run that has ended.

    Raises
    ------
    StartKernelError
        If it could not even begin.
    """
    if history.finished is not None and history.finished.reason == "start_kernel":
        raise StartKernelError(history.finished.message)
    return history
