"""Requests on their way to the L2: the buffers of the TileLink A channel that loads and stores share.

Queues of two: the reader's and the writer's own, the joint one behind their crossbar, and the tile's crossing. The
crossbar takes turns, and does not interleave the beats of one put.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log
from gemmini_sim.engine.cycle_clock.packet import (
    PUT,
    PUT_BEAT,
    packet_address,
    packet_kind,
    packet_size,
    packet_source,
)
from gemmini_sim.engine.cycle_clock.records import DMA_GET, DMA_PUT
from gemmini_sim.engine.cycle_clock.sizes import CACHE, CHANNEL

__all__ = ["channel_has_room", "channel_push", "channel_step"]

READER, WRITER, JOINT, CROSSING = 0, 1, 2, 3


@jit
def channel_has_room(clock, queue):
    """Return whether a queue could take a message in this cycle (room made in this cycle counts from the next)."""
    return clock["channel_count"][queue] + (clock["channel_pop"][queue] == clock["now"]) < 2


@jit
def channel_push(clock, queue, packet):
    """Put a message into a queue that has room; it can leave in the next cycle."""
    slot = (clock["channel_head"][queue] + clock["channel_count"][queue]) & 1
    clock["channel_packet"][queue, slot] = packet
    clock["channel_time"][queue, slot] = clock["now"] + 1
    clock["channel_count"][queue] += 1
    clock["coming"] |= CHANNEL if queue != CROSSING else CHANNEL | CACHE


@jit
def _pop(clock, queue):
    head = clock["channel_head"][queue]
    clock["channel_head"][queue] = head ^ 1
    clock["channel_count"][queue] -= 1
    clock["channel_pop"][queue] = clock["now"]
    return clock["channel_packet"][queue, head]


@jit
def _waits(clock, queue):
    return (
        clock["channel_count"][queue] != 0
        and clock["channel_time"][queue, clock["channel_head"][queue]] <= clock["now"]
    )


@jit_inline
def channel_step(clock):
    """Move one message from each queue to the next."""
    if _waits(clock, JOINT) and channel_has_room(clock, CROSSING):
        packet = _pop(clock, JOINT)
        channel_push(clock, CROSSING, packet)
        if clock["tracing"]:
            kind = DMA_PUT if packet_kind(packet) in (PUT, PUT_BEAT) else DMA_GET
            source = packet_source(packet) + (0 if kind == DMA_PUT else clock["reads_in_flight"])
            log(clock, clock["now"], kind, source, packet_address(packet), packet_size(packet))
    if clock["channel_count"][READER] + clock["channel_count"][WRITER] == 0 or not channel_has_room(clock, JOINT):
        return
    reader = _waits(clock, READER)
    writer = _waits(clock, WRITER)
    if not reader and not writer:
        return
    if clock["channel_beats"] > 0:
        if writer:
            clock["channel_beats"] -= 1
            channel_push(clock, JOINT, _pop(clock, WRITER))
        return
    # taking turns: the one that did not win last time comes first; the writer wins the first tie
    winner = READER
    if writer and (not reader or clock["channel_mask"] != WRITER):
        winner = WRITER
    clock["channel_mask"] = winner
    packet = _pop(clock, winner)
    if packet_kind(packet) == PUT:
        clock["channel_beats"] = max(1, packet_size(packet) >> clock["bus_shift"]) - 1
    channel_push(clock, JOINT, packet)
