"""Step through a beam search: what was tried, what survived, and why."""

from __future__ import annotations

from typing import Any

import traitlets
from gemmini_sim import load_config

from autocomp_kit.errors import InputError
from autocomp_kit.preview import code_request_of, plan_request_of
from autocomp_kit.prompts import Prompts
from autocomp_kit.widgets._base import Reply, Widget, request
from autocomp_kit.widgets._beam_tables import beam_overview, candidate_detail, lineage_rows
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._source import RunSource, history_of
from autocomp_kit.widgets._summary import Summary

__all__ = ["BeamStepper"]

_TABS = ["Plan and code", "Measurements", "Advice", "Prompt", "Reply", "Cost"]
_EMBEDDED = 2000
"""Runs up to this many candidates travel with a saved notebook; larger ones stay in the kernel."""


class BeamStepper(Widget):
    """Iterations as columns, candidates as nodes; plan, diff, measurements and prompt of the selected one.

    >>> BeamStepper(run)                                    # doctest: +SKIP
    >>> BeamStepper("output/quickstart.sqlite")             # doctest: +SKIP

    Keys: left and right step through the iterations, up and down through a column, Home and End go to the ends, space
    plays.

    Parameters
    ----------
    run
        A run, its history, or a store (or its path) for the latest run in it.
    selected : str
        The candidate shown; by default the best one.
    iteration : int
        Up to which iteration the search is shown; by default all of it.
    against : str
        Whose code the selected one's is compared with; by default its parent's.
    layout_of_diff : "split" or "unified"
    tab : str
        The title of the tab shown.

    Raises
    ------
    TypeError
        If there is no such option.
    InputError
        If there is no such run or candidate.
    """

    _module = "beam"
    _options = ("selected", "iteration", "against", "layout_of_diff", "tab")
    _kept = _options

    selected = traitlets.Unicode("").tag(sync=True)
    iteration = traitlets.Int(-1).tag(sync=True)
    against = traitlets.Unicode("").tag(sync=True)
    layout_of_diff = traitlets.Enum(["split", "unified"], "split").tag(sync=True)
    tab = traitlets.Enum(_TABS, _TABS[0]).tag(sync=True)
    overview = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)

    def __init__(self, run: RunSource, **options: Any) -> None:
        given = frozenset(options)
        self._source = run
        self._history = history_of(run)
        self._nodes = beam_overview(self._history)
        options.setdefault("selected", self._nodes["best"] or next(iter(self._history.candidates), ""))
        options.setdefault("iteration", max(self._nodes["iterations"], default=0))
        super().__init__(**options)
        self._remember(ViewMemory(self._history, "BeamStepper"), given=given)
        self._publish()

    def refresh(self) -> None:
        """Take in what the run has done since."""
        follow = self.iteration >= max(self._nodes["iterations"], default=0)
        self._history = history_of(self._source)
        self._nodes = beam_overview(self._history)
        if follow:
            self.iteration = max(self._nodes["iterations"], default=0)
        self._publish()

    @traitlets.validate("selected")
    def _is_candidate(self, proposal: Any) -> str:
        candidate_id: str = proposal["value"]
        if candidate_id and candidate_id not in self._history.candidates:
            raise InputError(f"run {self._history.run_id} has no candidate {candidate_id!r}")
        return candidate_id

    @traitlets.observe("selected", "against")
    def _show(self, change: Any) -> None:
        if change["name"] == "selected":
            self.against = ""
        self.detail = self._detail()

    def _publish(self) -> None:
        small = len(self._nodes["ids"]) <= _EMBEDDED
        self.overview = self._nodes if small else {"run_id": self._nodes["run_id"], "size": len(self._nodes["ids"])}
        self.detail = self._detail()

    def _detail(self) -> dict[str, Any]:
        return candidate_detail(self._history, self.selected, against=self.against) if self.selected else {}

    @request
    def nodes(self, _: dict[str, Any]) -> Reply:
        """Give the whole search; for runs that are too large for a trait."""
        return self._nodes

    @request
    def prompt(self, _: dict[str, Any]) -> Reply:
        """Give the prompts that led to the selected candidate, rendered as the search rendered them."""
        candidate = self._history.candidates[self.selected]
        if candidate.plan_id is None:
            return {"prompts": []}
        machine = load_config(self._history.record.problem.machine)
        prompts = Prompts()
        plan = prompts.plan(plan_request_of(self._history, candidate.plan_id), machine=machine)
        code = prompts.code(code_request_of(self._history, self.selected), machine=machine)
        return {"prompts": [["plan", plan.text], ["code", code.text]]}

    def _summary(self) -> Summary:
        summary = self._history.summary()
        best = self._history.best
        facts = [f"{summary.tried} candidates tried, {summary.correct} correct, {summary.failed} failed"]
        if summary.speedup is not None:
            facts.append(
                f"{summary.start_cycles:,} -> {summary.best_cycles:,} cycles (simulated): {summary.speedup:.2f}x"
            )
        rows = lineage_rows(self._history, self._history.lineage(best.candidate_id)) if best else ()
        title = f"Beam search {summary.run_id}: {summary.workload} on {summary.machine}"
        return Summary(title, facts, ("candidate", "option", "cycles", "speed-up"), rows)
