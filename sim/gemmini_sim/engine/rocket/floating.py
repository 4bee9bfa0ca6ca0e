"""Floating-point instructions: their registers, and when their results can be used."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.dcache import load_hits, note_store, store_hits
from gemmini_sim.engine.rocket.fetch import continue_line, take_packet
from gemmini_sim.engine.rocket.kinds import BYTES, FLOAT, FLOAT_LOAD, FLOAT_STORE
from gemmini_sim.engine.rocket.multiplier import settle_late
from gemmini_sim.engine.rocket.state import FLOATS, NOT_SIMPLE

__all__ = ["LOADED", "float_registers", "issue_float", "occupy_float"]

LOADED = 4
"""Cycles from a load to a use of its value."""
_DOUBLE, _SINGLE = 6, 4  # fused multiply-add and all that goes through it
_OTHER, _TO_INTEGER = 4, 3
_DIVIDE = 4  # beside one cycle per bit


@jit
def float_registers(instruction, operation, kind):
    """Return the places of rd, rs1, rs2, rs3 in the scoreboard; rs1 again where there is no rs3."""
    rd, rs1, rs2 = np.int64(instruction["rd"]), np.int64(instruction["rs1"]), np.int64(instruction["rs2"])
    rs3 = rs1
    if kind == FLOAT_LOAD:
        rd += FLOATS
    elif kind == FLOAT_STORE:
        rs2 += FLOATS
        rd = np.int64(32)
    elif operation != op.FLOAT:
        rd, rs1, rs2, rs3 = rd + FLOATS, rs1 + FLOATS, rs2 + FLOATS, np.int64(instruction["rs3"]) + FLOATS
    else:
        funct5 = instruction["imm"]
        if funct5 != 0x14 and funct5 != 0x18 and funct5 != 0x1C:  # comparisons and moves to integer registers
            rd += FLOATS
        if funct5 != 0x1A and funct5 != 0x1E:  # moves from them
            rs1 += FLOATS
        rs2 = rs2 + FLOATS if funct5 < 0x18 else np.int64(0)
        rs3 = rs1
    return rd, rs1, rs2, rs3


@jit
def occupy_float(host, instruction, operation, rd, time):
    """Return when an operation commits that otherwise could at ``time``, and how long its result takes."""
    double = instruction["format"] == 1
    funct5 = instruction["imm"] if operation == op.FLOAT else np.int64(0)
    if funct5 == 3 or funct5 == 0x0B:
        time = max(time, host["float_free"])
        latency = _DIVIDE + (55 if double else 26)
        host["float_free"] = time + latency
        return time, latency
    if funct5 <= 2:
        return time, _DOUBLE if double else _SINGLE
    return time, _TO_INTEGER if rd < FLOATS else _OTHER


@jit
def issue_float(host, x, instruction, operation, kind, end, time, opens):
    """Return when a floating-point instruction commits; -1, and nothing has changed, if that is not simple."""
    if end > host["boundary"] and not continue_line(host, end):
        return NOT_SIMPLE
    rd, rs1, rs2, rs3 = float_registers(instruction, operation, kind)
    ready = host["ready"]
    commit = max(time + 1, ready[rd], ready[rs1], ready[rs2], ready[rs3])
    address = x[instruction["rs1"]] + instruction["imm"]
    if kind == FLOAT_LOAD and not load_hits(host, address, commit):
        return NOT_SIMPLE
    if kind == FLOAT_STORE and not store_hits(host, address):
        return NOT_SIMPLE
    if host["late_register"] >= 0:
        settle_late(host, time, commit, rd < 32)
        commit = max(commit, ready[rd], ready[rs1], ready[rs2])
    latency = np.int64(LOADED)
    if kind == FLOAT:
        commit, latency = occupy_float(host, instruction, operation, rd, commit)
    elif kind == FLOAT_LOAD:
        host["load_time"] = commit
    else:
        note_store(host, address, BYTES[operation], commit)
        latency = np.int64(1)
    ready[rd] = commit + latency
    take_packet(host, opens, commit)
    return commit
