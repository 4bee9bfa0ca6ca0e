"""The data banks of the L2: write-backs, fills, updates, and the beats of answers."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log, lowest_bit
from gemmini_sim.engine.cycle_clock.l2_directory import (
    WAIT_DATA,
    WAIT_FIRST,
    WAIT_LAST,
    WAIT_PPROBE,
    WAIT_RELEASE,
    WAIT_RPROBE,
    update_wants,
)
from gemmini_sim.engine.cycle_clock.memory_port import GRANT_BIT, SINK_READ, SINK_WRITTEN
from gemmini_sim.engine.cycle_clock.packet import ACQUIRE, PUT, is_host, packet_address, packet_kind, packet_source
from gemmini_sim.engine.cycle_clock.records import DMA_ACK, DMA_DATA
from gemmini_sim.engine.cycle_clock.sizes import CACHE, SOMETHING

__all__ = ["deliver", "l2_answers", "l2_data", "outer_banks", "push_release", "read_release"]

_RESPONSE_ROOM = 9  # beats between the data banks and the accelerator's reader


@jit
def push_release(clock, packet):
    """Send a beat of a write-back (or the word that a line was dropped) towards memory."""
    slot = (clock["release_head"] + clock["release_fill"]) & 31
    clock["release_queue"][slot] = packet
    clock["release_queue_time"][slot] = clock["now"] + 3
    clock["release_fill"] += 1


@jit
def outer_banks(clock, beat):
    """Return the data banks that a beat of the memory port takes."""
    banks = clock["memory_bytes"] // 8
    return ((1 << banks) - 1) << beat * banks


@jit
def read_release(clock):
    """Read a beat of the line that is written back."""
    beat = clock["release_beat"]
    clock["banks_used"] |= outer_banks(clock, beat)
    push_release(clock, clock["release_mshr"])
    clock["release_beat"] = beat + 1


@jit
def deliver(clock, mshr, waits):
    """Clear what a register waited for; it can act in the next cycle."""
    clock["mshr_waits"][mshr] &= ~waits
    clock["mshr_wake"][(clock["now"] + 1) & 3] |= 1 << mshr
    clock["mshr_ready"] &= ~(1 << mshr)
    clock["coming"] |= CACHE
    update_wants(clock, mshr)


@jit_inline
def l2_answers(clock):
    """Move data between the banks and the outside: write-back reads first, then fills, updates, answers to readers."""
    now = clock["now"]
    clock["banks_used"] = 0
    if clock["release_valid"]:
        if clock["release_beat"] == clock["memory_beats"]:
            clock["release_valid"] = 0  # from the cycle after the last beat
        else:
            read_release(clock)
        clock["coming"] |= CACHE
    used = clock["banks_used"]
    if clock["sink_count"] > 0:
        head = clock["sink_head"]
        if clock["sink_time"][head] <= now:
            kind = clock["sink_kind"][head]
            beat = clock["sink_beat"][head]
            mask = outer_banks(clock, beat)
            if not used & mask:
                mshr = clock["sink_mshr"][head]
                if kind == SINK_READ:
                    packet = clock["mshr_packet"][mshr]
                    waits = 0
                    last = beat + 1 == clock["memory_beats"]
                    if beat == 0:
                        waits = WAIT_FIRST
                        if packet_address(packet) & (clock["line_bytes"] - 1) == 0:
                            waits |= WAIT_DATA
                    if last:
                        waits |= WAIT_LAST | WAIT_DATA
                    clock["sink_expects"] = 0 if last else beat + 1
                    if waits:
                        deliver(clock, mshr, waits)
                elif kind == SINK_WRITTEN:
                    deliver(clock, mshr, WAIT_RELEASE)
                elif mshr & GRANT_BIT:
                    deliver(clock, mshr & 15, WAIT_FIRST | WAIT_LAST | WAIT_DATA)
                else:
                    deliver(clock, mshr, WAIT_RELEASE)
                clock["sink_head"] = (head + 1) & 1
                clock["sink_count"] -= 1
                clock["sink_pop"] = now
                clock["coming"] |= CACHE
            used |= mask
        else:
            if clock["sink_expects"]:
                used |= outer_banks(clock, clock["sink_expects"])
    elif clock["sink_expects"]:
        used |= outer_banks(clock, clock["sink_expects"])
    if clock["probes"]:
        mask = clock["probes"]
        while mask:
            mshr = lowest_bit(mask)
            mask &= mask - 1
            if clock["probe_time"][mshr] <= now:
                clock["probes"] &= ~(1 << mshr)
                deliver(clock, mshr, WAIT_RPROBE | WAIT_PPROBE)
                clock["coming"] |= CACHE
    clock["banks_used"] = used


@jit_inline
def l2_data(clock):
    """Read or update one beat for the answer that is under way."""
    now = clock["now"]
    used = clock["banks_used"]
    stalled = False
    if clock["update_count"] > 0:
        head = clock["update_head"]
        if clock["update_time"][head] <= now:
            if clock["update_banks"][head] & used:
                stalled = True
                for i in range(clock["update_count"]):
                    clock["update_time"][(head + i) & 7] += 1
            else:
                used |= clock["update_banks"][head]
                clock["update_head"] = (head + 1) & 7
                clock["update_count"] -= 1
            clock["coming"] |= CACHE
        else:
            clock["coming"] |= SOMETHING
    if not clock["source_valid"] or stalled:
        return
    packet = clock["source_packet"]
    bus = clock["bus_bytes"]
    host = is_host(packet)
    beat = clock["source_beat"]
    kind = packet_kind(packet)
    answers = kind != PUT or beat == 0
    if answers and not host:
        pushed = clock["response_pushed"]
        if pushed - clock["response_popped"] >= _RESPONSE_ROOM or (
            pushed >= _RESPONSE_ROOM and clock["response_pop"][(pushed - _RESPONSE_ROOM) & 31] + 4 > now
        ):
            clock["coming"] |= SOMETHING
            return
    inner_banks = bus >> 3
    banks = ((1 << inner_banks) - 1) << ((clock["source_first_beat"] + beat) * inner_banks)
    if clock["source_reads"] and banks & used:
        clock["coming"] |= SOMETHING
        return
    last = beat + 1 == clock["source_beats"]
    clock["coming"] |= CACHE if last or kind == PUT else SOMETHING
    if answers:
        if host:
            clock["host_beats"] += 1
            if beat == 0 and kind == ACQUIRE:  # which the host acknowledges when it sees the first beat
                clock["grant_ack_time"] = now + 3 + 2
                clock["grant_ack_mshr"] = clock["source_mshr"]
            if last or kind == PUT:
                clock["host_done"] = now + 3
        else:
            pushed = clock["response_pushed"]
            slot = pushed & 31
            clock["response_source"][slot] = packet_source(packet) | (64 if kind == PUT else 0)
            clock["response_last"][slot] = last
            clock["response_time"][slot] = now + 5
            clock["due_responses"] = min(clock["due_responses"], now + 5)
            clock["response_pushed"] = pushed + 1
            if clock["tracing"]:
                if kind == PUT:
                    log(clock, now + 3, DMA_ACK, packet_source(packet), 0, 0)
                else:
                    log(clock, now + 3, DMA_DATA, packet_source(packet) + clock["reads_in_flight"], 0, bus)
    if kind == PUT:
        slot = (clock["update_head"] + clock["update_count"]) & 7
        clock["update_time"][slot] = now + 3
        clock["update_banks"][slot] = banks
        clock["update_count"] += 1
        clock["put_beats"] -= 1
    if last:
        clock["source_valid"] = 0
    else:
        clock["source_beat"] = beat + 1
