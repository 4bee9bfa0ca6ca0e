"""Hostile input for the jitted code: instruction words, Gemmini commands, whole programs of noise.

Not collected by itself: `test_fuzz.py` runs it without JIT, where these arrays refuse an index that is negative or too
large, which is stricter than Numba's own check (an index of -1 is the last element for Numba). The whole engine takes
minutes to compile with Numba's check; that is for runs by hand, as long as one likes::

    NUMBA_BOUNDSCHECK=1 FUZZ_EXAMPLES=20000 python -m pytest -p no:xdist tests/sim/fuzzing.py
"""

import os
from random import Random

import numpy as np
import pytest
from gemmini_sim import _machine, load_config
from gemmini_sim.config import DRAM_BASE
from gemmini_sim.elf import Segment
from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine.accelerator import execute
from gemmini_sim.engine.accelerator_state import NO_FAULT, describe_fault, new_memories, new_state
from gemmini_sim.engine.decode import INSTRUCTION_DTYPE, decode
from gemmini_sim.sanitize import Sanitizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sim.command_streams import CommandStream

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
WITHOUT_JIT = not hasattr(execute, "signatures")
DRAM = 1 << 16

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns where registers wrap around
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


class Strict(np.ndarray):
    """An array that takes only indices and slices that lie inside it."""

    def _check(self, key):
        for axis, part in enumerate(key if isinstance(key, tuple) else (key,)):
            size = self.shape[axis]
            if isinstance(part, slice):
                assert 0 <= (part.start or 0) <= (size if part.stop is None else part.stop) <= size, (key, self.shape)
            elif isinstance(part, (int, np.integer)):
                assert 0 <= part < size, (key, self.shape)

    def __getitem__(self, key):
        self._check(key)
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        self._check(key)
        super().__setitem__(key, value)


def strict(array):
    return array.view(Strict) if WITHOUT_JIT else array


def signed(word):
    return np.uint64(word & (2**64 - 1)).astype(np.int64)


def machine(preset):
    """Return a machine with little local memory, so that ranges reach its end and huge loops end soon."""
    return load_config(preset).with_values(
        {"scratchpad.kilobytes": 1, "accumulator.kilobytes": 1, "array.dim": 4, "memory.megabytes": 16}
    )


words = st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
# Opcodes with their fields at random: most random words are illegal.
opcodes = st.sampled_from(
    [0x03, 0x07, 0x0F, 0x13, 0x17, 0x1B, 0x23, 0x27, 0x2F, 0x33, 0x37, 0x3B, 0x43, 0x53, 0x63, 0x67, 0x6F, 0x73, 0x7B]
)
instructions = st.one_of(words, st.builds(lambda high, low: high << 7 | low, st.integers(0, 2**25 - 1), opcodes))


FLOATING = {op.FLW, op.FLD, op.FSW, op.FSD, *range(op.FLOAT, op.FNMADD + 1)}


@fuzzed
@given(word=instructions, pc=st.integers(0, 2**40))
def test_any_word_decodes_to_registers_that_exist(word, pc):
    out = np.zeros(1, INSTRUCTION_DTYPE)
    decode(out[0], np.int64(word), np.int64(2 * pc))
    record = out[0]
    assert op.ILLEGAL <= record["op"] <= op.REGION
    assert record["size"] == (2 if word & 3 == 3 else 1)
    sources = {int(record["rs1"]), int(record["rs2"]), int(record["rs3"])}
    assert 0 < record["rd"] < op.SCRATCH
    assert max(sources) < op.SCRATCH
    assert op.DROPPED not in sources
    if record["op"] not in FLOATING:
        assert max(record["rd"], *sources) <= op.DROPPED


rows = st.one_of(st.integers(0, 300), st.sampled_from([2**14, 2**26 - 1, 2**29 - 1, 2**29]))
local = st.one_of(st.builds(lambda row, flags: row | flags << 26, rows, st.integers(0, 63)), st.just(0xFFFF_FFFF))
sizes = st.one_of(st.integers(0, 20), st.sampled_from([0, 255, 256, 1000]))
blocks = st.builds(lambda address, cols, count: count << 48 | cols << 32 | address, local, sizes, sizes)
places = st.one_of(
    st.integers(0, DRAM), st.integers(-300, 10), st.integers(DRAM - 300, DRAM + 300), st.integers(-(2**62), 2**62)
).map(lambda offset: DRAM_BASE + offset)
numbers = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**12), st.integers(0, 63).map(lambda bit: 1 << bit))
operands = st.one_of(numbers, blocks, places, st.just(0))
functions = st.one_of(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 8, 14, 15, 126]), st.integers(0, 127))
commands = st.tuples(functions, operands, operands)


