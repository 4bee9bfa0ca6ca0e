"""Local rows by their distance from the last row that was used in the same bank.

What the clock does with local rows depends on their banks, and on whether rows of one bank are the same or overlap. So
it stays the same when all rows of a bank move by one distance, as long as everything that a command touches lies in
one bank before and after. A program that walks through its tiles comes back to the same state with each of them.

A named word is the operand with the distance instead of the row, and the number of the bank in bits that addresses
leave empty. Garbage is itself. The first command that reaches beyond its bank, or does what is not looked into here,
ends this for the rest of the run: from then on all rows are themselves (``anchored``), which is part of a state.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import is_load, is_transfer
from gemmini_sim.engine.cycle_clock.registers_replay import BANK_SHIFT

__all__ = [
    "ACCUMULATOR",
    "GARBAGE_BANK",
    "NO_BANK",
    "banks_of_call",
    "fits",
    "follow_configuration",
    "has_locals",
    "keep_origins",
    "local_row",
    "name_in_bank",
    "name_local",
    "put_back_origins",
    "rows_of",
    "use_bank",
    "use_local",
]

ACCUMULATOR = 1 << 31
GARBAGE_BANK, NO_BANK = -1, -2
_BANK_MASK = 127  # from BANK_SHIFT on: the number of the bank, from 1
_FLAGS = 7 << 29
_PRELOAD = 6


@jit_inline
def has_locals(funct):
    """Return whether both operands of a command are local addresses; of loads and stores the second one is."""
    return 4 <= funct <= _PRELOAD


@jit
def rows_of(clock, memory):
    """Return how many rows a memory has: 0 the scratchpad, 1 the accumulator."""
    return clock["accumulator_rows"] if memory else clock["scratchpad_rows"]


# --- names


@jit_inline
def _bank(clock, word, rows):
    """Return the bank that has all of some rows from a local address on, or GARBAGE_BANK, or NO_BANK.

    Both memories' banks are counted, the scratchpad's first. An address with bits between row and flags has none.
    """
    low = word & 0xFFFFFFFF
    mask = clock["address_mask"]
    if low <= mask:  # a row of the scratchpad, which is mostly the case
        bank = low >> clock["bank_shift"]
        whole = (low + rows - 1) >> clock["bank_shift"] == bank and bank < clock["banks"]
        return bank if whole else NO_BANK
    row = low & mask
    spare = low & ~mask & ~_FLAGS
    if low >> 29 == 7 and row == mask:
        return GARBAGE_BANK if spare == 0 or spare == 0xFFFFFFFF & ~mask & ~_FLAGS else NO_BANK
    if low >> 31:
        bank = row >> clock["accumulator_bank_shift"]
        if spare or (row + rows - 1) >> clock["accumulator_bank_shift"] != bank or row >= clock["accumulator_rows"]:
            return NO_BANK
        return clock["banks"] + bank
    bank = row >> clock["bank_shift"]
    if spare or (row + rows - 1) >> clock["bank_shift"] != bank or row >= clock["scratchpad_rows"]:
        return NO_BANK
    return bank


@jit_inline
def name_in_bank(clock, word, bank):
    """Return the name of an operand whose low 32 bits are a local address in a bank; without a bank it is itself."""
    if bank < 0:
        return word
    mask = clock["address_mask"]
    return word & ~mask | ((word - clock["origin_row"][bank]) & mask) | (bank + 1) << BANK_SHIFT


@jit
def name_local(clock, word):
    """Return the name of an operand whose low 32 bits are a local address that lies in a bank, or garbage."""
    return word if clock["anchored"] else name_in_bank(clock, word, _bank(clock, word, 1))


@jit
def local_row(clock, word):
    """Return the operand that a word of :func:`name_local` stands for now."""
    bank = (word >> BANK_SHIFT & _BANK_MASK) - 1
    if clock["anchored"] or bank < 0 or bank == _BANK_MASK - 1:  # garbage has all of these bits, or none
        return word
    mask = clock["address_mask"]
    return word & ~(mask | _BANK_MASK << BANK_SHIFT) | ((word + clock["origin_row"][bank]) & mask)


# --- what rows are named after


@jit_inline
def use_bank(clock, word, bank):
    """Let what comes be named after the row of an operand, if it has a bank."""
    if bank >= 0:
        clock["origin_row"][bank] = word & clock["address_mask"]


@jit
def use_local(clock, funct, rs1, rs2):
    """Let what comes be named after the rows of a command."""
    if not clock["anchored"]:
        if has_locals(funct):
            use_bank(clock, rs1, _bank(clock, rs1, 1))
            use_bank(clock, rs2, _bank(clock, rs2, 1))
        elif is_transfer(funct):
            use_bank(clock, rs2, _bank(clock, rs2, 1))


@jit
def keep_origins(clock):
    """Keep what rows are named after: a stretch begins."""
    for bank in range(clock["origin_rows"]):
        clock["before_origin_row"][bank] = clock["origin_row"][bank]


@jit
def put_back_origins(clock):
    """Name rows as when the stretch began."""
    for bank in range(clock["origin_rows"]):
        clock["origin_row"][bank] = clock["before_origin_row"][bank]


# --- what can be named


@jit_inline
def follow_configuration(clock, funct, rs1, rs2):
    """Keep what a command says about the rows of the commands behind it."""
    if has_locals(funct):
        clock["origin_preload"] = funct == _PRELOAD
    elif funct == 0:
        kind = rs1 & 3
        if kind == 0:
            clock["origin_a_rows"] = clock["dim"] * max(1, rs1 >> 16 & 0xFFFF)
            clock["origin_c_rows"] = clock["dim"] * max(1, rs2 >> 48 & 0xFFFF)
        elif kind == 1:
            clock["origin_block_stride"][min(rs1 >> 3 & 3, 2)] = rs1 >> 16 & 0xFFFF


@jit
def _transfer_rows(clock, funct, rs2):
    """Return how many rows a load or store reaches over, more than any bank has if that is not looked into."""
    rows = rs2 >> 48 & 0xFFFF
    columns = rs2 >> 32 & 0xFFFF
    if rows == 0 or columns == 0:
        return 1 << 40
    stride = clock["dim"]
    if is_load(funct):
        stride = clock["origin_block_stride"][0 if funct == 2 else (1 if funct == 1 else 2)]
    return ((columns - 1) >> clock["dim_shift"]) * stride + rows


@jit_inline
def banks_of_call(clock, funct, rs1, rs2):
    """Return the banks of a command's operands, GARBAGE_BANK for what is no local address; NO_BANK: not one bank.

    Beside the rows of an operand the array's controller also works out the banks of those behind it, up to a whole
    tile.
    """
    if clock["anchored"]:
        return GARBAGE_BANK, GARBAGE_BANK
    if funct == _PRELOAD:
        return _bank(clock, rs1, clock["dim"]), _bank(clock, rs2, clock["origin_c_rows"])
    if has_locals(funct):
        return _bank(clock, rs1, clock["origin_a_rows"]), _bank(clock, rs2, clock["dim"])
    if is_transfer(funct):
        return GARBAGE_BANK, _bank(clock, rs2, _transfer_rows(clock, funct, rs2))
    return GARBAGE_BANK, GARBAGE_BANK


@jit
def _takes_more_than_a_tile(clock, operand):
    return (operand >> 48 & 0xFFFF) > clock["dim"] or (operand >> 32 & 0xFFFF) > clock["dim"]


@jit
def fits(clock, funct, rs1, rs2):
    """Return whether all that a command touches lies in one bank for each of its operands.

    The array's controller reads operands of the command behind a preload without a look at what that command is, so
    that it must be a compute. Repeated pixels stop at the scratchpad's half, pooling takes rows from a whole bank, and
    the unrollers of hardware loops work with rows as they are.
    """
    if funct == 0:
        kind = rs1 & 3
        if kind == 0:
            return clock["origin_preload"] == 0
        if kind == 1:
            return (rs1 >> 8 & 0xFF) <= 1
        return kind == 3 or rs1 >> 4 & 15 == 0
    if has_locals(funct):
        if funct == _PRELOAD and clock["origin_preload"]:
            return False
        if _takes_more_than_a_tile(clock, rs1) or _takes_more_than_a_tile(clock, rs2):
            return False
    elif 8 <= funct <= 13 or 15 <= funct <= 21:
        return False
    bank_1, bank_2 = banks_of_call(clock, funct, rs1, rs2)
    return bank_1 != NO_BANK and bank_2 != NO_BANK
