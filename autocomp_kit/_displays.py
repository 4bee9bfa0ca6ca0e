"""Rich displays for ``%load_ext autocomp_kit``: what a cell shows when its value is one of our records."""

from __future__ import annotations

from typing import Any

from autocomp_kit.history import RunHistory
from autocomp_kit.records import Candidate, Evaluation, Plan
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets import BeamStepper, TimelineView
from autocomp_kit.widgets._summary import Summary

__all__ = ["register", "unregister"]


def register(shell: Any) -> None:
    """Show histories and traces as widgets, and candidates, plans and evaluations as tables."""
    formatter = shell.display_formatter
    for kind, table in _TABLES.items():
        formatter.mimebundle_formatter.for_type(kind, table)
    for kind, view in _VIEWS.items():
        formatter.ipython_display_formatter.for_type(kind, view)


def unregister(shell: Any) -> None:
    """Show them as Python does."""
    formatter = shell.display_formatter
    for kind in _TABLES:
        formatter.mimebundle_formatter.pop(kind, None)
    for kind in _VIEWS:
        formatter.ipython_display_formatter.pop(kind, None)


def _as_bundle(summary: Summary) -> dict[str, str]:
    return {"text/plain": summary.text(), "text/html": summary.html()}


def _candidate(candidate: Candidate, **_: Any) -> dict[str, str]:
    title = f"Candidate {candidate.candidate_id} by {candidate.agent}, iteration {candidate.iteration}"
    lines = [(str(number), line) for number, line in enumerate(candidate.code.splitlines(), start=1)]
    return _as_bundle(
        Summary(title, (f"parent {candidate.parent_id or 'none'}", candidate.notes), ("line", "code"), lines)
    )


def _plan(plan: Plan, **_: Any) -> dict[str, str]:
    facts = (plan.text, f"offered: {', '.join(plan.offered)}")
    return _as_bundle(Summary(f"Plan {plan.plan_id} by {plan.agent}: {plan.item_id or 'free plan'}", facts))


def _evaluation(evaluation: Evaluation, **_: Any) -> dict[str, str]:
    cycles = f", {evaluation.cycles:,} cycles (simulated)" if evaluation.cycles is not None else ""
    share = f", {evaluation.utilization:.1%} of the array" if evaluation.utilization is not None else ""
    rows = [("problem", f"line {one.line}" if one.line else "", one.message) for one in evaluation.problems]
    rows += [(one.kind, f"line {one.line}" if one.line else "", one.text) for one in evaluation.feedback]
    title = f"{evaluation.workload} on {evaluation.machine}: {evaluation.status.replace('_', ' ')}{cycles}{share}"
    return _as_bundle(Summary(title, (), ("kind", "where", "fact") if rows else (), rows))


_TABLES: dict[type, Any] = {Candidate: _candidate, Plan: _plan, Evaluation: _evaluation}
_VIEWS: dict[type, Any] = {
    RunHistory: lambda history: BeamStepper(history)._ipython_display_(),
    KernelTrace: lambda trace: TimelineView(trace)._ipython_display_(),
}
