"""What the chain of `core.run` leaves over: accesses that are misaligned or not to memory, atomics, CSRs, traps."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.csr import execute_csr, float_dirty, float_off, return_from_trap
from gemmini_sim.engine.float_execute import execute_float
from gemmini_sim.engine.htif import answer_tohost, is_channel, store_channel
from gemmini_sim.engine.integer import sign_extend_32

__all__ = ["execute_rare", "raise_exception"]

_U1 = np.uint64(1)


@jit
def raise_exception(core, cause, value):
    """Note the cause of an exception and the value that the handler finds in mtval."""
    core["cause"] = cause
    core["value"] = value
    return op.RAISE


@jit
def execute_rare(core, memory, words, console, instruction, pc):
    """Execute what the chain leaves over; ``instret`` does not yet count it."""
    x = core["registers"]
    operation = np.int64(instruction["op"])
    imm = instruction["imm"]
    if op.LB <= operation <= op.LWU:
        kind = operation - op.LB
        width = 1 << (kind & 3)
        outcome = _load(core, words, x[instruction["rs1"]] + imm, width)
        if outcome == op.NEXT:
            shift = 64 - 8 * width if kind < 4 else 0
            x[instruction["rd"]] = core["loaded"] << shift >> shift
        return outcome
    if op.SB <= operation <= op.SD:
        address = x[instruction["rs1"]] + imm
        return _store(core, memory, words, console, address, 1 << (operation - op.SB), x[instruction["rs2"]])
    if operation == op.FLW or operation == op.FLD or operation == op.FSW or operation == op.FSD:
        return _float_memory(core, memory, words, console, instruction)
    if operation == op.ATOMIC:
        return _atomic(core, memory, words, console, instruction)
    if op.CSRRW <= operation <= op.CSRRCI:
        return op.NEXT if execute_csr(core, instruction) else raise_exception(core, op.CAUSE_ILLEGAL, 0)
    if operation == op.FLOAT or op.FMADD <= operation <= op.FNMADD:
        return op.NEXT if execute_float(core, instruction) else raise_exception(core, op.CAUSE_ILLEGAL, 0)
    if operation == op.WFI:
        return op.NEXT
    if operation == op.MRET:
        return_from_trap(core)
        return op.JUMP
    if operation == op.ECALL:
        return raise_exception(core, op.CAUSE_ECALL_M, 0)
    if operation == op.EBREAK:
        return raise_exception(core, op.CAUSE_BREAKPOINT, pc)
    return raise_exception(core, op.CAUSE_ILLEGAL, 0)


@jit
def _load(core, words, address, width):
    """Read ``width`` bytes, zero-extended, into ``loaded``."""
    if address & (width - 1) != 0:
        return raise_exception(core, op.CAUSE_LOAD_MISALIGNED, address)
    offset = address - op.DRAM_BASE
    if 0 <= offset < words.shape[0] * 8:
        word = np.uint64(words[offset >> 3]) >> np.uint64((offset & 7) * 8)
        if width < 8:
            word &= (_U1 << np.uint64(width * 8)) - _U1
        core["loaded"] = np.int64(word)
        return op.NEXT
    if is_channel(address):
        core["loaded"] = 0
        return op.NEXT
    return raise_exception(core, op.CAUSE_LOAD_ACCESS, address)


@jit
def _store(core, memory, words, console, address, width, value):
    if address & (width - 1) != 0:
        return raise_exception(core, op.CAUSE_STORE_MISALIGNED, address)
    offset = address - op.DRAM_BASE
    if 0 <= offset < memory.shape[0]:
        for i in range(width):
            memory[offset + i] = np.uint8(value >> 8 * i & 0xFF)
        if offset >> 3 == core["tohost"] and not answer_tohost(core, memory, words, console):
            return op.STOP
        return op.NEXT
    if is_channel(address):
        if width < 8:
            value &= (1 << width * 8) - 1
        return op.NEXT if store_channel(core, console, address, value) else op.STOP
    return raise_exception(core, op.CAUSE_STORE_ACCESS, address)


@jit
def _combine(funct5, old, operand):
    """Return what an atomic operation leaves in memory; both operands are sign-extended from its width."""
    if funct5 == 0:
        return old + operand
    if funct5 == 1:
        return operand
    if funct5 == 4:
        return old ^ operand
    if funct5 == 8:
        return old | operand
    if funct5 == 12:
        return old & operand
    if funct5 == 16:
        return min(old, operand)
    if funct5 == 20:
        return max(old, operand)
    larger = np.uint64(old) > np.uint64(operand)
    if funct5 == 24:
        return operand if larger else old
    return old if larger else operand


@jit
def _atomic(core, memory, words, console, instruction):
    """Execute lr, sc or an AMO."""
    x = core["registers"]
    width = 1 << np.int64(instruction["rm"])
    funct5 = instruction["imm"]
    address = x[instruction["rs1"]]
    operand = x[instruction["rs2"]]
    if width == 4:
        operand = sign_extend_32(operand)
    if funct5 == 3:
        reserved = core["reservation"] == address
        core["reservation"] = -1
        if reserved or address & (width - 1) != 0:
            outcome = _store(core, memory, words, console, address, width, operand)
            if outcome != op.NEXT:
                return outcome
        x[instruction["rd"]] = 0 if reserved else 1
        return op.NEXT
    outcome = _load(core, words, address, width)
    if outcome != op.NEXT:
        if funct5 != 2:  # an AMO's faults are a store's
            core["cause"] += 2
        return outcome
    old = core["loaded"]
    if width == 4:
        old = sign_extend_32(old)
    if funct5 == 2:
        core["reservation"] = address
    else:
        outcome = _store(core, memory, words, console, address, width, _combine(funct5, old, operand))
        if outcome != op.NEXT:
            return outcome
    x[instruction["rd"]] = old
    return op.NEXT


@jit
def _float_memory(core, memory, words, console, instruction):
    """Execute a floating-point load or store that the chain did not take."""
    if float_off(core):
        return raise_exception(core, op.CAUSE_ILLEGAL, 0)
    x = core["registers"]
    width = 1 << np.int64(instruction["rm"])
    address = x[instruction["rs1"]] + instruction["imm"]
    if instruction["op"] >= op.FSW:
        return _store(core, memory, words, console, address, width, x[instruction["rs2"]])
    outcome = _load(core, words, address, width)
    if outcome == op.NEXT:
        value = core["loaded"]
        if width == 4:
            value |= np.int64(-1) << 32
        x[instruction["rd"]] = value
        float_dirty(core)
    return outcome
