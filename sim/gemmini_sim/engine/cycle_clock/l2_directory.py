"""The directory of the L2: what a request needs, given what the cache holds, and which way a miss takes.

The tag array holds ``line << 4 | host wrote << 3 | host may write << 2 | host has it << 1 | dirty``, or -1 for an empty
way. It is brought up to date when a request is planned: nobody else can look at the set before the request is done.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit, wake_at
from gemmini_sim.engine.cycle_clock.journal import LOOK_UP, RECORD, note_plan
from gemmini_sim.engine.cycle_clock.packet import ACQUIRE, PUT, is_host, packet_address, packet_kind, wants_write
from gemmini_sim.engine.cycle_clock.several_words import LINE, WAYS, registers_with, ways_with
from gemmini_sim.engine.cycle_clock.sizes import CACHE

__all__ = [
    "DIRTY",
    "LINE",
    "NO_WAIT",
    "SEND_ACQUIRE",
    "SEND_ANSWER",
    "SEND_GRANT_ACK",
    "SEND_PPROBE",
    "SEND_RELEASE",
    "SEND_RPROBE",
    "WAIT_DATA",
    "WAIT_FIRST",
    "WAIT_HOST",
    "WAIT_LAST",
    "WAIT_PPROBE",
    "WAIT_RELEASE",
    "WAIT_RPROBE",
    "decide",
    "find",
    "look_up",
    "next_register",
    "plan",
    "register_of",
    "take_host_write",
    "take_release",
    "update_wants",
]

DIRTY, HOST_HAS, HOST_MAY_WRITE, HOST_WROTE = 1, 2, 4, 8
SEND_RPROBE, SEND_RELEASE, SEND_PPROBE, SEND_ACQUIRE, SEND_ANSWER, SEND_WRITE, SEND_GRANT_ACK = 1, 2, 4, 8, 16, 32, 64
WAIT_FIRST, WAIT_LAST, WAIT_DATA, WAIT_RELEASE, WAIT_RPROBE, WAIT_PPROBE, WAIT_HOST = 1, 2, 4, 8, 16, 32, 64
NO_WAIT = WAIT_LAST | WAIT_RELEASE | WAIT_RPROBE | WAIT_PPROBE | WAIT_HOST


@jit
def _step_lfsr(clock):
    lfsr = clock["lfsr"]
    bit = ((lfsr >> 15) ^ (lfsr >> 13) ^ (lfsr >> 12) ^ (lfsr >> 10)) & 1
    clock["lfsr"] = ((lfsr << 1) | bit) & 0xFFFF


@jit
def update_wants(clock, mshr):
    """Work out which units the register's next action needs."""
    bit = 1 << mshr
    state = clock["mshr_state"][mshr]
    waits = clock["mshr_waits"][mshr]
    a = state & SEND_ACQUIRE and not state & (SEND_RELEASE | SEND_PPROBE)
    b = state & (SEND_RPROBE | SEND_PPROBE)
    c = state & SEND_RELEASE and not waits & WAIT_RPROBE
    d = state & SEND_ANSWER and not waits & (WAIT_PPROBE | WAIT_DATA)
    e = state & SEND_GRANT_ACK and not waits & WAIT_FIRST
    write = c or (state & SEND_WRITE and not waits & NO_WAIT)
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
def _tell_host(clock, probe):
    """Note a probe for the host's cache: line << 1, plus 1 if the host may keep reading it."""
    clock["probe_line"][clock["probe_count"] & 63] = probe
    clock["probe_count"] += 1


