"""The commands by their function codes, and the list into which a hardware loop is unrolled.

The codes are those of the RTL's ``GemminiISA.scala`` and of libgemmini.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit

__all__ = [
    "COMPUTE_ACCUMULATED",
    "COMPUTE_PRELOADED",
    "CONFIG",
    "COUNTER",
    "FENCE",
    "FLUSH",
    "LOOP_CONV",
    "LOOP_CONV_CONFIG_1",
    "LOOP_CONV_CONFIG_6",
    "LOOP_MATMUL",
    "LOOP_MATMUL_ADDRESSES_AB",
    "LOOP_MATMUL_ADDRESSES_DC",
    "LOOP_MATMUL_BOUNDS",
    "LOOP_MATMUL_STRIDES_AB",
    "LOOP_MATMUL_STRIDES_DC",
    "MVIN",
    "MVIN2",
    "MVIN3",
    "MVOUT",
    "PRELOAD",
    "append",
    "block",
]

# Not plain ints: Numba would compile `append` anew for every literal that it is called with.
CONFIG, MVIN2, MVIN, MVOUT, COMPUTE_PRELOADED, COMPUTE_ACCUMULATED, PRELOAD, FLUSH = np.arange(8)
MVIN3, FENCE = np.array([14, 127])

# The hardware loops: the command that starts one, and those that describe it.
LOOP_MATMUL = 8
LOOP_MATMUL_BOUNDS = 9
LOOP_MATMUL_ADDRESSES_AB, LOOP_MATMUL_ADDRESSES_DC = 10, 11
LOOP_MATMUL_STRIDES_AB, LOOP_MATMUL_STRIDES_DC = 12, 13
LOOP_CONV = 15
LOOP_CONV_CONFIG_1, LOOP_CONV_CONFIG_6 = 16, 21

COUNTER = 126


@jit
def block(address, rows, cols):
    """Return the operand of a command that names a block of local memory."""
    return rows << 48 | cols << 32 | address


@jit
def append(registers, funct, rs1, rs2):
    """Append a command to the list, of which a window is kept: a loop may be longer, and is then unrolled repeatedly.

    ``registers["unrolled"]`` counts all commands, ``registers["window"]`` is the number of the first that is kept.
    """
    slot = registers["unrolled"] - registers["window"]
    commands = registers["commands"]
    if 0 <= slot < commands.shape[0]:
        commands[slot, 0] = funct
        commands[slot, 1] = rs1
        commands[slot, 2] = rs2
    registers["unrolled"] += 1
