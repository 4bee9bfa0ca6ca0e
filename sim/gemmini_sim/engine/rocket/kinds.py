"""What an instruction means to the pipeline: its kind, how long its result takes, which bytes it accesses."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op

__all__ = ["ATOMIC", "BYTES", "CSR", "FENCE", "FENCE_I", "FLOAT", "FLOAT_LOAD", "FLOAT_STORE", "FLOW", "KIND"]
__all__ += ["LATENCY", "LOAD", "MARKER", "MULTIPLY", "NONE", "ROCC", "SIMPLE", "STORE", "SYSTEM"]

# Those up to FLOAT are timed on the fast path.
SIMPLE, LOAD, STORE, FLOW, MULTIPLY, FLOAT_LOAD, FLOAT_STORE, FLOAT, ATOMIC = range(9)
CSR, FENCE, FENCE_I, ROCC, SYSTEM, MARKER, NONE = range(9, 16)


def _kinds() -> list[int]:
    kinds = [SIMPLE] * (op.REGION + 1)

    def assign(first: int, last: int, kind: int) -> None:
        kinds[first : last + 1] = [kind] * (last + 1 - first)

    assign(op.UNDECODED, op.ILLEGAL, NONE)
    assign(op.MUL, op.REMUW, MULTIPLY)
    assign(op.LB, op.LWU, LOAD)
    assign(op.FLW, op.FLD, FLOAT_LOAD)
    assign(op.SB, op.SD, STORE)
    assign(op.FSW, op.FSD, FLOAT_STORE)
    assign(op.BEQ, op.JALR, FLOW)
    assign(op.ATOMIC, op.ATOMIC, ATOMIC)
    assign(op.FENCE, op.FENCE, FENCE)
    assign(op.FENCE_I, op.FENCE_I, FENCE_I)
    assign(op.ECALL, op.WFI, SYSTEM)
    assign(op.CSRRW, op.CSRRCI, CSR)
    assign(op.FLOAT, op.FNMADD, FLOAT)
    assign(op.ROCC, op.ROCC, ROCC)
    assign(op.REGION, op.REGION, MARKER)
    return kinds


def _latencies() -> list[int]:
    latencies = [1] * (op.REGION + 1)
    for operation in (op.LW, op.LD, op.LWU, op.JALR):
        latencies[operation] = 2
    for operation in (op.FLW, op.FLD):
        latencies[operation] = 4
    for operation in (op.LB, op.LH, op.LBU, op.LHU, op.ATOMIC):  # sub-words are aligned a cycle later
        latencies[operation] = 3
    for operation in range(op.CSRRW, op.CSRRCI + 1):  # read in the write-back stage
        latencies[operation] = 3
    return latencies


def _bytes() -> list[int]:
    masks = [0xFF] * (op.REGION + 1)
    for operations, mask in (
        ((op.LB, op.LBU, op.SB), 0x01),
        ((op.LH, op.LHU, op.SH), 0x03),
        ((op.LW, op.LWU, op.FLW, op.SW, op.FSW), 0x0F),
    ):
        for operation in operations:
            masks[operation] = mask
    return masks


KIND = np.array(_kinds(), np.uint8)
LATENCY = np.array(_latencies(), np.int64)
"""Cycles from an instruction to one that uses its result, by operation; what depends on operands is elsewhere."""
BYTES = np.array(_bytes(), np.int64)
"""A bit for each byte that an operation accesses in its doubleword, at offset 0."""
