"""Branch prediction: branch target buffer, history table with a global history, return address stack.

The buffer is looked up with the address of a fetch packet in the packet's first cycle, the history table beside it. A
packet without an entry is looked at when it has been fetched: jumps, returns and branches whose history says so are
followed then, a cycle later.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.rocket.state import PENDING

__all__ = [
    "BRANCH",
    "DIRECT",
    "RETURN",
    "advance_history",
    "btb_lookup",
    "btb_touch",
    "btb_write",
    "history_index",
    "jump_kind",
    "note_direction",
    "ras_follow",
    "set_history",
    "settle_directions",
]

BRANCH, JUMP, CALL, RETURN = 0, 1, 2, 3
DIRECT = 4  # beside the kind: a jump whose target is in the instruction


@jit
def jump_kind(rd, rs1):
    """Return what the buffer takes a jump for; ``rs1`` is 0 for one whose target is in the instruction."""
    if rd & 1:
        return CALL
    return RETURN if rs1 == 1 or rs1 == 5 else JUMP


@jit
def btb_lookup(host, packet):
    """Return the entry of a packet, -1 if there is none."""
    entry = host["btb_map"][packet & 511]
    return entry if host["btb_packet"][entry] == packet else -1


@jit
def btb_touch(host, way):
    """Note the use of an entry in the tree of pseudo-least-recently-used bits."""
    host["btb_tree"] = host["btb_tree"] & ~host["btb_path"][way] | host["btb_away"][way]


@jit
def _victim(host):
    ways = host["btb_entries"]
    tree = host["btb_tree"]
    low = 0
    way = 0
    while ways > 1:
        right = 1
        while 2 * right < ways:
            right *= 2
        if tree >> (low + ways - 2) & 1:
            way += right
            low += right - 1
            ways -= right
        else:
            ways = right
    return way


@jit
def btb_write(host, entry, packet, half, target, kind):
    """Enter a branch, in the packet's own entry or in a new one (-1)."""
    if entry < 0:
        entry = _victim(host)
    host["btb_packet"][entry] = packet
    host["btb_half"][entry] = half
    host["btb_target"][entry] = target
    host["btb_kind"][entry] = kind
    host["btb_map"][packet & 511] = entry
    btb_touch(host, entry)


@jit
def history_index(host, packet, history):
    """Return the place in the history table of a packet under a global history."""
    shift = host["bht_shift"]
    hashed = (history * host["bht_factor"] & (1 << host["bht_history"]) - 1) >> host["bht_drop"]
    return (packet & (1 << shift) - 1) ^ (packet >> shift & 3) ^ hashed << host["bht_place"]


@jit
def settle_directions(host, cycle):
    """Bring the history table to the state that a look-up in ``cycle`` sees."""
    while host["pending_count"] > 0:
        head = host["pending_head"]
        if host["pending_time"][head] > cycle:
            return
        host["bht"][host["pending_index"][head]] = host["pending_value"][head]
        host["pending_head"] = (head + 1) & (PENDING - 1)
        host["pending_count"] -= 1


@jit
def note_direction(host, cycle, index, taken):
    """Write a branch's direction into the history table; look-ups see it from ``cycle``."""
    if host["pending_count"] == PENDING:
        settle_directions(host, host["pending_time"][host["pending_head"]])
    slot = (host["pending_head"] + host["pending_count"]) & (PENDING - 1)
    host["pending_index"][slot] = index
    host["pending_value"][slot] = taken
    host["pending_time"][slot] = cycle
    host["pending_count"] += 1


@jit
def set_history(host, cycle, history):
    """Change the global history at the end of a cycle."""
    host["history_before"] = host["history"]
    host["history"] = history
    host["history_time"] = cycle


@jit
def advance_history(host, history, taken):
    """Return a global history with one more direction."""
    return taken << (host["bht_history"] - 1) | history >> 1


@jit
def ras_follow(host, kind, back):
    """Push the return address of a call, or pop that of a return."""
    entries = host["ras_entries"]
    if kind == CALL:
        top = host["ras_top"] + 1
        host["ras_top"] = 0 if top >= entries else top
        host["ras"][host["ras_top"]] = back
        host["ras_count"] = min(host["ras_count"] + 1, entries)
    elif kind == RETURN and host["ras_count"] > 0:
        host["ras_count"] -= 1
        top = host["ras_top"] - 1
        host["ras_top"] = entries - 1 if top < 0 else top
