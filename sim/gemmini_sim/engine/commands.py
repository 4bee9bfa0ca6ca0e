"""The commands by their function codes, and the list into which a hardware loop is unrolled."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit

__all__ = [
    "COMPUTE_ACCUMULATED",
    "COMPUTE_PRELOADED",
    "CONFIG",
    "FENCE",
    "FLUSH",
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
