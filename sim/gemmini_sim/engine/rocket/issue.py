"""The fast path: what the core's chain of operations asks for each instruction of the simple kinds.

An instruction commits a cycle after the one before it, or when its operands can be had. Fetch keeps ahead of that, and
is worked out only at branches (`fetch.catch_up`). So an instruction that follows the last one in sequence, in a line of
code that is known to be in the cache, needs `first_cycle` and `take_packet`, and what its own kind has below. For all
others `redirect` is asked first. Whatever else can happen is left to `pipeline`.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_inline, seldom
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.dcache import load_hits, note_store, store_hits
from gemmini_sim.engine.rocket.fetch import AHEAD, DECODE, QUEUE_LATENCY, resume_fetch
from gemmini_sim.engine.rocket.flow import follow
from gemmini_sim.engine.rocket.kinds import FLOAT, KIND
from gemmini_sim.engine.rocket.multiplier import settle_late
from gemmini_sim.engine.rocket.state import (
    AFTER_FLOW,
    AFTER_MARKER,
    ELSEWHERE,
    FETCH_FILTER,
    IN_SEQUENCE,
    LINE,
    NOT_SIMPLE,
    NOWHERE,
    SLOWLY,
)

__all__ = ["first_cycle", "leave", "note_flow", "put_off", "redirect", "take_packet", "time_load", "time_store"]
__all__ += ["take_command", "wait_for_late"]


@jit_inline
def first_cycle(host, instruction, time):
    """Return when an instruction could commit behind one that did at ``time``, by its operands.

    A result that can be used by the next instruction makes nobody wait, and is not in ``ready``.
    """
    ready = host["ready"]
    return max(ready[instruction["rd"]], ready[instruction["rs1"]], ready[instruction["rs2"]], time + 1)


@jit
def wait_for_late(host, instruction, time, commit):
    """Return when an instruction commits that could at ``commit`` if no late result waited for the write port."""
    seldom()
    if KIND[instruction["op"]] > FLOAT:
        return commit
    ready = host["ready"]
    commit = max(commit, ready[instruction["rs3"]])
    settle_late(host, time, commit, instruction["rd"] < 32)
    return max(commit, ready[instruction["rd"]], ready[instruction["rs1"]], ready[instruction["rs2"]])


@jit_inline
def take_packet(host, end, second, commit):
    """Note when the decoder took the packet of an instruction that commits at ``commit``.

    ``second`` is 1, and nothing is to be noted, for the second instruction in a packet.
    """
    number = (end - 1 >> 1) + host["renumber"]
    host["taken"][number & 7 | second << 3] = commit - DECODE


@jit_inline
def take_command(host, end, commit):
    """Time a command without a result that commits at ``commit`` unless the accelerator makes it wait."""
    take_packet(host, end, 0, commit)
    packet = end - 1 >> 1
    host["time"] = commit
    host["packet"] = packet
    host["number"] = packet + host["renumber"]


@jit_inline
def time_load(host, address, register, commit, latency):
    """Time a load that commits at ``commit`` if it does so without a look at the cache; return whether it does."""
    hits = load_hits(host, address, commit)
    if hits:
        host["load_time"] = commit
        host["ready"][register] = commit + latency
    return hits


@jit_inline
def time_store(host, address, mask, commit):
    """Time a store that commits at ``commit`` if it does so without a look at the cache; return whether it does."""
    hits = store_hits(host, address)
    if hits:
        note_store(host, address, mask, commit)
    return hits


@jit_inline
def note_flow(host, flow, end):
    """Note a branch or jump; return how far the fast path may go in sequence, which is nowhere."""
    host["next"] = AFTER_FLOW
    host["flow"] = flow
    host["flow_end"] = end
    return np.int64(NOWHERE)


@jit
def put_off(host, packet, time):
    """Leave an instruction to `pipeline.issue_slowly`: the last one was in ``packet`` and committed at ``time``."""
    seldom()
    host["time"] = time
    host["packet"] = packet
    host["number"] = packet + host["renumber"]
    host["next"] = SLOWLY


@jit
def leave(host):
    """Note that an instruction was left for the handler of exceptions."""
    if host["next"] == IN_SEQUENCE or host["next"] == SLOWLY:
        host["next"] = ELSEWHERE


@jit
def redirect(host, operation, halfword, end, time):
    """Let fetch go on at an instruction that is not next in sequence and in the line.

    Parameters
    ----------
    host
        The record of the host.
    operation, halfword, end
        The instruction, its first halfword, the first one behind it.
    time : int
        When the last instruction committed.

    Returns
    -------
    int
        The cycle before the instruction, as for its predecessor. A negative one says that this is not simple: then
        the host's record is up to date, and `pipeline.issue_slowly` has to time the instruction.
    """
    seldom()
    expected = host["next"]
    host["time"] = time
    if expected <= AFTER_FLOW:
        packet = (host["flow_end"] if expected == AFTER_FLOW else halfword) - 1 >> 1
        host["packet"] = packet
        host["number"] = packet + host["renumber"]
    if expected >= ELSEWHERE or KIND[operation] > FLOAT or host["fenced"]:
        return np.int64(NOT_SIMPLE)
    fetch_line = host["fetch_line"]
    last = end - 1 >> LINE - 1
    if fetch_line[last & FETCH_FILTER - 1] != last:
        return np.int64(NOT_SIMPLE)
    if expected == AFTER_MARKER:
        host["packet"] = (end - 1 >> 1) - 1
        host["renumber"] = host["number"] - host["packet"]
        host["next"] = IN_SEQUENCE
    elif expected == AFTER_FLOW:
        line = halfword >> LINE - 1
        straddles = (halfword ^ end - 1) >> 1 != 0  # it ends in the packet behind
        if fetch_line[line & FETCH_FILTER - 1] != line or (straddles and host["late_register"] >= 0):
            return np.int64(NOT_SIMPLE)
        fetched = follow(host, halfword, time)
        host["next"] = IN_SEQUENCE
        if fetched >= 0:
            number = host["number"] + 1
            taken = host["taken"]
            taken[number & 7] = fetched
            if straddles:
                number += 1
                fetched = max(fetched + 1, taken[number - AHEAD & 7] + QUEUE_LATENCY)
            host["packet"] = end - 1 >> 1
            host["number"] = number
            host["renumber"] = number - host["packet"]
            resume_fetch(host, fetched)
            time = max(time, fetched + DECODE - 1)
    host["boundary"] = last + 1 << LINE - 1
    return time
