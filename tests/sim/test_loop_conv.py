"""LOOP_CONV_WS at the edge of what it can be asked for; that it convolves is tested with the library and the model."""

import numpy as np
from gemmini_sim import load_config
from gemmini_sim.engine.accelerator import execute
from gemmini_sim.engine.accelerator_state import BAD_LOOP, MEMORY_BASE, NO_FAULT, new_memories, new_state


def convolve(*, krows, orows, stride):
    """Run one loop of 4 x 4 channels; return its status, and whether it left DRAM as it was."""
    config = load_config("int8-16")
    memory = np.arange(1 << 14, dtype=np.int64).astype(np.uint8)
    before = memory.copy()
    state, (scratchpad, accumulator) = new_state(config), new_memories(config)
    channels, kernel_dilation, cols = 4, 3, 4
    words = [
        (channels << 48 | channels << 32 | 8 << 16 | 1, stride << 48 | cols << 32 | 8),
        (3 << 48, 1 << 48 | orows << 32 | cols << 16 | channels),
        (krows << 48 | 1 << 32 | channels << 16, 8),
        (orows << 48 | kernel_dilation, channels << 48 | channels << 32 | channels << 16 | cols),
        (MEMORY_BASE + 4096, MEMORY_BASE + 8192),
        (MEMORY_BASE + 1024, MEMORY_BASE),
    ]
    commands = [(16 + i, *pair) for i, pair in enumerate(words)]
    for funct, rs1, rs2 in [
        (0, 1 << 16 | 1 << 2, 1 << 48),
        (0, 2, 0x3F800000 << 32 | channels),
        *commands,
        (15, 1 << 8, 1),
    ]:
        status = execute(state, scratchpad, accumulator, memory, funct, np.int64(rs1), np.int64(rs2))
        if status != NO_FAULT:
            break
    return status, np.array_equal(memory, before)


def test_a_convolution_is_done():
    assert convolve(krows=2, orows=2, stride=1) == (NO_FAULT, False)


def test_without_a_kernel_and_an_output_nothing_is_done():
    assert convolve(krows=0, orows=0, stride=1) == (NO_FAULT, True)


def test_an_input_larger_than_its_size_can_say_is_refused():
    assert convolve(krows=2, orows=200, stride=200) == (BAD_LOOP, True)
