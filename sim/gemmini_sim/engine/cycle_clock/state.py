"""The clock's state: one record for the registers of all units, and the arrays beside it.

Names follow the hardware's. Everything is int64, so that jitted code never mixes signed and unsigned numbers. A time
is the cycle from which something is visible: a register written in cycle t is seen in t + 1.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine.cycle_clock.records import (
    COMMAND_DTYPE,
    EVENT_DTYPE,
    HOST,
    STALL_NAMES,
)
from gemmini_sim.engine.cycle_clock.registers_array import ARRAY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_command import COMMAND_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_loops import LOOP_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_memory import MEMORY_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_move import MOVE_REGISTERS
from gemmini_sim.engine.cycle_clock.registers_replay import (
    BANK_SHIFT,
    KNOWN_REGISTERS,
    MOST_BANKS,
    REPLAY_REGISTERS,
    TAGS,
)
from gemmini_sim.engine.cycle_clock.sizes import (
    BANKS,
    COMMANDS,
    MSHRS,
    NOTED,
    STATION,
    TRACKERS,
    TRANSACTIONS,
    UNIT_QUEUE,
    WAITING,
)

__all__ = [
    "CLOCK_DTYPE",
    "GENERAL_REGISTERS",
    "clock_arguments",
    "new_clock",
    "new_events",
    "new_tags",
    "new_trace",
    "reset_clock",
    "word_of",
    "words_of",
]

_LINE_WORDS = 8  # of the computer's own cache, so that a set of eight ways is in one line

_settings: Any = numba.config  # a module whose variables are made at run time

_STORED_ROWS = 25  # at most between the store controller and the writer's requests
_LEAST_ROWS = 4  # of an operation of the array, whatever its operands
_MASK_BITS = 62  # entries that a mask has bits for

GENERAL_REGISTERS = [
    # --- machine description
    ("dim", "i8"),
    ("element_bytes", "i8"),
    ("accumulator_bytes", "i8"),
    ("scratchpad_rows", "i8"),
    ("bank_shift", "i8"),
    ("banks", "i8"),
    ("accumulator_rows", "i8"),
    ("accumulator_bank_rows", "i8"),
    ("accumulator_bank_shift", "i8"),
    ("dim_shift", "i8"),
    ("row_shift", "i8"),
    ("wide_row_shift", "i8"),
    ("bus_shift", "i8"),
    ("address_mask", "i8"),
    ("local_mask", "i8"),  # of a local address: its row, and which memory
    ("station_entries", "i8", (3,)),
    ("queue_entries", "i8", (3,)),
    ("trackers", "i8"),
    ("bus_bytes", "i8"),
    ("request_bytes", "i8"),
    ("line_bytes", "i8"),
    ("line_shift", "i8"),
    ("reads_in_flight", "i8"),
    ("read_delay", "i8"),
    ("scale_latency", "i8"),
    ("mvin_scale_latency", "i8"),
    ("mvin_scale_units", "i8"),
    ("mesh_latency", "i8"),
    ("tag_queue", "i8"),
    ("mshrs", "i8"),
    ("sets", "i8"),
    ("ways", "i8"),
    ("memory_beats", "i8"),
    ("memory_bytes", "i8"),
    ("dram_latency", "i8"),
    ("write_latency", "i8"),
    ("dram_banks", "i8"),
    ("dram_row_shift", "i8"),
    ("dram_activate", "i8"),
    ("dram_precharge", "i8"),
    ("dram_burst", "i8"),
    ("dram_turnaround", "i8"),
    ("dram_write_queue", "i8"),
    ("tracing", "i8"),
    ("accounting", "i8"),  # whether cycles are given to causes; 0 only to measure what that costs
    # --- time
    ("now", "i8"),
    ("ready", "i8"),
    ("coming", "i8"),
    ("wake", "i8"),
    ("due_results", "i8"),
    ("due_mesh", "i8"),
    ("due_rows", "i8"),
    ("due_responses", "i8"),
    ("freed", "i8"),
    ("was_busy", "i8"),
    ("slowest_row", "i8"),  # more cycles than a local row ever takes
    ("patience", "i8"),  # cycles after which a wait counts as endless
    ("hung", "i8"),
    # --- where the cycles went (stalls.py)
    ("stalls", "i8", (len(STALL_NAMES),)),
    ("fed", "i8"),  # what the array got in this cycle, -1 for nothing
    ("fed_row", "i8"),  # trace row of the command that it got it for
    ("last_cause", "i8"),
    ("blamed", "i8"),  # trace row of the command that a cycle is lost to, -1 for none
    ("last_blamed", "i8"),
    ("waits_for", "i8"),  # load entry that the next execute command waits for, -1 for none
    ("fencing", "i8"),  # whether the host waits at a fence
    ("front_blocked", "i8"),  # queue of the station that is full for the first command in front of it, -1 for none
    ("blocked_by_others", "i8"),  # cycles in which loads could not enter because of another queue
    ("entering_since", "i8"),
    ("command_blocked", "i8", (COMMANDS,)),  # the count above when a command was given
    ("entry_held", "i8", (STATION,)),  # how long a load stood behind others in front of the station
    # --- counts
    ("misses", "i8"),
    ("reads", "i8"),
    ("writes", "i8"),
    ("array_rows", "i8"),
    ("trace_count", "i8"),
    ("noted", "i8"),
    ("noted_cycle", "i8", (NOTED,)),
    ("noted_kind", "i8", (NOTED,)),
    ("noted_number", "i8", (NOTED,)),
    ("noted_address", "i8", (NOTED,)),
    ("noted_size", "i8", (NOTED,)),
    ("noted_row", "i8", (NOTED,)),
    ("event_count", "i8"),
]

_REGISTERS: list[Any] = [
    *GENERAL_REGISTERS,
    *COMMAND_REGISTERS,
    *LOOP_REGISTERS,
    *MOVE_REGISTERS,
    *ARRAY_REGISTERS,
    *MEMORY_REGISTERS,
    *REPLAY_REGISTERS,
]


def _size(register: Any) -> int:  # noqa: ANN401 - what NumPy takes for a field
    return np.dtype([register]).itemsize


# Single words first: those that are used in every cycle lie close together. Last what outlives a run.
CLOCK_DTYPE = np.dtype([*sorted(_REGISTERS, key=_size), *KNOWN_REGISTERS], align=True)

_FIELDS: Any = CLOCK_DTYPE.fields
_KNOWN_FROM = int(_FIELDS[KNOWN_REGISTERS[0][0]][1])


def word_of(name: str, place: int = 0) -> int:
    """Return where an element of a register stands in the record, which is all words of eight bytes."""
    return int(_FIELDS[name][1]) // 8 + place


def words_of(name: str) -> int:
    """Return how many words a register has."""
    return int(_FIELDS[name][0].itemsize) // 8


def clock_arguments() -> tuple[object, ...]:
    """Return the Numba types of a clock's record, tags, trace and events, and of two numbers."""
    return (
        numba.from_dtype(CLOCK_DTYPE),
        numba.types.Array(numba.int64, 2, "C"),
        numba.types.Array(numba.from_dtype(COMMAND_DTYPE), 1, "C"),
        numba.types.Array(numba.from_dtype(EVENT_DTYPE), 1, "C"),
        numba.int64,
        numba.int64,
    )


