"""The states that the clock has been in, found by their words."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.registers_replay import SLOTS

__all__ = ["find_state", "forget_states"]

_SPREAD = 0x1E3779B97F4A7C15  # an odd number without a pattern


@jit
def forget_states(clock):
    """Begin anew when there is no room left."""
    for slot in range(SLOTS):
        clock["node_slots"][slot] = 0
    clock["nodes"] = 1
    clock["vectors_used"] = 0
    clock["journal_used"] = 1


@jit
def find_state(clock):
    """Return the number of the state that was just written, which is kept if it is new."""
    first = clock["vectors_used"]
    words = clock["vector_end"] - first
    digest = words
    for i in range(words):
        digest += clock["vectors"][first + i] * ((i + 1) * _SPREAD | 1)
    slot = (digest ^ digest >> 32) & (SLOTS - 1)
    while True:
        node = clock["node_slots"][slot]
        if node == 0:
            break
        if clock["node_hash"][node] == digest and clock["node_words"][node] == words:
            known = clock["node_vector"][node]
            same = True
            for i in range(words):
                if clock["vectors"][known + i] != clock["vectors"][first + i]:
                    same = False
                    break
            if same:
                clock["replay_new"] = clock["replay_pauses"] = 0
                return node
        slot = (slot + 1) & (SLOTS - 1)
    node = clock["nodes"]
    clock["nodes"] = node + 1
    clock["node_slots"][slot] = node
    clock["node_hash"][node] = digest
    clock["node_words"][node] = words
    clock["node_vector"][node] = first
    clock["vectors_used"] = clock["vector_end"]
    clock["node_link"][node] = clock["journal_used"]
    clock["journal"][clock["journal_used"]] = 0
    clock["journal_used"] += 1
    clock["replay_new"] += 1
    return node
