"""The five stages: when each instruction commits.

Times are those of the write-back stage, three cycles after decoding. An instruction is decoded a cycle after the one
before it, when its packet has been fetched and its operands can be had in time; it waits in the decode stage for
whatever else it needs, so that nothing after it is earlier.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import cycle_clock as clocks
from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit, jit_part
from gemmini_sim.engine.rocket import kinds
from gemmini_sim.engine.rocket.branches import (
    BRANCH,
    RETURN,
    advance_history,
    btb_lookup,
    btb_touch,
    btb_write,
    flow_kind,
    history_index,
    note_direction,
    ras_follow,
    set_history,
    settle_directions,
)
from gemmini_sim.engine.rocket.dcache import REPLAY, access, take_probes
from gemmini_sim.engine.rocket.fetch import (
    AFTER_FLUSH,
    AHEAD,
    DECODE,
    QUEUE_LATENCY,
    flush_icache,
    forget_queue,
    next_packet,
    start_packet,
)
from gemmini_sim.engine.rocket.kinds import KIND, LATENCY
from gemmini_sim.engine.rocket.state import FILTER, FLOAT

__all__ = ["commit_command", "commit_fence", "issue", "issue_again", "issue_slowly"]

AFTER_MISPREDICT = 1  # from the write-back of a mispredicted branch to the next decoding
FOLLOWED = 1  # cycles lost when a packet's branch is found only after the packet was fetched
FLOAT_DOUBLE, FLOAT_SINGLE = 6, 4  # fused multiply-add and all that goes through it
FLOAT_OTHER, FLOAT_TO_INTEGER = 4, 3
FLOAT_DIVIDE = 4  # beside one cycle per bit
AFTER_FLOW, ELSEWHERE = -1, -2  # in place of the halfword of the next instruction
# Addresses of memory; all others are devices, or nothing, in which case a trap follows.
MEMORY, MEMORY_END = 0x8000_0000, 1 << 40


@jit_part
def issue(host, core, instruction, operation, halfword):
    """Time an instruction if that is simple; return False, and change nothing, if it is not."""
    kind = KIND[operation]
    if halfword != host["next"] or kind > kinds.FLOW:
        return False
    end = halfword + instruction["size"]
    packet = end - 1 >> 1
    time = host["time"] + 1
    fetched = np.int64(0)
    if packet != host["packet"]:
        if packet >= host["boundary"]:
            return False
        fetched = max(host["fetched"] + 1, host["taken"][host["number"] + 1 - AHEAD & 7] + QUEUE_LATENCY)
        time = max(time, fetched + DECODE)
    ready = host["ready"]
    rd = instruction["rd"]
    time = max(time, ready[rd], ready[instruction["rs1"]], ready[instruction["rs2"]])
    if kind == kinds.LOAD:
        address = core["x"][instruction["rs1"]] + instruction["imm"]
        line = address >> host["line_shift"]
        word = address >> 3
        if host["load_line"][line & (FILTER - 1)] != line:
            return False
        if host["store_word"] == word or host["older_word"] == word:
            return False
        host["load_time"] = time
    elif kind == kinds.STORE:
        address = core["x"][instruction["rs1"]] + instruction["imm"]
        line = address >> host["line_shift"]
        if host["store_line"][line & (FILTER - 1)] != line:
            return False
        host["older_word"], host["older_mask"] = host["store_word"], host["store_mask"]
        host["older_time"] = host["store_time"]
        host["store_word"], host["store_mask"], host["store_time"] = address >> 3, 255, time
    if packet != host["packet"]:
        number = host["number"] + 1
        host["number"] = number
        host["taken"][number & 7] = time - DECODE
        host["packet"] = packet
        host["fetched"] = fetched
    host["time"] = time
    ready[rd] = time + LATENCY[operation]
    if kind == kinds.FLOW:
        host["next"] = AFTER_FLOW
        host["flow"] = operation
        host["flow_end"] = end
        host["flow_rd"] = rd
        host["flow_rs1"] = instruction["rs1"]
    else:
        host["next"] = end
    return True


@jit_part
def _follow(host, bht, halfword):
    """Find out where fetch went after the last branch or jump; return the cycle of its successor's packet, or -1.

    The successor is at ``halfword``. -1 says that it follows in sequence, as expected.
    """
    operation = host["flow"]
    end = host["flow_end"]
    fetched = host["fetched"]
    packet = host["packet"]
    kind = flow_kind(operation, host["flow_rd"], host["flow_rs1"])
    taken = halfword != end
    half = end - 1 & 1
    settle_directions(host, bht, fetched - 1)
    history = host["history"] if host["history_time"] <= fetched - 2 else host["history_before"]
    index = history_index(host, packet, history)
    direction = bht[index]
    entry = btb_lookup(host, packet)
    expected = end
    bubbles = 0
    looks = True
    if entry >= 0 and (host["btb_kind"][entry] != BRANCH or direction):
        looks = False
        btb_touch(host, entry)
        if host["btb_half"][entry] == half:
            expected = host["btb_target"][entry]
            if host["btb_kind"][entry] == RETURN and host["ras_count"] > 0:
                expected = host["ras"][host["ras_top"]]
    if looks:
        if kind == BRANCH:
            if direction:
                expected = halfword if taken else -1
                bubbles = FOLLOWED
        elif operation == op.JAL:
            expected = halfword
            bubbles = FOLLOWED
        elif kind == RETURN and host["ras_count"] > 0:
            expected = host["ras"][host["ras_top"]]
            bubbles = FOLLOWED
        else:
            bubbles = FOLLOWED
    if kind == BRANCH:
        set_history(host, fetched, advance_history(host, host["history"], np.int64(direction)))
    else:
        ras_follow(host, kind, end)
    if looks and entry < 0 and bubbles and expected == halfword and (kind != BRANCH or taken):
        if host["taken"][host["number"] - 2 & 7] < fetched:  # fetch is not ahead
            btb_write(host, entry, packet, half, halfword, kind)
            entry = btb_lookup(host, packet)
    if kind == BRANCH:
        note_direction(host, bht, host["time"], index, taken)
    if expected == halfword:
        if not taken:
            return np.int64(-1)
        following = host["number"] + 1
        return max(fetched + 1 + bubbles, host["taken"][following - AHEAD & 7] + QUEUE_LATENCY)
    host["mispredicts"] += 1
    if kind == BRANCH:
        set_history(host, host["time"] - 1, advance_history(host, history, np.int64(taken)))
    else:
        set_history(host, host["time"] - 1, history)
    if taken:
        # a look-up without a hit names the first entry: a branch that nobody expected to be taken overwrites that
        unexpected = entry < 0 and kind == BRANCH and not direction
        btb_write(host, 0 if unexpected else entry, packet, half, halfword, kind)
    forget_queue(host)
    return host["time"] + AFTER_MISPREDICT


@jit_part
def _multiplier_cycles(host, operation, a, b):
    """Return how long the multiplier or divider works: it stops early when the rest of an operand says nothing."""
    narrow = operation >= op.MULW
    if operation == op.MUL or operation == op.MULW or operation < op.DIV:
        step = host["multiply_bits"]
        steps = 64 // step
        first = steps // 2 if narrow else 0
        if operation == op.MUL or operation == op.MULW:
            value = np.uint64(a & 0xFFFFFFFF if narrow else a)
            for count in range(max(first, 1), steps - 1):
                if host["multiply_early"] and value >> np.uint64((count - first) * step) == np.uint64(0):
                    return count - first + 1
        return steps - first
    signed = operation == op.DIV or operation == op.REM or operation == op.DIVW or operation == op.REMW
    if narrow:
        a = (a << 32) >> 32 if signed else a & 0xFFFFFFFF
        b = (b << 32) >> 32 if signed else b & 0xFFFFFFFF
    a_negative, b_negative = signed and a < 0, signed and b < 0
    cycles = 65
    if a_negative or b_negative:
        cycles += 1
    magnitude = np.uint64(-a if a_negative else a)
    divisor = np.uint64(-b if b_negative else b)
    if divisor != 0 and host["divide_early"]:
        # six bits: a dividend shorter than the divisor skips next to nothing
        skipped = 63 - _highest_bit(magnitude) + _highest_bit(divisor) & 63
        cycles -= max(skipped - 1, 0)
    remainder = operation == op.REM or operation == op.REMU or operation >= op.REMW
    if b != 0 and (a_negative if remainder else a_negative != b_negative):
        cycles += 1
    return cycles


@jit_part
def _highest_bit(value):
    bit = 0
    while value > np.uint64(1):
        value >>= np.uint64(1)
        bit += 1
    return bit


@jit_part
def _settle_late(host, time, writes):
    """Write the multiplier's result when the write port is free before or at ``time``."""
    register = host["late_register"]
    cycle = max(host["late_time"], host["time"] + 1)
    if cycle < time or (cycle == time and not writes):
        host["ready"][register] = cycle + DECODE
        host["late_register"] = -1
    else:
        host["ready"][register] = max(host["late_time"], time + 1) + DECODE


