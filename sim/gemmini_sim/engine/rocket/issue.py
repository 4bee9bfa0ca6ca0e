"""The fast path: instructions of the simple kinds that hit the caches.

An instruction commits a cycle after the one before it, or when its operands can be had. Fetch keeps ahead of that, and
is worked out only at branches (`fetch.catch_up`). Whatever else can happen is left to `pipeline`.
"""

from __future__ import annotations

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.dcache import load_hits, note_store, store_hits
from gemmini_sim.engine.rocket.fetch import AHEAD, DECODE, QUEUE_LATENCY, continue_line, resume_fetch, take_packet
from gemmini_sim.engine.rocket.floating import issue_float
from gemmini_sim.engine.rocket.flow import follow
from gemmini_sim.engine.rocket.kinds import BYTES, FLOAT, FLOW, KIND, LATENCY, LOAD, MULTIPLY, SIMPLE, STORE
from gemmini_sim.engine.rocket.multiplier import multiply, settle_late
from gemmini_sim.engine.rocket.state import AFTER_FLOW, AFTER_MARKER, FETCH_FILTER, LINE, NOT_SIMPLE

__all__ = ["issue"]


@jit_inline
def issue(host, x, instruction, operation, halfword, time, expected):
    """Time an instruction if that is simple.

    Parameters
    ----------
    host
        The record of the host.
    x : int64 [33]
        The integer registers, before the instruction.
    instruction, operation
        The decoded instruction.
    halfword : int
        Its address in halfwords.
    time, expected : int
        Copies of the host's ``time`` and ``next`` that the caller holds while instructions are simple.

    Returns
    -------
    time, expected : int
        The same behind the instruction. A negative time says that it is not simple: the host's record is up to date
        then, and `pipeline.issue_slowly` has to time the instruction.
    """
    size = instruction["size"]
    kind = KIND[operation]
    opens = (halfword & size & 1) ^ 1  # packets that it opens: the second instruction in a packet opens none
    takes = opens
    simple = kind <= FLOAT
    if halfword != expected and simple:
        begin, opens = _redirect(host, halfword, size, time, expected)
        takes = 1
        if begin < 0:
            simple = False
        else:
            time = begin
            expected = halfword
    if simple:
        if kind > MULTIPLY:
            commit = issue_float(host, x, instruction, operation, kind, halfword + size, time, opens)
        else:
            commit = _issue_next(host, x, instruction, operation, kind, halfword + size, time, opens, takes)
        if commit >= 0:
            return commit, AFTER_FLOW if kind == FLOW else halfword + size
    host["time"] = time
    host["next"] = expected
    if halfword == expected:
        host["packet"] = (halfword + size - 1 >> 1) - opens
    return NOT_SIMPLE, expected


@jit_inline
def _issue_next(host, x, instruction, operation, kind, end, time, opens, takes):
    """Return when an instruction of a simple kind commits; -1, and nothing has changed, if that is not simple."""
    ready = host["ready"]
    rd = instruction["rd"]
    commit = max(time + 1, ready[rd], ready[instruction["rs1"]], ready[instruction["rs2"]])
    if end > host["boundary"] and not continue_line(host, end):
        return NOT_SIMPLE
    if kind == SIMPLE and host["late_register"] < 0:
        # A result that can be used at once makes nobody wait: `ready` may stay as it is.
        if takes:
            take_packet(host, opens, commit)
        return commit

    address = x[instruction["rs1"]] + instruction["imm"]
    if kind == LOAD and not load_hits(host, address, commit):
        return NOT_SIMPLE
    if kind == STORE and not store_hits(host, address):
        return NOT_SIMPLE
    if host["late_register"] >= 0:
        settle_late(host, time, commit, rd < 32 and kind != STORE)
        commit = max(commit, ready[rd], ready[instruction["rs1"]], ready[instruction["rs2"]])
        takes = 1
    if kind == MULTIPLY:
        commit = multiply(host, operation, rd, x[instruction["rs1"]], x[instruction["rs2"]], commit)
    elif kind == LOAD:
        host["load_time"] = commit
        ready[rd] = commit + LATENCY[operation]
    elif kind == STORE:
        note_store(host, address, BYTES[operation], commit)
    elif kind == FLOW:
        host["flow"] = operation
        host["flow_end"] = end
        host["flow_rd"] = rd
        host["flow_rs1"] = instruction["rs1"]
        if operation == op.JALR:
            ready[rd] = commit + LATENCY[operation]
    if takes:
        take_packet(host, opens, commit)
    return commit


@jit
def _redirect(host, halfword, size, time, expected):
    """Let fetch go on at an instruction that does not follow the last one in sequence.

    Returns
    -------
    time, opens : int
        The cycle before the instruction, as for its predecessor, and whether it opens a packet. A negative time says
        that this is not simple, and that nothing has changed.
    """
    if host["fenced"]:
        return NOT_SIMPLE, 0
    if expected == AFTER_MARKER:
        return time, 1
    line = halfword >> LINE - 1
    last = halfword + size - 1 >> LINE - 1
    straddles = halfword & size >> 1 & 1  # it ends in the packet behind
    fetch_line = host["fetch_line"]
    if (
        expected != AFTER_FLOW
        or (straddles and host["late_register"] >= 0)
        or fetch_line[line & FETCH_FILTER - 1] != line
        or fetch_line[last & FETCH_FILTER - 1] != last
    ):
        return NOT_SIMPLE, 0
    fetched = follow(host, halfword, time)
    if fetched < 0:
        return time, (halfword & size & 1) ^ 1
    host["boundary"] = last + 1 << LINE - 1
    number = host["number"] + 1
    taken = host["taken"]
    taken[number & 7] = fetched
    if straddles:
        number += 1
        fetched = max(fetched + 1, taken[number - AHEAD & 7] + QUEUE_LATENCY)
    host["number"] = number
    resume_fetch(host, fetched)
    return max(time, fetched + DECODE - 1), 0
