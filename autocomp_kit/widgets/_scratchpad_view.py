"""What the local memories hold: which operand's tile lives in which rows from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from autocomp_kit.addresses import decode_address
from autocomp_kit.errors import InputError
from autocomp_kit.traces import KernelTrace
from autocomp_kit.widgets._base import Reply, Widget, checked_window, request
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._rows_picture import MemoryContents
from autocomp_kit.widgets._summary import Summary

__all__ = ["ScratchpadView"]


class ScratchpadView(Widget):
    """Rows of scratchpad and accumulator by time, bank conflicts, and a cursor that tells what lives where at a cycle.

    >>> ScratchpadView(trace_kernel("small/0"))            # doctest: +SKIP

    Keys: left and right move the cursor, with shift ten times as far; plus and minus zoom, Home shows everything,
    space plays.

    Parameters
    ----------
    trace
        The run to show.
    memory : "scratchpad" or "accumulator"
    window : tuple of float
        Cycles between which to look; by default everything.
    cycle : int
        Where the cursor stands, in cycles since the kernel began.
    colour : "operand" or "reload"
        Whether colours tell what is there, or how often the same data have been loaded.

    Raises
    ------
    TypeError
        If there is no such option.
    """

    _module = "scratchpad"
    _options = ("memory", "window", "cycle", "colour", "line")
    _kept = ("memory", "colour", "window", "rows", "cycle", "line", "selected")

    overview = traitlets.Dict().tag(sync=True)
    memory = traitlets.Enum(["scratchpad", "accumulator"], "scratchpad").tag(sync=True)
    colour = traitlets.Enum(["operand", "reload"], "operand").tag(sync=True)
    window = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=(0.0, 0.0)).tag(sync=True)
    rows = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(0, 0)).tag(sync=True)
    """First and last row shown, the last one exclusive; at first all, or those in use if they are few."""
    cycle = traitlets.Int(0).tag(sync=True)
    line = traitlets.Int(0).tag(sync=True)
    """The C line that gave the command last clicked on."""
    selected = traitlets.Int(-1).tag(sync=True)
    """The command that wrote the rows last clicked on."""

    def __init__(self, trace: KernelTrace, **options: Any) -> None:
        given = frozenset(options)
        self.trace = trace
        self._contents = {
            "scratchpad": MemoryContents(trace, "scratchpad"),
            "accumulator": MemoryContents(trace, "accumulator"),
        }
        options.setdefault("window", (0.0, float(trace.cycles)))
        options.setdefault("cycle", trace.cycles // 2)
        super().__init__(**options)
        self.overview = self._overview()
        self._choose_rows()
        self._remember(ViewMemory(trace.history, f"ScratchpadView {trace.name}"), given=given)

    @request
    def picture(self, message: dict[str, Any]) -> Reply:
        """Give the picture of the window, how many rows are live when, and when operands wait for which bank."""
        contents = self._asked(message)
        begin, end = checked_window((float(message["begin"]), float(message["end"])))
        first, last = self._rows_shown(contents, message.get("rows", self.rows))
        picture = contents.picture(
            begin,
            end,
            first_row=first,
            last_row=last,
            height=int(min(max(message["height"], 1), 1024)),
            width=int(min(max(message["width"], 1), 2048)),
            colour="reload" if message.get("colour", self.colour) == "reload" else "operand",
        )
        parts, width = picture.kind.shape
        answer = {"begin": begin, "end": end, "first_row": first, "last_row": last, "parts": parts, "width": width}
        live = picture.live.astype(np.int32)
        return answer, [part.tobytes() for part in (picture.kind, picture.share, live, picture.conflicts)]

    @request
    def residents(self, message: dict[str, Any]) -> Reply:
        """Give what lives in the memory at a cycle."""
        found = self._asked(message).residents(float(message["cycle"]))
        return {"cycle": message["cycle"], "residents": [one._asdict() for one in found]}

    @request
    def place(self, message: dict[str, Any]) -> Reply:
        """Give what a row holds at a cycle."""
        found = self._asked(message).resident_at(int(message["row"]), float(message["cycle"]))
        return {"resident": found._asdict() if found else None}

    @request
    def address(self, message: dict[str, Any]) -> Reply:
        """Decode a local address, given as decimal or hexadecimal."""
        text = str(message["text"]).strip()
        try:
            bits = int(text, 0)
        except ValueError:
            raise InputError(f"{text[:40]!r} is no number; write an address as 0x80000040 or 64") from None
        if not 0 <= bits < 1 << 64:
            raise InputError("an address has 32 bits")
        return decode_address(bits, self.trace.machine).model_dump()

    def _asked(self, message: dict[str, Any]) -> MemoryContents:
        """Return the memory that the page means: a change of the trait may still be on its way."""
        return self._contents.get(message.get("memory", ""), self._contents[self.memory])

    @staticmethod
    def _rows_shown(contents: MemoryContents, rows: Sequence[int]) -> tuple[int, int]:
        first, last = int(rows[0]), int(rows[1])
        if not 0 <= first < last <= contents.rows:
            return 0, contents.rows
        return first, last

    @traitlets.validate("window")
    def _is_window(self, proposal: Any) -> tuple[float, float]:
        return checked_window(proposal["value"])

    @traitlets.observe("memory")
    def _choose_rows(self, _: Any = None) -> None:
        facts = self.overview["memories"][self.memory] if self.overview else {"highest": 0, "rows": 0}
        used = -(-max(facts["highest"], 16) // 64) * 64
        self.rows = (0, used if used <= facts["rows"] // 2 else facts["rows"])

    def _overview(self) -> dict[str, Any]:
        memories = {}
        for name, contents in self._contents.items():
            used = contents.used_rows()
            memories[name] = {
                "rows": contents.rows,
                "bank_rows": contents.bank_rows,
                "kinds": list(contents.kinds),
                "used": len(used),
                "highest": int(used.max()) + 1 if len(used) else 0,
                "never_read": contents.never_read(),
                "conflicts": contents.conflict_cycles(),
                "reloaded": [list(row) for row in contents.reloaded()] if name == "scratchpad" else [],
            }
        trace = self.trace
        return {"name": trace.name, "machine": trace.machine.name, "cycles": trace.cycles, "memories": memories}

    def _summary(self) -> Summary:
        rows = [
            (
                name,
                f"{facts['used']:,} of {facts['rows']:,}",
                f"{facts['never_read']:,}",
                f"{sum(facts['conflicts']):,}",
                ", ".join(facts["kinds"]),
            )
            for name, facts in self.overview["memories"].items()
        ]
        title = f"Local memories during {self.trace.name}: {self.trace.cycles:,} cycles (simulated)"
        columns = ("memory", "rows used", "written, never read", "cycles of bank conflicts", "holds")
        return Summary(title, (), columns, rows)
