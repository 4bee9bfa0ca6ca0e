"""The RV64 core: the loop that executes a program.

`run` is the one entry from Python. Frequent operations are written out in its chain, which LLVM turns into jump tables;
each ends in ``continue``. What falls through to the end of the chain is rare or has gone wrong, and is the business of
`execute_rare`.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import cycle_clock as accelerator_clock
from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit, jit_inline
from gemmini_sim.engine.accelerator import execute
from gemmini_sim.engine.accelerator_state import BAD_FUNCT, HANG, NO_FAULT, OVER_BUDGET
from gemmini_sim.engine.csr import enter_trap
from gemmini_sim.engine.decoded import fetch, forget_lines, instruction_bits
from gemmini_sim.engine.event_log import note
from gemmini_sim.engine.float_fast import execute_float_fast
from gemmini_sim.engine.integer import multiply_or_divide, sign_extend_32
from gemmini_sim.engine.rare import execute_rare, raise_exception
from gemmini_sim.engine.regions import count_rows, mark_region
from gemmini_sim.engine.rocket.branches import BRANCH, DIRECT, jump_kind
from gemmini_sim.engine.rocket.floating import time_float
from gemmini_sim.engine.rocket.issue import (
    first_cycle,
    leave,
    note_flow,
    put_off,
    redirect,
    take_command,
    take_packet,
    time_load,
    time_store,
    wait_for_late,
)
from gemmini_sim.engine.rocket.multiplier import multiply
from gemmini_sim.engine.rocket.pipeline import commit_command, commit_fence, issue_again, issue_slowly, straight_on

__all__ = ["run"]

_U0, _U1, _U2, _U3 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_NOWHERE = np.int64(-(2**63))  # no halfword
_U63, _U64 = np.uint64(63), np.uint64(64)

_PATIENCE = 1 << 14  # local rows for which the host waits longer than there is work


@jit_inline
def _index(address, shift):
    """Return the index in memory of an aligned element of 2**shift bytes; too large a one if it is misaligned."""
    offset = np.uint64(address - op.DRAM_BASE)
    return offset >> np.uint64(shift) | (offset << _U64 - np.uint64(shift) if shift else _U0)


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
    x = core["registers"]
    xu = x.view(np.uint64)
    bytes_ = memory.view(np.int8)
    halves = memory.view(np.int16)
    halves_unsigned = memory.view(np.uint16)
    singles = memory.view(np.int32)
    singles_unsigned = memory.view(np.uint32)
    words = memory.view(np.int64)
    logging = core["logging"] != 0
    # To be logged, loads and stores must not take the quick way, which is for addresses below `size`.
    size = np.uint64(0 if core["logging"] == op.LOG_ALL else memory.shape[0])
    last = np.uint64(code.shape[0] - 1)

    core["status"] = op.RUNNING
    limit = core["limit"] - core["work"]
    instret = core["instret"]
    stall = core["stall"]
    timing = core["timing"] != 0
    clocked = timing  # whether the instruction has yet to be timed
    host = rocket.core[0]
    time = host["time"]  # the record's own is up to date while an instruction is timed slowly
    bound = straight_on(host)
    first_halfword = code_base >> 1
    tohost = np.uint64(core["tohost"])
    float_ready = (core["mstatus"] >> 13) & 3 == 3
    halfword = core["pc"] >> 1
    outside = _NOWHERE  # the halfword that the spare slot is decoded for

    while instret < limit:
        slot = np.uint64(halfword - first_halfword)
        if slot >= last:  # outside the program's executable segments: one slot for all
            slot = last
            if halfword != outside:
                code[slot]["op"] = op.UNDECODED
        instruction = code[slot]
        operation = instruction["op"]
        end = halfword + instruction["size"]
        following = end
        commit = time
        second = halfword & instruction["size"] & 1
        packet = halfword - 1 >> 1
        if clocked:
            if end > bound:
                time = redirect(host, operation, halfword, end, time)
                if time < 0:
                    issue_slowly(rocket, clock, tags, trace, events, core, code, slot, halfword)
                    clocked = False
                    time = host["time"]
                bound = straight_on(host)
                packet = host["packet"]
                second = 0
            if clocked:
                commit = first_cycle(host, instruction, time)
                if host["late_register"] >= 0:
                    commit = wait_for_late(host, instruction, time, commit)
                    second = 0

        done: bool | np.bool_ = True
        if operation == op.ADDI:
            x[instruction["rd"]] = x[instruction["rs1"]] + instruction["imm"]
        elif operation == op.ADD:
            x[instruction["rd"]] = x[instruction["rs1"]] + x[instruction["rs2"]]
        elif operation == op.LD:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 3)
            done = word < size >> _U3 and (not clocked or time_load(host, address, instruction["rd"], commit, 2))
            if done:
                x[instruction["rd"]] = words[word]
        elif operation == op.LW:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 2)
            done = word < size >> _U2 and (not clocked or time_load(host, address, instruction["rd"], commit, 2))
            if done:
                x[instruction["rd"]] = singles[word]
        elif operation == op.LWU:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 2)
            done = word < size >> _U2 and (not clocked or time_load(host, address, instruction["rd"], commit, 2))
            if done:
                x[instruction["rd"]] = singles_unsigned[word]
        elif operation == op.LH:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 1)
            done = word < size >> _U1 and (not clocked or time_load(host, address, instruction["rd"], commit, 3))
            if done:
                x[instruction["rd"]] = halves[word]
        elif operation == op.LHU:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 1)
            done = word < size >> _U1 and (not clocked or time_load(host, address, instruction["rd"], commit, 3))
            if done:
                x[instruction["rd"]] = halves_unsigned[word]
        elif operation == op.LB:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 0)
            done = word < size and (not clocked or time_load(host, address, instruction["rd"], commit, 3))
            if done:
                x[instruction["rd"]] = bytes_[word]
        elif operation == op.LBU:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 0)
            done = word < size and (not clocked or time_load(host, address, instruction["rd"], commit, 3))
            if done:
                x[instruction["rd"]] = memory[word]
        elif operation == op.SD:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 3)
            done = word < size >> _U3 and word != tohost and (not clocked or time_store(host, address, 0xFF, commit))
            if done:
                words[word] = x[instruction["rs2"]]
        elif operation == op.SW:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 2)
            done = (
                word < size >> _U2
                and word >> _U1 != tohost
                and (not clocked or time_store(host, address, 0x0F, commit))
            )
            if done:
                singles[word] = np.int32(x[instruction["rs2"]])
        elif operation == op.SH:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 1)
            done = word < size >> _U1 and (not clocked or time_store(host, address, 0x03, commit))
            if done:
                halves[word] = np.int16(x[instruction["rs2"]])
        elif operation == op.SB:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 0)
            done = word < size and (not clocked or time_store(host, address, 0x01, commit))
            if done:
                bytes_[word] = np.int8(x[instruction["rs2"]])
        elif operation == op.FLD:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 3)
            done = (
                float_ready
                and word < size >> _U3
                and (not clocked or time_load(host, address, instruction["rd"], commit, 4))
            )
            if done:
                x[instruction["rd"]] = words[word]
        elif operation == op.FLW:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 2)
            done = (
                float_ready
                and word < size >> _U2
                and (not clocked or time_load(host, address, instruction["rd"], commit, 4))
            )
            if done:
                x[instruction["rd"]] = np.int64(singles_unsigned[word]) | -1 << 32
        elif operation == op.FSD:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 3)
            done = (
                float_ready
                and word < size >> _U3
                and word != tohost
                and (not clocked or time_store(host, address, 0xFF, commit))
            )
            if done:
                words[word] = x[instruction["rs2"]]
        elif operation == op.FSW:
            address = x[instruction["rs1"]] + instruction["imm"]
            word = _index(address, 2)
            done = (
                float_ready
                and word < size >> _U2
                and word >> _U1 != tohost
                and (not clocked or time_store(host, address, 0x0F, commit))
            )
            if done:
                singles[word] = np.int32(x[instruction["rs2"]])
        elif operation == op.BNE:
            if x[instruction["rs1"]] != x[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.BEQ:
            if x[instruction["rs1"]] == x[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.BLT:
            if x[instruction["rs1"]] < x[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.BGE:
            if x[instruction["rs1"]] >= x[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.BLTU:
            if xu[instruction["rs1"]] < xu[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.BGEU:
            if xu[instruction["rs1"]] >= xu[instruction["rs2"]]:
                following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, BRANCH, end)
        elif operation == op.JAL:
            x[instruction["rd"]] = end << 1
            following = halfword + (instruction["imm"] >> 1)
            bound = note_flow(host, jump_kind(instruction["rd"], 0) | DIRECT, end)
        elif operation == op.JALR:
            following = x[instruction["rs1"]] + instruction["imm"] >> 1
            x[instruction["rd"]] = end << 1
            bound = note_flow(host, jump_kind(instruction["rd"], instruction["rs1"]), end)
            if clocked:
                host["ready"][instruction["rd"]] = commit + 2
        elif operation == op.LI:
            x[instruction["rd"]] = instruction["imm"]
        elif operation == op.SLLI:
            x[instruction["rd"]] = x[instruction["rs1"]] << instruction["imm"]
        elif operation == op.SRLI:
            xu[instruction["rd"]] = xu[instruction["rs1"]] >> np.uint64(instruction["imm"])
        elif operation == op.SRAI:
            x[instruction["rd"]] = x[instruction["rs1"]] >> instruction["imm"]
        elif operation == op.ANDI:
            x[instruction["rd"]] = x[instruction["rs1"]] & instruction["imm"]
        elif operation == op.ORI:
            x[instruction["rd"]] = x[instruction["rs1"]] | instruction["imm"]
        elif operation == op.XORI:
            x[instruction["rd"]] = x[instruction["rs1"]] ^ instruction["imm"]
        elif operation == op.SLTI:
            x[instruction["rd"]] = x[instruction["rs1"]] < instruction["imm"]
        elif operation == op.SLTIU:
            x[instruction["rd"]] = xu[instruction["rs1"]] < np.uint64(instruction["imm"])
        elif operation == op.ADDIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] + instruction["imm"])
        elif operation == op.SLLIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] << instruction["imm"])
        elif operation == op.SRLIW:
            x[instruction["rd"]] = sign_extend_32((x[instruction["rs1"]] & 0xFFFFFFFF) >> instruction["imm"])
        elif operation == op.SRAIW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]]) >> instruction["imm"]
        elif operation == op.SUB:
            x[instruction["rd"]] = x[instruction["rs1"]] - x[instruction["rs2"]]
        elif operation == op.AND:
            x[instruction["rd"]] = x[instruction["rs1"]] & x[instruction["rs2"]]
        elif operation == op.OR:
            x[instruction["rd"]] = x[instruction["rs1"]] | x[instruction["rs2"]]
        elif operation == op.XOR:
            x[instruction["rd"]] = x[instruction["rs1"]] ^ x[instruction["rs2"]]
        elif operation == op.SLL:
            x[instruction["rd"]] = x[instruction["rs1"]] << (x[instruction["rs2"]] & 63)
        elif operation == op.SRL:
            xu[instruction["rd"]] = xu[instruction["rs1"]] >> (xu[instruction["rs2"]] & _U63)
        elif operation == op.SRA:
            x[instruction["rd"]] = x[instruction["rs1"]] >> (x[instruction["rs2"]] & 63)
        elif operation == op.SLT:
            x[instruction["rd"]] = x[instruction["rs1"]] < x[instruction["rs2"]]
        elif operation == op.SLTU:
            x[instruction["rd"]] = xu[instruction["rs1"]] < xu[instruction["rs2"]]
        elif operation == op.ADDW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] + x[instruction["rs2"]])
        elif operation == op.SUBW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] - x[instruction["rs2"]])
        elif operation == op.SLLW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] << (x[instruction["rs2"]] & 31))
        elif operation == op.SRLW:
            x[instruction["rd"]] = sign_extend_32((x[instruction["rs1"]] & 0xFFFFFFFF) >> (x[instruction["rs2"]] & 31))
        elif operation == op.SRAW:
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]]) >> (x[instruction["rs2"]] & 31)
        elif operation == op.MUL:
            if clocked:
                commit = multiply(
                    host, operation, instruction["rd"], x[instruction["rs1"]], x[instruction["rs2"]], commit
                )
            x[instruction["rd"]] = x[instruction["rs1"]] * x[instruction["rs2"]]
        elif operation == op.MULW:
            if clocked:
                commit = multiply(
                    host, operation, instruction["rd"], x[instruction["rs1"]], x[instruction["rs2"]], commit
                )
            x[instruction["rd"]] = sign_extend_32(x[instruction["rs1"]] * x[instruction["rs2"]])
        elif op.MULH <= operation <= op.REMUW:
            if clocked:
                commit = multiply(
                    host, operation, instruction["rd"], x[instruction["rs1"]], x[instruction["rs2"]], commit
                )
            x[instruction["rd"]] = multiply_or_divide(operation, x[instruction["rs1"]], x[instruction["rs2"]])
        elif op.FLOAT <= operation <= op.FNMADD:
            done = execute_float_fast(core, instruction)
            if done and clocked:
                commit = time_float(host, instruction, commit)
        else:
            done = False
        if done:
            if clocked:
                take_packet(host, end, second, commit)
                time = commit
            clocked = timing
            instret += 1
            halfword = following
            continue
        if clocked and operation != op.UNDECODED:
            if operation != op.ROCC or host["late_register"] >= 0 or instruction["rm"] & 4:
                put_off(host, packet, time)
                bound = _NOWHERE
                continue
            take_command(host, end, commit)
            time = commit

        clocked = timing
        if timing:
            stall = time - instret
        core["instret"] = instret
        core["stall"] = stall
        pc = halfword << 1
        outcome = op.NEXT
        logged = 0
        if logging:
            logged = note(core, log, touched, instruction, pc)
        if operation == op.UNDECODED:
            outcome = fetch(core, code, lines, memory, slot, pc)
            if outcome == op.NEXT:
                if slot == last:
                    outside = halfword
                continue
        elif operation == op.ROCC:
            rs1 = x[instruction["rs1"]] if instruction["rm"] & 2 else np.int64(-1)
            rs2 = x[instruction["rs2"]] if instruction["rm"] & 1 else np.int64(-1)
            if clock["tracing"] != 0 and clock["trace_count"] >= trace.shape[0]:
                core["status"] = op.TRACE_FULL
                time = issue_again(host, instruction, operation, time)
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
                outcome = raise_exception(core, op.CAUSE_ILLEGAL, 0)
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
            outcome = mark_region(core, regions, instruction["imm"], accelerator, scratchpad.shape[0], clock["stalls"])
        elif operation == op.FENCE:
            if timing:
                commit_fence(rocket, clock, tags, trace, events)
                time = host["time"]
        elif operation == op.FENCE_I:
            outside = _NOWHERE
            forget_lines(core, code, lines)
        else:
            if operation == op.CSRRS and (instruction["imm"] == 0xC00 or instruction["imm"] == 0xB00):  # (m)cycle
                accelerator_clock.read_cycle(clock, trace, events, instret + stall)
            outcome = execute_rare(core, memory, words, console, instruction, pc)

        if outcome == op.NEXT:
            core["log_count"] += logged
            instret += operation != op.REGION
            halfword = end
        elif outcome == op.JUMP:
            instret += 1
            halfword = core["pc"] >> 1
        elif outcome == op.RAISE:
            if core["cause"] == op.CAUSE_ILLEGAL:
                core["value"] = instruction_bits(memory, pc)
            if not enter_trap(core, pc):
                core["status"] = op.TRAPPED
                break
            halfword = core["pc"] >> 1
            leave(host)
            bound = _NOWHERE
        else:
            time = issue_again(host, instruction, operation, time)
            break
        float_ready = (core["mstatus"] >> 13) & 3 == 3
        if clock["hung"]:
            core["status"] = op.ACCELERATOR
            core["code"] = HANG
            halfword = pc >> 1
            break
        if logging and (core["log_count"] == log.shape[0] or (operation == op.ROCC and core["logging"] != op.LOG_ALL)):
            core["logging"] = op.LOG_ALL  # what the host did before the first command does not matter
            core["status"] = op.LOG_FULL
            break

    if core["status"] == op.RUNNING:
        core["status"] = op.LIMIT
    if core["rows_final"] == 0:
        count_rows(core, accelerator, scratchpad.shape[0])
    host["time"] = time
    if timing:
        accelerator_clock.settle(clock, tags, trace, events)
        stall = time - instret
    core["pc"] = halfword << 1
    core["instret"] = instret
    core["stall"] = stall
    return core["status"]
