"""The data cache: blocking, write-back, one line under way, stores buffered for a cycle or two.

An access that misses is cancelled and tried again when its line has come. So is a load too close behind a store to the
same bytes, and any access right behind a store that had to change the state of its line.
"""

from __future__ import annotations

from gemmini_sim.engine import cycle_clock as accelerator_clock
from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.fetch import next_lfsr
from gemmini_sim.engine.rocket.state import ABSENT, EXCLUSIVE, FILTER, LINE, MODIFIED, SHARED, STATE_BITS

__all__ = ["REPLAY", "access", "load_hits", "note_store", "store_hits", "take_probes"]

REPLAY = 5  # from the cancelled write-back to the next attempt's
AFTER_GRANT = 3  # from the last beat to the write-back of the access that waits for it
WRITE_BACK = 12  # from the miss to the second one, after the victim was sent off
RELEASE_DELAY = 6  # from the miss to the victim's arrival at the L2
_CLOSE = 3  # cycles behind a store in which a load of the same doubleword may have to be tried again
_STATE = (1 << STATE_BITS) - 1


@jit_inline
def load_hits(host, address, time):
    """Return whether a load that could commit at ``time`` does, without a look at the cache: its line is known."""
    line = address >> LINE
    if host["load_line"][line & FILTER - 1] != line:
        return False
    if time - host["store_time"] > _CLOSE:
        return True
    word = address >> 3
    return host["store_word"] != word and (host["older_word"] != word or time - host["older_time"] > _CLOSE)


@jit_inline
def store_hits(host, address):
    """Return whether a store is into a line that is known to be modified."""
    line = address >> LINE
    return host["store_line"][line & FILTER - 1] == line


@jit_inline
def note_store(host, address, mask, time):
    """Note the bytes of a store that commits at ``time``; ``mask`` is for an address at the doubleword's begin."""
    host["older_word"], host["older_mask"] = host["store_word"], host["store_mask"]
    host["older_time"] = host["store_time"]
    host["store_word"], host["store_mask"], host["store_time"] = address >> 3, mask << (address & 7), time


@jit
def _forget(host, line):
    slot = line & (FILTER - 1)
    if host["load_line"][slot] == line:
        host["load_line"][slot] = -1
    if host["store_line"][slot] == line:
        host["store_line"][slot] = -1


@jit
def take_probes(host, dcache, clock):
    """Give up the lines that the L2 has asked for since the last call."""
    seen = host["probes_seen"]
    count = clock["probe_count"]
    while seen < count:
        probe = clock["probe_line"][seen & 63]
        seen += 1
        line = probe >> 1
        set_index = line & (dcache.shape[0] - 1)
        for way in range(dcache.shape[1]):
            entry = dcache[set_index, way]
            if entry >> STATE_BITS == line and entry & _STATE != ABSENT:
                dcache[set_index, way] = line << STATE_BITS | (SHARED if probe & 1 else ABSENT)
                _forget(host, line)
    host["probes_seen"] = count


@jit
def _miss(host, dcache, clock, tags, trace, events, time, line, write, way):
    """Fetch a line, or the permission to write it; return when the access commits."""
    host["dcache_misses"] += 1
    set_index = line & (dcache.shape[0] - 1)
    if way < 0:
        way = host["dcache_lfsr"] % dcache.shape[1]
        victim = dcache[set_index, way]
        _forget(host, victim >> STATE_BITS)
        if victim & _STATE == MODIFIED:
            address = victim >> STATE_BITS << LINE
            accelerator_clock.host_release(clock, tags, trace, events, time + RELEASE_DELAY, address)
            time += WRITE_BACK
        dcache[set_index, way] = 0
    done = accelerator_clock.host_line(clock, tags, trace, events, time, line << LINE, 1 if write else 0, 0)
    host["dcache_lfsr"] = next_lfsr(host["dcache_lfsr"])
    take_probes(host, dcache, clock)
    dcache[set_index, way] = line << STATE_BITS | (MODIFIED if write else EXCLUSIVE)
    return done + AFTER_GRANT


@jit
def access(host, dcache, clock, tags, trace, events, time, address, mask, read, write, straddles):
    """Return when an access commits that first could at ``time``."""
    word = address >> 3
    if read:
        bytes_ = mask << (address & 7)
        distance = _CLOSE + 1
        if host["older_word"] == word and host["older_mask"] & bytes_ != 0:
            distance = time - host["older_time"]
        if host["store_word"] == word and host["store_mask"] & bytes_ != 0:
            distance = time - host["store_time"]
        if distance <= 2 or (distance == 3 and host["load_time"] == time - 1):
            time += REPLAY + straddles
            host["replays"] += 1
    if host["upgrade_time"] == time - 1:
        time += REPLAY + straddles
        host["replays"] += 1
    line = address >> LINE
    set_index = line & (dcache.shape[0] - 1)
    found = -1
    for way in range(dcache.shape[1]):
        entry = dcache[set_index, way]
        if entry >> STATE_BITS == line and entry & _STATE != ABSENT:
            found = way
            break
    if found < 0 or (write and dcache[set_index, found] & _STATE == SHARED):
        time = _miss(host, dcache, clock, tags, trace, events, time, line, write, found)
    elif write and dcache[set_index, found] & _STATE == EXCLUSIVE:
        dcache[set_index, found] = line << STATE_BITS | MODIFIED
        host["upgrade_time"] = time
        accelerator_clock.note_host_write(clock, tags, trace, events, address)
    slot = line & (FILTER - 1)
    host["load_line"][slot] = line
    if write:
        host["store_line"][slot] = line
        note_store(host, address, mask, time)
    if read:
        host["load_time"] = time
    return time
