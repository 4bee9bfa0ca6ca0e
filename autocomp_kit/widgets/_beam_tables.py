"""What the beam stepper shows, as plain JSON: the whole search as columns, and one candidate in full."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

from autocomp_kit.events import BeamSelected, CodeFailed, Dropped, PlanFailed
from autocomp_kit.history import RunHistory, Step
from autocomp_kit.records import Candidate, Evaluation, Usage

__all__ = ["DiffRow", "beam_overview", "candidate_detail", "diff_rows", "fate_sentence", "lineage_rows"]

PENDING, KEPT, DROPPED, FAILED = range(4)

_FATES = {
    "kept": "kept in the beam",
    "pending": "not decided yet",
    "not_correct": "failed",
    "not_faster": "dropped: not faster than {other}, its parent",
    "same_code": "dropped: the same code as {other}",
    "same_behaviour": "dropped: commands the accelerator exactly as {other} does",
    "same_plan": "dropped: {other} carries out the same plan and is no slower",
    "same_parent": "dropped: {other} has the same parent and is no slower",
    "same_lineage": "dropped: {other} is of the same line and is no slower",
    "beam_full": "dropped: the beam is full of faster ones",
}


class DiffRow(NamedTuple):
    """A line of a diff; ``kind`` is same, changed, removed, added or fold (``left_number`` lines are hidden)."""

    kind: str
    left_number: int
    left: str
    right_number: int
    right: str


def beam_overview(history: RunHistory) -> dict[str, Any]:
    """Return a run as columns, one entry per candidate in the order of the search.

    Returns
    -------
    dict
        run_id, workload, machine, state, start_cycles, best, speedup; ids, parents (index, -1 for none), iterations,
        cycles (simulated, None unless it ran), states (0 pending, 1 kept, 2 correct but dropped, 3 failed), options
        (index into option_names, -1 for none); beams (iteration to indices, fastest first), failed_calls (iteration
        to how many agent calls gave nothing).
    """
    ordered = sorted(history.candidates.values(), key=lambda one: (one.iteration, one.slot, one.sample))
    index = {one.candidate_id: number for number, one in enumerate(ordered)}
    chosen = [_option(history, one) for one in ordered]
    names = sorted({name for name in chosen if name})
    number_of = {name: number for number, name in enumerate(names)}
    evaluations = [history.evaluations.get(one.candidate_id) for one in ordered]
    summary = history.summary()
    beams = {selection.iteration: selection.kept for selection in history.selections}
    first = history.record.origin.iteration if history.record.origin else 0
    if history.record.origin:
        beams[first] = history.record.origin.beam
    elif history.start:
        beams[first] = (history.start.candidate_id,)
    return {
        "run_id": summary.run_id,
        "workload": summary.workload,
        "machine": summary.machine,
        "state": summary.state.replace("_", " "),
        "start_cycles": summary.start_cycles,
        "best": summary.best_id or "",
        "best_cycles": summary.best_cycles,
        "speedup": summary.speedup,
        "ids": [one.candidate_id for one in ordered],
        "parents": [index.get(one.parent_id or "", -1) for one in ordered],
        "iterations": [one.iteration for one in ordered],
        "cycles": [evaluation.cycles if evaluation and evaluation.correct else None for evaluation in evaluations],
        "states": [_state(history, one, made) for one, made in zip(ordered, evaluations, strict=True)],
        "options": [number_of.get(name, -1) for name in chosen],
        "option_names": names,
        "beams": {str(iteration): [index[one] for one in kept if one in index] for iteration, kept in beams.items()},
        "failed_calls": _failed_calls(history),
    }


def candidate_detail(history: RunHistory, candidate_id: str, *, against: str = "") -> dict[str, Any]:
    """Return all that is known of one candidate, and how its code differs from that of an ancestor.

    Parameters
    ----------
    candidate_id
        Any candidate of the run.
    against
        The candidate to compare the code with; the parent if it is empty.
    """
    candidate = history.candidates[candidate_id]
    evaluation = history.evaluations.get(candidate_id)
    line = _line(history, candidate)
    parent = history.candidates.get(candidate.parent_id or "")
    other = history.candidates.get(against) or parent
    plan = history.plans.get(candidate.plan_id or "")
    given = history.evaluations.get(parent.candidate_id) if parent else None
    return {
        "id": candidate_id,
        "iteration": candidate.iteration,
        "agent": candidate.agent,
        "status": evaluation.status.replace("_", " ") if evaluation else "not evaluated",
        "fate": fate_sentence(history, candidate_id),
        "option": _option(history, candidate),
        "plan": plan.text if plan else "",
        "planner": plan.agent if plan else "",
        "offered": list(plan.offered) if plan else [],
        "notes": candidate.notes,
        "code": candidate.code,
        "ancestors": [[one.candidate_id, _ancestor_label(history, one)] for one in reversed(line)],
        "against": other.candidate_id if other else "",
        "diff": [list(row) for row in diff_rows(other.code, candidate.code)] if other else [],
        "metrics": _metrics(history, line, candidate, evaluation),
        "problems": _problems(evaluation),
        "facts": _facts(evaluation),
        "given": _facts(given),
        "usage": _usage(plan.usage if plan else Usage()) + _usage(candidate.usage, first=False),
    }


def diff_rows(before: str, after: str, *, context: int = 3) -> list[DiffRow]:
    """Return two texts side by side, unchanged stretches folded to ``context`` lines around each change."""
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    rows: list[DiffRow] = []
    operations = matcher.get_opcodes()
    for number, (kind, i1, i2, j1, j2) in enumerate(operations):
        if kind == "equal":
            rows += _folded(old, i1, i2, j1, context, first=number == 0, last=number == len(operations) - 1)
            continue
        paired = min(i2 - i1, j2 - j1)
        for step in range(paired):
            rows.append(DiffRow("changed", i1 + step + 1, old[i1 + step], j1 + step + 1, new[j1 + step]))
        rows += [DiffRow("removed", line + 1, old[line], 0, "") for line in range(i1 + paired, i2)]
        rows += [DiffRow("added", 0, "", line + 1, new[line]) for line in range(j1 + paired, j2)]
    return rows


def fate_sentence(history: RunHistory, candidate_id: str) -> str:
    """Return what became of a candidate, in words that name its rival."""
    other = _drops(history).get(candidate_id)
    fate = history.fate(candidate_id)
    return _FATES.get(fate, fate).format(other=other.other_id if other and other.other_id else "another")


def _folded(
    old: list[str], begin: int, end: int, right: int, context: int, *, first: bool, last: bool
) -> Iterator[DiffRow]:
    head = begin if first else min(begin + context, end)
    tail = end if last else max(end - context, head)
    shift = right - begin
    for line in range(begin, head):
        yield DiffRow("same", line + 1, old[line], line + 1 + shift, old[line])
    if tail - head == 1:
        yield DiffRow("same", head + 1, old[head], head + 1 + shift, old[head])
    elif tail > head:
        yield DiffRow("fold", tail - head, "", 0, "")
    for line in range(tail, end):
        yield DiffRow("same", line + 1, old[line], line + 1 + shift, old[line])


def _state(history: RunHistory, candidate: Candidate, evaluation: Evaluation | None) -> int:
    if evaluation is None:
        return PENDING
    if not evaluation.correct:
        return FAILED
    return {"kept": KEPT, "pending": PENDING}.get(history.fate(candidate.candidate_id), DROPPED)


def _option(history: RunHistory, candidate: Candidate) -> str:
    plan = history.plans.get(candidate.plan_id or "")
    return "" if plan is None else plan.item_id or "free plan"


def _failed_calls(history: RunHistory) -> dict[str, int]:
    calls: dict[str, int] = {}
    events: tuple[PlanFailed | CodeFailed, ...] = (*history.events_of(PlanFailed), *history.events_of(CodeFailed))
    for event in events:
        calls[str(event.iteration)] = calls.get(str(event.iteration), 0) + 1
    return calls


def _drops(history: RunHistory) -> dict[str, Dropped]:
    selections: tuple[BeamSelected, ...] = history.selections
    return {drop.candidate_id: drop for selection in reversed(selections) for drop in selection.dropped}


def _line(history: RunHistory, candidate: Candidate) -> list[Candidate]:
    """Return a candidate's ancestors from the start kernel on; unlike a lineage, also of one not yet evaluated."""
    line: list[Candidate] = []
    current = history.candidates.get(candidate.parent_id or "")
    while current is not None and current not in line:
        line.append(current)
        current = history.candidates.get(current.parent_id or "")
    return line[::-1]


