"""One traced run of a kernel with all that views need to explain it: C lines, operands, cycles of the kernel alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gemmini_sim import MachineConfig
from gemmini_sim.result import Trace
from gemmini_sim.trace_tables import command_name, describe_operands
from numpy.typing import NDArray

from autocomp_kit.errors import InputError
from autocomp_kit.evaluate import Evaluator
from autocomp_kit.history import RunHistory

if TYPE_CHECKING:
    from autocomp_kit.workloads import Workload

__all__ = ["KernelTrace", "Operand", "trace_candidate", "trace_kernel"]

_MOVES = (1, 2, 3, 14)  # mvin2, mvin, mvout, mvin3


@dataclass(frozen=True)
class Operand:
    """An argument of the kernel in simulated memory; ``row_bytes`` is 0 if it is no matrix."""

    name: str
    begin: int
    end: int
    item_bytes: int
    row_bytes: int

    def tile(self, address: int, *, rows: int, columns: int) -> str:
        """Return what a move of so many rows and columns at an address touches, such as ``A[16:32, 0:64]``."""
        offset = (address - self.begin) // self.item_bytes
        if not self.row_bytes:
            return f"{self.name} + {offset}"
        row, column = divmod(offset, self.row_bytes // self.item_bytes)
        return f"{self.name}[{row}:{row + rows}, {column}:{column + columns}]"


@dataclass(frozen=True, repr=False)
class KernelTrace:
    """Every accelerator command of one run of a kernel.

    Attributes
    ----------
    name : str
        What to call it beside others.
    code : str
        The kernel's C source.
    machine : MachineConfig
        What it ran on.
    commands : structured array
        All commands of the run in program order, those before the kernel included (COMMAND_DTYPE of the clock).
    begin, end : int
        Cycles between which the kernel ran.
    operands : mapping of str to Operand
        The kernel's arguments.
    trace : Trace or None
        The simulator's own record, for tables of events and for exports.
    history : RunHistory or None
        The run that the kernel is a candidate of; its store keeps what was last looked at.
    """

    name: str
    code: str
    machine: MachineConfig
    commands: NDArray[np.void]
    begin: int
    end: int
    operands: Mapping[str, Operand] = field(default_factory=dict)
    trace: Trace | None = None
    history: RunHistory | None = None

    def __repr__(self) -> str:
        return f"<KernelTrace of {self.name}: {self.cycles:,} cycles, {len(self.commands):,} commands>"

    @property
    def cycles(self) -> int:
        """Cycles of the kernel (simulated)."""
        return self.end - self.begin

    @property
    def stalls(self) -> Mapping[str, int]:
        """Cycles of the kernel by what the array did or waited for (names of the simulator); empty if unknown."""
        regions = self.trace.regions if self.trace else ()
        return next((region.stalls for region in regions if region.begin_cycle == self.begin), {})

    @cached_property
    def lines(self) -> NDArray[np.int32]:
        """The line of the C source that gave each command, from 1; 0 where it is not known."""
        found = np.zeros(len(self.commands), np.int32)
        if self.trace is None:
            return found
        addresses, inverse = np.unique(self.commands["pc"], return_inverse=True)
        places = [self.trace.line_of(int(pc)) for pc in addresses]
        numbers = [place[1] if place and place[0].endswith("kernel.c") else 0 for place in places]
        result: NDArray[np.int32] = np.array(numbers, np.int32)[inverse] if numbers else found
        return result

    def operand_at(self, address: int) -> Operand | None:
        """Return the argument that an address of simulated memory belongs to."""
        inside = (one for one in self.operands.values() if one.begin <= address < one.end)
        return next(inside, None)

    def describe(self, command: int) -> dict[str, object]:
        """Return one command as a person reads it: name, operands, line, and its cycles since the kernel began."""
        row = self.commands[command]
        funct, rs1, rs2 = int(row["funct"]), int(row["rs1"]), int(row["rs2"])
        operand = self.operand_at(rs1) if funct in _MOVES else None
        rows, columns = rs2 >> 48 & 0xFFFF, rs2 >> 32 & 0xFFFF
        stages = ("commit", "allocate", "issue", "start", "complete")
        return {
            "command": command,
            "name": command_name(funct, rs1),
            "operands": describe_operands(funct, rs1, rs2),
            "tile": operand.tile(rs1, rows=rows, columns=columns) if operand else "",
            "line": int(self.lines[command]),
            "pc": f"{int(row['pc']):#x}",
            "times": {stage: int(row[stage]) - self.begin for stage in stages},
        }


def trace_kernel(
    workload: Workload | str | Path | Evaluator,
    code: str | None = None,
    *,
    machine: MachineConfig | str | Path = "int8-16",
    name: str = "kernel",
) -> KernelTrace:
    """Run a kernel once and return what its commands did when.

    Parameters
    ----------
    workload
        What it computes, or an evaluator, which knows its machine.
    code
        The kernel; by default the workload's baseline.
    machine
        What it runs on.
    name
        What to call it.

    Raises
    ------
    InputError
        If the kernel is refused, does not compile, or does not run to its end.
    """
    evaluator = workload if isinstance(workload, Evaluator) else Evaluator(workload, machine)
    source = evaluator.workload.baseline_code(evaluator.machine) if code is None else code
    result = evaluator.trace(source)
    if result.trace is None:
        raise InputError("the run has no trace")
    region = next(region for region in result.regions if region.name == "0")
    spans = evaluator.spans(result)
    operands = {}
    for argument in evaluator.workload.arguments:
        span, size = spans[argument.name], np.dtype(argument.dtype).itemsize
        row_bytes = argument.shape[-1] * size if len(argument.shape) == 2 else 0
        operands[argument.name] = Operand(argument.name, span.begin, span.end, size, row_bytes)
    return KernelTrace(
        name=name,
        code=source,
        machine=evaluator.machine,
        commands=result.trace.commands,
        begin=region.begin_cycle,
        end=region.end_cycle,
        operands=operands,
        trace=result.trace,
    )


def trace_candidate(history: RunHistory, candidate_id: str | None = None) -> KernelTrace:
    """Run a candidate of a search again and return what its commands did when; by default the best one.

    Raises
    ------
    InputError
        If there is no such candidate, or the search's workload or machine cannot be had any more.
    """
    best = history.best
    chosen = candidate_id or (best.candidate_id if best else "")
    candidate = history.candidates.get(chosen)
    if candidate is None:
        raise InputError(f"run {history.run_id} has no candidate {chosen!r}")
    problem = history.record.problem
    trace = trace_kernel(problem.source, candidate.code, machine=problem.machine, name=f"candidate {chosen}")
    return replace(trace, history=history)
