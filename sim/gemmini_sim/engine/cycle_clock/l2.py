"""The shared, inclusive last-level cache: miss-status registers, directory, data banks.

Every request takes a register (MSHR) of its set, or waits for the one that has the set. One register acts per cycle,
in turn: it asks for the probe of the host's cache, the release of its victim, the acquire of its line, the answer, and
the update of the directory, each when what it depends on is there and the unit that does it has room. The directory
does one access per cycle, reads first; every read steps the register that picks victims.

The tag array holds ``line << 4 | host wrote << 3 | host may write << 2 | host has it << 1 | dirty``, or -1 for an empty
way. It is brought up to date when a request is planned: nobody else can look at the set before the request is done.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log, lowest_bit, wake_at
from gemmini_sim.engine.cycle_clock.memory_port import GRANT_BIT, SINK_READ, SINK_WRITTEN
from gemmini_sim.engine.cycle_clock.packet import (
    ACQUIRE,
    GET,
    PUT,
    PUT_BEAT,
    is_full,
    is_host,
    packet_address,
    packet_kind,
    packet_size,
    packet_source,
    wants_write,
)
from gemmini_sim.engine.cycle_clock.state import CACHE, CHANNEL, DMA_ACK, DMA_DATA, OUTER, SOMETHING

__all__ = ["l2_answers", "l2_data", "l2_requests", "l2_schedule"]

DIRTY, HOST_HAS, HOST_MAY_WRITE, HOST_WROTE = 1, 2, 4, 8
LINE = 4

# What a register still has to send, and what it waits for.
SEND_RPROBE, SEND_RELEASE, SEND_PPROBE, SEND_ACQUIRE, SEND_ANSWER, SEND_WRITE, SEND_GRANT_ACK = 1, 2, 4, 8, 16, 32, 64
WAIT_FIRST, WAIT_LAST, WAIT_DATA, WAIT_RELEASE, WAIT_RPROBE, WAIT_PPROBE, WAIT_HOST = 1, 2, 4, 8, 16, 32, 64
_NO_WAIT = WAIT_LAST | WAIT_RELEASE | WAIT_RPROBE | WAIT_PPROBE | WAIT_HOST

_PUT_BEATS = 40
_WAITING = 28
_RESPONSE_ROOM = 9  # beats between the data banks and the accelerator's reader
_PROBE_CYCLES = 7
_PROBE_PITCH = 2


@jit
def _step_lfsr(clock):
    lfsr = clock["lfsr"]
    bit = ((lfsr >> 15) ^ (lfsr >> 13) ^ (lfsr >> 12) ^ (lfsr >> 10)) & 1
    clock["lfsr"] = ((lfsr << 1) | bit) & 0xFFFF


@jit
def _update_wants(clock, mshr):
    """Work out which units the register's next action needs."""
    bit = 1 << mshr
    state = clock["mshr_state"][mshr]
    waits = clock["mshr_waits"][mshr]
    a = state & SEND_ACQUIRE and not state & (SEND_RELEASE | SEND_PPROBE)
    b = state & (SEND_RPROBE | SEND_PPROBE)
    c = state & SEND_RELEASE and not waits & WAIT_RPROBE
    d = state & SEND_ANSWER and not waits & (WAIT_PPROBE | WAIT_DATA)
    e = state & SEND_GRANT_ACK and not waits & WAIT_FIRST
    write = c or (state & SEND_WRITE and not waits & _NO_WAIT)
    clock["mshr_want_a"] = clock["mshr_want_a"] | bit if a else clock["mshr_want_a"] & ~bit
    clock["mshr_want_b"] = clock["mshr_want_b"] | bit if b else clock["mshr_want_b"] & ~bit
    clock["mshr_want_c"] = clock["mshr_want_c"] | bit if c else clock["mshr_want_c"] & ~bit
    clock["mshr_want_d"] = clock["mshr_want_d"] | bit if d else clock["mshr_want_d"] & ~bit
    clock["mshr_want_write"] = clock["mshr_want_write"] | bit if write else clock["mshr_want_write"] & ~bit
    if a or b or c or d or e or write:
        clock["mshr_want"] |= bit
    else:
        clock["mshr_want"] &= ~bit


