"""Facts about a run that help to make it faster: for a model's prompt, the offline rules, and a person.

Every fact has a stable ``kind``, so that rules can react to it, and a sentence with the numbers. ``cycles`` is an
upper bound of what curing it can save, where the clock knows one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from gemmini_sim import MachineConfig, Region, SimulationResult

from autocomp_kit._stall_facts import bound_facts, line_facts, stall_facts
from autocomp_kit.records import Feedback
from autocomp_kit.workloads import Workload

__all__ = ["feedback", "trace_signature"]

_CONFIG, _MVIN2, _MVIN, _MVOUT, _COMPUTE, _COMPUTE_AGAIN, _PRELOAD, _MVIN3 = 0, 1, 2, 3, 4, 5, 6, 14
_HARDWARE_LOOPS = (*range(8, 14), *range(15, 22))
_GARBAGE = 0xFFFF_FFFF
_FENCE_CYCLES = 8

Commands = np.ndarray[Any, np.dtype[np.void]]
Integers = np.ndarray[Any, np.dtype[np.int64]]


class Span(NamedTuple):
    """Where an argument lies in simulated memory."""

    begin: int
    end: int


def feedback(
    result: SimulationResult,
    workload: Workload,
    machine: MachineConfig,
    *,
    spans: Mapping[str, Span],
    file: str = "kernel.c",
) -> tuple[Feedback, ...]:
    """Return what is worth knowing about a measured run: a missing fence, then the costliest first.

    Parameters
    ----------
    result : SimulationResult
        A run that ended well, with region 0 around the kernel; without a trace only the totals are known.
    workload, machine
        What ran on what.
    spans : mapping of str to Span
        Addresses of the arguments.
    file : str
        The kernel's name in the line table of the program.
    """
    region = next(region for region in result.regions if region.name == "0")
    facts = [*_totals(result, region, workload, machine), *stall_facts(region)]
    if result.trace is not None:
        commands = _inside(result.trace.commands, region)
        facts += _commands(commands, region)
        facts += _overlap(commands, region)
        facts += line_facts(result.trace, commands, region, file=file)
        facts += bound_facts(result.trace, region, machine)
        if not np.isin(commands["funct"], _HARDWARE_LOOPS).any():
            facts += _traffic(commands, workload, spans)
    return tuple(sorted(facts, key=lambda fact: (fact.kind != "missing_fence", -(fact.cycles or 0))))


def trace_signature(result: SimulationResult, *, spans: Mapping[str, Span]) -> str | None:
    """Return a name of the command stream inside the region: equal for kernels that command the same work.

    Addresses of arguments count relative to the argument, so that code size does not matter.
    """
    if result.trace is None:
        return None
    region = next(region for region in result.regions if region.name == "0")
    commands = _inside(result.trace.commands, region)
    addresses = commands["rs1"].astype(np.uint64)
    moves = np.isin(commands["funct"], [_MVIN, _MVIN2, _MVIN3, _MVOUT])
    for number, span in enumerate(spans.values(), start=1):
        inside = moves & (addresses >= span.begin) & (addresses < span.end)
        addresses[inside] += np.uint64((number << 48) - span.begin)
    digest = hashlib.sha256()
    for column in (commands["funct"].astype(np.int64), addresses, commands["rs2"].astype(np.uint64)):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()[:16]


def _inside(commands: Commands, region: Region) -> Commands:
    return commands[(commands["commit"] >= region.begin_cycle) & (commands["commit"] <= region.end_cycle)]


def _totals(result: SimulationResult, region: Region, workload: Workload, machine: MachineConfig) -> Iterator[Feedback]:
    ideal = workload.ideal_cycles(machine)
    yield Feedback(
        kind="utilization",
        text=f"{region.cycles:,} cycles; an array that never waits needs {ideal:,}: utilization "
        f"{ideal / region.cycles:.1%}.",
        cycles=max(0, region.cycles - ideal),
    )
    for name, used, total in (
        ("scratchpad", result.scratchpad_rows_used, machine.scratchpad_rows),
        ("accumulator", result.accumulator_rows_used, machine.accumulator_rows),
    ):
        yield Feedback(kind=f"{name}_rows", text=f"{used:,} of {total:,} {name} rows are used ({used / total:.0%}).")
    tail = next((region for region in result.regions if region.name == "1"), None)
    if tail is not None and tail.cycles > _FENCE_CYCLES:
        yield Feedback(
            kind="missing_fence",
            text=f"The kernel returns before the accelerator is done ({tail.cycles:,} cycles are left): there is no "
            "fence at its end. The measurement waits for the rest all the same.",
        )


def _commands(commands: Commands, region: Region) -> Iterator[Feedback]:
    functs = commands["funct"]
    if not len(commands):
        yield Feedback(kind="no_commands", text="The kernel gives the accelerator no command: the host does all work.")
        return
    yield Feedback(
        kind="commands",
        text=f"{len(commands):,} commands: {_count(functs, _MVIN, _MVIN2, _MVIN3):,} loads, "
        f"{_count(functs, _PRELOAD):,} preloads, {_count(functs, _COMPUTE, _COMPUTE_AGAIN):,} computes, "
        f"{_count(functs, _MVOUT):,} stores, {_count(functs, _CONFIG):,} configurations; "
        f"{region.instret / len(commands):.1f} host instructions per command.",
    )
    configurations = _count(functs, _CONFIG)
    if configurations > 32:
        yield Feedback(
            kind="configurations",
            text=f"{configurations:,} configuration commands are given, most of them inside loops; config_ex waits "
            "until the array is empty.",
        )


def _count(functs: Integers, *wanted: int) -> int:
    return int(np.isin(functs, wanted).sum())


def _overlap(commands: Commands, region: Region) -> Iterator[Feedback]:
    loads = _intervals(commands, region, _MVIN, _MVIN2, _MVIN3)
    stores = _intervals(commands, region, _MVOUT)
    products = _products(commands, region)
    multiplying, total = _covered(products), region.cycles
    if not multiplying:
        return
    waiting = [(_covered(np.vstack([products, moves])) - multiplying) / total for moves in (loads, stores)]
    yield Feedback(
        kind="overlap",
        text=f"The array multiplies in {multiplying / total:.0%} of the cycles. Loads are under way in "
        f"{_covered(loads) / total:.0%} (in {waiting[0]:.0%} while the array is idle), stores in "
        f"{_covered(stores) / total:.0%} (in {waiting[1]:.0%} while it is idle).",
        cycles=total - multiplying,
    )


def _intervals(commands: Commands, region: Region, *functs: int) -> Integers:
    """Return begin and end of each command of these kinds, relative to the region, int64 [n, 2]."""
    chosen = commands[np.isin(commands["funct"], functs)]
    bounds = np.stack([chosen["start"], chosen["complete"]], axis=1).astype(np.int64)
    return np.clip(bounds - region.begin_cycle, 0, region.cycles)


def _products(commands: Commands, region: Region) -> Integers:
    """Return when each compute's rows entered the array, one per cycle up to its completion, like ``_intervals``."""
    chosen = commands[np.isin(commands["funct"], [_COMPUTE, _COMPUTE_AGAIN])]
    end = chosen["complete"].astype(np.int64) - region.begin_cycle
    rows = (chosen["rs1"].astype(np.uint64) >> np.uint64(48)).astype(np.int64)
    return np.clip(np.stack([end - rows, end], axis=1), 0, region.cycles)


