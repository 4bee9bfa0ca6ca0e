"""The commands of the abstract Gemmini, compiled by Numba: one function for each, and ``execute`` for a whole list.

All that is compiled is in this file, so that Numba's cache, which watches one file only, is never stale.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["CODES", "DRAM_SHIFT", "ERRORS", "ONTO_ZERO", "REDUNDANT", "State", "execute", "new_state", "read_too_early"]

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")

CODES = {
    name: code
    for code, name in enumerate(
        ("config_ex", "config_ld", "config_st", "mvin", "preload", "compute", "mvout", "fence", "host"), start=1
    )
}
_CONFIG_EX, _CONFIG_LD, _CONFIG_ST, _MVIN, _PRELOAD, _COMPUTE, _MVOUT, _FENCE, _HOST = CODES.values()

REDUNDANT = 1
"""Flag of an mvin whose destination already held what it brought."""
ONTO_ZERO = 2
"""Flag of a preload whose result rows all held zero when its compute accumulated onto them."""

DRAM_SHIFT = 40
"""A DRAM address is ``(array + 1) << DRAM_SHIFT | byte offset``."""

_BAD_ROW, _BAD_DRAM, _NO_PRELOAD, _UNSUPPORTED = -1, -2, -3, -4
ERRORS = {
    _BAD_ROW: "a local address is out of range",
    _BAD_DRAM: "a DRAM address is outside its array",
    _NO_PRELOAD: "a compute has no preload before it",
    _UNSUPPORTED: "the output-stationary dataflow, shrunk loads and operands in the accumulator cannot be followed",
}
"""Why a list of commands cannot be followed, by what :func:`execute` returns."""

# Columns of a command: code, statement, then operands.
_A, _B, _C, _D, _E, _F, _G = 2, 3, 4, 5, 6, 7, 8
_ACCUMULATOR, _ACCUMULATE, _FULL = 0x80000000, 0x40000000, 0x20000000
_ROW_MASK, _GARBAGE = 0x1FFFFFFF, 0xFFFFFFFF

# Machine description and configuration registers, in `registers`.
_DIM, _SPAD_ROWS, _ACC_ROWS, _ELEMENT, _ORDERED = 0, 1, 2, 3, 4
_STORE_STRIDE, _INPUT_STRIDE, _INPUT_TRANSPOSE, _HAS_WEIGHTS, _PENDING = 5, 6, 7, 8, 9
_LOAD_STRIDE, _LOAD_BLOCK = 10, 13
_EPOCH, _UNFENCED = 16, 17  # fences so far, and whether a load read what no fence has made sure of
_REGISTERS = 18
# Names that registers stand for, in `states`: three load scales, store state, execute state, weights.
_STORE_STATE, _EXECUTE_STATE, _WEIGHTS = 3, 4, 5
_STATES = 6


class State(NamedTuple):
    """What the jitted functions read and change; all fields are arrays."""

    registers: NDArray[np.int64]
    states: NDArray[np.uint64]
    array_bytes: NDArray[np.int64]
    start: NDArray[np.int64]  # place of each written array in `cells`, or -1
    memory: NDArray[np.uint64]  # name of every row
    owner: NDArray[np.int32]  # statement that wrote it, or -1
    flags: NDArray[np.uint8]
    reads: NDArray[np.bool_]
    rows: NDArray[np.bool_]
    undefined: NDArray[np.bool_]
    cells: NDArray[np.uint64]
    writers: NDArray[np.int32]
    epochs: NDArray[np.int32]  # fences before each store; empty if nothing reads what is stored
    loaded: NDArray[np.int32]  # fences before the last load of each byte, or -1; empty likewise


def new_state(
    sizes: tuple[int, int, int, int, bool],
    *,
    commands: int,
    statements: int,
    array_bytes: NDArray[np.int64],
    start: NDArray[np.int64],
    cells: int,
    in_order: bool,
) -> State:
    """Return the state before the first command.

    Parameters
    ----------
    sizes
        DIM, rows of scratchpad and accumulator, bytes of an element, and whether the order of additions matters.
    commands, statements
        How many there are.
    array_bytes, start
        Of each DRAM array: its size, and its place among the ``cells``, or -1 if no kernel writes it.
    in_order
        Whether loads, or the host, read what is stored, so that it matters when.
    """
    registers = np.zeros(_REGISTERS, np.int64)
    registers[: _ORDERED + 1] = sizes
    registers[_PENDING] = -1
    rows = sizes[_SPAD_ROWS] + sizes[_ACC_ROWS]
    return State(
        registers=registers,
        states=np.zeros(_STATES, np.uint64),
        array_bytes=array_bytes,
        start=start,
        memory=_mixed(np.arange(rows, dtype=np.uint64) + np.uint64(1 << 62)),
        owner=np.full(rows, -1, np.int32),
        flags=np.zeros(commands, np.uint8),
        reads=np.zeros((statements, 2, statements), np.bool_),
        rows=np.zeros((statements, 2, rows), np.bool_),
        undefined=np.zeros(statements, np.bool_),
        cells=np.zeros(cells, np.uint64),
        writers=np.full(cells, -1, np.int32),
        epochs=np.zeros(cells if in_order else 0, np.int32),
        loaded=np.full(cells if in_order else 0, -1, np.int32),
    )


def read_too_early(state: State) -> bool:
    """Return whether something was read, or overwritten, that no fence had made sure of."""
    return bool(state.registers[_UNFENCED])


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of splitmix64 (Steele, Lea and Flood 2014) of every element."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@_jit
def _mix(value: np.uint64) -> np.uint64:
    mixed = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@_jit
def _pair(left: np.uint64, right: np.uint64) -> np.uint64:
    """Return a name for an ordered pair of names."""
    return _mix(left * np.uint64(0x9E3779B97F4A7C15) + _mix(right))


@_jit
def _first_row(state: State, address: int, count: int) -> int:
    """Return the place of a local address in the joint memory, or -1 when not all its rows exist."""
    base = address & _ROW_MASK
    if address & _ACCUMULATOR:
        return -1 if base + count > state.registers[_ACC_ROWS] else state.registers[_SPAD_ROWS] + base
    return -1 if base + count > state.registers[_SPAD_ROWS] else base


@_jit
def _touch(state: State, statement: int, slot: int, row: int) -> None:
    """Note that a statement reads a row."""
    if state.owner[row] < 0:
        state.undefined[statement] = True
    else:
        state.reads[statement, slot, state.owner[row]] = True
    state.rows[statement, slot, row] = True


@_jit
def _dram_name(state: State, address: int, size: int, by_host: bool) -> tuple[np.uint64, bool]:  # noqa: FBT001 - jitted
    """Return the name of some bytes of DRAM that are read, and whether they all lie in their array."""
    array, offset = (address >> DRAM_SHIFT) - 1, address & ((1 << DRAM_SHIFT) - 1)
    if array < 0 or array >= len(state.array_bytes):
        return np.uint64(0), False
    if state.array_bytes[array] > 0 and offset + size > state.array_bytes[array]:
        return np.uint64(0), False
    name = np.uint64(size)
    if state.start[array] < 0:
        return _pair(np.uint64(address), name), True
    for byte in range(size):
        cell = state.cells[state.start[array] + offset + byte]
        if cell and state.epochs[state.start[array] + offset + byte] == state.registers[_EPOCH]:
            state.registers[_UNFENCED] = 1
        if len(state.loaded) and not by_host:
            state.loaded[state.start[array] + offset + byte] = state.registers[_EPOCH]
        name = _pair(name, cell or _mix(np.uint64(address + byte)))
    return name, True


@_jit
def _move_in(state: State, command: NDArray[np.int64]) -> int:
    """Execute an mvin; return its flags or an error."""
    statement, dram, local, columns, count = command[1], command[_A], command[_B], command[_C], command[_D]
    load, dim = command[_E], state.registers[_DIM]
    blocks, block_rows = (columns + dim - 1) // dim, state.registers[_LOAD_BLOCK + load]
    into_accumulator = local & _ACCUMULATOR != 0
    width = 4 if into_accumulator else state.registers[_ELEMENT]
    first = _first_row(state, local, count + (blocks - 1) * block_rows)
    if first < 0:
        return _BAD_ROW
    redundant = True
    for block in range(blocks):
        size = min(dim, columns - block * dim) * width
        for i in range(count):
            row, name = first + i + block * block_rows, np.uint64(0)
            if dram:
                address = dram + i * state.registers[_LOAD_STRIDE + load] + block * dim * width
                name, inside = _dram_name(state, address, size, False)
                if not inside:
                    return _BAD_DRAM
                if not into_accumulator:
                    name = _pair(name, state.states[load])
            if local & _ACCUMULATE:
                _touch(state, statement, 0, row)
                name += state.memory[row]
            redundant = redundant and state.memory[row] == name and state.owner[row] >= 0
            state.memory[row], state.owner[row] = name, statement
            state.rows[statement, 0, row] = True
    return REDUNDANT if redundant else 0


@_jit
def _load_weights(state: State, preload: NDArray[np.int64]) -> int:
    """Bring a preload's weights into the array; return 0 or an error."""
    state.registers[_HAS_WEIGHTS] = 1
    name = np.uint64(1)
    if preload[_A] != _GARBAGE:
        if preload[_A] & _ACCUMULATOR:
            return _UNSUPPORTED
        first = _first_row(state, preload[_A], preload[_D])
        if first < 0:
            return _BAD_ROW
        name = _pair(np.uint64(preload[_D]), np.uint64(preload[_C]))
        for i in range(preload[_D]):
            _touch(state, preload[1], 0, first + i)
            name = _pair(name, state.memory[first + i])
    state.states[_WEIGHTS] = name
    return 0


