"""Instruction fetch: packets of four bytes, the instruction cache, the queue between fetch and decode.

The queue lets fetch run five packets ahead of the decoder. A line that the cache lacks is not asked for ahead of time:
the packet goes down the pipeline marked, and is fetched again, and its line asked for, when everything before it has
committed. Then it is tried every other cycle until the line is there.

Fetch that goes on in sequence never holds up the decoder, and is left alone until somebody asks where it is.
"""

from __future__ import annotations

from gemmini_sim.engine import cycle_clock as accelerator_clock
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.state import FETCH_FILTER, FORGOTTEN, LINE

__all__ = ["AFTER_FLUSH", "AHEAD", "DECODE", "QUEUE_LATENCY", "catch_up", "flush_icache", "forget_queue"]
__all__ += ["next_lfsr", "next_packet", "resume_fetch", "start_packet"]

DECODE = 3  # from the decode stage to write-back
AFTER_FLUSH = 2  # from a write-back that empties the pipeline to the next decoding
AHEAD = 5  # packets in the queue
QUEUE_LATENCY = 3  # from a packet's leaving the full queue to the decoding of the packet fetched for its place
AFTER_REFILL = 3  # from the last beat of a line to the decoding of its packet
_HALFWORDS, _PACKETS = LINE - 1, LINE - 2  # those of a line, as shifts


@jit
def next_lfsr(value):
    """Step the 16-bit register that picks victims."""
    return (value << 1 | (value >> 15 ^ value >> 13 ^ value >> 12 ^ value >> 10) & 1) & 0xFFFF


@jit
def forget_queue(host):
    """Empty the queue: nothing that is fetched from now on waits for room in it."""
    host["taken"][:] = FORGOTTEN


@jit
def resume_fetch(host, fetched):
    """Set when the last packet can be decoded that was taken."""
    host["fetched"] = fetched
    host["fetched_number"] = host["number"]


@jit
def catch_up(host):
    """Return the cycle in which the last packet could be decoded.

    Each packet is fetched a cycle after the one before it, when there is room in the queue. As the decoder takes them
    one per cycle at most, the room that the last packet waited for was the last to come. Only if that packet was
    entered in its middle, the one before it counts as well.
    """
    number = host["number"]
    steps = number - host["fetched_number"]
    if steps > 0:
        taken = host["taken"]
        fetched = max(host["fetched"] + steps, taken[number - AHEAD & 7] + QUEUE_LATENCY)
        if steps > 1:
            fetched = max(fetched, taken[number - AHEAD - 1 & 7] + QUEUE_LATENCY + 1)
        host["fetched"] = fetched
        host["fetched_number"] = number
    return host["fetched"]


@jit
def flush_icache(host, icache):
    """Empty the instruction cache."""
    icache[:] = -1
    host["fetch_line"][:] = -1
    host["boundary"] = 0


@jit
def _enter_line(host, icache, clock, tags, trace, events, line, fetched, behind):
    """Return when the first packet of a line can be decoded that otherwise could at ``fetched``.

    ``behind`` is 1 if the instruction that needs it begins in the packet before, which is then fetched again first.
    """
    host["boundary"] = line + 1 << _HALFWORDS
    fetch_line = host["fetch_line"]
    set_index = line & (icache.shape[0] - 1)
    for way in range(icache.shape[1]):
        if icache[set_index, way] == line:
            fetch_line[line & FETCH_FILTER - 1] = line
            return fetched
    host["icache_misses"] += 1
    host["icache_lfsr"] = next_lfsr(host["icache_lfsr"])
    way = host["icache_lfsr"] % icache.shape[1]
    victim = icache[set_index, way]
    if fetch_line[victim & FETCH_FILTER - 1] == victim:
        fetch_line[victim & FETCH_FILTER - 1] = -1
    fetch_line[line & FETCH_FILTER - 1] = line
    icache[set_index, way] = line
    forget_queue(host)
    asked = max(host["time"] + 1, fetched + DECODE) + AFTER_FLUSH + behind
    address = line << LINE
    done = accelerator_clock.host_line(clock, tags, trace, events, asked, address, 0, 1) + AFTER_REFILL
    return done + (done - asked & 1)


@jit
def start_packet(host, icache, clock, tags, trace, events, packet, fetched):
    """Begin a stream of packets that is not the continuation of the last."""
    line = packet >> _PACKETS
    if line + 1 << _HALFWORDS != host["boundary"]:
        fetched = _enter_line(host, icache, clock, tags, trace, events, line, fetched, 0)
    host["packet"] = packet
    host["number"] += 1
    host["taken"][host["number"] & 7] = fetched
    resume_fetch(host, fetched)


@jit
def next_packet(host, icache, clock, tags, trace, events, packet, behind):
    """Go on to the packet that follows; where fetch is has been asked for."""
    number = host["number"] + 1
    fetched = max(host["fetched"] + 1, host["taken"][number - AHEAD & 7] + QUEUE_LATENCY)
    host["number"] = number
    if packet << 1 >= host["boundary"]:
        fetched = _enter_line(host, icache, clock, tags, trace, events, packet >> _PACKETS, fetched, behind)
    host["packet"] = packet
    resume_fetch(host, fetched)
