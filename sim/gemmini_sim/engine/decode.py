"""The decoder: one 16- or 32-bit RV64IMAFDC instruction into one record that the core can execute at once."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit, jit_part

__all__ = ["INSTRUCTION_DTYPE", "decode"]

# `size` counts halfwords. Registers are numbered as in `opcodes`: an integer result that is dropped has a place of its
# own, so that x[0] stays zero without a test. Registers that are not used are x[0].
INSTRUCTION_DTYPE = np.dtype(
    [
        ("op", "u1"),
        ("size", "u1"),
        ("rd", "u1"),
        ("rs1", "u1"),
        ("rs2", "u1"),
        ("rs3", "u1"),
        ("rm", "u1"),  # funct3: rounding mode, width of an atomic, xd xs1 xs2 of a RoCC command
        ("format", "u1"),  # 0 single, 1 double; of an integer that is converted: + 2 unsigned, + 4 of 64 bits
        ("imm", "i8"),  # the constant, ready to use; the bits themselves for ILLEGAL
    ],
    align=True,
)


@jit
def decode(out, word, pc):
    """Decode the 32 bits ``word`` at ``pc`` into the record ``out``; a compressed one ignores the upper half."""
    out["rs3"] = 0
    out["rm"] = 0
    out["format"] = 0
    if word & 3 == 3:
        out["size"] = 2
        _illegal(out, word)
        _decode_32(out, word, pc)
    else:
        word &= 0xFFFF
        out["size"] = 1
        _illegal(out, word)
        quadrant = word & 3
        if quadrant == 0:
            _decode_quadrant_0(out, word)
        elif quadrant == 1:
            _decode_quadrant_1(out, word)
        else:
            _decode_quadrant_2(out, word)


@jit_part
def _illegal(out, word):
    _set(out, op.ILLEGAL, 0, 0, 0, word)


@jit_part
def _set(out, operation, rd, rs1, rs2, imm):
    out["op"] = operation
    out["rd"] = rd if rd != 0 else op.DROPPED
    out["rs1"] = rs1
    out["rs2"] = rs2
    out["imm"] = imm


@jit_part
def _signed(value, bits):
    """Read the low bits of a value as a two's complement number."""
    return ((value & ((1 << bits) - 1)) ^ (1 << (bits - 1))) - (1 << (bits - 1))


@jit_part
def _decode_32(out, word, pc):
    opcode = word & 0x7F
    rd = word >> 7 & 31
    funct3 = word >> 12 & 7
    rs1 = word >> 15 & 31
    rs2 = word >> 20 & 31
    funct7 = word >> 25 & 0x7F
    immediate = _signed(word >> 20, 12)

    if opcode == 0x37:
        _set(out, op.LI, rd, 0, 0, _signed(word & 0xFFFFF000, 32))
    elif opcode == 0x17:
        _set(out, op.LI, rd, 0, 0, pc + _signed(word & 0xFFFFF000, 32))
    elif opcode == 0x13:
        _decode_op_imm(out, word, rd, funct3, rs1, immediate)
    elif opcode == 0x1B:
        if funct3 == 0:
            _set(out, op.ADDIW, rd, rs1, 0, immediate)
        elif funct3 == 1 and funct7 == 0:
            _set(out, op.SLLIW, rd, rs1, 0, rs2)
        elif funct3 == 5 and funct7 == 0:
            _set(out, op.SRLIW, rd, rs1, 0, rs2)
        elif funct3 == 5 and funct7 == 0x20:
            _set(out, op.SRAIW, rd, rs1, 0, rs2)
    elif opcode == 0x33 or opcode == 0x3B:
        operation = _op_32(funct7, funct3) if opcode == 0x3B else _op(funct7, funct3)
        if operation != op.ILLEGAL:
            _set(out, operation, rd, rs1, rs2, 0)
    elif opcode == 0x03:
        if funct3 != 7:
            _set(out, op.LB + funct3, rd, rs1, 0, immediate)
    elif opcode == 0x23:
        if funct3 < 4:
            _set(out, op.SB + funct3, 0, rs1, rs2, _signed(funct7 << 5 | rd, 12))
    elif opcode == 0x63:
        offset = _signed(
            (word >> 31 & 1) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1, 13
        )
        if funct3 < 2:
            _set(out, op.BEQ + funct3, 0, rs1, rs2, offset)
        elif funct3 > 3:
            _set(out, op.BLT + funct3 - 4, 0, rs1, rs2, offset)
    elif opcode == 0x6F:
        offset = (word >> 31 & 1) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
        _set(out, op.JAL, rd, 0, 0, _signed(offset, 21))
    elif opcode == 0x67:
        if funct3 == 0:
            _set(out, op.JALR, rd, rs1, 0, immediate)
    elif opcode == 0x0F:
        if funct3 == 0:
            _set(out, op.FENCE, 0, 0, 0, 0)
        elif funct3 == 1:
            _set(out, op.FENCE_I, 0, 0, 0, 0)
    elif opcode == 0x73:
        _decode_system(out, word, rd, funct3, rs1)
    elif opcode == 0x2F:
        _decode_atomic(out, rd, funct3, rs1, rs2, funct7 >> 2)
    elif opcode == 0x7B:
        _set(out, op.ROCC, rd, rs1, rs2, funct7)
        out["rm"] = funct3
    else:
        _decode_float(out, word, opcode, rd, funct3, rs1, rs2, funct7, immediate)