@jit
def _plan(clock, tags, mshr, packet, set_index, way, hit):
    """Decide what the register has to do for its request, and bring the tag array to the state after it."""
    entry = tags[set_index, way]
    kind = packet_kind(packet)
    line = packet_address(packet) >> clock["line_shift"]
    state = SEND_ANSWER
    waits = 0
    clock["mshr_line"][mshr] = line
    clock["mshr_set"][mshr] = set_index
    clock["mshr_way"][mshr] = way
    clock["mshr_packet"][mshr] = packet
    if hit:
        if not is_host(packet) and (entry & HOST_MAY_WRITE or (kind == PUT and entry & HOST_HAS)):
            # the host's copy must go, or at least be no newer than ours
            state |= SEND_PPROBE | SEND_WRITE
            waits |= WAIT_PPROBE
            if entry & HOST_WROTE:
                entry |= DIRTY
            entry &= ~(HOST_MAY_WRITE | HOST_WROTE)
            if kind == PUT:
                entry &= ~HOST_HAS
            _tell_host(clock, line << 1 | (kind != PUT))
        if kind == PUT and not entry & DIRTY:
            state |= SEND_WRITE
    else:
        state |= SEND_ACQUIRE | SEND_WRITE | SEND_GRANT_ACK
        waits |= WAIT_FIRST | WAIT_LAST | WAIT_DATA
        clock["misses"] += 1
        if entry >= 0:
            state |= SEND_RELEASE
            waits |= WAIT_RELEASE
            if entry & HOST_HAS:
                state |= SEND_RPROBE
                waits |= WAIT_RPROBE
                _tell_host(clock, entry >> LINE << 1)
                if entry & HOST_WROTE:
                    entry |= DIRTY
        clock["mshr_victim"][mshr] = entry
        entry = line << LINE
    if kind == PUT:
        entry |= DIRTY
    elif kind == ACQUIRE:
        state |= SEND_WRITE
        waits |= WAIT_HOST
        entry |= HOST_HAS | HOST_MAY_WRITE
        if wants_write(packet):
            entry |= HOST_WROTE
    tags[set_index, way] = entry
    clock["mshr_state"][mshr] = state
    clock["mshr_waits"][mshr] = waits


@jit
def _tell_host(clock, probe):
    """Note a probe for the host's cache: line << 1, plus 1 if the host may keep reading it."""
    clock["probe_line"][clock["probe_count"] & 63] = probe
    clock["probe_count"] += 1


@jit
def _look_up(clock, tags, mshr, packet):
    """Read the directory for a request that has a register; it can act two cycles later."""
    _step_lfsr(clock)
    line = packet_address(packet) >> clock["line_shift"]
    set_index = line & (clock["sets"] - 1)
    ways = clock["ways"]
    way = -1
    for i in range(ways):
        if tags[set_index, i] >> LINE == line:
            way = i
            break
    hit = way >= 0
    if not hit:
        way = ((clock["lfsr"] & 1023) * ways) >> 10
    _plan(clock, tags, mshr, packet, set_index, way, hit)
    _update_wants(clock, mshr)
    now = clock["now"]
    clock["mshr_wake"][(now + 2) & 3] |= 1 << mshr
    clock["directory_read"] = now
    clock["coming"] |= CACHE


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
    if packet_address(packet) >> clock["line_shift"] == clock["mshr_line"][mshr]:
        _plan(clock, tags, mshr, packet, clock["mshr_set"][mshr], clock["mshr_way"][mshr], True)
        _update_wants(clock, mshr)
        clock["mshr_wake"][(now + 1) & 3] |= bit
    else:
        _look_up(clock, tags, mshr, packet)


@jit
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
    first = able & clock["mshr_robin"]
    mshr = lowest_bit(first or able)
    bit = 1 << mshr
    clock["mshr_robin"] = ~((bit << 1) - 1)
    clock["coming"] |= CACHE | OUTER
    state = clock["mshr_state"][mshr]
    waits = clock["mshr_waits"][mshr]
    if clock["mshr_want_write"] & bit:
        clock["directory_write"] = 1
        clock["directory_write_time"] = now + 1
    if clock["mshr_want_b"] & bit:
        at = max(now + _PROBE_CYCLES, clock["probe_free"] + _PROBE_PITCH)
        clock["probe_free"] = at
        clock["probe_time"][mshr] = at
        clock["probes"] |= bit
        state &= ~(SEND_RPROBE | SEND_PPROBE)
    if clock["mshr_want_c"] & bit:
        state &= ~SEND_RELEASE
        if clock["mshr_victim"][mshr] & DIRTY:
            clock["release_valid"] = 1
            clock["release_mshr"] = mshr
            clock["release_beat"] = 0
        else:
            _push_release(clock, mshr | 16)
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
    if not waits & WAIT_FIRST:
        state &= ~SEND_GRANT_ACK
    if not waits & _NO_WAIT:
        _free(clock, tags, mshr)
        return
    clock["mshr_state"][mshr] = state
    _update_wants(clock, mshr)


@jit
def _push_release(clock, packet):
    slot = (clock["release_head"] + clock["release_fill"]) & 31
    clock["release_queue"][slot] = packet
    clock["release_queue_time"][slot] = clock["now"] + 3
    clock["release_fill"] += 1


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
    clock["source_reads"] = kind in (GET, ACQUIRE) or not is_full(packet)


