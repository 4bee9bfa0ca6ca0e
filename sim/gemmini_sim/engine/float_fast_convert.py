"""The common comparisons, conversions and moves on the host's own floating-point unit, with the same bits and flags.

Zeros and normal numbers only, singles in their NaN boxes; everything else is left to float_execute.py.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.integer import sign_extend_32

__all__ = ["fast_convert"]

_INEXACT = 1
_SIGN = np.int64(-(2**63))
_SIGN_SINGLE = np.int64(1 << 31)
_BOX = np.int64(-1) << 32
_EXACT = np.int64(1 << 53)  # integers up to this are doubles


@jit_inline
def _is_common(bits, double):
    """Tell whether a register holds a zero or a normal number."""
    if double:
        return bits << 1 == 0 or 0 < bits >> 52 & 0x7FF < 0x7FF
    return bits >> 32 == -1 and (bits << 33 == 0 or 0 < bits >> 23 & 0xFF < 0xFF)


@jit_inline
def _value(registers, number, double):
    if double:
        return registers.view(np.float64)[number]
    return np.float64(registers.view(np.float32)[2 * np.int64(number)])


@jit_inline
def _inject_sign(a, b, double, mode):
    sign = _SIGN if double else _SIGN_SINGLE
    if mode == 0:
        return a & ~sign | b & sign
    if mode == 1:
        return a & ~sign | ~b & sign
    return a ^ b & sign


@jit
def _to_integer(core, instruction, double, mode):
    """Convert to an integer, towards zero."""
    registers = core["registers"]
    number = _value(registers, instruction["rs1"], double)
    largest = 2.0**62 if instruction["format"] & 4 else 2.0**31
    if mode != 1 or not (-largest < number < largest) or (instruction["format"] & 2 and number < 0):
        return False
    integer = np.int64(number)
    registers[instruction["rd"]] = integer
    if np.float64(integer) != number:
        core["fflags"] |= _INEXACT
    return True


@jit
def _from_integer(core, instruction, double, mode):
    registers = core["registers"]
    integer = registers[instruction["rs1"]]
    if not instruction["format"] & 4:
        integer = integer & 0xFFFFFFFF if instruction["format"] & 2 else sign_extend_32(integer)
    elif instruction["format"] & 2 and integer < 0:
        return False
    if not (-_EXACT <= integer <= _EXACT):
        return False
    return _store(core, instruction, np.float64(integer), double, mode)


@jit_inline
def _store(core, instruction, number, double, mode):
    """Write a number, rounded to nearest even if the register gets a single."""
    registers = core["registers"]
    if double:
        registers.view(np.float64)[instruction["rd"]] = number
        return True
    registers.view(np.float32)[2 * op.SCRATCH] = np.float32(number)
    bits = registers[op.SCRATCH] & 0xFFFFFFFF
    inexact = _value(registers, op.SCRATCH, False) != number
    exponent = bits >> 23 & 0xFF
    if (number != 0 and exponent < 2) or exponent > 253 or (inexact and mode != 0 and (mode != 7 or core["frm"] != 0)):
        return False
    registers[instruction["rd"]] = bits | _BOX
    if inexact:
        core["fflags"] |= _INEXACT
    return True


@jit_inline
def _compare(registers, instruction, double, mode):
    x = _value(registers, instruction["rs1"], double)
    y = _value(registers, instruction["rs2"], double)
    registers[instruction["rd"]] = x <= y if mode == 0 else (x < y if mode == 1 else x == y)
    return True


@jit
def _extremum(registers, instruction, double, mode):
    x = _value(registers, instruction["rs1"], double)
    y = _value(registers, instruction["rs2"], double)
    if x == 0 and y == 0:  # the signs decide
        return False
    first = x < y if mode == 0 else x > y
    registers[instruction["rd"]] = registers[instruction["rs1"] if first else instruction["rs2"]]
    return True


@jit
def fast_convert(core, instruction):
    """Execute an OP-FP instruction that does no arithmetic if it is a common case; return whether it was."""
    registers = core["registers"]
    kind, mode = instruction["imm"], instruction["rm"]
    double = instruction["format"] & 1 == 1
    a, b = registers[instruction["rs1"]], registers[instruction["rs2"]]
    if kind == 0x1E:  # move from an integer register
        registers[instruction["rd"]] = a if double else a & 0xFFFFFFFF | _BOX
        return True
    if kind == 0x1C and mode == 0:
        registers[instruction["rd"]] = a if double else sign_extend_32(a)
        return True
    if kind == 0x1A:
        return (mode < 5 or (mode == 7 and core["frm"] < 5)) and _from_integer(core, instruction, double, mode)
    if not _is_common(a, double != (kind == 0x08)):
        return False
    if kind == 0x18:
        return _to_integer(core, instruction, double, mode)
    if kind == 0x08:
        if mode > 4 and (mode != 7 or core["frm"] > 4):
            return False
        return _store(core, instruction, _value(registers, instruction["rs1"], not double), double, mode)
    if not _is_common(b, double):
        return False
    if kind == 0x04:
        registers[instruction["rd"]] = _inject_sign(a, b, double, mode)
        return True
    if kind == 0x14:
        return _compare(registers, instruction, double, mode)
    return kind == 0x05 and _extremum(registers, instruction, double, mode)