@jit_part
def _decode_op_imm(out, word, rd, funct3, rs1, immediate):
    shift = word >> 20 & 63
    funct6 = word >> 26 & 63
    if funct3 == 0:
        _set(out, op.ADDI, rd, rs1, 0, immediate)
    elif funct3 == 1:
        if funct6 == 0:
            _set(out, op.SLLI, rd, rs1, 0, shift)
    elif funct3 == 2:
        if rd == 0 and rs1 == 0 and immediate > 0:
            _set(out, op.REGION, 0, 0, 0, immediate)
        else:
            _set(out, op.SLTI, rd, rs1, 0, immediate)
    elif funct3 == 3:
        _set(out, op.SLTIU, rd, rs1, 0, immediate)
    elif funct3 == 4:
        _set(out, op.XORI, rd, rs1, 0, immediate)
    elif funct3 == 5:
        if funct6 == 0:
            _set(out, op.SRLI, rd, rs1, 0, shift)
        elif funct6 == 0x10:
            _set(out, op.SRAI, rd, rs1, 0, shift)
    elif funct3 == 6:
        _set(out, op.ORI, rd, rs1, 0, immediate)
    else:
        _set(out, op.ANDI, rd, rs1, 0, immediate)


@jit_part
def _op(funct7, funct3):
    if funct7 == 1:
        return op.MUL + funct3
    if funct7 == 0x20:
        if funct3 == 0:
            return op.SUB
        if funct3 == 5:
            return op.SRA
    elif funct7 == 0:
        if funct3 == 0:
            return op.ADD
        if funct3 < 6:
            return op.SLL + funct3 - 1
        return op.OR + funct3 - 6
    return op.ILLEGAL


@jit_part
def _op_32(funct7, funct3):
    if funct7 == 1:
        if funct3 == 0:
            return op.MULW
        if funct3 > 3:
            return op.DIVW + funct3 - 4
    elif funct7 == 0x20:
        if funct3 == 0:
            return op.SUBW
        if funct3 == 5:
            return op.SRAW
    elif funct7 == 0:
        if funct3 == 0:
            return op.ADDW
        if funct3 == 1:
            return op.SLLW
        if funct3 == 5:
            return op.SRLW
    return op.ILLEGAL


@jit_part
def _decode_system(out, word, rd, funct3, rs1):
    if word == 0x00000073:
        _set(out, op.ECALL, 0, 0, 0, 0)
    elif word == 0x00100073:
        _set(out, op.EBREAK, 0, 0, 0, 0)
    elif word == 0x30200073:
        _set(out, op.MRET, 0, 0, 0, 0)
    elif word == 0x10500073:
        _set(out, op.WFI, 0, 0, 0, 0)
    elif funct3 != 0 and funct3 != 4:
        operation = op.CSRRW + funct3 - 1 if funct3 < 4 else op.CSRRWI + funct3 - 5
        _set(out, operation, rd, rs1, 0, word >> 20 & 0xFFF)


@jit_part
def _decode_atomic(out, rd, funct3, rs1, rs2, funct5):
    known = funct5 < 4 or funct5 & 3 == 0
    if (funct3 == 2 or funct3 == 3) and known and not (funct5 == 2 and rs2 != 0):
        _set(out, op.ATOMIC, rd, rs1, rs2, funct5)
        out["rm"] = funct3


