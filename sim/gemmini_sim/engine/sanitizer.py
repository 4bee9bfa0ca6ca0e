"""What a program does wrong without failing: a walk over the log of a run, after the fact.

`follow` takes the rows of the log (:mod:`event_log`) in order and keeps shadow state: for every local row who wrote
it, which columns and from where; for every 16 bytes of DRAM which load and which store no fence has ordered yet. It
knows the commands, not the data. It is a part of its own, compiled only where it is asked for.

The kinds of findings:

UNSET_ROW
    A command reads a local row, and nothing has written any of the columns that it reads.
DEAD_LOAD
    A row is loaded, and written anew or left behind at the end, and nothing has read it. (What LOOP_CONV_WS loads
    beside the pixels that it needs is not the program's doing.)
REDUNDANT_LOAD
    All rows of a load hold what it brings: the same bytes from the same place, not stored to since.
DRAM_RACE
    The accelerator and the host, or a load and a store of the accelerator, touch the same bytes, one of them writes,
    and no fence is between. (The accelerator's own stores keep their order; a load before a store of the same bytes
    is ordered by what is computed from it.)
LOAD_RACE
    Loads of which one overwrites accumulator rows and one adds to them, so close that both can be in the reservation
    station, and nothing between them has used the rows: the hardware does not keep their order.
WIDE_LOAD
    A row of a load is longer than one request of the DMA; the hardware hangs.
LOCAL_WRAP
    Local rows beyond the end of the memory: the hardware goes on at row 0 (the simulator ends the program).
NO_FENCE
    A region ends, and no fence has waited for the commands in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine._jit import jit
from gemmini_sim.engine.accelerator_config import configure
from gemmini_sim.engine.accelerator_state import GARBAGE, MEMORY_BASE, new_state
from gemmini_sim.engine.arithmetic import index
from gemmini_sim.engine.commands import (
    COMPUTE_ACCUMULATED,
    COMPUTE_PRELOADED,
    CONFIG,
    MVIN,
    MVIN2,
    MVIN3,
    MVOUT,
    PRELOAD,
)
from gemmini_sim.engine.compute import preload
from gemmini_sim.engine.conv_operands import configure_conv
from gemmini_sim.engine.event_log import FENCED, HOST_LOAD, HOST_STORE, LINE_BYTES, MARKER
from gemmini_sim.engine.loop_conv import LOOP_CONV, start_conv, unroll_conv
from gemmini_sim.engine.loop_matmul import LOOP_MATMUL, configure_matmul, unroll_matmul

__all__ = [
    "ACCUMULATOR",
    "DEAD_LOAD",
    "DRAM",
    "DRAM_RACE",
    "LOAD_RACE",
    "LOCAL_WRAP",
    "NO_FENCE",
    "REDUNDANT_LOAD",
    "SCRATCHPAD",
    "UNSET_ROW",
    "WIDE_LOAD",
    "Shadow",
    "finish",
    "follow",
    "new_shadow",
]

# Not plain ints: Numba would compile `_report` anew for every literal that it is called with.
UNSET_ROW, DEAD_LOAD, REDUNDANT_LOAD, DRAM_RACE, LOAD_RACE, WIDE_LOAD, LOCAL_WRAP, NO_FENCE = np.arange(1, 9)
SCRATCHPAD, ACCUMULATOR, DRAM = np.arange(3)
_NOBODY, _ONE = np.arange(2)

_MAX_FINDINGS = 512
_GRANULE = 16

# Flags of a local row.
_UNUSED = 1  # it was loaded, and nothing has read it
_OVERWRITTEN = 2  # by a load that nothing has waited for
_ADDED = 4  # the same of a load that adds
_LOADED = 8  # it holds just what a load has brought in

FINDING_DTYPE = np.dtype(
    [
        ("kind", "i8"),
        ("pc", "i8"),
        ("command", "i8"),
        ("other_pc", "i8"),  # 0 if it takes only one
        ("other_command", "i8"),
        ("space", "i8"),
        ("first", "i8"),  # the range of all occurrences, in rows or bytes
        ("last", "i8"),
        ("count", "i8"),
        ("number", "i8"),  # of the last command that this was found of
    ]
)
# `command` is a function code, or an event's kind; inside a hardware loop the loop's function code is in bits 8 on.
_PROGRESS_DTYPE = np.dtype(
    [
        ("number", "i8"),  # commands so far, those of hardware loops included
        ("loads", "i8"),
        ("fences", "i8"),
        ("pc", "i8"),  # of the event that is followed
        ("command", "i8"),
        ("preload_pc", "i8"),
        ("preload_command", "i8"),
        ("waiting_pc", "i8"),  # the last command that no fence has followed, 0 if there is none, and what it writes
        ("waiting_command", "i8"),
        ("waiting_space", "i8"),
        ("waiting_first", "i8"),
        ("waiting_last", "i8"),
        ("count", "i8"),  # of findings
        ("dropped", "i8"),  # findings for which the table had no room
        ("request_bytes", "i8"),
        ("station_load", "i8"),
        ("findings", FINDING_DTYPE, (_MAX_FINDINGS,)),
    ]
)
# What every command looks at; small, for it has to stay in the processor's cache.
_ROW_DTYPE = np.dtype([("columns", "i8"), ("flags", "i8")])  # one bit for each column that was written
# The last load of a row.
_LOAD_DTYPE = np.dtype(
    [
        ("pc", "i8"),
        ("command", "i8"),
        ("number", "i8"),
        ("source", "i8"),  # DRAM address of what it brought; 0 for zeros
        ("settings", "i8"),  # width, element type and scale
        ("load", "i8"),  # its number among the loads
        ("fences", "i8"),
    ]
)
_GRANULE_DTYPE = np.dtype(
    [
        ("changed", "u4"),  # number of the last command before which, or by which, it was stored to
        ("stored_fences", "u4"),
        ("loaded_fences", "u4"),
        ("stored_pc", "u4"),
        ("loaded_pc", "u4"),
        ("stored_command", "u2"),
        ("loaded_command", "u2"),
        ("stored_bytes", "u2"),
        ("loaded_bytes", "u2"),
    ]
)


class Shadow(NamedTuple):
    """What is known at one point of the log.

    Attributes
    ----------
    progress : record[1]
        With the table of findings, of which the first ``count`` are filled.
    registers : record[1]
        The accelerator's configuration as the commands set it.
    rows, loads : record[scratchpad rows + accumulator rows]
    granules : record[DRAM bytes / 16]

    Notes
    -----
    Jitted code passes an array as seven words, a record as one: what is called for every row gets records.
    """

    progress: np.ndarray
    registers: np.ndarray
    rows: np.ndarray
    loads: np.ndarray
    granules: np.ndarray


def new_shadow(config: MachineConfig) -> Shadow:
    """Return the shadow state of a machine after reset."""
    progress = np.zeros(1, _PROGRESS_DTYPE)
    progress["fences"] = 1
    progress["request_bytes"] = config.dma.request_bytes
    progress["station_load"] = config.queues.station_load
    local = config.scratchpad_rows + config.accumulator_rows
    rows, loads = np.zeros(local, _ROW_DTYPE), np.zeros(local, _LOAD_DTYPE)
    granules = np.zeros(config.memory_bytes // _GRANULE, _GRANULE_DTYPE)
    return Shadow(progress, new_state(config).registers, rows, loads, granules)


@jit
def _report(progress, kind, number, pc, command, other_pc, other_command, space, first, last):
    """Note a finding; the same about the same two instructions is noted once, with a count.

    ``number`` tells commands apart: several reports of one command count once.
    """
    findings = progress["findings"]
    for i in range(progress["count"]):
        known = findings[i]
        if (
            known["pc"] == pc
            and known["kind"] == kind
            and known["other_pc"] == other_pc
            and known["command"] == command
            and known["other_command"] == other_command
            and known["space"] == space
        ):
            known["first"] = min(known["first"], first)
            known["last"] = max(known["last"], last)
            known["count"] += known["number"] != number
            known["number"] = number
            return
    if progress["count"] == _MAX_FINDINGS:
        progress["dropped"] += 1
        return
    new = findings[progress["count"]]
    new["kind"], new["number"], new["count"] = kind, number, 1
    new["pc"], new["command"] = pc, command
    new["other_pc"], new["other_command"] = other_pc, other_command
    new["space"], new["first"], new["last"] = space, first, last
    progress["count"] += 1


@jit
def _report_local(progress, kind, pc, command, other_pc, other_command, first, last, base):
    """Note a finding about local rows, given as indices into ``rows`` of which the memory's first is ``base``."""
    space = ACCUMULATOR if base else SCRATCHPAD
    number = progress["number"]
    _report(progress, kind, number, pc, command, other_pc, other_command, space, first - base, last - base)


