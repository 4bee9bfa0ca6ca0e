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
)
from gemmini_sim.engine.cycle_clock.memory_port import GRANT_BIT, SINK_READ, SINK_WRITTEN
from gemmini_sim.engine.cycle_clock.packet import ACQUIRE, PUT, is_host, packet_address, packet_kind, packet_source
from gemmini_sim.engine.cycle_clock.records import DMA_ACK, DMA_DATA
from gemmini_sim.engine.cycle_clock.sizes import CACHE, SOMETHING

__all__ = ["RESPONSE_ROOM", "deliver", "l2_answers", "l2_data", "outer_banks", "push_release", "read_release"]

# Beats between the last stage of an answer and the accelerator's reader; from when the reader takes one until it shows.
RESPONSE_ROOM = 7
_ROOM_DELAY = 4

# What a stage holds: flags, the register, the transaction, the banks that a put writes.
_FULL, _ANSWERS, _WRITES, _LAST, _HOST, _GRANTS, _FETCHES = 1, 2, 4, 8, 16, 32, 64
_MSHR, _SOURCE, _BANKS = 7, 11, 19


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
    """Note that what a register waited for is there; it can act on it in the next cycle."""
    clock["arrived"] |= 1 << mshr
    clock["mshr_arrived"][mshr] |= waits
    clock["ready"] |= CACHE
    clock["coming"] |= CACHE


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


@jit
def _stage_word(clock):
    """Return what the stages behind the first need to know of the current beat."""
    packet = clock["source_packet"]
    kind = packet_kind(packet)
    beat = clock["source_beat"]
    inner_banks = clock["bus_bytes"] >> 3
    word = _FULL
    if kind != PUT or beat == 0:
        word |= _ANSWERS
    if kind == PUT:
        word |= (
            _WRITES | _FETCHES | ((1 << inner_banks) - 1) << (clock["source_first_beat"] + beat) * inner_banks + _BANKS
        )
    if beat + 1 == clock["source_beats"]:
        word |= _LAST
    if is_host(packet):
        word |= _HOST
        if kind == ACQUIRE and beat == 0:
            word |= _GRANTS
    return word | clock["source_mshr"] << _MSHR | packet_source(packet) << _SOURCE


@jit
def _send_answer(clock, word):
    """Put a beat on the D channel."""
    now = clock["now"]
    if word & _HOST:
        clock["host_beats"] += 1
        if word & _GRANTS:  # which the host acknowledges when it sees the first beat
            clock["grant_ack_time"] = now + 1 + 2
            clock["grant_ack_mshr"] = word >> _MSHR & 15
        if word & (_LAST | _WRITES):
            clock["host_done"] = now + 1
            clock["coming"] |= SOMETHING
        return
    pushed = clock["response_pushed"]
    slot = pushed & 31
    source = word >> _SOURCE & 255
    clock["response_source"][slot] = source | (64 if word & _WRITES else 0)
    clock["response_last"][slot] = 1 if word & _LAST else 0
    clock["response_time"][slot] = now + 3
    clock["due_responses"] = min(clock["due_responses"], now + 3)
    clock["response_pushed"] = pushed + 1
    if clock["tracing"]:
        if word & _WRITES:
            log(clock, now + 1, DMA_ACK, source, 0, 0)
        else:
            log(clock, now + 1, DMA_DATA, source + clock["reads_in_flight"], 0, clock["bus_bytes"])


@jit
def _has_room(clock):
    """Return whether the D channel takes a beat for the accelerator."""
    pushed = clock["response_pushed"]
    if pushed - clock["response_popped"] >= RESPONSE_ROOM:
        return False
    return pushed < RESPONSE_ROOM or clock["response_pop"][(pushed - RESPONSE_ROOM) & 31] + _ROOM_DELAY <= clock["now"]


@jit
def _begin_beat(clock, used):
    """Read the current beat unless its bank is ``used``, and let it enter the second stage if that is empty."""
    if clock["source_reads"] and not clock["source_has"]:
        inner_banks = clock["bus_bytes"] >> 3
        first = (clock["source_first_beat"] + clock["source_beat"]) * inner_banks
        if (((1 << inner_banks) - 1) << first) & used:
            return
        clock["source_has"] = 1
    if clock["source_2"]:
        return
    clock["source_2"] = _stage_word(clock)
    clock["source_has"] = 0
    clock["source_beat"] += 1
    if clock["source_beat"] == clock["source_beats"]:
        clock["source_valid"] = 0
        clock["coming"] |= CACHE


@jit_inline
def l2_data(clock):
    """Advance the four stages of an answer: read its bank, fetch what is put, send the beat, write what was put.

    A stage moves on if the one behind it is empty or moves on itself. What is put is written before anything is read.
    """
    used = clock["banks_used"]
    word = clock["source_4"]
    if word:
        banks = word >> _BANKS
        if not banks & used:
            clock["source_4"] = 0
        used |= banks
    word = clock["source_3"]
    if word & _ANSWERS and (word & _HOST or _has_room(clock)):
        _send_answer(clock, word)
        word &= ~_ANSWERS
        clock["source_3"] = word
    if word and not word & _ANSWERS and clock["source_4"] == 0:
        clock["source_4"] = word if word & _WRITES else 0
        clock["source_3"] = 0
    word = clock["source_2"]
    if word & _FETCHES:
        word &= ~_FETCHES
        clock["source_2"] = word
        clock["put_beats"] -= 1
        clock["coming"] |= CACHE
    if clock["source_3"] == 0:
        clock["source_3"] = word
        clock["source_2"] = 0
    if clock["source_valid"]:
        _begin_beat(clock, used)
    if clock["source_valid"] or clock["source_2"] | clock["source_3"] | clock["source_4"]:
        clock["coming"] |= SOMETHING