@jit_part
def _decode_float(out, word, opcode, rd, funct3, rs1, rs2, funct7, immediate):
    width = funct7 & 3
    if opcode == 0x07:
        if funct3 == 2 or funct3 == 3:
            _set_float_memory(out, op.FLW + funct3 - 2, rs1, rd, immediate)
    elif opcode == 0x27:
        if funct3 == 2 or funct3 == 3:
            _set_float_memory(out, op.FSW + funct3 - 2, rs1, rs2, _signed(funct7 << 5 | rd, 12))
    elif width < 2:
        if opcode == 0x53:
            if _is_float_op(funct7 >> 2, funct3, rs2, width):
                _set_float_op(out, rd, rs1, rs2, funct3, funct7 >> 2, width)
        elif opcode == 0x43 or opcode == 0x47 or opcode == 0x4B or opcode == 0x4F:
            _set(out, op.FMADD + (opcode >> 2 & 3), op.FLOATS + rd, op.FLOATS + rs1, op.FLOATS + rs2, 0)
            out["rs3"] = op.FLOATS + (word >> 27 & 31)
            out["rm"] = funct3
            out["format"] = width


@jit_part
def _set_float_memory(out, operation, rs1, register, imm):
    """Set a load or store of a floating-point register."""
    if operation >= op.FSW:
        _set(out, operation, 0, rs1, op.FLOATS + register, imm)
    else:
        _set(out, operation, op.FLOATS + register, rs1, 0, imm)
    out["rm"] = 2 + (operation == op.FLD or operation == op.FSD)


@jit_part
def _set_float_op(out, rd, rs1, rs2, rm, funct5, width):
    if funct5 != 0x14 and funct5 != 0x18 and funct5 != 0x1C:  # comparisons, conversions and moves to integer registers
        rd += op.FLOATS
    if funct5 == 0x18 or funct5 == 0x1A:
        width |= rs2 << 1
    if funct5 < 0x1A or funct5 == 0x1C:  # all but those from integer registers
        rs1 += op.FLOATS
    _set(out, op.FLOAT, rd, rs1, op.FLOATS + rs2 if funct5 < 0x18 else 0, funct5)
    out["rm"] = rm
    out["format"] = width


@jit_part
def _is_float_op(funct5, funct3, rs2, width):
    """Tell whether an OP-FP encoding is defined; a reserved rounding mode is the executing core's to reject."""
    if funct5 < 4:  # add, sub, mul, div
        return True
    if funct5 == 0x04:  # sign injection
        return funct3 < 3
    if funct5 == 0x05:  # min, max
        return funct3 < 2
    if funct5 == 0x08:  # between single and double
        return rs2 == 1 - width
    if funct5 == 0x0B:  # square root
        return rs2 == 0
    if funct5 == 0x14:  # compare
        return funct3 < 3
    if funct5 == 0x18 or funct5 == 0x1A:  # to and from integers
        return rs2 < 4
    if funct5 == 0x1C:  # move to an integer register, classify
        return rs2 == 0 and funct3 < 2
    if funct5 == 0x1E:  # move from an integer register
        return rs2 == 0 and funct3 == 0
    return False


@jit_part
def _decode_quadrant_0(out, word):
    funct3 = word >> 13
    rd = 8 + (word >> 2 & 7)
    rs1 = 8 + (word >> 7 & 7)
    offset_w = (word >> 10 & 7) << 3 | (word >> 6 & 1) << 2 | (word >> 5 & 1) << 6
    offset_d = (word >> 10 & 7) << 3 | (word >> 5 & 3) << 6
    if funct3 == 0:
        constant = (word >> 7 & 15) << 6 | (word >> 11 & 3) << 4 | (word >> 5 & 1) << 3 | (word >> 6 & 1) << 2
        if constant != 0:
            _set(out, op.ADDI, rd, 2, 0, constant)
    elif funct3 == 1:
        _set_float_memory(out, op.FLD, rs1, rd, offset_d)
    elif funct3 == 2:
        _set(out, op.LW, rd, rs1, 0, offset_w)
    elif funct3 == 3:
        _set(out, op.LD, rd, rs1, 0, offset_d)
    elif funct3 == 5:
        _set_float_memory(out, op.FSD, rs1, rd, offset_d)
    elif funct3 == 6:
        _set(out, op.SW, 0, rs1, rd, offset_w)
    elif funct3 == 7:
        _set(out, op.SD, 0, rs1, rd, offset_d)