@_jit
def _compute(  # noqa: C901, PLR0912 - one command, whose operands may each be missing
    state: State, command: NDArray[np.int64], preload: NDArray[np.int64]
) -> int:
    """Execute a compute with its preload; return the preload's flags or an error."""
    statement, bias_rows = command[1], command[_F]
    if command[_G] or not state.registers[_HAS_WEIGHTS]:
        status = _load_weights(state, preload)
        if status < 0:
            return status
    source, bias = -1, -1
    transposed = np.uint64(0)
    if command[_A] != _GARBAGE:
        source = _first_row(state, command[_A], (max(command[_D], 1) - 1) * state.registers[_INPUT_STRIDE] + 1)
        if source < 0 or command[_A] & _ACCUMULATOR:
            return _BAD_ROW if source < 0 else _UNSUPPORTED
        for i in range(command[_D]):
            row = source + i * state.registers[_INPUT_STRIDE]
            _touch(state, statement, 0, row)
            transposed = _pair(transposed, state.memory[row])
    if command[_B] != _GARBAGE:
        bias = _first_row(state, command[_B], bias_rows)
        if bias < 0 or command[_B] & _ACCUMULATOR:
            return _BAD_ROW if bias < 0 else _UNSUPPORTED
        for i in range(bias_rows):
            _touch(state, statement, 1, bias + i)
    if preload[_B] == _GARBAGE:
        return 0
    first = _first_row(state, preload[_B], preload[_F])
    if first < 0:
        return _BAD_ROW
    kind = _pair(_pair(state.states[_WEIGHTS], np.uint64(command[_C])), np.uint64(preload[_E]))
    kind = _pair(kind, state.states[_EXECUTE_STATE])
    input_rows = command[_C] if state.registers[_INPUT_TRANSPOSE] else command[_D]
    onto_zero = preload[_B] & _ACCUMULATE != 0
    for i in range(preload[_F]):
        row, name = first + i, np.uint64(0)
        if source >= 0 and i < input_rows:
            if state.registers[_INPUT_TRANSPOSE]:
                name = _pair(_pair(transposed, np.uint64(i)), kind)
            else:
                name = _pair(state.memory[source + i * state.registers[_INPUT_STRIDE]], kind)
        if bias >= 0 and i < bias_rows:
            name += _pair(state.memory[bias + i], np.uint64(command[_E]))
        if not preload[_B] & _ACCUMULATOR:
            name = _pair(name, np.uint64(7))  # rounded and saturated on its way into the scratchpad
        elif preload[_B] & _ACCUMULATE:
            onto_zero = onto_zero and state.memory[row] == 0 and state.owner[row] >= 0
            _touch(state, preload[1], 1, row)
            in_order = state.registers[_ORDERED] and state.memory[row] != 0
            name = _pair(state.memory[row], name) if in_order else state.memory[row] + name
        state.memory[row], state.owner[row] = name, preload[1]
        state.rows[preload[1], 1, row] = True
    return ONTO_ZERO if onto_zero else 0


