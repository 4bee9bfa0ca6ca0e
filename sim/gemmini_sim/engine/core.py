"""The RV64 core: the loop that executes a program, with everything that it calls per instruction.

`run` is the one entry from Python. Frequent integer operations are written out in its chain, which LLVM turns into a
jump table; each ends in ``continue``. What falls through to the end of the chain is rare or has gone wrong, and is the
business of `_execute_rare`.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import cycle_clock as accelerator_clock
from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.accelerator import execute
from gemmini_sim.engine.accelerator_state import BAD_FUNCT, HANG, NO_FAULT, OVER_BUDGET, start_region
from gemmini_sim.engine.csr import enter_trap, execute_csr, float_dirty, float_off, return_from_trap
from gemmini_sim.engine.decode import decode
from gemmini_sim.engine.event_log import note
from gemmini_sim.engine.float_execute import execute_float
from gemmini_sim.engine.float_fast import execute_float_fast
from gemmini_sim.engine.htif import answer_tohost, is_channel, store_channel
from gemmini_sim.engine.integer import (
    divide,
    divide_unsigned,
    multiply_high,
    multiply_high_mixed,
    multiply_high_unsigned,
    remainder,
    remainder_unsigned,
    sign_extend_32,
)
from gemmini_sim.engine.rocket.issue import issue
from gemmini_sim.engine.rocket.pipeline import commit_command, commit_fence, issue_again, issue_slowly

__all__ = ["run"]

# What an instruction that is executed outside the chain asks of the loop.
_NEXT, _JUMP, _RAISE, _STOP = 0, 1, 2, 3

_U1, _U2, _U3 = np.uint64(1), np.uint64(2), np.uint64(3)
_NOWHERE = np.int64(-(2**63))  # no index of a halfword
_SLOT_IN_LINE = np.uint64(31)
_U61, _U62, _U63 = np.uint64(61), np.uint64(62), np.uint64(63)
_DRAM_BASE = op.DRAM_BASE

_PATIENCE = 1 << 14  # local rows for which the host waits longer than there is work


@jit
def _raise(core, cause, value):
    core["cause"] = cause
    core["value"] = value
    return _RAISE


@jit
def _fetch(core, memory, pc, out):
    """Decode the instruction at ``pc`` into ``out``; an address outside DRAM raises an access fault."""
    offset = pc - _DRAM_BASE
    if offset < 0 or offset + 2 > memory.shape[0]:
        return _raise(core, op.CAUSE_FETCH_ACCESS, pc)
    word = np.int64(memory[offset]) | np.int64(memory[offset + 1]) << 8
    if word & 3 == 3:
        if offset + 4 > memory.shape[0]:
            return _raise(core, op.CAUSE_FETCH_ACCESS, pc + 2)
        word |= np.int64(memory[offset + 2]) << 16 | np.int64(memory[offset + 3]) << 24
    decode(out, word, pc)
    return _NEXT


@jit
def _load(core, words, address, width):
    """Read ``width`` bytes, zero-extended, into ``loaded``."""
    if address & (width - 1) != 0:
        return _raise(core, op.CAUSE_LOAD_MISALIGNED, address)
    offset = address - _DRAM_BASE
    if 0 <= offset < words.shape[0] * 8:
        word = np.uint64(words[offset >> 3]) >> np.uint64((offset & 7) * 8)
        if width < 8:
            word &= (_U1 << np.uint64(width * 8)) - _U1
        core["loaded"] = np.int64(word)
        return _NEXT
    if is_channel(address):
        core["loaded"] = 0
        return _NEXT
    return _raise(core, op.CAUSE_LOAD_ACCESS, address)


@jit
def _store(core, memory, words, console, address, width, value):
    if address & (width - 1) != 0:
        return _raise(core, op.CAUSE_STORE_MISALIGNED, address)
    offset = address - _DRAM_BASE
    if 0 <= offset < memory.shape[0]:
        for i in range(width):
            memory[offset + i] = np.uint8(value >> 8 * i & 0xFF)
        if offset >> 3 == core["tohost"] and not answer_tohost(core, memory, words, console):
            return _STOP
        return _NEXT
    if is_channel(address):
        if width < 8:
            value &= (1 << width * 8) - 1
        return _NEXT if store_channel(core, console, address, value) else _STOP
    return _raise(core, op.CAUSE_STORE_ACCESS, address)


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
    x = core["x"]
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
            if outcome != _NEXT:
                return outcome
        x[instruction["rd"]] = 0 if reserved else 1
        return _NEXT
    outcome = _load(core, words, address, width)
    if outcome != _NEXT:
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
        if outcome != _NEXT:
            return outcome
    x[instruction["rd"]] = old
    return _NEXT


@jit
def _float_memory(core, memory, words, console, instruction):
    """Execute a floating-point load or store that the chain did not take."""
    if float_off(core):
        return _raise(core, op.CAUSE_ILLEGAL, 0)
    x, f = core["x"], core["f"]
    width = 1 << np.int64(instruction["rm"])
    address = x[instruction["rs1"]] + instruction["imm"]
    if instruction["op"] >= op.FSW:
        return _store(core, memory, words, console, address, width, f[instruction["rs2"]])
    outcome = _load(core, words, address, width)
    if outcome == _NEXT:
        value = core["loaded"]
        if width == 4:
            value |= np.int64(-1) << 32
        f[instruction["rd"]] = value
        float_dirty(core)
    return outcome


@jit
def _mark_region(core, regions, marker, stalls):
    """Begin region n (marker 2 n + 1) or end it (2 n + 2); an end without a begin is ignored."""
    number = (marker - 1) >> 1
    cycle = core["instret"] + core["stall"]
    count = core["region_count"]
    if marker & 1 == 1:
        if count == regions.shape[0]:
            core["status"] = op.REGIONS_FULL
            return _STOP
        regions[count]["number"] = number
        regions[count]["begin_cycle"] = cycle
        regions[count]["begin_instret"] = core["instret"]
        regions[count]["end_cycle"] = -1
        for cause in range(stalls.shape[0]):
            regions[count]["stalls"][cause] = -stalls[cause]
        core["region_count"] = count + 1
        return _NEXT
    for i in range(count - 1, -1, -1):
        region = regions[i]
        if region["number"] == number:
            if region["end_cycle"] < 0:
                region["end_cycle"] = cycle
                region["end_instret"] = core["instret"]
                for cause in range(stalls.shape[0]):
                    region["stalls"][cause] += stalls[cause]
            break
    return _NEXT


@jit
def _count_rows(core, accelerator, scratchpad_rows):
    """Count the local rows that were written so far."""
    core["scratchpad_rows"] = np.sum(accelerator.used[:scratchpad_rows])
    core["accumulator_rows"] = np.sum(accelerator.used[scratchpad_rows:])


@jit
def _execute_rare(core, memory, words, console, instruction, pc):
    """Execute what the chain leaves over; ``instret`` does not yet count it."""
    x = core["x"]
    operation = np.int64(instruction["op"])
    imm = instruction["imm"]
    if op.LB <= operation <= op.LWU:
        kind = operation - op.LB
        width = 1 << (kind & 3)
        outcome = _load(core, words, x[instruction["rs1"]] + imm, width)
        if outcome == _NEXT:
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
        return _NEXT if execute_csr(core, instruction) else _raise(core, op.CAUSE_ILLEGAL, 0)
    if operation == op.FLOAT or op.FMADD <= operation <= op.FNMADD:
        return _NEXT if execute_float(core, instruction) else _raise(core, op.CAUSE_ILLEGAL, 0)
    if operation == op.WFI:
        return _NEXT
    if operation == op.MRET:
        return_from_trap(core)
        return _JUMP
    if operation == op.ECALL:
        return _raise(core, op.CAUSE_ECALL_M, 0)
    if operation == op.EBREAK:
        return _raise(core, op.CAUSE_BREAKPOINT, pc)
    return _raise(core, op.CAUSE_ILLEGAL, 0)


@jit
def _instruction_bits(memory, pc):
    """Return the bits of the instruction at ``pc``, for mtval."""
    offset = pc - _DRAM_BASE
    bits = np.int64(memory[offset]) | np.int64(memory[offset + 1]) << 8
    if bits & 3 == 3:
        bits |= np.int64(memory[offset + 2]) << 16 | np.int64(memory[offset + 3]) << 24
    return bits


@jit
def _note_line(core, code, lines, slot):
    """Enter the line of a slot, decoded just now, into the list unless it is there already."""
    first = slot & ~_SLOT_IN_LINE
    decoded = 0
    for i in range(32):
        if first + np.uint64(i) < np.uint64(code.shape[0]) and code[first + np.uint64(i)]["op"] != op.UNDECODED:
            decoded += 1
    if decoded == 1:
        lines[core["line_count"]] = first
        core["line_count"] += 1


@jit
def _forget_lines(core, code, lines):
    """Empty every decoded slot."""
    for i in range(core["line_count"]):
        for slot in range(lines[i], min(lines[i] + 32, code.shape[0])):
            code[slot]["op"] = op.UNDECODED
    core["line_count"] = 0


@jit
def run(
    core_state,
    code,
    code_base,
    lines,
    memory,
    console,
    regions,
    accelerator,
    scratchpad,
    accumulator,
    rocket,
    clock_state,
    tags,
    trace,
    events,
    log,
    touched,
):
    """Execute until the program ends or something needs the caller; return the status, as in ``core["status"]``.

    Parameters
    ----------
    core_state : CORE_DTYPE [1]
    code, code_base
        The decoded program, INSTRUCTION_DTYPE [n + 1], and the address of its first halfword. Slots are decoded when
        they are executed first, and again after a fence.i, which is when RISC-V says that stores into code show.
    lines : int64 [n // 32 + 1]
        Which lines of 32 slots hold decoded instructions.
    memory : uint8 [bytes]
        DRAM; index 0 is address 0x80000000. Its size is a multiple of 8.
    console : uint8 [capacity]
    regions : REGION_DTYPE [capacity]
    accelerator, scratchpad, accumulator
        State and memories of Gemmini, as `accelerator.execute` takes them.
    rocket : RocketState
        The host's timing.
    clock_state, tags, trace, events
        The accelerator's clock, as `clock.command` takes it.
    log, touched
        The log for the sanitizer, if ``core["logging"]`` asks for one, as `event_log.note` takes it.
    """
    core = core_state[0]
    clock = clock_state[0]
    x, f = core["x"], core["f"]
    xu = x.view(np.uint64)
    bytes_ = memory.view(np.int8)
    halves = memory.view(np.int16)
    halves_unsigned = memory.view(np.uint16)
    singles = memory.view(np.int32)
    singles_unsigned = memory.view(np.uint32)
    words = memory.view(np.int64)
    f_singles = f.view(np.int32)
    logging = core["logging"] != 0
    # To be logged, loads and stores must not take the quick way, which is for addresses below `size`.
    size = np.uint64(0 if core["logging"] == op.LOG_ALL else memory.shape[0])
    last = np.uint64(code.shape[0] - 1)

    core["status"] = op.RUNNING
    limit = core["limit"] - core["work"]
    instret = core["instret"]
    stall = core["stall"]
    timing = core["timing"] != 0
    host = rocket.core[0]
    time, expected = host["time"], host["next"]  # the record's own are up to date while an instruction is timed slowly
    first_halfword = code_base >> 1
    tohost = np.uint64(core["tohost"])
    float_ready = (core["mstatus"] >> 13) & 3 == 3
    index = core["pc"] - code_base >> 1
    outside = _NOWHERE  # the index that the spare slot is decoded for

    while instret < limit:
        slot = np.uint64(index)
        if slot >= last:  # outside the program's executable segments: one slot for all
            slot = last
            if index != outside:
                code[slot]["op"] = op.UNDECODED
        instruction = code[slot]
        operation = instruction["op"]
        if timing:
            time, expected = issue(host, x, instruction, operation, first_halfword + index, time, expected)
            if time < 0:
                issue_slowly(rocket, clock, tags, trace, events, core, code, slot, first_halfword + index)
                time, expected = host["time"], host["next"]
        instret += 1

        if operation == op.ADDI:
            x[instruction["rd"]] = x[instruction["rs1"]] + instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.ADD:
            x[instruction["rd"]] = x[instruction["rs1"]] + x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.LD:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U3 | offset << _U61  # a misaligned offset becomes too large an index
            if word < size >> _U3:
                x[instruction["rd"]] = words[word]
                index += instruction["size"]
                continue
        elif operation == op.LW:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U2 | offset << _U62
            if word < size >> _U2:
                x[instruction["rd"]] = singles[word]
                index += instruction["size"]
                continue
        elif operation == op.LWU:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U2 | offset << _U62
            if word < size >> _U2:
                x[instruction["rd"]] = singles_unsigned[word]
                index += instruction["size"]
                continue
        elif operation == op.LH:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U1 | offset << _U63
            if word < size >> _U1:
                x[instruction["rd"]] = halves[word]
                index += instruction["size"]
                continue
        elif operation == op.LHU:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U1 | offset << _U63
            if word < size >> _U1:
                x[instruction["rd"]] = halves_unsigned[word]
                index += instruction["size"]
                continue
        elif operation == op.LB:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            if offset < size:
                x[instruction["rd"]] = bytes_[offset]
                index += instruction["size"]
                continue
        elif operation == op.LBU:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            if offset < size:
                x[instruction["rd"]] = memory[offset]
                index += instruction["size"]
                continue
        elif operation == op.SD:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U3 | offset << _U61
            if word < size >> _U3 and word != tohost:
                words[word] = x[instruction["rs2"]]
                index += instruction["size"]
                continue
        elif operation == op.SW:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U2 | offset << _U62
            if word < size >> _U2 and word >> _U1 != tohost:
                singles[word] = np.int32(x[instruction["rs2"]])
                index += instruction["size"]
                continue
        elif operation == op.SH:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U1 | offset << _U63
            if word < size >> _U1:
                halves[word] = np.int16(x[instruction["rs2"]])
                index += instruction["size"]
                continue
        elif operation == op.SB:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            if offset < size:
                bytes_[offset] = np.int8(x[instruction["rs2"]])
                index += instruction["size"]
                continue
        elif operation == op.BNE:
            if x[instruction["rs1"]] != x[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.BEQ:
            if x[instruction["rs1"]] == x[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.BLT:
            if x[instruction["rs1"]] < x[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.BGE:
            if x[instruction["rs1"]] >= x[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.BLTU:
            if xu[instruction["rs1"]] < xu[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.BGEU:
            if xu[instruction["rs1"]] >= xu[instruction["rs2"]]:
                index += instruction["imm"] >> 1
            else:
                index += instruction["size"]
            continue
        elif operation == op.JAL:
            x[instruction["rd"]] = code_base + (index + instruction["size"] << 1)
            index += instruction["imm"] >> 1
            continue
        elif operation == op.JALR:
            target = x[instruction["rs1"]] + instruction["imm"]
            x[instruction["rd"]] = code_base + (index + instruction["size"] << 1)
            index = target - code_base >> 1
            continue
        elif operation == op.LI:
            x[instruction["rd"]] = instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.SLLI:
            x[instruction["rd"]] = x[instruction["rs1"]] << instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.SRLI:
            xu[instruction["rd"]] = xu[instruction["rs1"]] >> np.uint64(instruction["imm"])
            index += instruction["size"]
            continue
        elif operation == op.SRAI:
            x[instruction["rd"]] = x[instruction["rs1"]] >> instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.ANDI:
            x[instruction["rd"]] = x[instruction["rs1"]] & instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.ORI:
            x[instruction["rd"]] = x[instruction["rs1"]] | instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.XORI:
            x[instruction["rd"]] = x[instruction["rs1"]] ^ instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.SLTI:
            x[instruction["rd"]] = x[instruction["rs1"]] < instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.SLTIU:
            x[instruction["rd"]] = xu[instruction["rs1"]] < np.uint64(instruction["imm"])
            index += instruction["size"]
            continue
        elif operation == op.ADDIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] + instruction["imm"])
            index += instruction["size"]
            continue
        elif operation == op.SLLIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] << instruction["imm"])
            index += instruction["size"]
            continue
        elif operation == op.SRLIW:
            x[instruction["rd"]] = sign_extend_32((x[instruction["rs1"]] & 0xFFFFFFFF) >> instruction["imm"])
            index += instruction["size"]
            continue
        elif operation == op.SRAIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]]) >> instruction["imm"]
            index += instruction["size"]
            continue
        elif operation == op.SUB:
            x[instruction["rd"]] = x[instruction["rs1"]] - x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.AND:
            x[instruction["rd"]] = x[instruction["rs1"]] & x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.OR:
            x[instruction["rd"]] = x[instruction["rs1"]] | x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.XOR:
            x[instruction["rd"]] = x[instruction["rs1"]] ^ x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.SLL:
            x[instruction["rd"]] = x[instruction["rs1"]] << (x[instruction["rs2"]] & 63)
            index += instruction["size"]
            continue
        elif operation == op.SRL:
            xu[instruction["rd"]] = xu[instruction["rs1"]] >> (xu[instruction["rs2"]] & _U63)
            index += instruction["size"]
            continue
        elif operation == op.SRA:
            x[instruction["rd"]] = x[instruction["rs1"]] >> (x[instruction["rs2"]] & 63)
            index += instruction["size"]
            continue
        elif operation == op.SLT:
            x[instruction["rd"]] = x[instruction["rs1"]] < x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.SLTU:
            x[instruction["rd"]] = xu[instruction["rs1"]] < xu[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.ADDW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] + x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.SUBW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] - x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.SLLW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] << (x[instruction["rs2"]] & 31))
            index += instruction["size"]
            continue
        elif operation == op.SRLW:
            x[instruction["rd"]] = sign_extend_32((x[instruction["rs1"]] & 0xFFFFFFFF) >> (x[instruction["rs2"]] & 31))
            index += instruction["size"]
            continue
        elif operation == op.SRAW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]]) >> (x[instruction["rs2"]] & 31)
            index += instruction["size"]
            continue
        elif operation == op.MUL:
            x[instruction["rd"]] = x[instruction["rs1"]] * x[instruction["rs2"]]
            index += instruction["size"]
            continue
        elif operation == op.MULW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] * x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.MULH:
            x[instruction["rd"]] = multiply_high(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.MULHSU:
            x[instruction["rd"]] = multiply_high_mixed(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.MULHU:
            x[instruction["rd"]] = multiply_high_unsigned(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.DIV:
            x[instruction["rd"]] = divide(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.DIVU:
            x[instruction["rd"]] = divide_unsigned(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.REM:
            x[instruction["rd"]] = remainder(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.REMU:
            x[instruction["rd"]] = remainder_unsigned(x[instruction["rs1"]], x[instruction["rs2"]])
            index += instruction["size"]
            continue
        elif operation == op.DIVW:
            dividend, divisor = sign_extend_32(x[instruction["rs1"]]), sign_extend_32(x[instruction["rs2"]])
            x[instruction["rd"]] = sign_extend_32(divide(dividend, divisor))
            index += instruction["size"]
            continue
        elif operation == op.DIVUW:
            dividend, divisor = x[instruction["rs1"]] & 0xFFFFFFFF, x[instruction["rs2"]] & 0xFFFFFFFF
            x[instruction["rd"]] = sign_extend_32(divide_unsigned(dividend, divisor))
            index += instruction["size"]
            continue
        elif operation == op.REMW:
            dividend, divisor = sign_extend_32(x[instruction["rs1"]]), sign_extend_32(x[instruction["rs2"]])
            x[instruction["rd"]] = sign_extend_32(remainder(dividend, divisor))
            index += instruction["size"]
            continue
        elif operation == op.REMUW:
            dividend, divisor = x[instruction["rs1"]] & 0xFFFFFFFF, x[instruction["rs2"]] & 0xFFFFFFFF
            x[instruction["rd"]] = sign_extend_32(remainder_unsigned(dividend, divisor))
            index += instruction["size"]
            continue
        elif operation == op.FLD:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U3 | offset << _U61
            if float_ready and word < size >> _U3:
                f[instruction["rd"]] = words[word]
                index += instruction["size"]
                continue
        elif operation == op.FLW:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U2 | offset << _U62
            if float_ready and word < size >> _U2:
                f[instruction["rd"]] = np.int64(singles_unsigned[word]) | -1 << 32
                index += instruction["size"]
                continue
        elif operation == op.FSD:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U3 | offset << _U61
            if float_ready and word < size >> _U3 and word != tohost:
                words[word] = f[instruction["rs2"]]
                index += instruction["size"]
                continue
        elif operation == op.FSW:
            offset = np.uint64(x[instruction["rs1"]] + instruction["imm"] - _DRAM_BASE)
            word = offset >> _U2 | offset << _U62
            if float_ready and word < size >> _U2 and word >> _U1 != tohost:
                singles[word] = f_singles[2 * np.int64(instruction["rs2"])]
                index += instruction["size"]
                continue

        elif op.FLOAT <= operation <= op.FNMADD:
            if execute_float_fast(core, instruction):
                index += instruction["size"]
                continue

        instret -= 1  # it counts when it has retired
        if timing:
            stall = time - instret
        core["instret"] = instret
        core["stall"] = stall
        pc = code_base + (index << 1)
        outcome = _NEXT
        logged = 0
        if logging:
            logged = note(core, log, touched, instruction, pc)
        if operation == op.UNDECODED:
            outcome = _fetch(core, memory, pc, instruction)
            if outcome == _NEXT:
                if slot == last:
                    outside = index
                else:
                    _note_line(core, code, lines, slot)
                continue
        elif operation == op.ROCC:
            rs1 = x[instruction["rs1"]] if instruction["rm"] & 2 else np.int64(-1)
            rs2 = x[instruction["rs2"]] if instruction["rm"] & 1 else np.int64(-1)
            if clock["tracing"] != 0 and clock["trace_count"] >= trace.shape[0]:
                core["status"] = op.TRACE_FULL
                time, expected = issue_again(host, instruction, operation, first_halfword + index, time, expected)
                break
            accelerator.registers[0]["pc"] = pc
            accelerator.registers[0]["budget"] = limit - instret
            code_ = execute(accelerator, scratchpad, accumulator, memory, instruction["imm"], rs1, rs2)
            core["work"] += accelerator.registers[0]["work"]
            limit = core["limit"] - core["work"]
            if code_ == OVER_BUDGET:
                core["status"] = op.LIMIT
                break
            if code_ == BAD_FUNCT:
                outcome = _raise(core, op.CAUSE_ILLEGAL, 0)
            elif code_ != NO_FAULT:
                core["status"] = op.ACCELERATOR
                core["code"] = code_
                break
            else:
                if instruction["rm"] & 4:
                    x[instruction["rd"]] = accelerator.registers[0]["rd"]
                if timing:
                    clock["patience"] = (_PATIENCE + core["work"]) * clock["slowest_row"]
                    funct = np.int64(instruction["imm"])
                    commit_command(rocket, clock, tags, trace, events, funct, rs1, rs2, pc)
                    time = host["time"]
        elif operation == op.REGION:
            if timing:
                accelerator_clock.advance(clock, tags, trace, events, instret + stall, accelerator_clock.TIME)
            outcome = _mark_region(core, regions, instruction["imm"], clock["stalls"])
            if outcome == _NEXT and instruction["imm"] == 1:
                start_region(accelerator)
            elif instruction["imm"] == 2:
                _count_rows(core, accelerator, scratchpad.shape[0])
                core["rows_final"] = 1
        elif operation == op.FENCE:
            if timing:
                commit_fence(rocket, clock, tags, trace, events)
                time = host["time"]
        elif operation == op.FENCE_I:
            outside = _NOWHERE
            _forget_lines(core, code, lines)
        else:
            if operation == op.CSRRS and (instruction["imm"] == 0xC00 or instruction["imm"] == 0xB00):  # (m)cycle
                accelerator_clock.read_cycle(clock, trace, events, instret + stall)
            outcome = _execute_rare(core, memory, words, console, instruction, pc)

        if outcome == _NEXT:
            core["log_count"] += logged
            instret += operation != op.REGION
            index += instruction["size"]
        elif outcome == _JUMP:
            instret += 1
            index = core["pc"] - code_base >> 1
        elif outcome == _RAISE:
            if core["cause"] == op.CAUSE_ILLEGAL:
                core["value"] = _instruction_bits(memory, pc)
            if not enter_trap(core, pc):
                core["status"] = op.TRAPPED
                break
            index = core["pc"] - code_base >> 1
        else:
            time, expected = issue_again(host, instruction, operation, first_halfword + index, time, expected)
            break
        float_ready = (core["mstatus"] >> 13) & 3 == 3
        if clock["hung"]:
            core["status"] = op.ACCELERATOR
            core["code"] = HANG
            index = pc - code_base >> 1
            break
        if logging and (core["log_count"] == log.shape[0] or (operation == op.ROCC and core["logging"] != op.LOG_ALL)):
            core["logging"] = op.LOG_ALL  # what the host did before the first command does not matter
            core["status"] = op.LOG_FULL
            break

    if core["status"] == op.RUNNING:
        core["status"] = op.LIMIT
    if core["rows_final"] == 0:
        _count_rows(core, accelerator, scratchpad.shape[0])
    host["time"], host["next"] = time, expected
    if timing:
        accelerator_clock.settle(clock, tags, trace, events)
        stall = time - instret
    core["pc"] = code_base + (index << 1)
    core["instret"] = instret
    core["stall"] = stall
    return core["status"]
