"""From the log of a run to findings with C lines; the walk itself is in :mod:`gemmini_sim.engine.sanitizer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine import event_log
from gemmini_sim.engine import sanitizer as engine
from gemmini_sim.findings import Finding, FindingKind, Place, Space

__all__ = ["Sanitizer"]

# In the order in which findings are listed: first what can make results wrong, then what costs time for nothing.
_KINDS: dict[np.signedinteger[Any] | int, tuple[FindingKind, str]] = {
    engine.DRAM_RACE: ("dram-race", "{command} and {other} touch {range}, and no fence is between them"),
    engine.LOAD_RACE: (
        "load-race",
        "{command} loads into {range} while {other} does; one overwrites, one adds, and the hardware may swap them",
    ),
    engine.UNSET_ROW: ("unset-row", "{command} reads {range}, which nothing has written"),
    engine.LOCAL_WRAP: ("local-wrap", "{command} goes beyond the end of the memory with {range}"),
    engine.WIDE_LOAD: ("wide-load", "{command} fills {range} with longer rows than one request can bring; it hangs"),
    engine.OVERSIZE: ("oversize", "{command} names {range} at once, more than DIM; the hardware takes fewer or hangs"),
    engine.NO_FENCE: ("no-fence", "the region ends at {other} without a fence after {command}, which uses {range}"),
    engine.DEAD_LOAD: ("dead-load", "{command} fills {range}, which nothing reads before {other} fills it again"),
    engine.REDUNDANT_LOAD: ("redundant-load", "{command} fills {range} with what {other} has brought there already"),
}
_DEAD_AT_END = "{command} fills {range}, which nothing ever reads"
_ORDER = [kind for kind, _ in _KINDS.values()]
_SPACES: dict[np.signedinteger[Any] | int, Space] = {
    engine.SCRATCHPAD: "scratchpad",
    engine.ACCUMULATOR: "accumulator",
    engine.DRAM: "dram",
}

_COMMANDS = {
    0: "config",
    1: "mvin2",
    2: "mvin",
    3: "mvout",
    4: "compute_preloaded",
    5: "compute_accumulated",
    6: "preload",
    8: "loop_ws",
    14: "mvin3",
    15: "loop_conv_ws",
    event_log.HOST_LOAD: "load by the host",
    event_log.HOST_STORE: "store by the host",
    event_log.MARKER: "region end",
}


class Sanitizer:
    """Follows the log of one run.

    Parameters
    ----------
    config : MachineConfig
    scratchpad, accumulator : ndarray
        The machine's local memories, for their shapes and types.
    """

    def __init__(self, config: MachineConfig, scratchpad: NDArray[Any], accumulator: NDArray[Any]) -> None:
        self._shadow = engine.new_shadow(config)
        self._memories = scratchpad, accumulator

    def follow(self, events: NDArray[Any]) -> None:
        """Follow the next rows (``engine.event_log.EVENT_DTYPE``) of the log."""
        follow: Callable[..., None] = engine.follow
        with np.errstate(all="ignore"):  # without JIT, NumPy would warn of the wrap-around that addresses may have
            follow(self._shadow, *self._memories, events)

    def findings(
        self, line_of: Callable[[int], tuple[str, int] | None], *, complete: bool = True
    ) -> tuple[Finding, ...]:
        """Return what was found, the gravest first.

        Parameters
        ----------
        line_of : callable
            The C file and line of a pc, or ``None``.
        complete : bool
            Whether the program came to its end, so that what it has not read is never read.
        """
        finish: Callable[..., None] = engine.finish
        if complete:
            finish(self._shadow, self._memories[0])
        merged: dict[object, Finding] = {}
        for row in self._shadow.findings():
            found = _finding(row, line_of)
            key = (found.kind, found.space, _key(found.place), found.other and _key(found.other))
            merged[key] = _merge(merged[key], found) if key in merged else found
        found_here = [_with_message(found) for found in merged.values()]
        elsewhere = [_and_more(_finding(row, line_of)) for row in self._shadow.further_findings()]
        return tuple(sorted(found_here + elsewhere, key=lambda found: _ORDER.index(found.kind)))


def _key(place: Place) -> object:
    return (place.command, place.file, place.line if place.file else place.pc)


def _merge(one: Finding, two: Finding) -> Finding:
    """Return the finding for two instructions of one line."""
    return replace(one, first=min(one.first, two.first), last=max(one.last, two.last), count=one.count + two.count)


def _place(pc: int, command: int, line_of: Callable[[int], tuple[str, int] | None]) -> Place:
    file, line = line_of(pc) or (None, None)
    name, loop = _COMMANDS[command & 0xFF], command >> 8
    return Place(f"{name} of {_COMMANDS[loop]}" if loop else name, pc, file, line)


def _finding(row: np.void, line_of: Callable[[int], tuple[str, int] | None]) -> Finding:
    return Finding(
        kind=_KINDS[int(row["kind"])][0],
        message="",
        place=_place(int(row["pc"]), int(row["command"]), line_of),
        other=_place(int(row["other_pc"]), int(row["other_command"]), line_of) if row["other_pc"] else None,
        space=_SPACES[int(row["space"])],
        first=int(row["first"]),
        last=int(row["last"]),
        count=int(row["count"]),
    )


def _with_message(found: Finding) -> Finding:
    text = dict(_KINDS.values())[found.kind]
    if found.kind == "dead-load" and found.other is None:
        text = _DEAD_AT_END
    if found.space == "dram":
        reach = f"bytes {found.first:#x} to {found.last:#x}"
    elif found.first == found.last:
        reach = f"{found.space} row {found.first}"
    else:
        reach = f"{found.space} rows {found.first} to {found.last}"
    message = text.format(command=found.place, other=found.other, range=reach)
    return replace(found, message=message + (f"; {found.count:,} times" if found.count > 1 else ""))


def _and_more(found: Finding) -> Finding:
    """Return the finding that stands for all others of its kind, at instructions for which there was no room."""
    named = _with_message(replace(found, count=1))
    return replace(found, message=f"and {found.count:,} more like this one: {named.message}")