@jit
def _deliver(clock, mshr, waits):
    """Clear what a register waited for; it can act in the next cycle."""
    clock["mshr_waits"][mshr] &= ~waits
    clock["mshr_wake"][(clock["now"] + 1) & 3] |= 1 << mshr
    clock["mshr_ready"] &= ~(1 << mshr)
    clock["coming"] |= CACHE
    _update_wants(clock, mshr)


@jit
def l2_answers(clock):
    """Move data between the banks and the outside: write-back reads first, then fills, updates, answers to readers."""
    now = clock["now"]
    used = 0
    outer_mask = (1 << (clock["memory_bytes"] // 8)) - 1
    outer_banks = clock["memory_bytes"] // 8
    if clock["release_valid"]:
        beat = clock["release_beat"]
        used = outer_mask << (beat * outer_banks)
        _push_release(clock, clock["release_mshr"])
        clock["release_beat"] = beat + 1
        if beat + 1 == clock["memory_beats"]:
            clock["release_valid"] = 0
            clock["ready"] |= CACHE
        clock["coming"] |= CACHE
    if clock["sink_count"] > 0:
        head = clock["sink_head"]
        if clock["sink_time"][head] <= now:
            kind = clock["sink_kind"][head]
            beat = clock["sink_beat"][head]
            mask = outer_mask << (beat * outer_banks)
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
                        _deliver(clock, mshr, waits)
                elif kind == SINK_WRITTEN:
                    _deliver(clock, mshr, WAIT_RELEASE)
                elif mshr & GRANT_BIT:
                    _deliver(clock, mshr & 15, WAIT_FIRST | WAIT_LAST | WAIT_DATA)
                else:
                    _deliver(clock, mshr, WAIT_RELEASE)
                clock["sink_head"] = (head + 1) & 1
                clock["sink_count"] -= 1
                clock["sink_pop"] = now
                clock["coming"] |= CACHE
            used |= mask
        else:
            if clock["sink_expects"]:
                used |= outer_mask << (clock["sink_expects"] * outer_banks)
    elif clock["sink_expects"]:
        used |= outer_mask << (clock["sink_expects"] * outer_banks)
    if clock["probes"]:
        mask = clock["probes"]
        while mask:
            mshr = lowest_bit(mask)
            mask &= mask - 1
            if clock["probe_time"][mshr] <= now:
                clock["probes"] &= ~(1 << mshr)
                _deliver(clock, mshr, WAIT_RPROBE | WAIT_PPROBE)
                clock["coming"] |= CACHE
    clock["banks_used"] = used


@jit
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
            if last or kind == PUT:
                clock["host_done"] = now + 3
                if kind == ACQUIRE:
                    # the host acknowledges the grant when it has the whole line
                    clock["grant_ack_time"] = now + 3 + 2
                    clock["grant_ack_mshr"] = clock["source_mshr"]
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


@jit
def _take_release(clock, tags):
    """Take back a line that the host has written and dropped."""
    now = clock["now"]
    if clock["host_release_time"] > now:
        wake_at(clock, clock["host_release_time"])
        return
    _step_lfsr(clock)
    line = clock["host_release_line"]
    set_index = line & (clock["sets"] - 1)
    for way in range(clock["ways"]):
        if tags[set_index, way] >> LINE == line:
            tags[set_index, way] = line << LINE | DIRTY
    clock["host_release_line"] = -1
    clock["directory_read"] = now
    clock["coming"] |= CACHE


@jit
def l2_requests(clock, tags):
    """Take one request in: from the buffer at the door, or straight from the system bus."""
    now = clock["now"]
    if clock["grant_ack_time"] >= 0:
        if clock["grant_ack_time"] <= now:
            clock["grant_ack_time"] = -1
            _deliver(clock, clock["grant_ack_mshr"], WAIT_HOST)
            clock["coming"] |= CACHE
        else:
            wake_at(clock, clock["grant_ack_time"])
    if clock["host_release_line"] >= 0:
        _take_release(clock, tags)
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
        set_index = (packet_address(packet) >> clock["line_shift"]) & (clock["sets"] - 1)
        mask = clock["mshr_valid"]
        while mask:
            mshr = lowest_bit(mask)
            mask &= mask - 1
            if clock["mshr_set"][mshr] == set_index:
                match = mshr
                break
    # a register that is done in this cycle takes the new request of its set at once
    offers = match >= 0 and clock["waiting_first"][match] < 0
    clock["offered"] = packet if offers else -1
    clock["offered_to"] = match
    l2_schedule(clock, tags)
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
                _look_up(clock, tags, mshr, packet)
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
