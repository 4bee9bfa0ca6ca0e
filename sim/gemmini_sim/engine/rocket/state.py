"""The state of the Rocket model: one record, and the two caches' tag arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the cache of machine code is keyed by the engine's sources alone
    from gemmini_sim.config import MachineConfig

__all__ = [
    "ABSENT",
    "AFTER_FLOW",
    "AFTER_MARKER",
    "ELSEWHERE",
    "EXCLUSIVE",
    "FETCH_FILTER",
    "FILTER",
    "FORGOTTEN",
    "IN_SEQUENCE",
    "LINE",
    "MODIFIED",
    "NOT_SIMPLE",
    "NOWHERE",
    "PENDING",
    "QUEUE",
    "ROCKET_DTYPE",
    "SHARED",
    "SLOWLY",
    "STATE_BITS",
    "RocketState",
    "new_rocket",
]

FORGOTTEN = -(1 << 40)  # a cycle so long ago that nothing waits for it
QUEUE = 8  # ring of the last fetch packets
FILTER = 1024  # lines of the data cache that were found last, direct-mapped
FETCH_FILTER = 256  # likewise of the instruction cache
LINE = 6  # bytes of a line, as a shift
PENDING = 8  # resolved branches whose direction is not in the history table yet
NOT_SIMPLE = -1  # in place of a cycle: the fast path does not know it
NOWHERE = -(1 << 62)  # in place of a halfword: before all that there are

# Where the next instruction is: in sequence; behind a branch or jump; behind a marker; elsewhere, after a trap or the
# like; in sequence, but it cannot take the fast path.
IN_SEQUENCE, AFTER_FLOW, AFTER_MARKER, ELSEWHERE, SLOWLY = range(5)

# States of a line of the data cache, beside its number.
ABSENT, SHARED, EXCLUSIVE, MODIFIED = 0, 1, 2, 3
STATE_BITS = 2

BTB_ENTRIES = 62
BHT_ENTRIES = 2048
RAS_ENTRIES = 32

ROCKET_DTYPE = np.dtype(
    [
        ("time", "i8"),  # cycle in which the last instruction was in the write-back stage, where it commits
        ("next", "i8"),  # IN_SEQUENCE and so on
        ("ready", "i8", (66,)),  # earliest write-back cycle of an instruction that uses the register
        # --- fetch: packets are numbered by their address
        ("packet", "i8"),  # packet of the last halfword that was decoded; left alone on the fast path
        ("number", "i8"),  # packets since the start, for the ring; likewise
        ("renumber", "i8"),  # number less packet, which instructions in sequence do not change
        (
            "taken",
            "i8",
            (2 * QUEUE,),
        ),  # cycle in which the decoder took each of the last packets; room for writes in vain
        ("fetched", "i8"),  # cycle in which a packet could be decoded, and its number
        ("fetched_number", "i8"),
        ("boundary", "i8"),  # first halfword behind the line of the packet
        ("fetch_line", "i8", (FETCH_FILTER,)),  # lines known to be in the instruction cache
        ("icache_lfsr", "i8"),
        # --- the last branch or jump, until its successor is known
        ("flow", "i8"),  # one of BRANCH and so on in `branches`, + DIRECT
        ("flow_end", "i8"),  # halfword behind it
        # --- data cache
        ("load_line", "i8", (FILTER,)),  # lines known to be there
        ("store_line", "i8", (FILTER,)),  # lines known to be there and modified
        ("dcache_lfsr", "i8"),
        # Doublewords of the last store and of the one before it, their bytes, and when they committed. In this order
        # the two that are copied together are not neighbours: one wide load would wait for the two stores before it.
        ("store_word", "i8"),
        ("older_word", "i8"),
        ("store_mask", "i8"),
        ("older_mask", "i8"),
        ("store_time", "i8"),
        ("older_time", "i8"),
        ("load_time", "i8"),  # when the last load committed
        ("upgrade_time", "i8"),  # when a store last changed the state of its line
        ("uncached_free", "i8"),  # when the last access to a device is done
        ("fenced", "i8"),  # the next access to memory or command waits for all accesses before it
        ("probes_seen", "i8"),
        # --- long operations
        ("divider_free", "i8"),  # earliest write-back cycle of the next multiplication or division
        ("late_register", "i8"),  # register whose result waits for the write port, -1 if none, and since when
        ("late_time", "i8"),
        ("float_free", "i8"),
        ("rocc_time", "i8"),  # when the last command was accepted
        # --- branch prediction
        ("bht", "i1", (BHT_ENTRIES,)),
        ("btb_packet", "i8", (BTB_ENTRIES,)),  # -1: empty
        ("btb_target", "i8", (BTB_ENTRIES,)),
        ("btb_kind", "i8", (BTB_ENTRIES,)),
        ("btb_half", "i8", (BTB_ENTRIES,)),  # which halfword of the packet ends the branch
        ("btb_tree", "i8"),  # pseudo-least-recently-used bits
        ("btb_path", "i8", (BTB_ENTRIES,)),  # those on the way to an entry, and those of them that point elsewhere
        ("btb_away", "i8", (BTB_ENTRIES,)),
        ("btb_map", "i1", (512,)),  # entry of a packet, by its low bits
        ("history", "i8"),
        ("history_before", "i8"),  # what it was until the last change
        ("history_time", "i8"),  # cycle of the last change
        ("pending_index", "i8", (PENDING,)),
        ("pending_value", "i8", (PENDING,)),
        ("pending_time", "i8", (PENDING,)),
        ("pending_head", "i8"),
        ("pending_count", "i8"),
        ("ras", "i8", (RAS_ENTRIES,)),
        ("ras_top", "i8"),
        ("ras_count", "i8"),
        # --- the machine
        ("icache_sets", "i8"),
        ("icache_ways", "i8"),
        ("dcache_sets", "i8"),
        ("dcache_ways", "i8"),
        ("btb_entries", "i8"),
        ("ras_entries", "i8"),
        ("bht_shift", "i8"),
        ("bht_history", "i8"),
        ("bht_factor", "i8"),  # of the global history, the bits that are left of it, and their place
        ("bht_drop", "i8"),
        ("bht_place", "i8"),
        ("multiply_bits", "i8"),  # bits of the multiplier per cycle, and cycles for all of them
        ("multiply_steps", "i8"),
        ("multiply_early", "i8"),
        ("divide_early", "i8"),
        ("uncached_latency", "i8"),
        # --- counts
        ("mispredicts", "i8"),
        ("icache_misses", "i8"),
        ("dcache_misses", "i8"),
        ("replays", "i8"),
    ],
    align=True,
)


class RocketState(NamedTuple):
    """The host's timing, as the engine passes it on: ROCKET_DTYPE [1], and tags [sets, ways] of the caches.

    The instruction cache's tags are line numbers, -1 where there is none; the data cache's are
    ``line << STATE_BITS | state``.
    """

    core: NDArray[Any]
    icache: NDArray[np.int64]
    dcache: NDArray[np.int64]


def _tree_bits(way: int, ways: int) -> tuple[int, int]:
    """Return the bits on the way to a leaf of a tree of pseudo-least-recently-used bits, and those that point away."""
    path = away = low = 0
    while ways > 1:
        right = 1 << (ways - 1).bit_length() - 1
        bit = 1 << low + ways - 2
        path |= bit
        if way >= right:
            way -= right
            low += right - 1
            ways -= right
        else:
            away |= bit
            ways = right
    return path, away


def new_rocket(config: MachineConfig) -> RocketState:
    """Return the host after reset, with empty caches."""
    host = config.host
    state = np.zeros(1, ROCKET_DTYPE)
    core = state[0]
    core["next"] = ELSEWHERE
    core["late_register"] = core["packet"] = core["store_word"] = core["older_word"] = -1
    core["taken"] = FORGOTTEN
    core["load_line"] = core["store_line"] = core["fetch_line"] = -1
    for field in ("store_time", "older_time", "load_time", "upgrade_time", "rocc_time", "history_time"):
        core[field] = FORGOTTEN
    core["icache_lfsr"] = core["dcache_lfsr"] = 1
    core["btb_packet"] = -1
    core["icache_ways"], core["dcache_ways"] = host.icache_ways, host.dcache_ways
    core["icache_sets"] = host.icache_kilobytes * 1024 // (host.icache_ways * config.l2.line_bytes)
    core["dcache_sets"] = host.dcache_kilobytes * 1024 // (host.dcache_ways * config.l2.line_bytes)
    core["btb_entries"] = host.btb_entries
    core["ras_entries"] = host.return_addresses
    core["bht_shift"] = host.history_entries.bit_length() - 1
    for entry in range(host.btb_entries):
        core["btb_path"][entry], core["btb_away"][entry] = _tree_bits(entry, host.btb_entries)
    core["bht_history"] = host.history_length
    bits = min(host.history_bits, host.history_length)
    core["bht_place"] = core["bht_shift"] - bits
    core["bht_drop"] = host.history_length - bits
    # a history longer than what enters the place is multiplied by sqrt(3) / 2, of which the fraction is taken
    core["bht_factor"] = (56756 << host.history_length) >> 16 if core["bht_drop"] else 1
    core["multiply_bits"], core["multiply_steps"] = host.multiplier_bits, 64 // host.multiplier_bits
    core["multiply_early"] = core["divide_early"] = host.early_out
    core["uncached_latency"] = host.device_latency
    return RocketState(
        core=state,
        icache=np.full((int(core["icache_sets"]), host.icache_ways), -1, np.int64),
        dcache=np.zeros((int(core["dcache_sets"]), host.dcache_ways), np.int64),
    )