def new_clock(config: MachineConfig, *, tracing: bool = False, replaying: bool = True) -> np.ndarray:
    """Return the clock's record (a structured array of length 1) for a machine description.

    Raises
    ------
    ValueError
        If a queue of the description is longer than the clock's bit masks and rings.
    """
    queues = config.queues
    sets = config.l2.kilobytes * 1024 // (config.l2.ways * config.l2.line_bytes)
    for name, value, limit in (
        ("queues.station_load", queues.station_load, _MASK_BITS),
        ("queues.station_execute", queues.station_execute, _MASK_BITS),
        ("queues.station_store", queues.station_store, _MASK_BITS),
        ("queues.load", queues.load, UNIT_QUEUE),
        ("queues.execute", queues.execute, UNIT_QUEUE),
        ("queues.store", queues.store, UNIT_QUEUE),
        ("queues.trackers", queues.trackers, TRACKERS),
        ("dma.reads_in_flight", config.dma.reads_in_flight, TRANSACTIONS),
        ("scratchpad.banks", config.scratchpad.banks, BANKS),
        ("accumulator.banks", config.accumulator.banks, BANKS),
        ("l2.misses", config.l2.misses, MSHRS),
    ):
        if value > limit:
            raise ValueError(f"{name}: the clock holds at most {limit}, not {value}")
    clock = np.zeros(1, CLOCK_DTYPE)
    state = clock[0]
    state["dim"] = config.array.dim
    state["element_bytes"] = config.element_bytes
    state["accumulator_bytes"] = config.accumulator_bytes
    state["scratchpad_rows"] = config.scratchpad_rows
    state["bank_shift"] = config.scratchpad_bank_rows.bit_length() - 1
    state["banks"] = config.scratchpad.banks
    state["accumulator_rows"] = config.accumulator_rows
    state["accumulator_bank_rows"] = config.accumulator_bank_rows
    state["accumulator_bank_shift"] = config.accumulator_bank_rows.bit_length() - 1
    state["dim_shift"] = config.array.dim.bit_length() - 1
    state["row_shift"] = (config.array.dim * config.element_bytes).bit_length() - 1
    state["wide_row_shift"] = (config.array.dim * config.accumulator_bytes).bit_length() - 1
    state["bus_shift"] = config.dma.bus_bytes.bit_length() - 1
    state["commands_free"] = (1 << COMMANDS) - 1
    state["address_mask"] = max(config.scratchpad_rows, config.accumulator_rows) - 1
    state["local_mask"] = int(state["address_mask"]) | 1 << 31
    state["station_entries"] = (queues.station_load, queues.station_execute, queues.station_store)
    state["queue_entries"] = (queues.load, queues.execute, queues.store)
    state["trackers"] = queues.trackers
    state["bus_bytes"] = config.dma.bus_bytes
    state["request_bytes"] = config.dma.request_bytes
    state["line_bytes"] = config.l2.line_bytes
    state["line_shift"] = config.l2.line_bytes.bit_length() - 1
    state["reads_in_flight"] = config.dma.reads_in_flight
    state["read_delay"] = 4
    state["scale_latency"] = 8
    state["mvin_scale_latency"] = 4
    state["mvin_scale_units"] = 4
    state["mesh_latency"] = 2 * config.array.dim
    state["tag_queue"] = config.array.operations_in_flight + 1
    state["mshrs"] = config.l2.misses
    state["ways"] = config.l2.ways
    state["sets"] = sets
    state["memory_bytes"] = config.memory.bytes_per_cycle
    state["memory_beats"] = config.l2.line_bytes // config.memory.bytes_per_cycle
    state["dram_latency"] = config.memory.latency
    state["write_latency"] = 8
    state["dram_banks"] = config.memory.banks
    state["dram_row_shift"] = config.memory.row_bytes.bit_length() - 1
    state["dram_activate"] = config.memory.activate
    state["dram_precharge"] = config.memory.precharge
    state["dram_burst"] = config.memory.burst
    state["dram_turnaround"] = config.memory.turnaround
    state["dram_write_queue"] = config.memory.write_queue
    state["dram_row"] = -1
    state["tracing"] = tracing
    state["accounting"] = 1
    state["slowest_row"] = 256 + 4 * config.memory.latency
    state["patience"] = 1 << 40
    for never in ("wake", "due_results", "due_mesh", "due_rows", "due_responses"):
        state[never] = 1 << 62
    # registers that a program may rely on before it configures them
    state["load_block_stride"] = state["station_block_stride"] = config.array.dim
    state["load_pixel_repeats"] = 1
    state["load_scale"] = 0x3F800000
    state["execute_a_stride"] = state["execute_c_stride"] = 1
    state["station_a_stride"] = state["station_c_stride"] = 1
    for never in ("bank_write", "bank_read", "accumulator_write", "accumulator_adds", "stage_pop", "queue_pop"):
        state[never] = -10
    for never in ("accumulator_time_1", "accumulator_time_2", "channel_pop", "pending_complete", "waiting_first"):
        state[never] = -10
    for never in ("unroll_pop", "execute_pop", "out_scale_pop", "out_norm_pop", "out_dispatch_pop"):
        state[never] = -10
    for never in ("acquire_pop", "clean_pop", "grant_acked", "sink_pop", "directory_read", "offered", "offered_to"):
        state[never] = -10
    state["grant_ack_time"] = -1
    state["host_release_line"] = -1
    state["reader_page"] = state["writer_page"] = -1
    state["mshr_robin"] = -1
    state["fed"] = state["front_blocked"] = state["blamed"] = state["last_blamed"] = state["waits_for"] = -1
    state["last_cause"] = HOST
    state["lfsr"] = 1
    state["waiting_next"] = np.arange(1, WAITING + 1)
    # commands whose addresses may be on their way at once must have tags of their own: those in front of the station
    # and in it, and stores of a row each in the queues behind it, in the DMA and in the L2
    on_their_way = COMMANDS + queues.station_load + queues.station_store
    on_their_way += _STORED_ROWS + config.dma.reads_in_flight + config.l2.misses
    state["replay_on"] = replaying and not _settings.DISABLE_JIT and on_their_way < TAGS
    if config.memory.banks:  # the rows that are open depend on addresses
        state["replay_on"] = 0
    # local rows are named after others of their bank if the name has bits for it
    state["origin_rows"] = config.scratchpad.banks + config.accumulator.banks
    state["anchored"] = (
        state["origin_rows"] > MOST_BANKS
        or state["address_mask"] >> BANK_SHIFT != 0
        or state["scratchpad_rows"] != config.scratchpad.banks << state["bank_shift"]
        or state["accumulator_rows"] != config.accumulator.banks << state["accumulator_bank_shift"]
        or config.array.dim < _LEAST_ROWS
    )
    state["origin_block_stride"] = config.array.dim
    state["origin_a_rows"] = state["origin_c_rows"] = config.array.dim
    state["low_bits"] = max(config.l2.line_bytes, config.dma.request_bytes) - 1
    state["nodes"] = state["journal_used"] = 1
    return clock


def reset_clock(clock: np.ndarray, like: np.ndarray) -> None:
    """Reset a clock that has run, all but the states that it knows, to be like a new one of the same machine."""
    clock.view(np.uint8)[:_KNOWN_FROM] = like.view(np.uint8)[:_KNOWN_FROM]


def new_tags(config: MachineConfig) -> np.ndarray:
    """Return the empty tag array of the L2, int64 [sets, ways]; -1 marks an empty way."""
    sets = config.l2.kilobytes * 1024 // (config.l2.ways * config.l2.line_bytes)
    words = sets * config.l2.ways
    tags = np.full(words + _LINE_WORDS, -1, np.int64)
    first = -tags.ctypes.data // tags.itemsize % _LINE_WORDS
    return tags[first : first + words].reshape(sets, config.l2.ways)


def new_trace(rows: int) -> np.ndarray:
    """Return an empty command trace with room for ``rows`` commands."""
    return np.zeros(rows, COMMAND_DTYPE)


def new_events(rows: int) -> np.ndarray:
    """Return an empty event log with room for ``rows`` events."""
    return np.zeros(rows, EVENT_DTYPE)
