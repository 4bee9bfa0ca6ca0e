"""The five stages: when each instruction commits.

Times are those of the write-back stage, three cycles after decoding. An instruction is decoded a cycle after the one
before it, when its packet has been fetched and its operands can be had in time; it waits in the decode stage for
whatever else it needs, so that nothing after it is earlier.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import cycle_clock as accelerator_clock
from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_inline, jit_part, seldom
from gemmini_sim.engine.rocket import kinds
from gemmini_sim.engine.rocket.branches import BRANCH, DIRECT, jump_kind
from gemmini_sim.engine.rocket.dcache import REPLAY, access, take_probes
from gemmini_sim.engine.rocket.fetch import (
    AFTER_FLUSH,
    DECODE,
    catch_up,
    flush_icache,
    forget_queue,
    next_packet,
    resume_fetch,
    start_packet,
)
from gemmini_sim.engine.rocket.floating import occupy_float
from gemmini_sim.engine.rocket.flow import follow
from gemmini_sim.engine.rocket.kinds import BYTES, KIND, LATENCY
from gemmini_sim.engine.rocket.multiplier import multiply, settle_late
from gemmini_sim.engine.rocket.state import AFTER_FLOW, AFTER_MARKER, ELSEWHERE, IN_SEQUENCE, NOWHERE, SLOWLY

__all__ = ["commit_command", "commit_fence", "issue_again", "issue_slowly", "straight_on"]

# Addresses of memory; all others are devices, or nothing, in which case a trap follows.
MEMORY, MEMORY_END = 0x8000_0000, 1 << 40


@jit_part
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
    seldom()
    instruction = code[slot]
    operation = instruction["op"]
    x = core["registers"]
    host, icache, dcache = rocket.core[0], rocket.icache, rocket.dcache
    kind = KIND[operation]
    if kind == kinds.NONE:
        return
    size = np.int64(instruction["size"])
    end = halfword + size
    packet = end - 1 >> 1
    if kind == kinds.MARKER:
        if host["next"] == IN_SEQUENCE or host["next"] == SLOWLY:
            host["next"] = AFTER_MARKER
        return
    _fetch(rocket, clock, tags, trace, events, halfword, end)
    host["next"] = IN_SEQUENCE

    time = max(host["time"] + 1, host["fetched"] + DECODE)
    ready = host["ready"]
    rd, rs1, rs2 = np.int64(instruction["rd"]), np.int64(instruction["rs1"]), np.int64(instruction["rs2"])
    if operation >= op.CSRRWI and kind == kinds.CSR:
        rs1 = np.int64(0)
    time = max(time, ready[rd], ready[rs1], ready[rs2], ready[instruction["rs3"]])
    if host["late_register"] >= 0:
        settle_late(host, host["time"], time, rd < op.DROPPED)
        time = max(time, ready[rd], ready[rs1], ready[rs2])
    latency = LATENCY[operation]
    read = kind == kinds.LOAD or kind == kinds.FLOAT_LOAD or kind == kinds.ATOMIC
    write = kind == kinds.STORE or kind == kinds.FLOAT_STORE or kind == kinds.ATOMIC
    if host["fenced"] and (kind == kinds.ROCC or read or write):
        host["fenced"] = 0
        time = max(time, host["uncached_free"] + 3, max(host["load_time"], host["store_time"]) + 4)

    if read or write:
        address = x[rs1] + (np.int64(0) if kind == kinds.ATOMIC else instruction["imm"])
        straddles = halfword & 1 & size >> 1
        if MEMORY <= address < MEMORY_END:
            mask = BYTES[operation]
            commit = access(host, dcache, clock, tags, trace, events, time, address, mask, read, write, straddles)
        else:
            commit = _access_device(host, time, straddles)
            if read and kind != kinds.FLOAT_LOAD:
                latency = host["uncached_latency"]
        if commit != time:
            _resume(host, commit)
        time = commit
    elif kind == kinds.MULTIPLY:
        time = multiply(host, operation, rd, x[rs1], x[rs2], time)
    elif kind == kinds.FLOAT:
        time, latency = occupy_float(host, instruction, time)
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
    host["packet"] = packet
    host["renumber"] = host["number"] - packet
    if kind != kinds.MULTIPLY:
        ready[rd] = time + latency
    if kind == kinds.FLOW:
        host["next"] = AFTER_FLOW
        host["flow_end"] = end
        if operation < op.JAL:
            host["flow"] = BRANCH
        else:
            host["flow"] = jump_kind(rd, rs1) | (DIRECT if operation == op.JAL else 0)
    elif (host["fenced"] or host["upgrade_time"] == time) and host["next"] == IN_SEQUENCE:
        host["next"] = SLOWLY


@jit_part
def straight_on(host):
    """Return the halfword to which instructions in sequence may take the fast path now."""
    return host["boundary"] if host["next"] == IN_SEQUENCE else np.int64(NOWHERE)


@jit_part
def _fetch(rocket, clock, tags, trace, events, halfword, end):
    """Let fetch come to the instruction at halfwords halfword..end-1."""
    host, icache = rocket.core[0], rocket.icache
    packet = end - 1 >> 1
    catch_up(host)
    if host["next"] == AFTER_MARKER:
        host["packet"] = packet - 1
    elif host["next"] == AFTER_FLOW or host["next"] == ELSEWHERE:
        fetched = np.int64(-1)
        if host["next"] == AFTER_FLOW:
            fetched = follow(host, halfword, host["time"])
            host["packet"] = halfword - 1 >> 1
        else:  # a trap, or the return from one
            fetched = host["time"] + AFTER_FLUSH
            forget_queue(host)
        if fetched >= 0:
            start_packet(host, icache, clock, tags, trace, events, halfword >> 1, fetched)
            host["time"] = max(host["time"], host["fetched"] + DECODE - 1)
    while host["packet"] < packet:
        following = host["packet"] + 1
        behind = 1 if following == packet and halfword >> 1 != packet else 0
        next_packet(host, icache, clock, tags, trace, events, following, behind)
        if host["packet"] < packet:
            host["taken"][host["number"] & 7] = host["fetched"]


@jit_part
def _access_device(host, time, straddles):
    """Return when an access to a device commits that first could at ``time``: when the one before it is done."""
    if time < host["uncached_free"]:  # tried again and again
        period = REPLAY + straddles
        time += (host["uncached_free"] - time + period - 1) // period * period
    host["uncached_free"] = time + host["uncached_latency"]
    return time


@jit_inline
def commit_command(rocket, clock, tags, trace, events, funct, rs1, rs2, pc):
    """Let the command that was issued last commit when the accelerator takes it."""
    host = rocket.core[0]
    time = host["time"]
    commit = accelerator_clock.command(clock, tags, trace, events, time, funct, rs1, rs2, pc)
    host["rocc_time"] = commit
    if commit != time:
        _resume(host, commit)
    if clock["probe_count"] != host["probes_seen"]:
        take_probes(host, rocket.dcache, clock)


@jit_part
def commit_fence(rocket, clock, tags, trace, events):
    """Let the fence that was issued last commit when the accelerator and the caches are at rest."""
    host = rocket.core[0]
    time = max(host["time"], host["rocc_time"] + 4)
    commit = accelerator_clock.fence(clock, tags, trace, events, time)
    if commit != host["time"]:
        host["time"] = commit
        host["taken"][host["number"] & 7] = commit - DECODE
    if clock["probe_count"] != host["probes_seen"]:
        take_probes(host, rocket.dcache, clock)


@jit_part
def issue_again(host, instruction, operation, time):
    """Undo the timing of the last instruction, which is executed again; return when the one before it committed."""
    if KIND[operation] == kinds.MARKER:
        return time
    # it must not wait for itself
    rd = instruction["rd"]
    host["ready"][rd] = min(host["ready"][rd], time)
    host["uncached_free"] = min(host["uncached_free"], time)
    host["next"] = SLOWLY
    return time - 1


@jit_part
def _resume(host, time):
    """Go on at ``time`` after the last instruction was cancelled and fetched again."""
    host["time"] = time
    forget_queue(host)
    resume_fetch(host, time - DECODE)
