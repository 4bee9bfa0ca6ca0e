"""What a 32-bit local address of the accelerator says; a frequent source of confusion, so in one place."""

from __future__ import annotations

from gemmini_sim import MachineConfig

from autocomp_kit.records import Record

__all__ = ["LocalAddress", "decode_address"]

_ACCUMULATOR, _ACCUMULATE, _FULL_WIDTH = 1 << 31, 1 << 30, 1 << 29
_ROW = 0x1FFF_FFFF
_NONE = 0xFFFF_FFFF


class LocalAddress(Record):
    """A decoded address; local addresses count rows of DIM elements, not bytes.

    ``space`` is scratchpad, accumulator or none (all ones: no operand). ``accumulate`` adds to what the row holds
    instead of overwriting it, ``full_width`` moves int32 elements unscaled; both have a meaning in the accumulator
    only. ``bank`` and ``row_in_bank`` are None if the row is outside the memory.
    """

    bits: int
    space: str
    row: int
    bank: int | None
    row_in_bank: int | None
    accumulate: bool
    full_width: bool
    text: str


def decode_address(bits: int, machine: MachineConfig) -> LocalAddress:
    """Return what an address means on a machine; only its low 32 bits count, as in a command's operand.

    The layout (bit 31 accumulator, 30 accumulate, 29 full width, below them the row) is that of Gemmini's ISA.
    """
    bits &= 0xFFFF_FFFF
    if bits == _NONE:
        text = "no operand: preload keeps what is in the array, compute adds zeros, results are discarded"
        return _decoded(bits, "none", 0, None, text=text)
    accumulator = bool(bits & _ACCUMULATOR)
    row = bits & _ROW
    rows = machine.accumulator_rows if accumulator else machine.scratchpad_rows
    bank_rows = machine.accumulator_bank_rows if accumulator else machine.scratchpad_bank_rows
    space = "accumulator" if accumulator else "scratchpad"
    if row >= rows:
        text = f"{space} row {row:,}, but the {space} of {machine.name} has {rows:,} rows: outside"
        return _decoded(bits, space, row, None, text=text)
    bank, inside = divmod(row, bank_rows)
    notes = []
    if accumulator and bits & _ACCUMULATE:
        notes.append("adds to what is there")
    elif accumulator:
        notes.append("overwrites")
    if accumulator and bits & _FULL_WIDTH:
        notes.append("full width (int32), neither scaled nor activated")
    if not accumulator and bits & (_ACCUMULATE | _FULL_WIDTH):
        notes.append("bits 30 and 29 have no meaning in the scratchpad")
    text = f"{space} row {row:,} (bank {bank}, row {inside:,} of it)" + "".join(f", {note}" for note in notes)
    return _decoded(bits, space, row, (bank, inside), text=text)


def _decoded(bits: int, space: str, row: int, place: tuple[int, int] | None, *, text: str) -> LocalAddress:
    flags = space == "accumulator"
    return LocalAddress(
        bits=bits,
        space=space,
        row=row,
        bank=place[0] if place else None,
        row_in_bank=place[1] if place else None,
        accumulate=flags and bool(bits & _ACCUMULATE),
        full_width=flags and bool(bits & _FULL_WIDTH),
        text=text,
    )
