"""Every instruction of the core against the plain Python model, on random operands and random bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gemmini_sim._machine import new_machine, run_machine
from gemmini_sim.config import load_config
from gemmini_sim.elf import Segment
from gemmini_sim.engine import opcodes
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.models.riscv import BASE, MASK, PATTERNS, Model, Trap, find

PC = BASE + 0x400
WINDOW = 0x800  # bytes of memory that the model has and that are compared
JIT = os.environ.get("NUMBA_DISABLE_JIT") != "1"

# Without JIT an example takes some milliseconds; the same property then runs on fewer of them.
thorough = settings(
    max_examples=1500 if JIT else 150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Hart:
    """The core under test, made once; a plain object, so that a failing example does not print its arrays."""

    def __init__(self):
        config = load_config("int8-16").with_values({"memory.megabytes": 16})
        code = Segment(BASE, b"", WINDOW, executable=True)
        machine = new_machine(config, entry=PC, segments=[code], max_instructions=1)
        self.machine = machine._replace(memory=machine.memory[:WINDOW])


@pytest.fixture(scope="module")
def hart():
    return Hart()


def execute(machine, word, *, x, f, memory, frm=0, fflags=0):
    """Execute one instruction; return the machine's core record afterwards."""
    core = machine.core[0]
    core["pc"], core["instret"], core["mtvec"], core["trap_instret"] = PC, 0, 0, -1
    core["mstatus"], core["frm"], core["fflags"], core["reservation"] = 3 << 11 | 3 << 13, frm, fflags, -1
    machine.code["op"] = opcodes.UNDECODED
    core["line_count"] = 0
    core["registers"][:32] = np.array(x, np.uint64).view(np.int64)
    core["registers"][33:65] = np.array(f, np.uint64).view(np.int64)
    machine.memory[:WINDOW] = np.frombuffer(bytes(memory), np.uint8)
    offset = PC - BASE
    machine.memory[offset : offset + 4] = np.frombuffer(word.to_bytes(4, "little"), np.uint8)
    run_machine(machine, console_limit=0)
    return core