@jit_part
def _decode_quadrant_1(out, word):
    funct3 = word >> 13
    rd = word >> 7 & 31
    constant = _signed((word >> 12 & 1) << 5 | (word >> 2 & 31), 6)
    if funct3 == 0:
        _set(out, op.ADDI, rd, rd, 0, constant)
    elif funct3 == 1:
        if rd != 0:
            _set(out, op.ADDIW, rd, rd, 0, constant)
    elif funct3 == 2:
        _set(out, op.LI, rd, 0, 0, constant)
    elif funct3 == 3:
        if rd == 2:
            step = (word >> 12 & 1) << 9 | (word >> 6 & 1) << 4 | (word >> 5 & 1) << 6
            step |= (word >> 3 & 3) << 7 | (word >> 2 & 1) << 5
            if step != 0:
                _set(out, op.ADDI, 2, 2, 0, _signed(step, 10))
        elif constant != 0:
            _set(out, op.LI, rd, 0, 0, constant << 12)
    elif funct3 == 4:
        _decode_compressed_arithmetic(out, word, constant)
    elif funct3 == 5:
        offset = (word >> 12 & 1) << 11 | (word >> 11 & 1) << 4 | (word >> 9 & 3) << 8 | (word >> 8 & 1) << 10
        offset |= (word >> 7 & 1) << 6 | (word >> 6 & 1) << 7 | (word >> 3 & 7) << 1 | (word >> 2 & 1) << 5
        _set(out, op.JAL, 0, 0, 0, _signed(offset, 12))
    else:
        offset = (word >> 12 & 1) << 8 | (word >> 10 & 3) << 3 | (word >> 5 & 3) << 6 | (word >> 3 & 3) << 1
        offset |= (word >> 2 & 1) << 5
        _set(out, op.BEQ + funct3 - 6, 0, 8 + (word >> 7 & 7), 0, _signed(offset, 9))


@jit_part
def _decode_compressed_arithmetic(out, word, constant):
    rd = 8 + (word >> 7 & 7)
    rs2 = 8 + (word >> 2 & 7)
    kind = word >> 10 & 3
    if kind == 0:
        _set(out, op.SRLI, rd, rd, 0, constant & 63)
    elif kind == 1:
        _set(out, op.SRAI, rd, rd, 0, constant & 63)
    elif kind == 2:
        _set(out, op.ANDI, rd, rd, 0, constant)
    else:
        which = (word >> 12 & 1) << 2 | (word >> 5 & 3)
        if which == 0:
            _set(out, op.SUB, rd, rd, rs2, 0)
        elif which == 1:
            _set(out, op.XOR, rd, rd, rs2, 0)
        elif which == 2:
            _set(out, op.OR, rd, rd, rs2, 0)
        elif which == 3:
            _set(out, op.AND, rd, rd, rs2, 0)
        elif which == 4:
            _set(out, op.SUBW, rd, rd, rs2, 0)
        elif which == 5:
            _set(out, op.ADDW, rd, rd, rs2, 0)


@jit_part
def _decode_quadrant_2(out, word):
    funct3 = word >> 13
    rd = word >> 7 & 31
    rs2 = word >> 2 & 31
    load_w = (word >> 12 & 1) << 5 | (word >> 4 & 7) << 2 | (word >> 2 & 3) << 6
    load_d = (word >> 12 & 1) << 5 | (word >> 5 & 3) << 3 | (word >> 2 & 7) << 6
    store_w = (word >> 9 & 15) << 2 | (word >> 7 & 3) << 6
    store_d = (word >> 10 & 7) << 3 | (word >> 7 & 7) << 6
    if funct3 == 0:
        _set(out, op.SLLI, rd, rd, 0, (word >> 12 & 1) << 5 | rs2)
    elif funct3 == 1:
        _set_float_memory(out, op.FLD, 2, rd, load_d)
    elif funct3 == 2:
        if rd != 0:
            _set(out, op.LW, rd, 2, 0, load_w)
    elif funct3 == 3:
        if rd != 0:
            _set(out, op.LD, rd, 2, 0, load_d)
    elif funct3 == 4:
        _decode_compressed_jump(out, word, rd, rs2)
    elif funct3 == 5:
        _set_float_memory(out, op.FSD, 2, rs2, store_d)
    elif funct3 == 6:
        _set(out, op.SW, 0, 2, rs2, store_w)
    else:
        _set(out, op.SD, 0, 2, rs2, store_d)


@jit_part
def _decode_compressed_jump(out, word, rd, rs2):
    if word >> 12 & 1 == 0:
        if rs2 != 0:
            _set(out, op.ADD, rd, 0, rs2, 0)
        elif rd != 0:
            _set(out, op.JALR, 0, rd, 0, 0)
    elif rs2 != 0:
        _set(out, op.ADD, rd, rd, rs2, 0)
    elif rd != 0:
        _set(out, op.JALR, 1, rd, 0, 0)
    else:
        _set(out, op.EBREAK, 0, 0, 0, 0)
