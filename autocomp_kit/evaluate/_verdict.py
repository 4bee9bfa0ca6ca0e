"""What is wrong with a run, in words that name the place: outputs, guards, inputs, faults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, SupportsInt

import numpy as np
from gemmini_sim import SimulationResult
from gemmini_sim.elf import read_program

from autocomp_kit.evaluate._harness import GUARD_BYTES, KERNEL_FILE, Bytes, Zone
from autocomp_kit.records import CodeProblem
from autocomp_kit.workloads import Argument, Array, Workload

__all__ = ["memory_problems", "run_problems"]

_SHOWN_ELEMENTS = 5
_START_INSTRUCTIONS = 64  # what the runtime and the harness need to reach the region
_FENCE_INSTRUCTIONS = 2  # what stands between the markers around the harness's own fence
_FENCE_TOLERANCE = 64  # cycles in which the last results may still be on their way
_EXIT_INSTRUCTIONS = 16  # what the harness and the runtime need to end a program


class _Comparison(NamedTuple):
    """An output beside its reference; ``untouched`` are wrong elements that still hold what was there before."""

    got: Array
    expected: Array
    wrong: Array
    untouched: Array


def run_problems(elf: bytes, result: SimulationResult, *, spoiled: bool = False) -> tuple[CodeProblem, ...]:
    """Return why a run did not get properly from the beginning of the region to its end, if it did not.

    Parameters
    ----------
    elf : bytes
        The program that ran.
    result : SimulationResult
        The run.
    spoiled : bool
        Whether the harness had to leave the accelerator in disorder first, before the region.
    """
    if result.fault is not None:
        fault = result.fault
        line = fault.line if fault.file == KERNEL_FILE else None
        return (CodeProblem(kind=fault.kind, message=fault.message, line=line),)
    kind, message = "", ""
    if not any(region.name == "0" for region in result.regions):
        kind, message = "exit", f"the kernel ended the program (exit code {result.exit_code}) instead of returning"
    elif not _measured_properly(result, spoiled=spoiled):
        kind, message = "tampering", "the measured region was left, or entered, elsewhere than in the harness"
    elif not _harness_is_intact(elf, result):
        kind, message = "tampering", "the kernel changed the program around it"
    elif result.console:
        kind, message = "console", f"the kernel wrote to the console: {result.console[:60]!r}"
    elif result.exit_code != 0:
        kind, message = "exit", f"the program ended with exit code {result.exit_code}"
    return (CodeProblem(kind=kind, message=message),) if kind else ()


def _measured_properly(result: SimulationResult, *, spoiled: bool) -> bool:
    """Tell whether markers were passed once each, in order, and nothing but the harness ran around them.

    A kernel that overwrites return addresses could otherwise do its work outside the region.
    """
    if [region.name for region in result.regions] != ["0", "1"]:
        return False
    whole, tail = result.regions
    before, after = whole.begin_instret, result.instret - whole.end_instret
    if not whole.begin_instret <= tail.begin_instret <= tail.end_instret <= whole.end_instret:
        return False
    if result.trace is not None:
        commands = result.trace.commands
        # A kernel that had taken the fence away would have left work behind.
        late = commands["complete"] > whole.end_cycle + _FENCE_TOLERANCE
        if (late | (commands["commit"] > whole.end_cycle)).any():
            return False
    alone = tail.instret <= _FENCE_INSTRUCTIONS and after <= _EXIT_INSTRUCTIONS
    return alone and (spoiled or before <= _START_INSTRUCTIONS)


def _harness_is_intact(elf: bytes, result: SimulationResult) -> bool:
    """Tell whether the code that fences and ends the measurement is still what was compiled."""
    program = read_program(elf, memory_bytes=1 << 32)
    for name in ("main", "_exit"):
        address, size = program.symbols[name]
        segment = next(part for part in program.segments if part.address <= address < part.address + len(part.data))
        first = address - segment.address
        if result.read(name, np.uint8, size).tobytes() != segment.data[first : first + size]:
            return False
    return True


def memory_problems(
    workload: Workload, zone: Zone, *, before: Bytes, after: Bytes, expected: Array | None, seed: int
) -> tuple[CodeProblem, ...]:
    """Compare one zone after a run with what must be there.

    Parameters
    ----------
    workload : Workload
        Says which elements of an output count as wrong.
    zone : Zone
        The argument.
    before, after : uint8 arrays of ``zone.nbytes``
        The zone's bytes before and after the run.
    expected : array or None
        The reference, if the argument is an output.
    seed : int
        For the message.
    """
    problems = list(_guard_problems(zone, before, after, seed))
    if zone.argument.role == "input":
        changed = before[zone.array] != after[zone.array]
        if changed.any():
            itemsize = np.dtype(zone.argument.dtype).itemsize
            first = np.unravel_index(int(changed.argmax()) // itemsize, zone.argument.shape)
            problems.append(
                CodeProblem(
                    kind="input_modified",
                    message=f"the kernel changed its input {_element(zone.argument, first)} (seed {seed})",
                )
            )
        return tuple(problems)
    got = zone.extract(after)
    if expected is not None and (wrong := workload.mismatches(zone.argument, got, expected)).any():
        untouched = (got == zone.extract(before)) & wrong
        problems.insert(0, _wrong_values(zone.argument, _Comparison(got, expected, wrong, untouched), seed))
    return tuple(problems)


def _guard_problems(zone: Zone, before: Bytes, after: Bytes, seed: int) -> list[CodeProblem]:
    end = zone.array.stop
    for part, place in ((slice(0, GUARD_BYTES), "before"), (slice(end, None), "behind")):
        changed = np.flatnonzero(before[part] != after[part])
        if changed.size:
            distance = GUARD_BYTES - int(changed[-1]) if place == "before" else int(changed[0]) + 1
            return [
                CodeProblem(
                    kind="stray_write",
                    message=f"the kernel wrote {changed.size} bytes {place} {zone.argument.name}, "
                    f"the nearest {distance} bytes outside (seed {seed})",
                )
            ]
    return []


def _wrong_values(argument: Argument, found: _Comparison, seed: int) -> CodeProblem:
    """Say how many elements are wrong, where they lie, and show the first."""
    count, left = int(found.wrong.sum()), int(found.untouched.sum())
    where = np.argwhere(found.wrong)
    spans = "".join(
        f"[{low}]" if low == high else f"[{low}..{high}]"
        for low, high in zip(where.min(axis=0).tolist(), where.max(axis=0).tolist(), strict=True)
    )
    if left == count:
        what = "never written"
    else:
        shown = where[~found.untouched[found.wrong]][:_SHOWN_ELEMENTS]
        what = "; ".join(
            f"{_element(argument, index)} is {found.got[tuple(index)]}, expected {found.expected[tuple(index)]}"
            for index in shown
        )
        what += f"; {left:,} of them were never written" if left else ""
    return CodeProblem(
        kind="not_written" if left == count else "wrong_values",
        message=f"{count:,} of {found.wrong.size:,} elements of {argument.name} are wrong, all in "
        f"{argument.name}{spans} (seed {seed}): {what}",
    )


def _element(argument: Argument, index: Iterable[SupportsInt]) -> str:
    return argument.name + "".join(f"[{int(i)}]" for i in index)