@jit_part
def _float_registers(instruction, operation):
    """Return which of rd, rs1, rs2 of a floating-point operation are integer registers, as bits 0, 1."""
    if operation != op.FLOAT:
        return 0
    funct5 = instruction["imm"]
    if funct5 == 0x14 or funct5 == 0x18 or funct5 == 0x1C:
        return 1
    return 2 if funct5 == 0x1A or funct5 == 0x1E else 0


@jit
def issue_slowly(rocket, clock, tags, trace, events, core, code, slot, halfword):
    """Time any instruction: `issue`, and all that it leaves out.

    Parameters
    ----------
    rocket : RocketState
    clock, tags, trace, events
        The accelerator's clock.
    core
        The core's record, before the instruction.
    code, slot, halfword
        The decoded program, the instruction's place in it, its address in halfwords.
    """
    instruction = code[slot]
    operation = instruction["op"]
    x = core["x"]
    host, icache, dcache, bht = rocket.core[0], rocket.icache, rocket.dcache, rocket.bht
    kind = KIND[operation]
    if kind == kinds.NONE:
        return
    size = np.int64(instruction["size"])
    end = halfword + size
    expected = host["next"]
    if expected < ELSEWHERE:
        expected = ~expected
    if kind == kinds.MARKER:
        if halfword == expected:
            host["next"] = end if expected == host["next"] else ~end
        return
    packet = end - 1 >> 1
    if halfword != expected:
        fetched = np.int64(-1)
        if expected == AFTER_FLOW:
            fetched = _follow(host, bht, halfword)
        else:  # a trap, or the return from one
            fetched = host["time"] + AFTER_FLUSH
            forget_queue(host)
        if fetched >= 0:
            start_packet(host, icache, clock, tags, trace, events, halfword >> 1, fetched)
            host["time"] = max(host["time"], host["fetched"] + DECODE - 1)
        if (
            kind <= kinds.FLOW
            and host["late_register"] < 0
            and not host["fenced"]
            and host["upgrade_time"] != host["time"]
        ):
            host["next"] = halfword
            if issue(host, core, instruction, operation, halfword):
                host["taken"][host["number"] & 7] = host["time"] - DECODE
                return
    host["next"] = end
    while host["packet"] < packet:
        following = host["packet"] + 1
        behind = 1 if following == packet and halfword >> 1 != packet else 0
        next_packet(host, icache, clock, tags, trace, events, following, behind)
        if host["packet"] < packet:
            host["taken"][host["number"] & 7] = host["fetched"]

    time = max(host["time"] + 1, host["fetched"] + DECODE)
    ready = host["ready"]
    rd, rs1, rs2 = np.int64(instruction["rd"]), np.int64(instruction["rs1"]), np.int64(instruction["rs2"])
    if kind == kinds.FLOAT_LOAD:
        rd += FLOAT
    elif kind == kinds.FLOAT_STORE:
        rs2 += FLOAT
        rd = np.int64(32)
    elif kind == kinds.FLOAT:
        integers = _float_registers(instruction, operation)
        if not integers & 1:
            rd += FLOAT
        if not integers & 2:
            rs1 += FLOAT
        rs2 += FLOAT
        if operation == op.FLOAT and instruction["imm"] >= 0x18:
            rs2 = np.int64(0)
        if operation >= op.FMADD:
            time = max(time, ready[FLOAT + np.int64(instruction["rs3"])])
    elif kind == kinds.CSR:
        rs1 = rs1 if operation <= op.CSRRC else np.int64(0)
    time = max(time, ready[rd], ready[rs1], ready[rs2])
    if host["late_register"] >= 0:
        writes = rd < 32 and kind != kinds.STORE
        _settle_late(host, time, writes)
        time = max(time, ready[rd], ready[rs1], ready[rs2])
    latency = LATENCY[operation]
    accesses = kinds.LOAD <= kind <= kinds.STORE or kinds.ATOMIC <= kind <= kinds.FLOAT_STORE
    if host["fenced"] and (kind == kinds.ROCC or accesses):
        host["fenced"] = 0
        time = max(time, host["uncached_free"] + 3, max(host["load_time"], host["store_time"]) + 4)

    if accesses:
        address = x[rs1] + (np.int64(0) if kind == kinds.ATOMIC else instruction["imm"])
        read = kind == kinds.LOAD or kind == kinds.FLOAT_LOAD or kind == kinds.ATOMIC
        write = not (kind == kinds.LOAD or kind == kinds.FLOAT_LOAD)
        straddles = halfword & 1 & size >> 1
        if MEMORY <= address < MEMORY_END:
            width = 3
            if kind == kinds.LOAD:
                width = (operation - op.LB) & 3
            elif kind == kinds.STORE:
                width = operation - op.SB
            elif operation == op.FLW or operation == op.FSW:
                width = 2
            mask = (1 << (1 << width)) - 1 << (address & 7)
            when = access(host, dcache, clock, tags, trace, events, time, address, mask, read, write, straddles)
            if when != time:
                _resume(host, when)
            time = when
        else:
            if time < host["uncached_free"]:  # tried again and again until the one before is done
                period = REPLAY + straddles
                time += (host["uncached_free"] - time + period - 1) // period * period
                _resume(host, time)
            host["uncached_free"] = time + host["uncached_latency"]
            if read:
                latency = host["uncached_latency"]
        if kind == kinds.FLOAT_LOAD:
            latency = 4
    elif kind == kinds.MULTIPLY:
        time = max(time, host["divider_free"])
        cycles = _multiplier_cycles(host, operation, x[rs1], x[rs2])
        latency = 2 + cycles
        host["divider_free"] = time + latency
        host["late_register"] = rd
        host["late_time"] = time + latency - DECODE
    elif kind == kinds.FLOAT:
        double = instruction["format"] == 1
        funct5 = instruction["imm"] if operation == op.FLOAT else np.int64(0)
        if funct5 == 3 or funct5 == 0x0B:
            time = max(time, host["float_free"])
            latency = FLOAT_DIVIDE + (55 if double else 26)
            host["float_free"] = time + latency
        elif funct5 <= 2:
            latency = FLOAT_DOUBLE if double else FLOAT_SINGLE
        elif rd < FLOAT:
            latency = FLOAT_TO_INTEGER
        else:
            latency = FLOAT_OTHER
    elif kind == kinds.CSR or kind == kinds.SYSTEM:
        number = instruction["imm"]
        reads = (operation == op.CSRRS or operation == op.CSRRSI) and instruction["rs1"] == 0
        if kind == kinds.SYSTEM or (not reads and not 0x340 <= number <= 0x343):
            host["next"] = ELSEWHERE  # what follows is fetched anew
    elif kind == kinds.FENCE_I:
        flush_icache(host, icache)
        host["next"] = ELSEWHERE
    elif kind == kinds.FENCE:
        host["fenced"] = 1

    host["time"] = time
    host["taken"][host["number"] & 7] = time - DECODE
    ready[rd] = time + latency
    if kind == kinds.FLOW:
        host["next"] = AFTER_FLOW
        host["flow"] = operation
        host["flow_end"] = end
        host["flow_rd"] = rd
        host["flow_rs1"] = rs1
    elif (host["fenced"] or host["late_register"] >= 0 or host["upgrade_time"] == time) and host["next"] == end:
        host["next"] = ~end  # so that what follows does not take the fast path


