"""The function of the accelerator: every Gemmini command takes effect at once, in program order.

``execute`` is the one entry. The parts: :mod:`accelerator_state` what is remembered, :mod:`accelerator_config`
configuration, :mod:`mvin` and :mod:`mvout` the moves, :mod:`compute` the array, :mod:`normalization` what softmax and
layernorm need, :mod:`arithmetic` the two number systems, :mod:`loop_matmul` and :mod:`loop_conv`
the hardware loops, :mod:`counters` the performance counters.

The reference is libgemmini under spike, bit for bit. Where spike aborts, ``execute`` returns a fault code.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import commands
from gemmini_sim.engine._jit import jit, jit_inline
from gemmini_sim.engine.accelerator_config import configure
from gemmini_sim.engine.accelerator_state import BAD_FUNCT, NO_FAULT, OVER_BUDGET, exceeds_budget, fault
from gemmini_sim.engine.compute import compute, preload
from gemmini_sim.engine.conv_operands import configure_conv
from gemmini_sim.engine.counters import count_command, counter
from gemmini_sim.engine.loop_conv import start_conv, unroll_conv
from gemmini_sim.engine.loop_matmul import configure_matmul, unroll_matmul
from gemmini_sim.engine.mvin import mvin
from gemmini_sim.engine.mvout import mvout

__all__ = ["execute"]


@jit
def execute(state, scratchpad, accumulator, memory, funct, rs1, rs2):
    """Execute one command.

    Parameters
    ----------
    state : AcceleratorState
        From ``new_state(config)``. Afterwards ``state.registers[0]["rd"]`` is what the instruction's destination
        register gets; after a fault ``describe_fault(code, state.registers)`` says what was wrong.
    scratchpad, accumulator : E[rows, DIM], A[rows, DIM]
        From ``new_memories(config)``: int8 and int32, or float32 both.
    memory : uint8[size]
        DRAM from MEMORY_BASE on.
    funct : int
        The function field of the instruction.
    rs1, rs2 : int64
        Bit patterns of the source registers.

    Returns
    -------
    int
        NO_FAULT, a ``BAD_`` code, or OVER_BUDGET if the command is more work than ``state.registers[0]["budget"]``. A
        hardware loop that faults may have been done in part. How much was done is in ``registers["work"]``.
    """
    registers = state.registers[0]
    registers["work"] = 0
    registers["rd"] = 0
    rs1 = np.int64(rs1)
    rs2 = np.int64(rs2)
    if funct == commands.COUNTER:
        registers["rd"] = counter(registers, rs1)
        return NO_FAULT
    count_command(registers, funct != commands.FLUSH)
    if commands.LOOP_MATMUL < funct < commands.MVIN3:
        configure_matmul(registers, funct, rs1, rs2)
        return NO_FAULT
    if commands.LOOP_CONV_CONFIG_1 <= funct <= commands.LOOP_CONV_CONFIG_6:
        configure_conv(registers, funct, rs1, rs2)
        return NO_FAULT

    if funct not in (commands.LOOP_MATMUL, commands.LOOP_CONV):
        return _simple(state, scratchpad, accumulator, memory, funct, rs1, rs2)

    if funct == commands.LOOP_CONV:
        code = start_conv(registers, scratchpad, accumulator, rs1, rs2)
        if code != NO_FAULT:
            return code
    unrolled = registers["commands"]
    done = np.int64(0)
    while True:
        registers["window"] = done
        registers["unrolled"] = 0
        if funct == commands.LOOP_CONV:
            unroll_conv(registers, scratchpad, accumulator)
        else:
            code = unroll_matmul(registers, scratchpad, accumulator, rs1, rs2)
            if code != NO_FAULT:
                return code
        if exceeds_budget(registers, registers["unrolled"]):
            return OVER_BUDGET
        for slot in range(min(registers["unrolled"] - done, unrolled.shape[0])):
            function, first, second = unrolled[slot, 0], unrolled[slot, 1], unrolled[slot, 2]
            code = _simple(state, scratchpad, accumulator, memory, function, first, second)
            if code != NO_FAULT:
                return code
        done += unrolled.shape[0]
        if done >= registers["unrolled"]:
            return NO_FAULT


@jit_inline
def _simple(state, scratchpad, accumulator, memory, funct, rs1, rs2):
    """Execute one command that moves, computes or configures."""
    registers = state.registers[0]
    # One call of each part: Numba compiles a function anew for every literal argument.
    if funct in (commands.MVIN, commands.MVIN2, commands.MVIN3):
        which = 0 if funct == commands.MVIN else 1 if funct == commands.MVIN2 else 2
        return mvin(state, scratchpad, accumulator, memory, which, rs1, rs2)
    if funct == commands.PRELOAD:
        return preload(registers, rs1, rs2)
    if funct in (commands.COMPUTE_PRELOADED, commands.COMPUTE_ACCUMULATED):
        return compute(state, scratchpad, accumulator, rs1, rs2, funct == commands.COMPUTE_PRELOADED)
    if funct == commands.MVOUT:
        return mvout(registers, scratchpad, accumulator, memory, rs1, rs2)
    if funct == commands.CONFIG:
        return configure(registers, rs1, rs2)
    if funct in (commands.FLUSH, commands.FENCE):
        return NO_FAULT
    return fault(registers, BAD_FUNCT, funct, 0)