@_jit
def _move_out(state: State, command: NDArray[np.int64]) -> int:
    """Execute an mvout; return 0 or an error."""
    statement, dram, local, columns, count = command[1], command[_A], command[_B], command[_C], command[_D]
    dim = state.registers[_DIM]
    blocks = (columns + dim - 1) // dim
    width = 4 if local & _ACCUMULATOR and local & _FULL else state.registers[_ELEMENT]
    kind = _pair(state.states[_STORE_STATE] if local & _ACCUMULATOR else np.uint64(1), np.uint64(local & _FULL))
    first = _first_row(state, local, count + (blocks - 1) * dim)
    if first < 0:
        return _BAD_ROW
    for block in range(blocks):
        size = min(dim, columns - block * dim) * width
        for i in range(count):
            row = first + i + block * dim
            _touch(state, statement, 0, row)
            address = dram + i * state.registers[_STORE_STRIDE] + block * dim * width
            array, offset = (address >> DRAM_SHIFT) - 1, address & ((1 << DRAM_SHIFT) - 1)
            if array < 0 or array >= len(state.start) or state.start[array] < 0:
                return _BAD_DRAM
            if offset + size > state.array_bytes[array]:
                return _BAD_DRAM
            name = _pair(state.memory[row], kind)
            for byte in range(size):
                state.cells[state.start[array] + offset + byte] = name + np.uint64(byte)
                state.writers[state.start[array] + offset + byte] = statement
                if len(state.epochs):
                    state.epochs[state.start[array] + offset + byte] = state.registers[_EPOCH]
    return 0


