"""What the accelerator remembers between commands, and the faults that end a program.

The registers follow the names of Gemmini's commands; their reset value is 0 (scales 1.0), as libgemmini finds them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.conv_operands import CONVOLUTION
from gemmini_sim.engine.counters import random_state

__all__ = [
    "BAD_ACCUMULATOR_ROW",
    "BAD_CONFIG",
    "BAD_DRAM_ADDRESS",
    "BAD_FUNCT",
    "BAD_LOOP",
    "BAD_OPERAND",
    "BAD_SCRATCHPAD_ROW",
    "BAD_SIZE",
    "GARBAGE",
    "HANG",
    "MEMORY_BASE",
    "NO_FAULT",
    "OVER_BUDGET",
    "STATISTICS",
    "AcceleratorState",
    "describe_fault",
    "exceeds_budget",
    "fault",
    "new_memories",
    "new_state",
    "start_region",
]

MEMORY_BASE = 0x8000_0000
"""Physical address of byte 0 of the memory array."""

GARBAGE = np.int64(0xFFFF_FFFF)
"""The local address that names no row: an operand of zeros, or a result that nobody wants."""

STATISTICS = 4
"""How many rows can gather statistics for layernorm and softmax at once (libgemmini's NORM_STAT_IDS)."""

NO_FAULT = 0
BAD_FUNCT = 1
BAD_DRAM_ADDRESS = 2
BAD_SCRATCHPAD_ROW = 3
BAD_ACCUMULATOR_ROW = 4
BAD_CONFIG = 5
BAD_SIZE = 6
BAD_OPERAND = 7
BAD_LOOP = 8
HANG = 9  # found by the clock, not by a command
OVER_BUDGET = 10  # no fault: the command needs more work than the run has left

_FAULTS = {
    BAD_FUNCT: "no Gemmini command has function code {value}",
    BAD_DRAM_ADDRESS: "the accelerator accesses address {address:#x}, which is outside memory",
    BAD_SCRATCHPAD_ROW: "scratchpad row {value} does not exist (local address {address:#010x})",
    BAD_ACCUMULATOR_ROW: "accumulator row {value} does not exist (local address {address:#010x})",
    BAD_CONFIG: "a configuration command sets a combination that the hardware does not have (rs1 {address:#x})",
    BAD_SIZE: "a block of {value} rows or columns is larger than the array (local address {address:#010x})",
    BAD_OPERAND: "local address {address:#010x} is in the accumulator; the array reads operands from the scratchpad",
    BAD_LOOP: "the operands of a hardware loop need {value} local rows, more than its half of the memory",
    HANG: (
        "the accelerator hangs: a command before never completes "
        "(a preload without a compute, rows too long for the DMA, or none at all?)"
    ),
}

# All fields are int64: jitted code never mixes widths, and a pc or an address fits.
_REGISTER_FIELDS = [
    ("rd", ()),
    ("pc", ()),
    ("work", ()),  # of the command so far, and how much it may be: see `exceeds_budget`
    ("budget", ()),
    ("fault_value", ()),
    ("fault_address", ()),
    ("holds_sums", ()),  # whether the array holds ``array_sums``, else ``weights``
    ("preload_address", ()),
    ("preload_rows", ()),
    ("preload_cols", ()),
    ("output_address", ()),
    ("output_rows", ()),
    ("output_cols", ()),
    ("weight_stationary", ()),
    ("array_relu", ()),
    ("array_shift", ()),
    ("a_transpose", ()),
    ("b_transpose", ()),
    ("a_stride", ()),
    ("c_stride", ()),
    ("load_stride", (3,)),
    ("load_block_stride", (3,)),
    ("load_shrunk", (3,)),
    ("load_pixels", (3,)),
    ("load_scale", (3,)),  # bits of a float32
    ("store_stride", ()),
    ("store_scale", ()),  # bits of a float32
    ("activation", ()),
    ("pool_stride", ()),
    ("pool_size", ()),
    ("pool_upper_pad", ()),
    ("pool_left_pad", ()),
    ("pool_out_dim", ()),
    ("pool_out_rows", ()),
    ("pool_out_cols", ()),
    ("pool_rows", ()),
    ("pool_cols", ()),
    ("statistic", ()),
    ("statistic_reset", (STATISTICS,)),
    ("gelu_qb", ()),
    ("gelu_qc", ()),
    ("exp_qln2", ()),
    ("exp_qln2_inverse", ()),
    ("loop_i", ()),
    ("loop_j", ()),
    ("loop_k", ()),
    ("loop_pad_i", ()),
    ("loop_pad_j", ()),
    ("loop_pad_k", ()),
    ("loop_a", ()),
    ("loop_b", ()),
    ("loop_c", ()),
    ("loop_d", ()),
    ("loop_a_stride", ()),
    ("loop_b_stride", ()),
    ("loop_c_stride", ()),
    ("loop_d_stride", ()),
    ("conv_words", (12,)),  # rs1 and rs2 of the six configuration commands
    ("conv_bias_row", ()),
    ("conv_output_row", ()),
    ("unrolled", ()),
    ("window", ()),
    ("counting", ()),
    ("counts_due", ()),
    ("counter_config", (8,)),
    ("counter_external", (8,)),
    ("counter_value", (8,)),
    ("counter_snapshot", (8,)),
    ("counter_frozen", ()),
    ("external_value", (64,)),
    ("random_state", (31,)),
    ("random_next", ()),
]

_MAX_DIM = 64
_WINDOW = 1 << 16
_ONE = 0x3F80_0000  # the bits of 1.0


def _registers(wide: type[np.generic]) -> np.dtype[np.void]:
    """Return the type of the registers of a machine whose accumulator elements are ``wide``.

    The arrays have a fixed size, so that machines of every DIM share their machine code.
    """
    block = (_MAX_DIM * _MAX_DIM,)
    factor = np.int16 if issubclass(wide, np.integer) else wide
    statistics = [(name, wide, (STATISTICS,)) for name in ("sums", "maxima", "running_maxima", "counts", "means")]
    return np.dtype(
        [(name, np.int64, shape) for name, shape in _REGISTER_FIELDS]
        + [("conv", CONVOLUTION), ("commands", np.int64, (_WINDOW, 3))]
        + statistics
        + [("inverse_deviations", np.float32, (STATISTICS,)), ("inverse_sums", np.float32, (STATISTICS,))]
        + [(name, factor, block) for name in ("weights", "operand")]
        + [(name, wide, block) for name in ("array_sums", "results")],
        align=True,
    )


class AcceleratorState(NamedTuple):
    """Everything but the three memories. Both arrays are changed in place; copy them for a snapshot.

    Attributes
    ----------
    registers : record[1]
        Configuration, the preload that waits for its compute, the outcome of the last command, the statistics of rows
        for layernorm and softmax. ``weights[:DIM, :DIM]`` is what the processing elements hold: the weights, or in
        output-stationary mode the sums. ``operand`` and ``results`` mean nothing between commands.
    used : uint8[scratchpad rows + accumulator rows]
        1 for every row that was written since the region began, the scratchpad's first.

    Notes
    -----
    Jitted code passes an array as seven words, a record as one: so there are few arrays here.
    """

    registers: np.ndarray
    used: np.ndarray


def _element_types(config: MachineConfig) -> tuple[type[np.generic], type[np.generic]]:
    return (np.int8, np.int32) if config.array.element == "int8" else (np.float32, np.float32)


def new_state(config: MachineConfig) -> AcceleratorState:
    """Return the state of an accelerator after reset."""
    registers = np.zeros(1, _registers(_element_types(config)[1]))
    registers["load_scale"] = registers["store_scale"] = _ONE
    registers["load_pixels"] = 1
    registers["budget"] = 1 << 62
    registers["statistic_reset"] = 1
    registers["random_state"] = random_state()
    return AcceleratorState(registers, np.zeros(config.scratchpad_rows + config.accumulator_rows, np.uint8))


def new_memories(config: MachineConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return the scratchpad, E[rows, DIM], and the accumulator, A[rows, DIM], filled with zeros."""
    narrow, wide = _element_types(config)
    dim = config.array.dim
    return np.zeros((config.scratchpad_rows, dim), narrow), np.zeros((config.accumulator_rows, dim), wide)


def describe_fault(code: int, registers: np.ndarray) -> str:
    """Return one sentence about a fault code that ``execute`` returned.

    Parameters
    ----------
    code : int
        One of the ``BAD_`` codes.
    registers : record[1]
        The accelerator's registers after the fault.
    """
    return _FAULTS[code].format(value=int(registers[0]["fault_value"]), address=int(registers[0]["fault_address"]))


@jit
def fault(registers, code, value, address):
    """Note what was wrong and return ``code``, so that a caller can write ``return fault(...)``."""
    registers["fault_value"] = value
    registers["fault_address"] = address
    return code


@jit
def exceeds_budget(registers, work):
    """Count what a command is going to do; return whether that is more than the run may do.

    The unit is one local row that is moved or multiplied, or one command that a hardware loop stands for: it takes the
    simulator about as long as an instruction of the core.
    """
    registers["work"] += work
    return registers["work"] > registers["budget"]


@jit
def start_region(state):
    """Forget which rows were written: from here on they are counted anew."""
    state.used[:] = 0