@jit_inline
def decide(clock, tags, mshr, line, kind, from_host, writes, way, hit):
    """Decide what a register has to do for its request, and bring the tag array to the state after it.

    Nothing in here depends on the time, and of the registers that do so nothing is touched: what the request has to
    send and to wait for, whether its victim is dirty, and whether the host has written the line that it is probed for,
    is returned as ``send | wait << 8 | dirty << 16 | written << 17``.
    """
    set_index = line & (clock["sets"] - 1)
    entry = tags[set_index, way]
    state = SEND_ANSWER
    waits = 0
    dirty = 0
    host_wrote = 0
    clock["mshr_line"][mshr] = line
    clock["mshr_set"][mshr] = set_index
    clock["mshr_way"][mshr] = way
    if hit:
        if not from_host and (entry & HOST_MAY_WRITE or (kind == PUT and entry & HOST_HAS)):
            # the host's copy must go, or at least be no newer than ours
            state |= SEND_PPROBE | SEND_WRITE
            waits |= WAIT_PPROBE
            if entry & HOST_WROTE:
                entry |= DIRTY
                host_wrote = 1
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
                    host_wrote = 1
        clock["mshr_victim"][mshr] = entry
        dirty = entry & DIRTY
        entry = line << LINE
    if kind == PUT:
        entry |= DIRTY
    elif kind == ACQUIRE:
        state |= SEND_WRITE
        waits |= WAIT_HOST
        entry |= HOST_HAS | HOST_MAY_WRITE
        if writes:
            entry |= HOST_WROTE
    tags[set_index, way] = entry
    return state | waits << 8 | dirty << 16 | host_wrote << 17


@jit
def plan(clock, tags, mshr, packet, way, hit, asked):
    """Set a register up for its request; ``asked`` is what the journal calls this."""
    line = packet_address(packet) >> clock["line_shift"]
    kind = packet_kind(packet)
    outcome = decide(clock, tags, mshr, line, kind, is_host(packet), wants_write(packet), way, hit)
    clock["mshr_packet"][mshr] = packet
    clock["mshr_state"][mshr] = outcome & 0xFF
    clock["mshr_waits"][mshr] = (outcome >> 8) & 0xFF
    clock["mshr_host_wrote"] = clock["mshr_host_wrote"] & ~(1 << mshr) | (outcome >> 17) << mshr
    if clock["replay_mode"] == RECORD:
        note_plan(clock, asked, mshr, kind, packet, outcome)


@jit_inline
def register_of(clock, valid, line):
    """Return the one of the ``valid`` registers that has the line's set, or -1."""
    set_index = line & (clock["sets"] - 1)
    found = registers_with(clock, set_index) & valid
    return lowest_bit(found) if found else -1


@jit
def next_register(clock, able):
    """Return which of the registers that are able to acts: the next one after that which acted last."""
    return lowest_bit(able & clock["mshr_robin"] or able)


@jit
def _way_of(tags, set_index, line, ways):
    for way in range(ways):
        if tags[set_index, way] >> LINE == line:
            return way
    return -1


@jit_inline
def find(clock, tags, line):
    """Return the way that holds a line, or -1 minus the way that a miss takes."""
    _step_lfsr(clock)
    set_index = line & (clock["sets"] - 1)
    ways = clock["ways"]
    if ways == WAYS:
        found = ways_with(tags, set_index, line)
        if found:
            return lowest_bit(found)
    else:
        way = _way_of(tags, set_index, line, ways)
        if way >= 0:
            return way
    return -1 - (((clock["lfsr"] & 1023) * ways) >> 10)


@jit
def look_up(clock, tags, mshr, packet):
    """Read the directory for a request that has a register; it can act two cycles later."""
    way = find(clock, tags, packet_address(packet) >> clock["line_shift"])
    plan(clock, tags, mshr, packet, way if way >= 0 else -1 - way, way >= 0, LOOK_UP)
    update_wants(clock, mshr)
    now = clock["now"]
    clock["mshr_wake"][(now + 2) & 3] |= 1 << mshr
    clock["directory_read"] = now
    clock["coming"] |= CACHE


@jit
def take_host_write(clock, tags, address):
    """Note that the host writes a line that it had fetched to read, which it may do without asking."""
    line = address >> clock["line_shift"]
    set_index = line & (clock["sets"] - 1)
    for way in range(clock["ways"]):
        if tags[set_index, way] >> LINE == line and tags[set_index, way] & HOST_MAY_WRITE:
            tags[set_index, way] |= HOST_WROTE


@jit
def take_release(clock, tags):
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
