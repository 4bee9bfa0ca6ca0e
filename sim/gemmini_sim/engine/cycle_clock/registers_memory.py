"""Registers of the L2, the memory port and the host's side of it."""

from __future__ import annotations

from gemmini_sim.engine.cycle_clock.sizes import (
    DRAM_BANKS,
    DRAM_QUEUE,
    MSHRS,
    WAITING,
)

__all__ = ["MEMORY_REGISTERS"]

MEMORY_REGISTERS = [
    # --- L2
    ("lfsr", "i8"),
    ("mshr_valid", "i8"),
    ("mshr_freed", "i8"),
    ("mshr_want_a", "i8"),
    ("mshr_want", "i8"),
    ("mshr_want_c", "i8"),
    ("mshr_want_d", "i8"),
    ("mshr_want_b", "i8"),
    ("mshr_want_write", "i8"),
    ("mshr_wake", "i8", (16,)),
    ("mshr_ready", "i8"),
    ("mshr_robin", "i8"),
    ("mshr_line", "i8", (MSHRS,)),
    ("mshr_way", "i8", (MSHRS,)),
    ("mshr_set", "i8", (MSHRS,)),
    ("mshr_packet", "i8", (MSHRS,)),
    ("mshr_state", "i8", (MSHRS,)),
    ("mshr_victim", "i8", (MSHRS,)),
    ("mshr_waits", "i8", (MSHRS,)),
    ("mshr_arrived", "i8", (MSHRS,)),  # of what they wait for, in this cycle
    ("arrived", "i8"),
    ("mshr_host_wrote", "i8"),  # registers whose probe brings back a line that the host has written
    ("waiting_packet", "i8", (WAITING,)),
    ("waiting_next", "i8", (WAITING,)),
    ("waiting_free", "i8"),
    ("waiting_count", "i8"),
    ("waiting_first", "i8", (MSHRS,)),
    ("waiting_final", "i8", (MSHRS,)),
    ("offered", "i8"),
    ("offered_to", "i8"),
    ("directory_write", "i8"),
    ("directory_write_time", "i8"),
    ("directory_read", "i8"),
    ("put_beats", "i8"),
    # SourceD: the answer that is being read out, whether its current beat has been, and the stages behind
    ("source_valid", "i8"),
    ("source_packet", "i8"),
    ("source_mshr", "i8"),
    ("source_beat", "i8"),
    ("source_beats", "i8"),
    ("source_first_beat", "i8"),
    ("source_reads", "i8"),
    ("source_has", "i8"),
    ("source_2", "i8"),
    ("source_3", "i8"),
    ("source_4", "i8"),
    # SourceC: the line that is being written back
    ("release_valid", "i8"),
    ("release_mshr", "i8"),
    ("release_beat", "i8"),
    ("release_fill", "i8"),
    ("release_queue", "i8", (32,)),
    ("release_queue_time", "i8", (32,)),
    ("release_head", "i8"),
    # probes of the host's first-level cache
    ("probe_time", "i8", (MSHRS,)),
    ("probes", "i8"),
    ("probe_free", "i8"),
    # --- memory port
    ("acquire_queue", "i8", (4,)),
    ("acquire_time", "i8", (4,)),
    ("acquire_head", "i8"),
    ("acquire_count", "i8"),
    ("acquire_pop", "i8"),
    ("port_beats", "i8"),
    ("read_mshr", "i8", (MSHRS,)),
    ("read_time", "i8", (MSHRS,)),
    ("read_head", "i8"),
    ("read_count", "i8"),
    ("read_beat", "i8"),
    ("write_mshr", "i8", (MSHRS,)),
    ("write_time", "i8", (MSHRS,)),
    ("write_head", "i8"),
    ("write_count", "i8"),
    ("write_delay", "i8"),
    # --- DRAM with open rows
    ("dram_row", "i8", (DRAM_BANKS,)),  # which row is open, -1 for none
    ("dram_bank_free", "i8", (DRAM_BANKS,)),
    ("dram_bus_free", "i8"),
    ("dram_queue", "i8", (DRAM_QUEUE,)),  # lines to write
    ("dram_queued", "i8"),
    ("dram_writes", "i8"),  # whether the last transfer was a write
    # answers to what the memory never sees: [ends of releases, permissions to write]
    ("clean_mshr", "i8", (2, 2)),
    ("clean_time", "i8", (2, 2)),
    ("clean_head", "i8", (2,)),
    ("clean_count", "i8", (2,)),
    ("clean_pop", "i8", (2,)),
    ("grants", "i8"),  # lines and permissions that the L2 has not acknowledged, and when it did the last two
    ("grant_acked", "i8", (2,)),
    ("sink_kind", "i8", (2,)),
    ("sink_mshr", "i8", (2,)),
    ("sink_beat", "i8", (2,)),
    ("sink_time", "i8", (2,)),
    ("sink_head", "i8"),
    ("sink_count", "i8"),
    ("sink_pop", "i8"),
    ("sink_expects", "i8"),
    ("banks_used", "i8"),
    # --- the host's line
    ("host_packet", "i8"),
    ("host_valid", "i8"),
    ("host_time", "i8"),
    ("host_done", "i8"),
    ("host_beats", "i8"),
    ("host_release_line", "i8"),  # a line that the host gives back, -1 if none, and when it arrives
    ("host_release_time", "i8"),
    ("grant_ack_time", "i8"),
    ("grant_ack_mshr", "i8"),
    ("probe_count", "i8"),
    ("probe_line", "i8", (64,)),
]
