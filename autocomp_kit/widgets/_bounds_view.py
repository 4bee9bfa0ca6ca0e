"""All candidates against what the machine allows, and where the best one still loses."""

from __future__ import annotations

from typing import Any

import traitlets

from autocomp_kit.errors import InputError
from autocomp_kit.widgets._base import Widget
from autocomp_kit.widgets._bounds_table import bounds_of, bounds_table
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._source import RunSource, history_of
from autocomp_kit.widgets._summary import Summary

__all__ = ["BoundsView"]

_MOST = 4000


class BoundsView(Widget):
    """Cycles over host instructions of every correct candidate, under the bounds of array, memory and host.

    >>> BoundsView(run)                                     # doctest: +SKIP

    A kernel cannot be below any of the lines: the array's and the memory's are horizontal, the host's is the diagonal
    of one instruction per cycle. Keys: left and right go through the candidates from the fastest on.

    Parameters
    ----------
    run
        A run, its history, or a store (or its path) for the latest run in it.
    selected : str
        The candidate whose losses are listed; by default the best.

    Raises
    ------
    TypeError
        If there is no such option.
    InputError
        If there is no such run or candidate.
    """

    _module = "bounds"
    _options = ("selected",)
    _kept = ("selected",)

    selected = traitlets.Unicode("").tag(sync=True)
    overview = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)

    def __init__(self, run: RunSource, **options: Any) -> None:
        given = frozenset(options)
        self._history = history_of(run)
        self._table = bounds_table(self._history)
        best = self._history.best
        options.setdefault("selected", best.candidate_id if best else "")
        super().__init__(**options)
        self._remember(ViewMemory(self._history, "BoundsView"), given=given)
        # The fastest ones matter most; thousands more would be one blot.
        table = self._table.nsmallest(_MOST, "cycles") if len(self._table) > _MOST else self._table
        bounds = bounds_of(self._history)
        self.overview = {
            "title": f"{self._history.record.problem.workload} on {self._history.record.problem.machine}",
            "ids": table["candidate_id"].tolist(),
            "cycles": [int(value) for value in table["cycles"]],
            "instret": [int(value) for value in table["instret"]],
            "kept": [fate == "kept" for fate in table["fate"]],
            "array": bounds.array,
            "memory": bounds.memory,
            "hidden": len(self._table) - len(table),
        }
        self._show()

    @traitlets.validate("selected")
    def _is_candidate(self, proposal: Any) -> str:
        chosen: str = proposal["value"]
        if chosen and chosen not in self._history.candidates:
            raise InputError(f"run {self._history.run_id} has no candidate {chosen!r}")
        return chosen

    @traitlets.observe("selected")
    def _show(self, _: Any = None) -> None:
        rows = self._table[self._table["candidate_id"] == self.selected]
        evaluation = self._history.evaluations.get(self.selected)
        if rows.empty or evaluation is None:
            self.detail = {"id": self.selected}
            return
        row = rows.iloc[0]
        self.detail = {
            "id": self.selected,
            "cycles": int(row["cycles"]),
            "bound": int(row["bound"]),
            "by": row["by"],
            "headroom": float(row["headroom"]),
            "bounds": [
                [name, int(row[name]), float(row[name]) / int(row["cycles"])]
                for name in ("array", "memory", "host")
                if row[name] == row[name] and row[name] is not None and str(row[name]) != "<NA>"
            ],
            "losses": [
                [fact.text, fact.cycles or 0]
                for fact in evaluation.feedback
                if fact.cycles and fact.kind != "utilization"  # the bounds say that
            ],
        }

    def _summary(self) -> Summary:
        rows = [
            (row["candidate_id"], f"{row['cycles']:,}", f"{row['bound']:,.0f}", row["by"], f"{row['headroom']:.2f}x")
            for _, row in self._table.nsmallest(10, "cycles").iterrows()
        ]
        title = f"Bounds of {self._history.record.problem.workload} on {self._history.record.problem.machine}"
        return Summary(title, (), ("candidate", "cycles", "highest bound", "by", "headroom"), rows)
