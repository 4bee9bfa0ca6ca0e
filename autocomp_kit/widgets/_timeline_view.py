"""Where cycles go: what every unit did when, beside the C code that asked for it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import traitlets

from autocomp_kit.errors import InputError
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets._base import Reply, Widget, checked_window, request
from autocomp_kit.widgets._lanes import busy_by_line, lanes_of
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._summary import Summary

__all__ = ["TimelineView"]

_CAUSES = {
    "array": "the array multiplies",
    "preload": "weights go in alone",
    "bank_conflict": "an operand's bank is in use",
    "mesh": "the array has no room",
    "load": "operands are on their way",
    "head_of_line": "mvins stand behind other commands",
    "accumulator": "result rows are in use",
    "config": "config_ex empties the array",
    "host_late": "the host gives no command",
    "drain": "the last results leave",
    "store_tail": "only stores are left",
    "fence": "a fence ends",
    "host": "the host works alone",
}
"""What a timeline calls the causes of ``region.stalls``."""


class TimelineView(Widget):
    """Lanes for host, queue, station, load, execute, store, DMA and memory of one or more traced runs.

    >>> TimelineView(trace_kernel("small/0"))                                    # doctest: +SKIP
    >>> TimelineView(trace_candidate(history, "0"), trace_candidate(history))    # doctest: +SKIP

    The traces stay in the kernel; the page asks for what is in view. Keys: left and right pan, plus and minus zoom,
    Home shows everything, n and p go to the next and previous command of the unit.

    Parameters
    ----------
    *traces
        What to show, above each other on one time axis.
    window : tuple of int
        Cycles between which to look; by default everything.
    selected : int
        The command in the first trace to select.
    line : int
        The C line whose commands stand out; 0 for none.

    Raises
    ------
    TypeError
        If there is no such option.
    InputError
        If there is no trace.
    """

    _module = "timeline"
    _options = ("window", "selected", "line")
    _kept = ("window", "shown", "selected", "line")

    window = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=(0.0, 0.0)).tag(sync=True)
    shown = traitlets.Int(0).tag(sync=True)
    """Which of the traces the selection, the line and the code belong to."""
    selected = traitlets.Int(-1).tag(sync=True)
    line = traitlets.Int(0).tag(sync=True)
    overview = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)

    def __init__(self, *traces: KernelTrace, **options: Any) -> None:
        if not traces:
            raise InputError("TimelineView needs a trace, such as trace_kernel('small/0')")
        given = frozenset(options)
        self.traces = traces
        self._lanes = [lanes_of(trace) for trace in traces]
        self._longest = max(trace.cycles for trace in traces)
        options.setdefault("window", (0.0, float(self._longest)))
        super().__init__(**options)
        names = ", ".join(trace.name for trace in traces)
        self._remember(ViewMemory(traces[0].history, f"TimelineView {names}"), given=given)
        self.overview = self._overview()
        self._show_command()

    def to_perfetto(self, path: str | Path) -> Path:
        """Write the trace shown as a file for https://ui.perfetto.dev; returns its path.

        Raises
        ------
        InputError
            If the trace has no events, or the file cannot be written.
        """
        record = self.traces[self.shown].trace
        if record is None or not record.events.size:
            raise InputError("the trace was recorded without the events that Perfetto shows")
        record.to_perfetto(path)
        return Path(path)

    @request
    def slices(self, message: dict[str, Any]) -> Reply:
        """Give the bars, or how busy each pixel is, of all lanes between two cycles."""
        begin, end = checked_window((float(message["begin"]), float(message["end"])))
        pixels = int(min(max(message["pixels"], 1), 4096))
        modes, buffers = [], []
        for lanes in self._lanes:
            for lane in lanes:
                bars, density = lane.slice(begin, end, pixels)
                modes.append("bars" if bars is not None else "density")
                buffers.append(np.ascontiguousarray(bars if bars is not None else density).tobytes())
        return {"begin": begin, "end": end, "pixels": pixels, "modes": modes}, buffers

    @request
    def neighbour(self, message: dict[str, Any]) -> Reply:
        """Give the command before or after the selected one in the same unit."""
        commands = self.traces[self.shown].commands
        step, current = int(message["step"]), int(message.get("from", self.selected))
        if not 0 <= current < len(commands):
            return {"command": -1}
        unit = commands["unit"][current]
        others = np.flatnonzero(commands["unit"] == unit)
        place = int(np.searchsorted(others, current)) + step
        return {"command": int(others[min(max(place, 0), len(others) - 1)])}

    @request
    def perfetto(self, _: dict[str, Any]) -> Reply:
        """Write the trace for Perfetto beside the notebook."""
        path = self.to_perfetto(f"{self.traces[self.shown].name.replace(' ', '-')}.perfetto.json")
        return {"path": str(path)}

    @traitlets.validate("window")
    def _is_window(self, proposal: Any) -> tuple[float, float]:
        return checked_window(proposal["value"])

    @traitlets.observe("selected", "shown")
    def _show_command(self, _: Any = None) -> None:
        trace = self.traces[min(self.shown, len(self.traces) - 1)]
        if not 0 <= self.selected < len(trace.commands):
            self.detail = {}
            return
        self.detail = trace.describe(self.selected)
        self.line = int(trace.lines[self.selected])

    @traitlets.validate("shown")
    def _is_shown(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < len(self.traces):
            raise InputError(f"there are {len(self.traces)} traces, counted from 0")
        return int(proposal["value"])

    def _overview(self) -> dict[str, Any]:
        return {
            "cycles": self._longest,
            "traces": [
                {
                    "name": trace.name,
                    "cycles": trace.cycles,
                    "machine": trace.machine.name,
                    "commands": len(trace.commands),
                    "code": trace.code,
                    "by_line": [[line, *numbers] for line, numbers in busy_by_line(trace).items()],
                    "lanes": [
                        {
                            "name": lane.name,
                            "colour": lane.colour,
                            "rows": lane.rows,
                            "busy": round(lane.busy(0, trace.cycles) / max(1, trace.cycles), 4),
                        }
                        for lane in lanes
                    ],
                    "stalls": {text: trace.stalls.get(cause, 0) for cause, text in _CAUSES.items()},
                    "map": _map(lanes, trace.cycles),
                }
                for trace, lanes in zip(self.traces, self._lanes, strict=True)
            ],
        }

    def _summary(self) -> Summary:
        rows = [
            (trace.name, f"{trace.cycles:,}", lane.name, f"{lane.busy(0, trace.cycles) / max(1, trace.cycles):.1%}")
            for trace, lanes in zip(self.traces, self._lanes, strict=True)
            for lane in lanes
        ]
        return Summary(
            "Timeline of accelerator commands (simulated cycles)", (), ("run", "cycles", "lane", "busy"), rows
        )


def _map(lanes: Any, cycles: int) -> list[int]:
    """Return how busy the array is along the whole run, in 200 parts from 0 to 255."""
    execute = next(lane for lane in lanes if lane.name == "execute")
    edges = np.linspace(0, max(1, cycles), 201)
    return [round(255 * execute.busy(low, high) / (high - low)) for low, high in pairwise(edges)]