def _ancestor_label(history: RunHistory, candidate: Candidate) -> str:
    option = _option(history, candidate)
    return f"{candidate.candidate_id}: {option or 'start kernel'}"


def _metrics(
    history: RunHistory, line: list[Candidate], candidate: Candidate, evaluation: Evaluation | None
) -> list[dict[str, Any]]:
    """Return the measured quantities of a candidate beside those of its parent and of the start kernel."""
    parent = history.evaluations.get(candidate.parent_id or "")
    root = history.evaluations.get(line[0].candidate_id) if line else None
    rows = []
    for name, field in (
        ("cycles (simulated)", "cycles"),
        ("host instructions", "instret"),
        ("array utilisation", "utilization"),
        ("scratchpad rows", "scratchpad_rows"),
        ("accumulator rows", "accumulator_rows"),
    ):
        values = [getattr(one, field) if one and one.correct else None for one in (evaluation, parent, root)]
        rows.append({"name": name, "share": field == "utilization", "values": values, "lower": field == "cycles"})
    return rows


def _problems(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    found = evaluation.problems if evaluation else ()
    return [{"kind": one.kind, "text": one.message, "line": one.line} for one in found]


def _facts(evaluation: Evaluation | None) -> list[dict[str, Any]]:
    found = evaluation.feedback if evaluation else ()
    return [{"kind": one.kind, "text": one.text, "line": one.line, "cycles": one.cycles} for one in found]


def _usage(usage: Usage, *, first: bool = True) -> list[dict[str, Any]]:
    fields = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    return [
        {
            "name": "plan" if first else "code",
            "calls": usage.calls,
            "tokens": [getattr(usage, field) for field in fields],
            "usd": usage.usd,
            "unpriced": usage.unpriced_calls,
            "seconds": usage.seconds,
        }
    ]


def lineage_rows(history: RunHistory, steps: tuple[Step, ...]) -> list[tuple[str, ...]]:
    """Return the steps to a kernel as texts: candidate, option, cycles, speed-up over the start kernel."""
    start = steps[0].evaluation.cycles or 0
    return [
        (
            step.candidate.candidate_id,
            _option(history, step.candidate) or "start kernel",
            f"{step.evaluation.cycles or 0:,}",
            f"{start / step.evaluation.cycles:.2f}x" if step.evaluation.cycles else "",
        )
        for step in steps
    ]
