"""Registers of the command path, the reservation station and the units' command queues."""

from __future__ import annotations

from gemmini_sim.engine.cycle_clock.sizes import (
    COMMANDS,
    STAGES,
    STATION,
    UNIT_QUEUE,
)

__all__ = ["COMMAND_REGISTERS"]

COMMAND_REGISTERS = [
    # --- commands on their way to the reservation station
    ("commands_free", "i8"),
    ("command_count", "i8"),
    ("command_funct", "i8", (COMMANDS,)),
    ("command_rs1", "i8", (COMMANDS,)),
    ("command_rs2", "i8", (COMMANDS,)),
    ("command_row", "i8", (COMMANDS,)),
    ("command_from", "i8", (COMMANDS,)),
    ("stage_command", "i8", (STAGES, 2)),
    ("stage_time", "i8", (STAGES, 2)),
    ("stage_head", "i8", (STAGES,)),
    ("stage_count", "i8", (STAGES,)),
    ("stage_pop", "i8", (STAGES,)),
    ("front_count", "i8"),
    # --- reservation station: [queue][entry]
    ("entry_valid", "i8", (3,)),
    ("entry_freed", "i8", (3,)),
    ("entry_funct", "i8", (3, STATION)),
    ("entry_rs1", "i8", (3, STATION)),
    ("entry_rs2", "i8", (3, STATION)),
    ("entry_row", "i8", (3, STATION)),
    ("entry_begun", "i8", (3, STATION)),
    ("entry_time", "i8", (3, STATION)),
    ("entry_wait", "i8", (3, STATION)),
    ("entry_users", "i8", (3, STATION, 3)),
    ("entry_operands", "i8", (3, STATION)),
    ("entry_start", "i8", (3, STATION, 2)),
    ("entry_end", "i8", (3, STATION, 2)),
    ("entry_wraps", "i8", (3, STATION, 2)),
    ("entry_memory", "i8", (3, STATION, 2)),
    ("entry_from", "i8", (3, STATION)),
    ("entry_blocker", "i8", (3, STATION)),
    ("unissued", "i8", (3, STATION)),
    ("unissued_head", "i8", (3,)),
    ("unissued_count", "i8", (3,)),
    ("station_count", "i8"),
    ("solitary_preload", "i8"),
    ("station_a_stride", "i8"),
    ("station_c_stride", "i8"),
    ("station_a_transpose", "i8"),
    ("station_pooling", "i8"),
    ("station_block_stride", "i8", (3,)),
    ("station_pixel_repeats", "i8", (3,)),
    # --- the units' command queues
    ("queue_entry", "i8", (3, UNIT_QUEUE)),
    ("queue_funct", "i8", (3, UNIT_QUEUE)),
    ("queue_rs1", "i8", (3, UNIT_QUEUE)),
    ("queue_rs2", "i8", (3, UNIT_QUEUE)),
    ("queue_time", "i8", (3, UNIT_QUEUE)),
    ("queue_head", "i8", (3,)),
    ("queue_count", "i8", (3,)),
    ("queue_pop", "i8", (3,)),
]
