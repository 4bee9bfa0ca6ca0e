"""What the clock remembers of stretches of calls that it has simulated (see ``replay``)."""

from __future__ import annotations

from gemmini_sim.engine.cycle_clock.records import STALL_NAMES
from gemmini_sim.engine.cycle_clock.sizes import BANKS, MSHRS, STATION

__all__ = [
    "BANK_SHIFT",
    "COUNTERS",
    "ENDS",
    "JOURNAL",
    "KNOWN_REGISTERS",
    "MOST_BANKS",
    "MOST_CALLS",
    "NODES",
    "PAIRS",
    "REPLAY_REGISTERS",
    "SHAPES",
    "SLOTS",
    "TAGS",
    "TRACE_ROWS",
    "UNDO",
    "VECTORS",
]

BANK_SHIFT = 22  # of the number of a bank in a local address that is named (see local_rows)
MOST_BANKS = 126  # of both memories
TAGS = 127  # commands of loads and stores that can be told apart, more than can be on their way
MOST_CALLS = 64  # of a stretch
SHAPES = 1 << 12
NODES = 1 << 14
SLOTS = 1 << 15  # of the hash table of nodes, twice as many
VECTORS = 1 << 22  # words of all canonical states
JOURNAL = 1 << 22  # words of all journals
TRACE_ROWS = 256  # of the command trace that a stretch may still change
UNDO = 4096  # changes of the tag array in a stretch
COUNTERS = 4 + len(STALL_NAMES)
ENDS = COUNTERS + 4  # words behind the end of a stretch
PAIRS = 8  # of pages, of which it is known whether they are the same

REPLAY_REGISTERS = [
    # --- the call under way, and what it returns
    ("call_rs1", "i8"),
    ("call_rs2", "i8"),
    ("call_pc", "i8"),
    ("call_commit", "i8"),
    # --- the stretch of calls under way
    ("replay_on", "i8"),
    ("low_bits", "i8"),  # of an address: place within a line and within a request
    ("replay_mode", "i8"),
    ("replay_pause", "i8"),
    ("replay_pauses", "i8"),  # one after the other, each twice as long
    ("replay_new", "i8"),  # states in a row that had not been seen before
    ("stretch_node", "i8"),
    ("stretch_base", "i8"),
    ("stretch_sequence", "i8"),
    ("stretch_calls", "i8"),
    ("last_pc", "i8"),
    ("shape", "i8"),  # what the calls since the last turn of a loop were, as one number
    ("stretch_funct", "i8", (MOST_CALLS,)),
    ("stretch_rs1", "i8", (MOST_CALLS,)),
    ("stretch_rs2", "i8", (MOST_CALLS,)),
    ("stretch_cycle", "i8", (MOST_CALLS,)),
    ("stretch_pc", "i8", (MOST_CALLS,)),
    ("stretch_row", "i8"),  # of the command trace: that of the first call
    ("before_lost", "i8", (TRACE_ROWS,)),
    ("before_conflict", "i8", (TRACE_ROWS,)),
    ("stretch_counters", "i8", (COUNTERS,)),
    # --- where loads and stores begin in DRAM, by the tag that their addresses carry
    ("sequence", "i8"),
    ("origin", "i8", (TAGS + 1,)),
    # --- local rows, by the distance from the last one used in their bank
    ("anchored", "i8"),  # whether they are themselves
    ("origin_rows", "i8"),  # banks of both memories
    ("origin_row", "i8", (2 * BANKS,)),
    ("before_origin_row", "i8", (2 * BANKS,)),
    ("origin_block_stride", "i8", (3,)),  # as configured by the commands given so far
    ("origin_a_rows", "i8"),  # that a whole tile reaches over
    ("origin_c_rows", "i8"),
    ("origin_preload", "i8"),  # whether a preload was the last command for the array
    # --- what a replayed stretch changed, and how it was before
    ("undo_count", "i8"),
    ("undo_place", "i8", (UNDO,)),
    ("undo_entry", "i8", (UNDO,)),
    *[(f"before_{name}", "i8") for name in ("lfsr", "misses", "probe_count")],
    *[(f"before_{name}", "i8", (MSHRS,)) for name in ("mshr_line", "mshr_way", "mshr_set", "mshr_victim")],
    # --- writing down a state
    ("places", "i8", (max(64, BANKS),)),
    ("entries", "i8"),  # of the array's commands in the station: how many there are,
    ("entry_name", "i8", (STATION,)),  # the name of each in a state, -1 for one that is free
    ("entry_named", "i8", (STATION,)),  # and which has a name
    ("queued", "i8"),  # commands in front of the station
    ("vector_end", "i8"),
    ("journal_tail", "i8"),
    ("matched_packet", "i8"),  # what was asked last: what follows from it is not noted again
    ("matched_valid", "i8"),
    ("kept_asked", "i8"),  # a question that is noted with the next; 0 for none
    ("kept_about", "i8"),
    ("kept_answer", "i8"),
    ("page_last", "i8", (2,)),  # names of the writer's last page and of the reader's, even if of the stretch before
    ("compared", "i8", (2,)),  # the requests that were compared with them last
    ("page_before", "i8", (2,)),  # the page of the request before
    ("page_command", "i8", (2,)),  # of each, of whose rows it is known how they lie in pages
    ("page_row", "i8", (2,)),  # how far the first of these rows is behind where the command begins,
    ("page_first", "i8", (2,)),  # and the least
    ("page_final", "i8", (2,)),  # and the most bytes that it may be behind the beginning of its page
    ("page_pair", "i8"),
    ("page_pairs", "i8", (PAIRS, 2)),  # the last pairs of pages that were compared
    ("translator_set", "i8"),  # whether the reader or the writer has asked for a translation since the stretch began
    ("held_charged", "i8", (STATION,)),  # cycles waited for loads that were in the station when the stretch began
    ("held_touched", "i8"),  # for which of them,
    ("held_set", "i8"),  # which have entered since,
    ("held_split", "i8"),  # and how many of the cycles were the line's in front of the station
    ("robin_set", "i8"),  # whether a register of the L2 has acted since the stretch began
]

# Known states, and what was seen to follow them. It is true of every run of the same machine.
KNOWN_REGISTERS = [
    ("shapes", "i8", (SHAPES,)),  # what calls between two turns of a loop have come before, as one number
    ("nodes", "i8"),
    ("node_slots", "i8", (SLOTS,)),
    ("node_hash", "i8", (NODES,)),
    ("node_vector", "i8", (NODES,)),
    ("node_words", "i8", (NODES,)),
    ("node_link", "i8", (NODES,)),
    ("vectors_used", "i8"),
    ("vectors", "i8", (VECTORS,)),
    ("journal_used", "i8"),
    ("journal", "i8", (JOURNAL,)),
]