@_jit
def _compute_on_host(state: State, command: NDArray[np.int64]) -> int:
    """Execute an assignment of the host: one element made of up to four others; return 0 or an error."""
    width, name = command[_F], np.uint64(command[_G])
    for column in range(_B, _F):
        if command[column]:
            operand, inside = _dram_name(state, command[column], width, True)
            if not inside:
                return _BAD_DRAM
            name = _pair(name, operand)
    array, offset = (command[_A] >> DRAM_SHIFT) - 1, command[_A] & ((1 << DRAM_SHIFT) - 1)
    if array < 0 or array >= len(state.start) or state.start[array] < 0:
        return _BAD_DRAM
    if offset + width > state.array_bytes[array]:
        return _BAD_DRAM
    for place in range(state.start[array] + offset, state.start[array] + offset + width):
        stored = state.cells[place] and state.epochs[place] == state.registers[_EPOCH]
        if stored or state.loaded[place] == state.registers[_EPOCH]:
            state.registers[_UNFENCED] = 1
        state.cells[place] = name + np.uint64(place - state.start[array] - offset)
        state.writers[place] = command[1]
        state.epochs[place] = -1
    return 0


@_jit
def execute(table: NDArray[np.int64], state: State) -> tuple[int, int]:  # noqa: C901, PLR0912 - one branch per command
    """Execute all commands; return 0 or an error, and the position of the last one."""
    for position in range(len(table)):
        command, code, status = table[position], table[position, 0], 0
        flagged = position
        if code == _CONFIG_EX:
            state.registers[_INPUT_STRIDE], state.registers[_INPUT_TRANSPOSE] = command[_C] & 0xFFFF, command[_D]
            state.states[_EXECUTE_STATE] = _pair(
                _pair(np.uint64(command[_B]), np.uint64(command[_D])), np.uint64(command[_E])
            )
            status = 0 if command[_A] == 1 else _UNSUPPORTED
        elif code == _CONFIG_LD:
            load = command[_D] & 3
            if load == 3 or command[_E]:
                return _UNSUPPORTED, position
            state.registers[_LOAD_STRIDE + load], state.registers[_LOAD_BLOCK + load] = (
                command[_A],
                command[_C] & 0xFFFF,
            )
            state.states[load] = np.uint64(command[_B])
        elif code == _CONFIG_ST:
            state.registers[_STORE_STRIDE] = command[_A]
            state.states[_STORE_STATE] = _pair(np.uint64(command[_B]), np.uint64(command[_C]))
        elif code == _MVIN:
            status = _move_in(state, command)
        elif code == _PRELOAD:
            state.registers[_PENDING] = position
        elif code == _COMPUTE:
            flagged, state.registers[_PENDING] = state.registers[_PENDING], -1
            status = _NO_PRELOAD
            if flagged >= 0:
                preload = table[flagged]
                status = _compute(state, command, preload)
        elif code == _MVOUT:
            status = _move_out(state, command)
        elif code == _FENCE:
            state.registers[_EPOCH] += 1
        elif code == _HOST:
            status = _compute_on_host(state, command)
        if status < 0:
            return status, position
        state.flags[flagged] = np.uint8(status)
    return 0, len(table) - 1