@jit
def commit_command(rocket, clock, tags, trace, events, funct, rs1, rs2, pc):
    """Let the command that was issued last commit when the accelerator takes it."""
    host = rocket.core[0]
    time = host["time"]
    commit = clocks.command(clock, tags, trace, events, time, funct, rs1, rs2, pc)
    host["rocc_time"] = commit
    if commit != time:
        _resume(host, commit)
    if clock["probe_count"] != host["probes_seen"]:
        take_probes(host, rocket.dcache, clock)


@jit
def commit_fence(rocket, clock, tags, trace, events):
    """Let the fence that was issued last commit when the accelerator and the caches are at rest."""
    host = rocket.core[0]
    time = max(host["time"], host["rocc_time"] + 4)
    commit = clocks.fence(clock, tags, trace, events, time)
    if commit != host["time"]:
        host["time"] = commit
        host["taken"][host["number"] & 7] = commit - DECODE
    if clock["probe_count"] != host["probes_seen"]:
        take_probes(host, rocket.dcache, clock)


@jit_part
def issue_again(host, instruction, operation, halfword):
    """Undo the timing of the last instruction, at ``halfword``: it is executed again."""
    if KIND[operation] == kinds.MARKER:
        host["next"] = halfword if host["next"] >= 0 else ~halfword
        return
    # it must not wait for itself
    rd = instruction["rd"]
    host["ready"][rd] = min(host["ready"][rd], host["time"])
    host["uncached_free"] = min(host["uncached_free"], host["time"])
    host["time"] -= 1
    host["next"] = halfword


@jit_part
def _resume(host, time):
    """Go on at ``time`` after the last instruction was cancelled and fetched again."""
    host["time"] = time
    forget_queue(host)
    host["fetched"] = time - DECODE