def check(hart, word, *, x, f, filling=bytes(8), frm=0, fflags=0):
    """Compare one instruction's outcome; the numbers in ``x`` and ``f`` are repeated to fill the registers."""
    machine = hart.machine
    x = [0, *(x * 31)[:31]]
    f = (f * 32)[:32]
    memory = bytearray(filling * (WINDOW // 8))
    memory[PC - BASE : PC - BASE + 4] = word.to_bytes(4, "little")
    model = Model(PC, x=x, f=f, memory=memory, frm=frm, fflags=fflags)
    core = execute(machine, word, x=x, f=f, memory=memory, frm=frm, fflags=fflags)
    trap = None
    try:
        model.step()
    except Trap as raised:
        trap = raised
    got = {
        "pc": int(core["pc"]) & MASK,
        **{f"x{i}": int(n) for i, n in enumerate(core["registers"][:32].view(np.uint64))},
        **{f"f{i}": int(n) for i, n in enumerate(core["registers"][33:65].view(np.uint64))},
        "fflags": int(core["fflags"]),
        "frm": int(core["frm"]),
        "memory": machine.memory[:WINDOW].tobytes(),
        "trap": (int(core["cause"]), int(core["value"]) & MASK) if core["status"] == opcodes.TRAPPED else None,
    }
    expected = {
        "pc": model.pc,
        **{f"x{i}": n for i, n in enumerate(model.x)},
        **{f"f{i}": n for i, n in enumerate(model.f)},
        "fflags": model.fflags,
        "frm": model.frm,
        "memory": bytes(model.memory),
        "trap": trap and (trap.cause, trap.value),
    }
    assert {key: (got[key], expected[key]) for key in expected if got[key] != expected[key]} == {}


def biased(width):
    """Numbers of ``width`` bits, most of them where arithmetic has its corners."""
    corners = [0, 1, 2, (1 << width) - 1, (1 << width) - 2, 1 << (width - 1), (1 << (width - 1)) - 1]
    powers = st.integers(0, width - 1).flatmap(
        lambda n: st.sampled_from([1 << n, (1 << n) - 1, (1 << width) - (1 << n)])
    )
    return st.sampled_from(corners) | powers | st.integers(0, (1 << width) - 1)


def floats(exponent_bits, fraction_bits):
    """Bit patterns of a floating-point format: special values, neighbours of powers of two, anything."""
    top = (1 << exponent_bits) - 1
    bias = top // 2
    exponent = st.sampled_from([0, 1, 2, top - 1, top, bias, bias + 1, bias - 1]) | st.integers(0, top)
    # Also exponents around those at which results become subnormal, overflow, or stop being integers.
    exponent |= st.integers(bias - 2, bias + 66).filter(lambda e: e < top)
    exponent |= st.integers(bias - bias // 2 - 40, bias - bias // 2 + 40).filter(lambda e: 0 <= e < top)
    fraction = biased(fraction_bits)
    return st.builds(
        lambda s, e, m: s << (exponent_bits + fraction_bits) | e << fraction_bits | m,
        st.integers(0, 1),
        exponent,
        fraction,
    )


doubles = floats(11, 52)
singles = floats(8, 23)
boxed = singles.map(lambda bits: bits | 0xFFFFFFFF << 32) | doubles
# Near the test bench's channel are addresses that the model does not have.
integers = (biased(64) | biased(32)).filter(lambda n: abs(n - opcodes.CHANNEL) > 0x2000)
addresses = st.integers(BASE, BASE + WINDOW + 16) | st.integers(0, WINDOW // 8).map(lambda n: BASE + 8 * n)


@st.composite
def states(draw, float_values):
    return {
        "x": draw(st.lists(integers | addresses, min_size=1, max_size=4)),
        "f": draw(st.lists(float_values, min_size=1, max_size=4)),
        "filling": draw(st.binary(min_size=8, max_size=8)),
        "frm": draw(st.integers(0, 7)),
        "fflags": draw(st.sampled_from([0, 0, 31, 1])),
    }


def fill(pattern, bits):
    """Return a word of the pattern with its free bits taken from ``bits``."""
    return pattern.match | bits & ~pattern.mask & (1 << pattern.width) - 1


def is_compared(word):
    """Tell whether the model knows the instruction's outcome."""
    pattern = find(word)
    if pattern is None:
        # Gemmini's opcode, mret, and slti x0, x0, n, which marks a region.
        return word & 0x7F != 0x7B and word != 0x30200073
    if pattern.name.startswith("csr"):
        return word >> 20 & 0xFFF in {1, 2, 3}
    return True


INTEGER = [pattern for pattern in PATTERNS if not pattern.name.startswith(("f", "c.f")) or "fence" in pattern.name]
FLOAT = [pattern for pattern in PATTERNS if pattern not in INTEGER]


@thorough
@given(st.sampled_from(INTEGER), st.integers(0, 2**32 - 1), states(doubles))
def test_integer_instructions(hart, pattern, bits, state):
    word = fill(pattern, bits)
    if pattern.name.startswith("csr"):
        word = word & 0xFFFFF | (bits >> 20) % 3 + 1 << 20
    check(hart, word, **state)


@thorough
@given(st.sampled_from(FLOAT), st.integers(0, 2**32 - 1), states(boxed))
def test_float_instructions(hart, pattern, bits, state):
    check(hart, fill(pattern, bits), **state)


@thorough
@given(st.integers(0, 2**32 - 1) | st.integers(0, 2**16 - 1), states(boxed))
@example(0, {"x": [0], "f": [0]})
def test_any_bits_are_executed_or_refused(hart, word, state):
    assume(is_compared(word))
    check(hart, word, **state)


def operands(values, count):
    return st.tuples(*[values] * count, st.integers(0, 4))


@pytest.mark.parametrize("fmt", ["s", "d"])
@pytest.mark.parametrize("name", ["fadd", "fsub", "fmul", "fdiv", "fsqrt", "fmadd", "fmsub", "fnmadd", "fnmsub"])
def test_arithmetic_in_every_rounding_mode(hart, name, fmt):
    """Three different operands, rounding mode in the instruction: what rounding and flags are made of."""
    pattern = next(pattern for pattern in PATTERNS if pattern.name == f"{name}.{fmt}")
    positions = {kind: position for kind, position, _, _ in pattern.fields}
    values = singles.map(lambda bits: bits | 0xFFFFFFFF << 32) if fmt == "s" else doubles

    @settings(parent=thorough, max_examples=250 if JIT else 15)
    @given(operands(values, 3))
    def property_holds(drawn):
        *numbers, mode = drawn
        word = pattern.match
        for kind, number in zip("stud", (1, 2, 3, 4), strict=True):
            if kind in positions:
                word |= number << positions[kind]
        word |= mode << positions["m"]
        check(hart, word, x=[0], f=[0, *numbers, 0])

    property_holds()


@pytest.mark.parametrize("name", [pattern.name for pattern in FLOAT if pattern.name.startswith("fcvt")])
def test_conversions_in_every_rounding_mode(hart, name):
    """What fits, what nearly fits and what is rounded, with the inexact flag up and down before."""
    pattern = next(pattern for pattern in PATTERNS if pattern.name == name)
    positions = {kind: position for kind, position, _, _ in pattern.fields}
    values = singles.map(lambda bits: bits | 0xFFFFFFFF << 32) if name.endswith(".s") else doubles

    @settings(parent=thorough, max_examples=250 if JIT else 15)
    @given(values, integers, st.sampled_from([0, 1, 2, 3, 4, 7]), st.integers(0, 7), st.integers(0, 1))
    def property_holds(number, integer, mode, frm, fflags):
        word = pattern.match | 1 << positions["s"] | 2 << positions["d"] | mode << positions["m"]
        check(hart, word, x=[integer], f=[number], frm=frm, fflags=fflags)

    property_holds()


def test_close_operands_cancel_exactly(hart):
    """Sums whose leading bits cancel, and products next to a power of two, where a lost sticky bit shows."""
    pattern = next(pattern for pattern in PATTERNS if pattern.name == "fmadd.d")
    positions = {kind: position for kind, position, _, _ in pattern.fields}
    small = st.integers(-4, 4)

    @settings(parent=thorough, max_examples=800 if JIT else 50)
    @given(st.tuples(small, small, small), st.integers(900, 1100), st.integers(900, 1100), st.integers(0, 9))
    def property_holds(steps, exponent_a, exponent_b, choice):
        a, b, c = steps
        negative, mode = divmod(choice, 5)
        first = (exponent_a << 52) + a
        second = (exponent_b << 52) + b
        third = ((exponent_a + exponent_b - 1023 << 52) + c) & (1 << 63) - 1 | negative << 63
        word = pattern.match | 1 << positions["s"] | 2 << positions["t"] | 3 << positions["u"] | 4 << positions["d"]
        word |= mode << positions["m"]
        check(hart, word, x=[0], f=[0, first, second, third, 0])

    property_holds()


# Without the JIT this file is the very thing that the test starts: it would start itself again and again.
@pytest.mark.skipif(not JIT, reason="this run is the one without the JIT that the test starts")
def test_the_same_without_jit():
    """The engine is also valid Python: no result depends on how Numba types or wraps an integer."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*command, str(Path(__file__))], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
