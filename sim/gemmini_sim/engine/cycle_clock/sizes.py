"""Sizes of the arrays in the clock's record, and the units that every part of it knows."""

from __future__ import annotations

__all__ = [
    "ALL",
    "BANKS",
    "CACHE",
    "CHANNEL",
    "CHANNEL_QUEUES",
    "COMMANDS",
    "COMPLETION",
    "CONTROL",
    "DRAM_BANKS",
    "DRAM_QUEUE",
    "EXECUTE",
    "EXECUTION",
    "FRONT",
    "ISSUING",
    "LOAD",
    "LOADS",
    "MESH_OPERATIONS",
    "MESH_ROWS",
    "MSHRS",
    "NOTED",
    "OUTER",
    "PAIRING",
    "READER",
    "RESPONSES",
    "ROWS_IN_FLIGHT",
    "SOMETHING",
    "STAGES",
    "STATION",
    "STORE",
    "STORES",
    "TRACKERS",
    "TRANSACTIONS",
    "UNIT_QUEUE",
    "WAITING",
    "WRITER_SIDE",
]

# Sizes of the arrays inside the record: upper bounds of what a machine description may ask for.
STATION = 64  # entries of one reservation-station queue at most 62: one bit each; a ring
COMMANDS = 16  # commands between the host and the station: more than the queues hold
STAGES = 5  # command queues in front of the reservation station
UNIT_QUEUE = 64  # entries of a unit's command queue, a ring
TRACKERS = 16
TRANSACTIONS = 62  # DMA reads or writes in flight, one bit each
ROWS_IN_FLIGHT = 64  # rows between two units, rings
MESH_ROWS = 512
MESH_OPERATIONS = 16
CONTROL = 16
MSHRS = 16
WAITING = 64  # requests that wait for an MSHR of their set
RESPONSES = 32
BANKS = 64
DRAM_BANKS = 64
DRAM_QUEUE = 32
CHANNEL_QUEUES = 4
NOTED = 64  # events of one cycle

LOAD, EXECUTE, STORE = 0, 1, 2

# Units that are stepped only in cycles for which somebody asked; SOMETHING asks for a cycle and for no unit.
(
    SOMETHING,
    CACHE,
    CHANNEL,
    EXECUTION,
    READER,
    PAIRING,
    ISSUING,
    LOADS,
    STORES,
    FRONT,
    COMPLETION,
    OUTER,
    WRITER_SIDE,
) = (1 << bit for bit in range(13))
ALL = (1 << 13) - 1
