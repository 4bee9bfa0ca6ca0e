"""The shared, inclusive last-level cache: requests and their miss-status registers.

Every request takes a register (MSHR) of its set, or waits for the one that has the set. One register acts per cycle,
in turn: it asks for the probe of the host's cache, the release of its victim, the acquire of its line, the answer, and
the update of the directory, each when what it depends on is there and the unit that does it has room. The directory
does one access per cycle, reads first; every read steps the register that picks victims.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit, wake_at
from gemmini_sim.engine.cycle_clock.journal import LINE, PLAN, RECORD, TURN, note, note_match, symbolic
from gemmini_sim.engine.cycle_clock.l2_data import deliver, outer_banks, push_release, read_release
from gemmini_sim.engine.cycle_clock.l2_directory import (
    DIRTY,
    NO_WAIT,
    SEND_ACQUIRE,
    SEND_ANSWER,
    SEND_GRANT_ACK,
    SEND_PPROBE,
    SEND_RELEASE,
    SEND_RPROBE,
    WAIT_FIRST,
    WAIT_HOST,
    look_up,
    next_register,
    plan,
    register_of,
    take_release,
    update_wants,
)
from gemmini_sim.engine.cycle_clock.memory_port import GRANT_BIT, acknowledge_grant
from gemmini_sim.engine.cycle_clock.packet import (
    ACQUIRE,
    GET,
    PUT,
    PUT_BEAT,
    is_full,
    packet_address,
    packet_kind,
    packet_size,
)
from gemmini_sim.engine.cycle_clock.sizes import CACHE, CHANNEL, OUTER

__all__ = ["l2_requests"]

_PUT_BEATS = 40
_WAITING = 28
# Probes of the host's cache: until the answer is back, how much later its first beat is if it brings data, how long the
# cache is busy with either.
_PROBE_CYCLES, _PROBE_DATA = 5, 3
_PROBE_PITCH, _PROBE_DATA_PITCH = 4, 10


@jit
def _free(clock, tags, mshr):
    """Give the register to the next request of its set (one that waits, or the one on offer), or free it."""
    now = clock["now"]
    bit = 1 << mshr
    waiting = clock["waiting_first"][mshr]
    packet = -1
    if waiting >= 0:
        packet = clock["waiting_packet"][waiting]
        clock["waiting_first"][mshr] = clock["waiting_next"][waiting]
        clock["waiting_next"][waiting] = clock["waiting_free"]
        clock["waiting_free"] = waiting
        clock["waiting_count"] -= 1
    elif clock["offered"] >= 0 and clock["offered_to"] == mshr:
        packet = clock["offered"]
        clock["offered"] = -1
    clock["mshr_ready"] &= ~bit
    if packet < 0:
        clock["mshr_freed"] |= bit
        clock["mshr_want"] &= ~bit
        return
    same = packet_address(packet) >> clock["line_shift"] == clock["mshr_line"][mshr]
    if clock["replay_mode"] == RECORD:
        note(clock, LINE | mshr << 8, symbolic(clock, packet >> 20), 1 if same else 0)
    if same:
        plan(clock, tags, mshr, packet, clock["mshr_way"][mshr], True, PLAN)
        update_wants(clock, mshr)
        clock["mshr_wake"][(now + 1) & 3] |= bit
    else:
        look_up(clock, tags, mshr, packet)


@jit
def _start_answer(clock, mshr):
    packet = clock["mshr_packet"][mshr]
    beats = max(1, packet_size(packet) >> clock["bus_shift"])
    offset = packet_address(packet) & (clock["line_bytes"] - 1)
    clock["source_valid"] = 1
    clock["source_packet"] = packet
    clock["source_mshr"] = mshr
    clock["source_beat"] = 0
    clock["source_beats"] = beats
    clock["source_first_beat"] = offset >> clock["bus_shift"]
    kind = packet_kind(packet)
    clock["source_has"] = 0
    clock["source_reads"] = kind in (GET, ACQUIRE) or not is_full(packet)


@jit
def _note_turn(clock, able, mshr):
    """Note which register acts, unless that follows from which did before in the same stretch."""
    if not clock["robin_set"] and able & (able - 1):
        note(clock, TURN, able, mshr)
    clock["robin_set"] = 1


@jit_inline
def l2_schedule(clock, tags):
    """Let one register act."""
    now = clock["now"]
    clock["mshr_ready"] |= clock["mshr_wake"][now & 3]
    clock["mshr_wake"][now & 3] = 0
    if clock["mshr_wake"][(now + 1) & 3] | clock["mshr_wake"][(now + 2) & 3]:
        clock["coming"] |= CACHE
    able = clock["mshr_ready"] & clock["mshr_want"]
    if able == 0:
        return
    if clock["source_valid"]:
        able &= ~clock["mshr_want_d"]
    if clock["acquire_count"] + (clock["acquire_pop"] == now) >= 2:
        able &= ~clock["mshr_want_a"]
    if able & clock["mshr_want_c"]:
        head = (clock["release_head"] + 1) & 31
        if clock["release_valid"] or (clock["release_fill"] >= 2 and clock["release_queue_time"][head] <= now):
            able &= ~clock["mshr_want_c"]
    if clock["directory_write"] and able & clock["mshr_want_write"]:
        able &= ~clock["mshr_want_write"]
    if able == 0:
        return
    mshr = next_register(clock, able)
    if clock["replay_mode"] == RECORD:
        _note_turn(clock, able, mshr)
    bit = 1 << mshr
    clock["mshr_robin"] = ~((bit << 1) - 1)
    clock["coming"] |= CACHE | OUTER
    state = clock["mshr_state"][mshr]
    waits = clock["mshr_waits"][mshr]
    if clock["mshr_want_write"] & bit:
        clock["directory_write"] = 1
        clock["directory_write_time"] = now + 1
    if clock["mshr_want_b"] & bit:
        at = max(now + _PROBE_CYCLES, clock["probe_free"])
        clock["probe_free"] = at + _PROBE_PITCH
        if clock["mshr_host_wrote"] >> mshr & 1:
            clock["probe_free"] = at + _PROBE_DATA_PITCH
            at += _PROBE_DATA
        clock["probe_time"][mshr] = at
        clock["probes"] |= bit
        state &= ~(SEND_RPROBE | SEND_PPROBE)
    if clock["mshr_want_c"] & bit:
        state &= ~SEND_RELEASE
        if clock["mshr_victim"][mshr] & DIRTY:
            clock["release_valid"] = 1
            clock["release_mshr"] = mshr
            clock["release_beat"] = 0
            if not clock["banks_used"] & outer_banks(clock, 0):
                read_release(clock)
        else:
            push_release(clock, mshr | 16)
    elif clock["mshr_want_a"] & bit:
        slot = (clock["acquire_head"] + clock["acquire_count"]) & 1
        packet = clock["mshr_packet"][mshr]
        whole = packet_kind(packet) == PUT and is_full(packet) and packet_size(packet) == clock["line_bytes"]
        clock["acquire_queue"][slot] = mshr | (GRANT_BIT if whole else 0)
        clock["acquire_time"][slot] = now + 1
        clock["acquire_count"] += 1
        state &= ~SEND_ACQUIRE
    if clock["mshr_want_d"] & bit:
        _start_answer(clock, mshr)
        state &= ~SEND_ANSWER
    if state & SEND_GRANT_ACK and not waits & WAIT_FIRST:
        state &= ~SEND_GRANT_ACK
        acknowledge_grant(clock)
    if not waits & NO_WAIT:
        _free(clock, tags, mshr)
        return
    clock["mshr_state"][mshr] = state
    update_wants(clock, mshr)


@jit
def _take_arrived(clock):
    """Clear what registers waited for and has come in this cycle."""
    mask = clock["arrived"]
    clock["arrived"] = 0
    clock["mshr_ready"] |= mask
    while mask:
        mshr = lowest_bit(mask)
        mask &= mask - 1
        clock["mshr_waits"][mshr] &= ~clock["mshr_arrived"][mshr]
        clock["mshr_arrived"][mshr] = 0
        update_wants(clock, mshr)


@jit_inline
def l2_requests(clock, tags):
    """Take one request in: from the buffer at the door, or straight from the system bus."""
    now = clock["now"]
    if clock["grant_ack_time"] >= 0:
        if clock["grant_ack_time"] <= now:
            clock["grant_ack_time"] = -1
            deliver(clock, clock["grant_ack_mshr"], WAIT_HOST)
            clock["coming"] |= CACHE
        else:
            wake_at(clock, clock["grant_ack_time"])
    if clock["host_release_line"] >= 0:
        take_release(clock, tags)
    packet = -1
    from_door = clock["door_valid"]
    from_host = False
    if from_door:
        packet = clock["door_packet"]
    else:
        ours = clock["channel_count"][3] > 0 and clock["channel_time"][3, clock["channel_head"][3]] <= now
        hosts = clock["host_valid"] and clock["host_time"] <= now and clock["system_beats"] == 0
        if clock["host_valid"] and not hosts:
            wake_at(clock, clock["host_time"])
        from_host = clock["system_mask"] == 0 if ours and hosts else hosts and not ours
        if from_host:
            packet = clock["host_packet"]
        elif ours:
            packet = clock["channel_packet"][3, clock["channel_head"][3]]
    kind = packet_kind(packet) if packet >= 0 else GET
    later = packet >= 0 and kind == PUT_BEAT
    blocked = packet < 0 or later
    if packet >= 0 and kind in (PUT, PUT_BEAT) and clock["put_beats"] >= _PUT_BEATS:
        blocked = True
        later = False
    # the register of the request's set, if there is one
    match = -1
    if not blocked:
        match = register_of(clock, clock["mshr_valid"], packet_address(packet) >> clock["line_shift"])
        if clock["replay_mode"] == RECORD:
            note_match(clock, packet, match)
    # a register that is done in this cycle takes the new request of its set at once
    offers = match >= 0 and clock["waiting_first"][match] < 0
    clock["offered"] = packet if offers else -1
    clock["offered_to"] = match
    l2_schedule(clock, tags)
    if clock["arrived"]:
        _take_arrived(clock)
    taken = False
    if later:
        taken = True
        clock["put_beats"] += 1
    elif not blocked:
        if match >= 0:
            if offers and clock["offered"] < 0:
                taken = True
            elif clock["waiting_count"] < _WAITING:
                slot = clock["waiting_free"]
                clock["waiting_free"] = clock["waiting_next"][slot]
                clock["waiting_packet"][slot] = packet
                clock["waiting_next"][slot] = -1
                if clock["waiting_first"][match] < 0:
                    clock["waiting_first"][match] = slot
                else:
                    clock["waiting_next"][clock["waiting_final"][match]] = slot
                clock["waiting_final"][match] = slot
                clock["waiting_count"] += 1
                taken = True
        elif clock["directory_read"] != now:
            free = ((1 << clock["mshrs"]) - 1) & ~clock["mshr_valid"]
            if free:
                mshr = lowest_bit(free)
                clock["mshr_valid"] |= 1 << mshr
                clock["waiting_first"][mshr] = -1
                look_up(clock, tags, mshr, packet)
                taken = True
        if taken and kind == PUT:
            clock["put_beats"] += 1
    if clock["mshr_freed"]:
        clock["mshr_valid"] &= ~clock["mshr_freed"]
        clock["mshr_freed"] = 0
    if clock["directory_write"]:
        clock["coming"] |= CACHE
        if clock["directory_read"] != now and clock["directory_write_time"] <= now:
            clock["directory_write"] = 0
    if packet < 0:
        return
    if from_door:
        if taken:
            clock["door_valid"] = 0
            clock["coming"] |= CACHE
        return
    # the bus hands the message over: to the cache, or to the buffer at its door
    if not taken:
        clock["door_packet"] = packet
        clock["door_valid"] = 1
    clock["coming"] |= CACHE
    if from_host:
        clock["host_valid"] = 0
        clock["system_mask"] = 1
    else:
        clock["channel_head"][3] ^= 1
        clock["channel_count"][3] -= 1
        clock["channel_pop"][3] = now
        clock["coming"] |= CHANNEL
        clock["system_mask"] = 0
        if kind == PUT:
            clock["system_beats"] = max(1, packet_size(packet) >> clock["bus_shift"]) - 1
        elif kind == PUT_BEAT:
            clock["system_beats"] -= 1