@jit
def _columns(first, width):
    """Return the bits of ``width`` columns from ``first`` on."""
    return np.int64((1 << min(width, 63)) - 1) << np.int64(min(first, 63))


@jit
def _leaves(progress, first, last, base, end):
    """Report rows beyond the end of their memory, whose indices are ``base`` to ``end``; return whether there are."""
    if base + last < end:
        return False
    _report_local(
        progress, LOCAL_WRAP, progress["pc"], progress["command"], _NOBODY, _NOBODY, base + first, base + last, base
    )
    return True


@jit
def _waits(progress, space, first, last):
    """Note what a command writes, or reads if that is all, for a region that ends without a fence."""
    progress["waiting_pc"], progress["waiting_command"] = progress["pc"], progress["command"]
    progress["waiting_space"], progress["waiting_first"], progress["waiting_last"] = space, first, last


@jit
def _read_rows(progress, rows, pc, command, first, stride, count, columns, base):
    """Follow a reading of rows."""
    low = high = np.int64(-1)
    for i in range(count):
        row = rows[index(first + i * stride)]
        if row["columns"] & columns == 0:
            low = first + i * stride if low < 0 else low
            high = first + i * stride
        row["flags"] &= _LOADED
    if low >= 0:
        _report_local(progress, UNSET_ROW, pc, command, _NOBODY, _NOBODY, low, high, base)


