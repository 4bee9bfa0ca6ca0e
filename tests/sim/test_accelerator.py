"""The accelerator's function against a second opinion, and what it refuses to do."""

import os
import subprocess
import sys
from random import Random

import numpy as np
import pytest
from gemmini_sim import load_config
from gemmini_sim.engine.accelerator import execute
from gemmini_sim.engine.accelerator_state import NO_FAULT, describe_fault, new_memories, new_state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sim.command_streams import CommandStream
from tests.sim.reference_convolution import BASE, OUTPUT, random_convolution
from tests.sim.reference_convolution import MEMORY_BYTES as CONV_BYTES
from tests.sim.reference_model import Reference, wrap

MEMORY_BYTES = 1 << 14
PRESETS = ["int8-16", "int8-8", "int8-32", "fp32-4"]


def initial_memory(random, *, floating):
    generator = np.random.default_rng(random.getrandbits(32))
    if floating:
        return (generator.integers(-16, 17, MEMORY_BYTES // 4) / 4).astype(np.float32).view(np.uint8)
    return generator.integers(0, 256, MEMORY_BYTES).astype(np.uint8)


def signed(word):
    return np.uint64(word & (2**64 - 1)).astype(np.int64)


def run_stream(config, random, count):
    """Run a random stream on engine and reference; return both as name -> (ours, theirs)."""
    floating = config.array.element == "fp32"
    scratchpad, accumulator = new_memories(config)
    memory = initial_memory(random, floating=floating)
    shape = {
        "dim": config.array.dim,
        "scratchpad_rows": config.scratchpad_rows,
        "accumulator_rows": config.accumulator_rows,
        "floating": floating,
    }
    reference = Reference(**shape, memory=memory.copy())
    stream = CommandStream(random, **shape, memory_bytes=MEMORY_BYTES)
    state = new_state(config)
    for funct, rs1, rs2 in stream.commands(count):
        code = execute(state, scratchpad, accumulator, memory, funct, signed(rs1), signed(rs2))
        assert code == NO_FAULT, (describe_fault(code, state.registers), funct, hex(rs1), hex(rs2))
        reference.command(funct, rs1, rs2)
    as_numbers = np.float32 if floating else np.uint8
    return {
        "scratchpad": (scratchpad, reference.scratchpad),
        "accumulator": (accumulator, reference.accumulator),
        "memory": (memory.view(as_numbers), reference.memory.view(as_numbers)),
    }


def compare(both):
    for name, (ours, theirs) in both.items():
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
        if ours.dtype == np.float32:  # array_equal takes -0.0 for 0.0
            np.testing.assert_array_equal(np.signbit(ours[~np.isnan(ours)]), np.signbit(theirs[~np.isnan(theirs)]))


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_random_streams_agree_with_the_reference(preset, random):
    compare(run_stream(load_config(preset), random, 40))


def run_convolution(config, random):
    """Run a random convolution; return what it left in memory, and what it should leave."""
    dim, floating = config.array.dim, config.array.element == "fp32"
    element, wide = (np.dtype(np.float32),) * 2 if floating else (np.dtype(np.int8), np.dtype(np.int32))
    made = random_convolution(random, dim=dim)
    scratchpad, accumulator = new_memories(config)
    generator = np.random.default_rng(random.getrandbits(32))
    if floating:  # sums that are exact in any order
        memory = (generator.integers(-16, 17, CONV_BYTES // 4) / 4).astype(np.float32).view(np.uint8)
    else:
        memory = generator.integers(0, 256, CONV_BYTES).astype(np.uint8)
    scale = np.float32(random.choice((1.0, 0.25, 0.001)))
    at, bt = "input_3120" in made.flags, "weight_0132" in made.flags
    a_stride = 1 if "downsample" in made.flags else made.stride
    c_stride = 2 if "dilated" in made.flags else 1
    stride = made.outputs * element.itemsize
    if "output_1203" in made.flags:
        stride *= made.batches
    commands = [
        (0, 1 << 2 | a_stride << 16 | at << 8 | bt << 9, c_stride << 48),
        (0, made.relu << 2 | 2, int(scale.view(np.uint32)) << 32 | stride),
        *made.commands(dim=dim),
    ]
    sums = made.result(memory, element, wide)
    reference = Reference(dim=dim, scratchpad_rows=1, accumulator_rows=1, floating=floating, memory=memory)
    reference.store["scale"], reference.activation = scale, int(made.relu)
    elements = reference.to_element(sums.astype(np.float32) if floating else wrap(sums)).astype(element)
    expected = memory.copy()
    result = made.output(elements)
    expected[OUTPUT - BASE : OUTPUT - BASE + result.size] = result
    state = new_state(config)
    for funct, rs1, rs2 in commands:
        code = execute(state, scratchpad, accumulator, memory, funct, signed(rs1), signed(rs2))
        assert code == NO_FAULT, (describe_fault(code, state.registers), made)
    np.testing.assert_array_equal(memory, expected, err_msg=str(made))


@pytest.mark.parametrize("preset", ["int8-16", "int8-8", "fp32-4"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_convolutions_agree_with_sums_over_tensors(preset, random):
    run_convolution(load_config(preset), random)


def check_streams():
    """Compare a few fixed streams, short enough for plain Python."""
    for preset in PRESETS:
        for seed in range(4):
            random = Random(seed)  # noqa: S311 - streams that can be repeated, not secrets
            compare(run_stream(load_config(preset), random, 25))
    for seed in range(16):
        run_convolution(load_config("int8-8" if seed % 2 else "fp32-4"), Random(seed))  # noqa: S311 - as above


def test_streams_agree_with_jit():
    check_streams()


def test_the_same_streams_agree_without_jit():
    code = "from tests.sim.test_accelerator import check_streams, execute; check_streams(); print(type(execute))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "<class 'function'>\n"), result.stderr
