"""Small things that every unit of the clock needs: bits, time stamps, the event log."""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.records import ALLOC, COMPLETE, ISSUE
from gemmini_sim.engine.cycle_clock.sizes import EXECUTE, LOAD, NOTED, STORE

__all__ = [
    "NEVER",
    "is_load",
    "is_transfer",
    "log",
    "log_command",
    "lowest_bit",
    "queue_of",
    "scratchpad_bank",
    "wake_at",
    "write_log",
]

_settings: Any = numba.config  # a module whose variables are made at run time

NEVER = 1 << 62


def _generate(_target, builder, _signature, arguments):
    return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))


_trailing_zeros: Any = intrinsic(lambda _context, _mask: (types.int64(types.int64), _generate))


def _lowest_bit(mask):
    """Return the index of the lowest set bit of a mask that is not zero."""
    return _trailing_zeros(mask)


def _lowest_bit_without_jit(mask):
    return (int(mask) & -int(mask)).bit_length() - 1


lowest_bit = _lowest_bit_without_jit if _settings.DISABLE_JIT else jit(_lowest_bit)


@jit
def wake_at(clock, cycle):
    """Ask for all units to be stepped in ``cycle``."""
    clock["wake"] = min(clock["wake"], cycle)


@jit
def log(clock, cycle, kind, number, address, size):
    """Note an event of this cycle; it goes into the log when the cycle is over."""
    log_command(clock, cycle, kind, number, address, size, -1)


@jit
def log_command(clock, cycle, kind, number, address, size, row):
    """Note an event that also belongs into a row of the command trace (-1: none)."""
    slot = clock["noted"] & (NOTED - 1)
    clock["noted_cycle"][slot] = cycle
    clock["noted_kind"][slot] = kind
    clock["noted_number"][slot] = number
    clock["noted_address"][slot] = address
    clock["noted_size"][slot] = size
    clock["noted_row"][slot] = row
    clock["noted"] += 1


@jit
def write_log(clock, trace, events):
    """Append what was noted to the log, whose rows are dropped (and counted) if it is full, and to the trace."""
    for slot in range(clock["noted"]):
        cycle = clock["noted_cycle"][slot]
        kind = clock["noted_kind"][slot]
        address = clock["noted_address"][slot]
        row = clock["event_count"]
        if row < events.shape[0]:
            event = events[row]
            event["cycle"] = cycle
            event["kind"] = kind
            event["number"] = clock["noted_number"][slot]
            event["address"] = address
            event["size"] = clock["noted_size"][slot]
        clock["event_count"] = row + 1
        row = clock["noted_row"][slot]
        if 0 <= row < trace.shape[0]:
            command = trace[row]
            if kind == ALLOC:
                command["unit"] = queue_of((clock["noted_number"][slot] >> 8) & 0xFF, address)
                command["allocate"] = cycle
            elif kind == ISSUE:
                command["issue"] = cycle
            else:
                command["start"] = address if kind == COMPLETE else cycle
                command["complete"] = cycle
    clock["noted"] = 0


@jit
def is_load(funct):
    """Return whether the command loads."""
    return funct in (1, 2, 14)


@jit
def is_transfer(funct):
    """Return whether the command loads or stores, so that its first operand is a DRAM address."""
    return is_load(funct) or funct == 3


@jit
def queue_of(funct, rs1):
    """Return the queue of a command: LOAD, EXECUTE or STORE; -1 for one that the station does not see."""
    if funct == 0:
        kind = rs1 & 3
        return LOAD if kind == 1 else (EXECUTE if kind == 0 else STORE)
    if funct in (1, 2, 14):
        return LOAD
    if funct == 3:
        return STORE
    if funct in (4, 5, 6):
        return EXECUTE
    return -1


@jit
def scratchpad_bank(clock, row):
    """Return the bank of a scratchpad row, which may lie behind the last."""
    bank = row >> clock["bank_shift"]
    return bank if 0 <= bank < clock["banks"] else bank % clock["banks"]
