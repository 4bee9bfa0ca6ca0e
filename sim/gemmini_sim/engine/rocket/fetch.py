"""Instruction fetch: packets of four bytes, the instruction cache, the queue between fetch and decode.

The queue lets fetch run five packets ahead of the decoder. A line that the cache lacks is not asked for ahead of time:
the packet goes down the pipeline marked, and is fetched again, and its line asked for, when everything before it has
committed. Then it is tried every other cycle until the line is there.
"""

from __future__ import annotations

from gemmini_sim.engine import cycle_clock as clocks
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.state import FORGOTTEN

__all__ = ["AFTER_FLUSH", "AHEAD", "DECODE", "QUEUE_LATENCY", "flush_icache", "forget_queue", "next_lfsr"]
__all__ += ["next_packet", "start_packet"]

DECODE = 3  # from the decode stage to write-back
AFTER_FLUSH = 2  # from a write-back that empties the pipeline to the next decoding
AHEAD = 5  # packets in the queue
QUEUE_LATENCY = 3  # from a packet's leaving the full queue to the decoding of the packet fetched for its place
AFTER_REFILL = 3  # from the last beat of a line to the decoding of its packet
_LINE = 4  # packets of a line, as a shift


@jit
def next_lfsr(value):
    """Step the 16-bit register that picks victims."""
    return (value << 1 | (value >> 15 ^ value >> 13 ^ value >> 12 ^ value >> 10) & 1) & 0xFFFF


@jit
def forget_queue(host):
    """Empty the queue: nothing that is fetched from now on waits for room in it."""
    host["taken"][:] = FORGOTTEN


@jit
def flush_icache(host, icache):
    """Empty the instruction cache."""
    icache[:] = -1
    host["line"] = -1
    host["boundary"] = 0


@jit
def _enter_line(host, icache, clock, tags, trace, events, line, fetched, behind):
    """Return when the first packet of a line can be decoded that otherwise could at ``fetched``.

    ``behind`` is 1 if the instruction that needs it begins in the packet before, which is then fetched again first.
    """
    host["line"] = line
    host["boundary"] = line + 1 << _LINE
    set_index = line & (icache.shape[0] - 1)
    for way in range(icache.shape[1]):
        if icache[set_index, way] == line:
            return fetched
    host["icache_misses"] += 1
    host["icache_lfsr"] = next_lfsr(host["icache_lfsr"])
    icache[set_index, host["icache_lfsr"] % icache.shape[1]] = line
    forget_queue(host)
    asked = max(host["time"] + 1, fetched + DECODE) + AFTER_FLUSH + behind
    done = clocks.host_line(clock, tags, trace, events, asked, line << host["line_shift"], 0, 1) + AFTER_REFILL
    return done + (done - asked & 1)


@jit
def start_packet(host, icache, clock, tags, trace, events, packet, fetched):
    """Begin a stream of packets that is not the continuation of the last."""
    line = packet >> _LINE
    if line != host["line"]:
        fetched = _enter_line(host, icache, clock, tags, trace, events, line, fetched, 0)
    host["packet"] = packet
    host["fetched"] = fetched
    host["number"] += 1
    host["taken"][host["number"] & 7] = fetched


@jit
def next_packet(host, icache, clock, tags, trace, events, packet, behind):
    """Go on to the packet that follows."""
    number = host["number"] + 1
    fetched = max(host["fetched"] + 1, host["taken"][(number - AHEAD) & 7] + QUEUE_LATENCY)
    host["number"] = number
    if packet >= host["boundary"]:
        fetched = _enter_line(host, icache, clock, tags, trace, events, packet >> _LINE, fetched, behind)
    host["packet"] = packet
    host["fetched"] = fetched
