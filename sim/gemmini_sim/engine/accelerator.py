"""The function of the accelerator: every Gemmini command takes effect at once, in program order.

``execute`` is the one entry. The parts: :mod:`accelerator_state` what is remembered, :mod:`accelerator_config`
configuration, :mod:`mvin` and :mod:`mvout` the moves, :mod:`compute` the array, :mod:`normalization` what softmax and
layernorm need, :mod:`arithmetic` the two number systems.

The reference is libgemmini under spike, bit for bit. Where spike aborts, ``execute`` returns a fault code.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.accelerator_config import configure
from gemmini_sim.engine.accelerator_state import BAD_FUNCT, NO_FAULT, fault
from gemmini_sim.engine.compute import compute, preload
from gemmini_sim.engine.mvin import mvin
from gemmini_sim.engine.mvout import mvout

__all__ = ["COMPUTE_ACCUMULATED", "COMPUTE_PRELOADED", "CONFIG", "FLUSH", "MVIN", "MVIN2", "MVIN3", "MVOUT", "execute"]

CONFIG, MVIN2, MVIN, MVOUT, COMPUTE_PRELOADED, COMPUTE_ACCUMULATED, PRELOAD, FLUSH = 0, 1, 2, 3, 4, 5, 6, 7
MVIN3, COUNTER, FENCE = 14, 126, 127


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
        NO_FAULT, or a ``BAD_`` code. A command that faults may have been done in part.
    """
    registers = state.registers[0]
    registers["rd"] = 0
    rs1 = np.int64(rs1)
    rs2 = np.int64(rs2)
    # One call of each part: Numba compiles a function anew for every literal argument.
    if funct in (MVIN, MVIN2, MVIN3):
        which = 0 if funct == MVIN else 1 if funct == MVIN2 else 2
        return mvin(state, scratchpad, accumulator, memory, which, rs1, rs2)
    if funct == PRELOAD:
        return preload(registers, rs1, rs2)
    if funct in (COMPUTE_PRELOADED, COMPUTE_ACCUMULATED):
        return compute(state, scratchpad, accumulator, rs1, rs2, funct == COMPUTE_PRELOADED)
    if funct == MVOUT:
        return mvout(registers, scratchpad, accumulator, memory, rs1, rs2)
    if funct == CONFIG:
        return configure(registers, rs1, rs2)
    if funct in (FLUSH, FENCE):
        return NO_FAULT
    return fault(registers, BAD_FUNCT, funct, 0)
