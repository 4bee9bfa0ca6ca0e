"""Replays what commands do to the rows of a local memory; compiled, because long traces have millions of rows."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["replay_rows"]

_CONFIG, _MVIN2, _MVIN, _MVOUT, _COMPUTE_PRELOADED, _COMPUTE_ACCUMULATED, _PRELOAD, _MVIN3 = 0, 1, 2, 3, 4, 5, 6, 14
_GARBAGE = 0xFFFF_FFFF
_ROW_MASK = 0x1FFF_FFFF
_ACCUMULATOR_BIT, _ACCUMULATE_BIT = 1 << 31, 1 << 30


# A plain cache: the function calls no other file, so that its cache cannot be stale.
@numba.njit(cache=True, nogil=True)
def replay_rows(functs, rs1s, rs2s, cycles, dim, accumulator, row_count, lives):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901, PLR0912, PLR0915, PLR0917 - one loop over commands, typed by Numba
    """Fill ``lives`` in the order in which data are overwritten; returns how many there are.

    Parameters
    ----------
    functs, rs1s, rs2s, cycles : int64 [commands]
        The commands in program order, and when each was complete.
    dim, row_count : int
        Elements per row, and rows of the memory.
    accumulator : bool
        Which memory.
    lives : LIFETIME_DTYPE [capacity]
        Filled as far as it reaches.
    """
    written = np.full(row_count, -1, np.int64)
    last_read = np.full(row_count, -1, np.int64)
    command_of = np.full(row_count, -1, np.int64)
    strides = np.full(3, dim, np.int64)
    count = 0
    result_local = np.int64(-1)
    result_rows = np.int64(0)
    result_cycle = np.int64(0)
    local = np.zeros(8, np.int64)
    rows = np.zeros(8, np.int64)
    writes = np.zeros(8, np.bool_)
    when = np.zeros(8, np.int64)
    for index in range(len(functs)):
        funct, rs1, rs2, cycle = functs[index], rs1s[index], rs2s[index], cycles[index]
        accesses = 0
        if funct == _CONFIG and rs1 & 3 == 1:
            strides[min(rs1 >> 3 & 3, 2)] = rs1 >> 16 & 0xFFFF
        elif funct in (_MVIN, _MVIN2, _MVIN3, _MVOUT):
            step = np.int64(dim)
            if funct == _MVIN:
                step = strides[0]
            elif funct == _MVIN2:
                step = strides[1]
            elif funct == _MVIN3:
                step = strides[2]
            blocks = ((rs2 >> 32 & 0xFFFF) + dim - 1) // dim
            for block in range(min(blocks, 8)):  # the hardware takes no wider ones
                local[block] = (rs2 & _GARBAGE) + block * step
                rows[block] = rs2 >> 48 & 0xFFFF
                writes[block] = funct != _MVOUT
                when[block] = cycle
            accesses = min(blocks, 8)
        elif funct == _PRELOAD:
            local[0], rows[0], writes[0], when[0] = rs1 & _GARBAGE, rs1 >> 48 & 0xFFFF, False, cycle
            result_local, result_rows, result_cycle = rs2 & _GARBAGE, rs2 >> 48 & 0xFFFF, cycle
            accesses = 1
        elif funct in (_COMPUTE_PRELOADED, _COMPUTE_ACCUMULATED):
            local[0], rows[0], writes[0], when[0] = rs1 & _GARBAGE, rs1 >> 48 & 0xFFFF, False, cycle
            local[1], rows[1], writes[1], when[1] = rs2 & _GARBAGE, rs2 >> 48 & 0xFFFF, False, cycle
            accesses = 2
            if result_local >= 0:
                local[2], rows[2], writes[2], when[2] = result_local, result_rows, True, result_cycle
                accesses = 3
                result_local = np.int64(-1)
        for access in range(accesses):
            address = local[access]
            if address == _GARBAGE or ((address & _ACCUMULATOR_BIT) != 0) != accumulator:
                continue
            first = address & _ROW_MASK
            adds = accumulator and (address & _ACCUMULATE_BIT) != 0
            for row in range(first, min(first + rows[access], row_count)):
                if not writes[access]:
                    last_read[row] = max(last_read[row], when[access])
                elif adds:
                    if written[row] < 0:
                        written[row] = when[access]
                        command_of[row] = index
                    last_read[row] = max(last_read[row], when[access])
                else:
                    if written[row] >= 0 and count < len(lives):
                        life = lives[count]
                        life["row"], life["written"] = row, written[row]
                        life["last_read"], life["command"] = last_read[row], command_of[row]
                        count += 1
                    written[row] = when[access]
                    last_read[row] = -1
                    command_of[row] = index
    for row in range(row_count):
        if written[row] >= 0 and count < len(lives):
            life = lives[count]
            life["row"], life["written"] = row, written[row]
            life["last_read"], life["command"] = last_read[row], command_of[row]
            count += 1
    return count
