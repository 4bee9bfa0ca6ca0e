"""What the array waited for, and which lines of the kernel it waited for, as facts for :mod:`autocomp_kit.feedback`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gemmini_sim import MachineConfig, Region
from gemmini_sim.bounds import region_bounds
from gemmini_sim.result import Trace

from autocomp_kit.records import Feedback

__all__ = ["bound_facts", "line_facts", "stall_facts"]

Commands = np.ndarray[Any, np.dtype[np.void]]

_LOADS, _STORES, _PRELOAD = (1, 2, 14), (3,), 6
_SMALL = 0.01  # of the cycles: less is not worth a line
_MAX_LINES = 4
_ADVICE = {
    "preload": "weights alone go into the array: a preload goes in beside the compute before it, unless that one keeps "
    "the array waiting or there is none",
    "bank_conflict": "an operand's scratchpad bank is in use, by the other operand or by arriving loads; put A, B and "
    "what is loaded meanwhile into different banks",
    "mesh": "the array holds as many operations as it can; computes of few rows with the same weights do that",
    "load": "the operands are still on their way; load earlier, less often, or less",
    "head_of_line": "the operands are still on their way because their mvins stood behind commands that did not fit "
    "into the reservation station; give mvins earlier, between the computes before",
    "accumulator": "a result is still on its way into rows that the next operation needs, or is still being stored; "
    "alternate between accumulator rows, and between banks",
    "config": "config_ex waits until the array is empty; configure once, before the loops",
    "host_late": "no command is there yet while other work is under way; the host executes too many instructions "
    "between commands, or its instructions miss the cache",
    "drain": "the last results leave the array at a fence",
    "store_tail": "only stores are left; store earlier, while the array computes",
    "fence": "fences; one at the end is enough",
    "host": "the accelerator has nothing to do; the host works alone",
}


def stall_facts(region: Region) -> Iterator[Feedback]:
    """Say what the array did in the region's cycles, cause by cause."""
    total = region.cycles
    for cause, advice in _ADVICE.items():
        cycles = region.stalls.get(cause, 0)
        if cycles > _SMALL * total and "array" in region.stalls:
            text = f"The array is idle for {cycles:,} cycles ({cycles / total:.0%}): {advice}."
            yield Feedback(kind=f"stall_{cause}", text=text, cycles=cycles)


def line_facts(trace: Trace, commands: Commands, region: Region, *, file: str) -> Iterator[Feedback]:
    """Name the lines of the kernel that the array waited for most, and how often they load the same data.

    Parameters
    ----------
    trace : Trace
        Knows the line of a command.
    commands : structured array
        The commands of the region.
    region : Region
        Its cycles are what counts as much.
    file : str
        The kernel's file; commands of others have no line.
    """
    if "lost" not in (commands.dtype.names or ()):
        return
    places = {pc: trace.line_of(pc) for pc in np.unique(commands["pc"]).tolist()}
    lines = np.array([_line(places[pc], file) for pc in commands["pc"].tolist()], np.int64)
    lost = {int(line): int(commands["lost"][lines == line].sum()) for line in np.unique(lines[lines > 0])}
    worst = sorted(lost, key=lambda line: -lost[line])[:_MAX_LINES]
    for rank, line in enumerate(worst, start=1):
        if lost[line] > _SMALL * region.cycles:
            own = commands[lines == line]
            text = f"Line {line}: the array is idle for {lost[line]:,} cycles because of {_work(own)}."
            yield Feedback(kind=f"line_{rank}", text=text, cycles=lost[line], line=line)


def _line(place: tuple[str, int] | None, file: str) -> int:
    return place[1] if place is not None and place[0] == file else 0


def _work(commands: Commands) -> str:
    """Say what the commands of one line do, and for loads how often they load the same."""
    blamed = commands["funct"][commands["lost"] > 0]
    functs, counts = np.unique(blamed, return_counts=True)
    main = int(functs[np.argmax(counts)])
    own = commands[commands["funct"] == main]
    if main in _LOADS:
        blocks = len(np.unique(np.stack([own["rs1"], own["rs2"] >> np.uint64(32)]), axis=1).T)
        times = f", each of {blocks:,} blocks {len(own) / blocks:.1f} times" if blocks < len(own) else ""
        return f"its {_counted(len(own), 'load')}{times}"
    if main in _STORES:
        return f"its {_counted(len(own), 'store')}, whose rows are needed again"
    if main == 0:
        return f"its {_counted(len(own), 'configuration')}"
    name = "preload" if main == _PRELOAD else "compute"
    return f"its {_counted(len(own), name)}: banks in use, results on their way, or nothing to go in beside"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("s" if count != 1 else "")


def bound_facts(trace: Trace, region: Region, machine: MachineConfig) -> Iterator[Feedback]:
    """Say what each part of the machine needs for these commands, and how far the kernel is from the largest bound."""
    bounds = region_bounds(trace, region, machine)
    if bounds is None or not region.cycles:
        return
    part, most = bounds.largest
    advice = "less work there is what helps." if region.cycles < 1.15 * most else "better overlap is what helps."
    yield Feedback(
        kind="bounds",
        text=f"For these commands the array needs {bounds.array:,} cycles, the bus for moves {bounds.dma:,}, the "
        f"memory {bounds.memory:,} (each line once), the host {bounds.host:,}. The kernel takes "
        f"{region.cycles / most:.2f} times the largest of them ({part}): {advice}",
    )