@jit
def _report_dead(progress, load, local, by_pc, by_command, base):
    """Report a loaded row that nothing has read."""
    space = ACCUMULATOR if base else SCRATCHPAD
    place = local - base
    pc, command, number = load["pc"], load["command"], load["number"]
    _report(progress, DEAD_LOAD, number, pc, command, by_pc, by_command, space, place, place)


@jit
def _bytes_of(granule, offset, size):
    """Return the bits of those bytes of a granule that lie in ``offset`` to ``offset + size``."""
    first = max(offset - granule * _GRANULE, 0)
    last = min(offset + size - granule * _GRANULE, _GRANULE)
    return ((1 << last) - 1) & ~((1 << first) - 1)


@jit
def _report_race(progress, granule, overlap, other_pc, other_command):
    first = 0
    while overlap >> first & 1 == 0:
        first += 1
    last = first
    while overlap >> last + 1:
        last += 1
    base = MEMORY_BASE + granule * _GRANULE
    number, pc, command = progress["number"], progress["pc"], progress["command"]
    _report(progress, DRAM_RACE, number, pc, command, other_pc, other_command, DRAM, base + first, base + last)


@jit
def _check_stores(progress, entry, granule, bits):
    """Report a race with a store of the accelerator."""
    if np.int64(entry["stored_fences"]) == progress["fences"]:
        overlap = np.int64(entry["stored_bytes"]) & bits
        if overlap:
            _report_race(progress, granule, overlap, np.int64(entry["stored_pc"]), np.int64(entry["stored_command"]))


