"""Rough costs of commands in cycles, from the measured throughputs of the hardware, to weigh rewrites by.

A move takes a cycle per 16-byte beat; a read from the accumulator 1.6 cycles per row; a compute DIM cycles.
"""

from __future__ import annotations

import numpy as np

from autocomp_kit.agents.rules.analysis import Analysis
from autocomp_kit.agents.rules.commands import COMMANDS
from autocomp_kit.agents.rules.syntax import Command

__all__ = ["array_cycles", "command_cycles", "load_cycles"]


def command_cycles(analysis: Analysis, command: Command) -> float:
    """Return the cycles that all executions of a command keep its unit busy."""
    entry = analysis.instances(command)
    kind = COMMANDS[command.function].kind
    count = len(entry.keys)
    machine = analysis.machine
    if kind == "compute":
        return float(count * machine.array.dim)
    if kind not in {"mvin", "mvout"} or not count:
        return 0.0
    local, columns, rows = entry.operands[:, 1], entry.operands[:, 2], entry.operands[:, 3]
    in_accumulator = (local & 0x80000000) != 0
    if kind == "mvin":
        width = np.where(in_accumulator, machine.accumulator_bytes, machine.element_bytes)
        from_dram = entry.operands[:, 0] != 0
        beats = np.ceil(columns * width / machine.dma.bus_bytes) * rows
        return float(np.where(from_dram, beats, rows * np.ceil(columns / machine.array.dim)).sum())
    blocks = np.ceil(columns / machine.array.dim)
    return float((rows * np.where(in_accumulator, 1.6, 1.0) * blocks).sum())


def load_cycles(analysis: Analysis, commands: tuple[Command, ...] | list[Command]) -> float:
    """Return the cycles of several commands together."""
    return sum(command_cycles(analysis, command) for command in commands)


def array_cycles(analysis: Analysis) -> float:
    """Return the cycles that the array computes."""
    return load_cycles(analysis, analysis.commands("compute"))