def _covered(intervals: Integers) -> int:
    """Return how many cycles lie in at least one of the intervals."""
    if not len(intervals):
        return 0
    begin, end = intervals[np.argsort(intervals[:, 0], kind="stable")].T
    reached = np.concatenate([[0], np.maximum.accumulate(end)[:-1]])
    return int(np.maximum(0, end - np.maximum(begin, reached)).sum())


def _traffic(commands: Commands, workload: Workload, spans: Mapping[str, Span]) -> Iterator[Feedback]:
    moves = commands[np.isin(commands["funct"], [_MVIN, _MVIN2, _MVIN3, _MVOUT])]
    address = moves["rs1"].astype(np.int64)
    operand = moves["rs2"].astype(np.uint64)
    rows = (operand >> np.uint64(48)).astype(np.int64)
    columns = ((operand >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.int64)
    stores = moves["funct"] == _MVOUT
    zeroing = ~stores & (address == 0)
    if zeroing.any():
        yield Feedback(
            kind="zeroing",
            text=f"{int(zeroing.sum()):,} mvins only write zeros ({int(rows[zeroing].sum()):,} rows); a first compute "
            "without the accumulate bit overwrites the accumulator instead.",
        )
    for argument in workload.arguments:
        span = spans[argument.name]
        inside = (address >= span.begin) & (address < span.end)
        for verb, mine in (("loaded", inside & ~stores), ("stored", inside & stores)):
            count = int(mine.sum())
            if not count:
                continue
            moved = int((rows[mine] * columns[mine]).sum()) * np.dtype(argument.dtype).itemsize
            times = moved / argument.nbytes
            repeats = f", {times:.1f} times its {argument.nbytes:,} bytes" if times > 1.01 else ""
            yield Feedback(
                kind=f"{verb}_{argument.name}",
                text=f"{argument.name} is {verb} by {count:,} commands, {moved:,} bytes{repeats}; "
                f"{moved / float(rows[mine].sum()):.0f} bytes per row on average.",
            )
    yield from _weights(commands)


def _weights(commands: Commands) -> Iterator[Feedback]:
    loads_before = np.cumsum(np.isin(commands["funct"], [_MVIN, _MVIN2, _MVIN3]))
    preloads = np.flatnonzero(commands["funct"] == _PRELOAD)
    operands = (commands["rs1"][preloads].astype(np.uint64) & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    again = (operands[1:] == operands[:-1]) & (operands[1:] != _GARBAGE)
    again &= loads_before[preloads[1:]] == loads_before[preloads[:-1]]
    if again.any():
        yield Feedback(
            kind="same_weights",
            text=f"{int(again.sum()):,} preloads name the B block that is in the array already; "
            "preload(0xffffffff, ...) with compute_accumulated keeps it there.",
        )