def legal_commands(config, random, count):
    stream = CommandStream(
        random,
        dim=config.array.dim,
        scratchpad_rows=config.scratchpad_rows,
        accumulator_rows=config.accumulator_rows,
        memory_bytes=DRAM,
        floating=config.array.element == "fp32",
    )
    return stream.commands(count)


@pytest.mark.parametrize("preset", ["int8-16", "fp32-4"])
@fuzzed
@given(seed=st.integers(0, 2**32), hostile=st.lists(commands, max_size=10), flips=st.lists(st.integers(0, 127)))
def test_any_command_is_executed_or_refused(preset, seed, hostile, flips):
    config = machine(preset)
    state = new_state(config)
    state = state._replace(used=strict(state.used))
    scratchpad, accumulator = map(strict, new_memories(config))
    memory = strict(np.zeros(DRAM, np.uint8))
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    legal = legal_commands(config, random, 12)
    for bit in flips:  # legal commands of which one bit is wrong
        which = random.randrange(len(legal))
        funct, rs1, rs2 = legal[which]
        legal[which] = (funct, rs1 ^ 1 << bit, rs2) if bit < 64 else (funct, rs1, rs2 ^ 1 << bit - 64)
    stream = legal + hostile
    random.shuffle(stream)
    for funct, rs1, rs2 in stream:
        with np.errstate(all="ignore"):
            code = execute(state, scratchpad, accumulator, memory, np.int64(funct), signed(rs1), signed(rs2))
        if code != NO_FAULT:
            assert describe_fault(code, state.registers)


def run(config, code, limit, *, logging, timing):
    segment = Segment(address=DRAM_BASE, data=code, size=len(code), executable=True)
    made = _machine.new_machine(
        config, entry=DRAM_BASE, segments=[segment], max_instructions=limit, timing=timing, logging=logging
    )
    made = made._replace(
        **{
            name: strict(getattr(made, name))
            for name in ("memory", "code", "lines", "scratchpad", "accumulator", "log")
        },
        accelerator=made.accelerator._replace(used=strict(made.accelerator.used)),
    )
    sanitizer = Sanitizer(config, made.scratchpad, made.accumulator)
    with np.errstate(all="ignore"):
        made = _machine.run_machine(made, console_limit=1000, read_log=sanitizer.follow if logging else None)
    assert made.core[0]["status"] in {op.LIMIT, op.TRAPPED, op.ACCELERATOR, op.EXITED, op.CONSOLE_FULL}
    assert made.core[0]["registers"][0] == 0
    return made, sanitizer.findings(lambda _: None)


def lui(register, value):
    return (value + 0x800 & 0xFFFFF000) | register << 7 | 0x37


def setup(addresses):
    """Return code that leaves addresses, of DRAM or near it, in registers 8 to 15, which most instructions can name."""
    code = []
    for register, offset in enumerate(addresses, start=8):
        code += [lui(register, 0x4000_0000), 1 << 20 | register << 15 | 1 << 12 | register << 7 | 0x13]  # << 1
        code += [(offset & 0xFFF) << 20 | register << 15 | register << 7 | 0x13]
    return code


@fuzzed
@given(
    addresses=st.lists(st.integers(-2048, 2047), min_size=8, max_size=8),
    noise=st.lists(instructions, min_size=1, max_size=60),
    logging=st.booleans(),
    timing=st.booleans(),
)
def test_any_program_ends_with_a_status(addresses, noise, logging, timing):
    code = b"".join(int(word).to_bytes(4, "little") for word in setup(addresses) + noise)
    run(machine("int8-16"), code, 300, logging=logging, timing=timing)


def rocc(funct, rs1, rs2):
    return funct << 25 | rs2 << 20 | rs1 << 15 | 3 << 12 | 0x7B


def constant(register, value):
    """Return code that loads any 64 bits, one chunk of 11 at a time."""
    code = [(value >> 55) << 20 | register << 7 | 0x13]
    for shift in range(44, -1, -11):
        code.append(11 << 20 | register << 15 | 1 << 12 | register << 7 | 0x13)
        code.append((value >> shift & 0x7FF) << 20 | register << 15 | 6 << 12 | register << 7 | 0x13)
    return code


@fuzzed
@given(seed=st.integers(0, 2**32), hostile=st.lists(commands, max_size=6), timing=st.booleans())
def test_the_clock_and_the_sanitizer_follow_any_commands(seed, hostile, timing):
    config = machine("int8-16")
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    stream = legal_commands(config, random, 12)
    for command in hostile:
        stream.insert(random.randrange(len(stream) + 1), command)
    code = []
    for funct, rs1, rs2 in stream:
        code += [*constant(8, rs1 & (2**64 - 1)), *constant(9, rs2 & (2**64 - 1)), rocc(funct, 8, 9)]
    program = b"".join(word.to_bytes(4, "little") for word in code)
    _, findings = run(config, program, 10_000, logging=True, timing=timing)
    assert all(finding.message for finding in findings)