@jit
def _load_bytes(progress, granules, address, size):
    """Follow the reading of DRAM by a load; return the number of the command after which it was last stored to."""
    offset = address - MEMORY_BASE
    newest = np.int64(0)
    for granule in range(offset // _GRANULE, (offset + size - 1) // _GRANULE + 1):
        entry = granules[index(granule)]
        bits = _bytes_of(granule, offset, size)
        newest = max(newest, np.int64(entry["changed"]))
        _check_stores(progress, entry, granule, bits)
        if np.int64(entry["loaded_fences"]) != progress["fences"]:
            entry["loaded_fences"] = progress["fences"]
            entry["loaded_bytes"] = 0
        entry["loaded_bytes"] = np.int64(entry["loaded_bytes"]) | bits
        entry["loaded_pc"], entry["loaded_command"] = progress["pc"], progress["command"]
    return newest


@jit
def _store_bytes(progress, granules, address, size):
    """Follow the writing of DRAM by a store of the accelerator."""
    offset = address - MEMORY_BASE
    for granule in range(offset // _GRANULE, (offset + size - 1) // _GRANULE + 1):
        entry = granules[index(granule)]
        if np.int64(entry["stored_fences"]) != progress["fences"]:
            entry["stored_fences"] = progress["fences"]
            entry["stored_bytes"] = 0
        entry["stored_bytes"] = np.int64(entry["stored_bytes"]) | _bytes_of(granule, offset, size)
        entry["stored_pc"], entry["stored_command"] = progress["pc"], progress["command"]
        entry["changed"] = progress["number"]


@jit
def _host_access(shadow, line, touched):
    """Follow the host's loads, or stores, of some bytes of a line."""
    progress = shadow.progress[0]
    stores = progress["command"] == HOST_STORE
    for part in range(LINE_BYTES // _GRANULE):
        bits = (touched >> _GRANULE * part) & ((1 << _GRANULE) - 1)
        if bits == 0:
            continue
        granule = (line - MEMORY_BASE) // _GRANULE + part
        entry = shadow.granules[granule]
        _check_stores(progress, entry, granule, bits)
        if stores:
            if np.int64(entry["loaded_fences"]) == progress["fences"]:
                overlap = np.int64(entry["loaded_bytes"]) & bits
                if overlap:
                    other_pc, other_command = np.int64(entry["loaded_pc"]), np.int64(entry["loaded_command"])
                    _report_race(progress, granule, overlap, other_pc, other_command)
            entry["changed"] = progress["number"]


@jit
def _is_there(row, load, origin, settings, newest):
    """Return whether a row holds what a load is going to bring; ``newest`` is when that was last stored to."""
    if row["flags"] & _LOADED == 0:
        return False
    return load["source"] == origin and load["settings"] == settings and newest < load["number"]


@jit
def _load_row(progress, row, load, local, columns, accumulate, repeated, origin, settings, redundant, base):
    """Follow the writing of one row by a load."""
    pc, command = progress["pc"], progress["command"]
    flags = row["flags"]
    if accumulate:
        if row["columns"] & columns == 0:
            _report_local(progress, UNSET_ROW, pc, command, _NOBODY, _NOBODY, local, local, base)
    elif flags & _UNUSED and not repeated and not redundant and row["columns"] & ~columns == 0:
        _report_dead(progress, load, local, pc, command, base)
    new = 0 if repeated or command >> 8 == LOOP_CONV else _UNUSED
    if base:
        if (
            flags & (_OVERWRITTEN if accumulate else _ADDED)
            and load["fences"] == progress["fences"]
            and progress["loads"] - load["load"] < progress["station_load"]
        ):
            _report_local(progress, LOAD_RACE, pc, command, load["pc"], load["command"], local, local, base)
        new |= _ADDED if accumulate else _OVERWRITTEN
    if not accumulate and not repeated:
        new |= _LOADED
    row["columns"] |= columns
    row["flags"] = new
    load["pc"], load["command"], load["number"] = pc, command, progress["number"]
    load["source"], load["settings"] = origin, settings
    load["load"], load["fences"] = progress["loads"], progress["fences"]


@jit
def _load(shadow, scratchpad, accumulator, which, address, target):
    """Follow a load; return whether it leaves the local memory."""
    count = (target >> 48) & 0xFFFF
    cols = (target >> 32) & 0xFFFF
    if count == 0 or cols == 0:
        return False
    progress, registers = shadow.progress[0], shadow.registers[0]
    dim = scratchpad.shape[1]
    in_accumulator = (target >> 31) & 1 != 0
    accumulate = (target >> 30) & 3 == 3
    narrow = registers["load_shrunk"][which] != 0 or not in_accumulator
    size = scratchpad.itemsize if narrow else accumulator.itemsize
    base = scratchpad.shape[0] if in_accumulator else 0
    end = base + (accumulator.shape[0] if in_accumulator else scratchpad.shape[0])
    first = target & 0x1FFF_FFFF
    stride = registers["load_stride"][which]
    block_stride = registers["load_block_stride"][which]
    pixels = registers["load_pixels"][which]
    blocks = (cols + dim - 1) // dim
    last = first + count - 1 + (blocks - 1) * block_stride
    if _leaves(progress, first, last, base, end):
        return True
    progress["loads"] += 1
    _waits(progress, ACCUMULATOR if base else SCRATCHPAD, first, last)
    pc, command = progress["pc"], progress["command"]
    first += base
    last += base
    if cols > max(progress["request_bytes"] // (dim * size), 1) * dim:
        _report_local(progress, WIDE_LOAD, pc, command, _NOBODY, _NOBODY, first, last, base)

    settings = registers["load_scale"][which] << 1 | narrow
    repeated = pixels > 1
    redundant = not repeated and not accumulate
    newest = np.int64(0)
    step = stride
    row_bytes = dim * size
    if address != 0:
        for r in range(count):
            newest = max(newest, _load_bytes(progress, shadow.granules, address + r * stride, cols * size))
    else:
        step = row_bytes = 0  # zeros all come from address 0
    for r in range(count):
        for block in range(blocks):
            if redundant:
                origin = address + r * step + block * row_bytes
                columns = settings << 8 | min(dim, cols - block * dim)
                local = index(first + r + block * block_stride)
                redundant = _is_there(shadow.rows[local], shadow.loads[local], origin, columns, newest)
    if redundant:
        earlier = shadow.loads[first]
        other_pc, other = earlier["pc"], earlier["command"]
        _report_local(progress, REDUNDANT_LOAD, pc, command, other_pc, other, first, last, base)
    for block in range(blocks):
        width = min(dim, cols - block * dim)
        for r in range(count):
            local = first + r + block * block_stride
            origin = address + r * step + block * row_bytes
            for pixel in range(min(pixels, local - base + 1)):
                columns = _columns(pixel * width, width)
                how = settings << 8 | width
                place = index(local - pixel)
                row, load = shadow.rows[place], shadow.loads[place]
                _load_row(progress, row, load, place, columns, accumulate, repeated, origin, how, redundant, base)
    return False


@jit
def _store(shadow, scratchpad, accumulator, address, source):
    """Follow a store; return whether it leaves the local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    count = (source >> 48) & 0xFFFF
    cols = (source >> 32) & 0xFFFF
    dim = scratchpad.shape[1]
    from_accumulator = (source >> 31) & 1 != 0
    base = scratchpad.shape[0] if from_accumulator else 0
    end = base + (accumulator.shape[0] if from_accumulator else scratchpad.shape[0])
    first = source & 0x3FF_FFFF
    stride = registers["store_stride"]
    pc, command = progress["pc"], progress["command"]
    if registers["pool_stride"]:
        pixels = registers["pool_rows"] * registers["pool_cols"]
        if cols == 0 or pixels == 0:
            return False
        if _leaves(progress, first, first + pixels - 1, base, end):
            return True
        _read_rows(progress, shadow.rows, pc, command, base + first, _ONE, pixels, _columns(0, cols), base)
        for row in range(registers["pool_out_rows"]):
            for col in range(registers["pool_out_cols"]):
                position = address + (row * registers["pool_out_dim"] + col) * stride
                _store_bytes(progress, shadow.granules, position, cols * scratchpad.itemsize)
                if row + col == 0:
                    _waits(progress, DRAM, position, position)
                progress["waiting_last"] = position + cols * scratchpad.itemsize - 1
        return False
    if count == 0 or cols == 0:
        return False
    if _leaves(progress, first, first + (cols - 1) // dim * dim + count - 1, base, end):
        return True
    for start in range(0, cols, dim):
        columns = _columns(0, min(dim, cols - start))
        _read_rows(progress, shadow.rows, pc, command, base + first + start, _ONE, count, columns, base)
    if from_accumulator and (source >> 26) & 7:
        return False  # statistics: nothing is stored
    size = accumulator.itemsize if from_accumulator and (source >> 29) & 1 else scratchpad.itemsize
    for row in range(count):
        _store_bytes(progress, shadow.granules, address + row * stride, cols * size)
    _waits(progress, DRAM, address, address + (count - 1) * stride + cols * size - 1)
    return False


@jit
def _operand(shadow, scratchpad, pc, command, word, stride, transposed):
    """Follow the reading of an operand of the array; return whether it leaves the scratchpad."""
    progress = shadow.progress[0]
    dim = scratchpad.shape[1]
    address = word & GARBAGE
    count = min((word >> 48) & 0xFFFF, dim)
    cols = min((word >> 32) & 0xFFFF, dim)
    if address == GARBAGE or count == 0 or cols == 0:
        return False
    if transposed:
        count, cols = cols, count
    if _leaves(progress, address, address + (count - 1) * stride, 0, scratchpad.shape[0]):
        return True
    _read_rows(progress, shadow.rows, pc, command, address, stride, count, _columns(0, cols), 0)
    return False


@jit
def _compute(shadow, scratchpad, accumulator, left, right, preloaded):
    """Follow a compute; return whether it leaves a local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    weight_stationary = registers["weight_stationary"] != 0
    b_transpose = registers["b_transpose"] != 0
    pc, command = progress["pc"], progress["command"]
    if preloaded:
        word = registers["preload_rows"] << 48 | registers["preload_cols"] << 32 | registers["preload_address"]
        transposed = b_transpose and weight_stationary
        by_pc, by = progress["preload_pc"], progress["preload_command"]
        if _operand(shadow, scratchpad, by_pc, by, word, _ONE, transposed):
            return True
    if _operand(shadow, scratchpad, pc, command, left, registers["a_stride"], registers["a_transpose"] != 0):
        return True
    if _operand(shadow, scratchpad, pc, command, right, _ONE, b_transpose and not weight_stationary):
        return True

    address = registers["output_address"]
    count, cols = registers["output_rows"], registers["output_cols"]
    if address == GARBAGE or count == 0 or cols == 0:
        return False
    base = scratchpad.shape[0] if address >> 31 else 0
    end = base + (accumulator.shape[0] if base else scratchpad.shape[0])
    first = address & 0x1FFF_FFFF
    stride = registers["c_stride"]
    last = first + stride * (count - 1)
    if _leaves(progress, first, last, base, end):
        return True
    _waits(progress, ACCUMULATOR if base else SCRATCHPAD, first, last)
    first += base
    columns = _columns(0, cols)
    accumulate = address >> 30 == 3
    if accumulate:
        _read_rows(progress, shadow.rows, pc, command, first, stride, count, columns, base)
    for i in range(count):
        local = index(first + i * stride)
        row = shadow.rows[local]
        if row["flags"] & _UNUSED and row["columns"] & ~columns == 0:
            _report_dead(progress, shadow.loads[local], local, pc, command, base)
        row["columns"] |= columns
        row["flags"] = 0
    return False


@jit
def _command(shadow, scratchpad, accumulator, funct, loop, rs1, rs2):
    """Follow one command that moves, computes or configures; return whether it leaves a local memory."""
    progress, registers = shadow.progress[0], shadow.registers[0]
    progress["number"] += 1
    progress["command"] = loop << 8 | funct
    if funct == CONFIG:
        configure(registers, rs1, rs2)
    elif funct == PRELOAD:
        preload(registers, rs1, rs2)
        progress["preload_pc"], progress["preload_command"] = progress["pc"], progress["command"]
    elif funct in (MVIN, MVIN2, MVIN3):
        which = 0 if funct == MVIN else 1 if funct == MVIN2 else 2
        return _load(shadow, scratchpad, accumulator, which, rs1, rs2)
    elif funct == MVOUT:
        return _store(shadow, scratchpad, accumulator, rs1, rs2)
    elif funct in (COMPUTE_PRELOADED, COMPUTE_ACCUMULATED):
        return _compute(shadow, scratchpad, accumulator, rs1, rs2, funct == COMPUTE_PRELOADED)
    return False


@jit
def _loop(shadow, scratchpad, accumulator, funct, rs1, rs2):
    """Follow the commands that a hardware loop stands for; return whether one leaves a local memory."""
    registers = shadow.registers[0]
    commands = registers["commands"]
    if funct == LOOP_CONV:
        start_conv(registers, scratchpad, accumulator, rs1, rs2)
    done = np.int64(0)
    while True:
        registers["window"] = done
        registers["unrolled"] = 0
        if funct == LOOP_CONV:
            unroll_conv(registers, scratchpad, accumulator)
        else:
            unroll_matmul(registers, scratchpad, accumulator, rs1, rs2)
        for slot in range(min(registers["unrolled"] - done, commands.shape[0])):
            inner, first, second = commands[slot, 0], commands[slot, 1], commands[slot, 2]
            if _command(shadow, scratchpad, accumulator, inner, funct, first, second):
                return True
        done += commands.shape[0]
        if done >= registers["unrolled"]:
            return False


@jit
def follow(shadow, scratchpad, accumulator, events):
    """Follow the next events of the log.

    Parameters
    ----------
    shadow : Shadow
        From :func:`new_shadow`; changed in place.
    scratchpad, accumulator
        The machine's local memories, for their shapes and types.
    events : EVENT_DTYPE[n]
        Commands that did not fault, except for the last, which may leave a local memory; and other events.
    """
    progress, registers = shadow.progress[0], shadow.registers[0]
    for i in range(events.shape[0]):
        kind, rs1, rs2 = events[i]["kind"], events[i]["rs1"], events[i]["rs2"]
        progress["pc"], progress["command"] = events[i]["pc"], kind
        if kind in (HOST_LOAD, HOST_STORE):
            _host_access(shadow, rs1, rs2)
        elif kind == FENCED:
            progress["fences"] += 1
            progress["waiting_pc"] = 0
        elif kind == MARKER:
            if rs1 & 1 == 0 and progress["waiting_pc"]:
                pc, command = progress["waiting_pc"], progress["waiting_command"]
                space, first, last = progress["waiting_space"], progress["waiting_first"], progress["waiting_last"]
                number = progress["number"]
                _report(progress, NO_FENCE, number, pc, command, progress["pc"], MARKER, space, first, last)
        elif LOOP_MATMUL < kind < MVIN3:
            configure_matmul(registers, kind, rs1, rs2)
        elif LOOP_CONV < kind < LOOP_CONV + 7:
            configure_conv(registers, kind, rs1, rs2)
        elif kind in (LOOP_MATMUL, LOOP_CONV):
            if _loop(shadow, scratchpad, accumulator, kind, rs1, rs2):
                return
        elif _command(shadow, scratchpad, accumulator, kind, _NOBODY, rs1, rs2):
            return


@jit
def finish(shadow, scratchpad):
    """Report the loads that nothing has read when the program has ended."""
    for local in range(shadow.rows.shape[0]):
        if shadow.rows[local]["flags"] & _UNUSED:
            base = 0 if local < scratchpad.shape[0] else scratchpad.shape[0]
            _report_dead(shadow.progress[0], shadow.loads[local], local, _NOBODY, _NOBODY, base)
