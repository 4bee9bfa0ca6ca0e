"""Replayed stretches of calls: the same times as simulated ones, and no simulation where a loop repeats itself."""

import numba
import numpy as np
import pytest
from gemmini_sim import compile_c
from gemmini_sim._machine import new_machine, run_machine
from gemmini_sim.config import load_config, preset_names
from gemmini_sim.elf import read_program
from gemmini_sim.engine import cycle_clock as module
from gemmini_sim.engine._jit import link
from gemmini_sim.engine.cycle_clock.state import reset_clock

from tests.sim.test_cycle_clock import (
    ACCUMULATE,
    ACCUMULATOR,
    DATA,
    GARBAGE,
    config_execute,
    config_load,
    config_store,
    mvin,
    mvout,
    pair,
    signed,
)

# `new_clock` leaves replay off without JIT: both clocks of a test would simulate, and no test here could fail.
pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="there is no replay without JIT")

FENCE, HOST_LINE, HOST_RELEASE = "fence", "host line", "host release"


class Host:
    """Gives a clock calls with the same pauses, whatever it answers."""

    def __init__(self, config, *, replaying, tracing=False, clock=None):
        link()
        self.clocks = module.new_clock(config, replaying=replaying, tracing=tracing) if clock is None else clock
        self.clock = self.clocks[0]
        self.tags = module.new_tags(config)
        self.trace = module.new_trace(2048 if tracing else 0)
        self.events = module.new_events(0)
        self.cycle = 100
        self.answers = []

    def give(self, calls, *, pc=0x8000_0000, pauses=None):
        for number, call in enumerate(calls):
            self.cycle += 1 if pauses is None else int(pauses[number])
            state = self.clock, self.tags, self.trace, self.events, self.cycle
            if call == FENCE:
                self.cycle = int(module.fence(*state))
            elif call[0] == HOST_LINE:
                self.cycle = int(module.host_line(*state, call[1], call[2], 0))
            elif call[0] == HOST_RELEASE:
                module.host_release(*state, call[1])
            else:
                funct, rs1, rs2 = call
                self.cycle = int(module.command(*state, funct, signed(rs1), signed(rs2), pc + 4 * number))
            self.answers.append(self.cycle)

    def result(self):
        module.settle(self.clock, self.tags, self.trace, self.events)
        counts = [int(self.clock[name]) for name in ("now", "misses", "reads", "writes", "array_rows", "lfsr")]
        return self.answers, self.clock["stalls"].tolist(), counts, self.tags.tolist(), self.trace.tolist()


def tile(dim, step):
    """Return one turn of a naive kernel's loop over k: load two tiles, multiply, add."""
    return [
        mvin(DATA + 64 * step, 0, dim, dim),
        mvin(DATA + (1 << 16) + 1024 * step, dim, dim, dim),
        *pair(dim, ACCUMULATOR | ACCUMULATE, 0, dim, dim),
    ]


def setup():
    return [config_execute(), config_load(256), config_store(256)]


def random_calls(rng, config, count):
    """Return calls of all kinds, among them hazards, bank conflicts, zeros, misaligned rows and the host's lines."""
    dim = config.array.dim

    def local():
        if rng.integers(3) == 0:
            return ACCUMULATOR | int(rng.integers(2)) << 30 | int(rng.integers(4)) * dim
        return int(rng.integers(4)) * (config.scratchpad_rows // 8) + int(rng.integers(2)) * dim

    def address():
        return DATA + int(rng.integers(64)) * 1024 + int(rng.choice([0, 0, 8, 48]))

    def result():
        return local() & ~ACCUMULATE

    def rows():
        return int(rng.integers(1, dim + 1))

    def weights():
        return GARBAGE if rng.integers(4) == 0 else int(rng.integers(3)) * dim

    kinds = [
        *[lambda: [mvin(0 if rng.integers(8) == 0 else address(), local(), dim, rows())]] * 6,
        *[lambda: [mvout(address(), result(), dim, rows())]] * 3,
        *[lambda: pair(weights(), local(), int(rng.integers(4)) * dim, rows(), dim)] * 7,
        lambda: [config_execute(b_transpose=int(rng.integers(2)))],
        lambda: [FENCE],
        lambda: [(HOST_LINE, address(), int(rng.integers(2)))],
        lambda: [(HOST_RELEASE, address())],
    ]
    calls = []
    while len(calls) < count:
        calls += kinds[rng.integers(len(kinds))]()
    return calls


def moved(calls, distance):
    """Return the same calls with all DRAM addresses elsewhere."""
    return [
        (call[0], call[1] + distance, *call[2:]) if call != FENCE and call[0] in {2, 3} and call[1] else call
        for call in calls
    ]


def give_random_loops(host, config, seed):
    """Give a clock four random loops, of whose rows some lie on pages of their own and some share one."""
    rng = np.random.default_rng(seed)
    host.give(setup())
    for _ in range(4):
        host.give([config_load(int(stride)) for stride in rng.choice([16, 48, 256, 512, 1040, 4096, 5000], 1)])
        calls = random_calls(rng, config, 24)
        pauses = rng.integers(1, 30, len(calls))
        distance = int(rng.choice([0, 64, 1024, 4096, 16]))
        for turn in range(8):
            host.give(moved(calls, turn * distance), pauses=pauses)
    return host.result()


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("seed", range(4))
def test_replayed_loops_take_the_times_of_simulated_ones(preset, seed):
    config = load_config(preset)
    hosts = [Host(config, replaying=replaying, tracing=seed % 2 == 1) for replaying in (True, False)]
    results = [give_random_loops(host, config, seed) for host in hosts]
    assert results[0] == results[1]


@pytest.mark.parametrize("preset", ["int8-16", "fp32-4"])
@pytest.mark.parametrize("tracing", [False, True])
def test_a_clock_that_knows_states_of_earlier_runs_answers_like_a_new_one(preset, tracing):
    config = load_config(preset)
    host = Host(config, replaying=True, tracing=tracing)
    known = []
    expected = {
        seed: give_random_loops(Host(config, replaying=False, tracing=tracing), config, seed) for seed in (4, 5)
    }
    for seed in (4, 5) * 8:
        assert give_random_loops(host, config, seed) == expected[seed]
        known.append(int(host.clock["nodes"]))
        reset_clock(host.clocks, module.new_clock(config, tracing=tracing))
        host = Host(config, replaying=True, tracing=tracing, clock=host.clocks)
    assert known[0] < known[1]
    assert known[-3] == known[-1]  # not at once: the second time it looks at turns that were new the first time


def walk(rng, config):
    """Return a function of a turn: a loop whose tiles walk through banks, each at its own rate, over ends."""
    dim, rows, banks = config.array.dim, config.scratchpad_rows, config.scratchpad.banks
    accumulator = config.accumulator_rows
    steps = [0, 1, dim // 2, dim, dim, 3 * dim, rows // banks // 2, rows // banks, rows // 2, -dim]

    def places(size, count, bank):
        start = rng.choice([0, 2 * dim, bank - 3 * dim, size - 3 * dim, int(rng.integers(size))])
        rate = int(rng.choice(steps))
        turns = int(rng.choice([2, 5, 1000]))  # after which it comes back
        return [(int(start) + rate * (turn % turns)) % size for turn in range(count)]

    a, b = places(rows, 40, rows // banks), places(rows, 40, rows // banks)
    c = places(accumulator, 40, accumulator // config.accumulator.banks)
    columns, tall = int(rng.choice([dim, dim, 2 * dim])), int(rng.choice([dim, dim, dim - 1]))
    store, ahead = int(rng.choice([1, 2, 4])), int(rng.choice([0, 1]))
    flags = ACCUMULATOR | int(rng.choice([0, ACCUMULATE]))

    def turn(number):
        calls = [
            mvin(DATA + 64 * (number % 4), a[(number + ahead) % 40], columns, tall),
            mvin(DATA + (1 << 16), b[number % 40], dim, dim),
            *pair(b[number % 40], flags | c[number % 40], a[number % 40], tall, dim),
        ]
        if number % store == 0:
            calls.append(mvout(DATA + (1 << 17), ACCUMULATOR | c[number % 40], columns, tall))
        if number % 3 == 0:
            calls.append(mvin(DATA + (1 << 18), flags | c[(number + 1) % 40], dim, tall))
        return calls

    return turn


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("seed", range(8))
def test_tiles_that_walk_through_banks_take_the_times_of_simulated_ones(preset, seed):
    config = load_config(preset)
    results = []
    for replaying in (True, False):
        rng = np.random.default_rng(seed)
        host = Host(config, replaying=replaying, tracing=seed % 4 == 1)
        host.give(setup())
        for _ in range(3):
            turn = walk(rng, config)
            pause = int(rng.choice([1, 3, 40]))
            for number in range(60):
                calls = turn(number)
                host.give(calls, pauses=[pause] * len(calls))
        results.append(host.result())
    assert results[0] == results[1]


def test_tiles_that_walk_through_a_bank_come_back_to_known_states():
    config = load_config("int8-16")
    dim, bank = config.array.dim, config.scratchpad_rows // config.scratchpad.banks
    host = Host(config, replaying=True)
    host.give(setup())
    known = []
    for first in (0, 60, 120, 180):
        for number in range(first, first + 60):
            rows = dim * number
            host.give(
                [mvin(DATA, rows), mvin(DATA, bank + rows), *pair(bank + rows, ACCUMULATOR, rows, dim, dim)],
            )
        known.append(int(host.clock["nodes"]))
    assert known[0] > 1
    assert known[1:] == [known[1]] * 3


def test_a_tile_that_lies_in_two_banks_ends_the_naming_of_rows():
    config = load_config("int8-16")
    dim, bank = config.array.dim, config.scratchpad_rows // config.scratchpad.banks
    results = []
    for replaying in (True, False):
        host = Host(config, replaying=replaying)
        host.give(setup())
        for number in range(80):
            rows = bank - dim * (8 - number // 8) - (number > 40)
            host.give([mvin(DATA, rows), mvin(DATA, 2 * bank), *pair(2 * bank, ACCUMULATOR, rows, dim, dim)])
        if replaying:
            assert host.clock["anchored"]
        results.append(host.result())
    assert results[0] == results[1]


def test_a_loop_that_repeats_itself_is_simulated_only_a_few_times():
    config = load_config("int8-16")
    host = Host(config, replaying=True)
    host.give(setup())
    known = []
    for _ in range(3):
        for _ in range(20):
            for step in range(8):
                host.give(tile(config.array.dim, step))
            host.give([mvout(DATA + (1 << 18), ACCUMULATOR, config.array.dim, config.array.dim)])
        known.append((int(host.clock["nodes"]), int(host.clock["journal_used"])))
    assert known[0][0] > 1
    assert known[2] == known[1]


def test_a_pause_that_was_never_seen_is_simulated():
    config = load_config("int8-16")
    results = []
    for replaying in (True, False):
        host = Host(config, replaying=replaying)
        host.give(setup())
        for turn in range(60):
            calls = tile(config.array.dim, 0)
            host.give(calls, pauses=[1, 1, 1, 1 + 7 * (turn % 13 == 12)])
        host.give([FENCE])
        results.append(host.result())
    assert results[0] == results[1]


def test_lines_that_the_cache_lost_are_noticed():
    config = load_config("int8-16")
    results = []
    for replaying in (True, False):
        host = Host(config, replaying=replaying)
        host.give(setup())
        for turn in range(80):
            host.give(tile(config.array.dim, turn % 4))
            if turn == 50:
                host.result()
                host.tags[:] = -1
        results.append(host.result())
    assert results[0] == results[1]


PROGRAM = """#include <gemmini.h>
static int8_t a[64][64] __attribute__((aligned(64))), c[64][64] __attribute__((aligned(64)));
int main(void) {
  gemmini_config_ex(WEIGHT_STATIONARY, 0, 0);
  gemmini_config_ld(64);
  gemmini_config_st(64);
  for (int turn = 0; turn < TURNS; turn++) {
    for (int k = 0; k < 4; k++) {
      gemmini_mvin(&a[0][16 * k], 0);
      gemmini_mvin(&a[16][16 * k], 16);
      gemmini_preload(16, 0x80000000u | (unsigned)(k > 0) << 30);
      gemmini_compute_preloaded(0, 0xFFFFFFFFu);
    }
    gemmini_mvout(&c[0][0], 0x80000000u);
  }
  gemmini_fence();
  return 0;
}
"""


def states_of_a_program(turns, *, tracing):
    """Return how many states of the clock a program with a loop comes into, and the cycles it takes."""
    config = load_config("int8-16")
    program = read_program(
        compile_c(PROGRAM, config=config, defines={"TURNS": turns}).elf, memory_bytes=config.memory_bytes
    )
    machine = new_machine(
        config,
        entry=program.entry,
        segments=program.segments,
        tohost=program.symbols["tohost"].address,
        fromhost=program.symbols["fromhost"].address,
        max_instructions=1_000_000,
        timing=True,
        tracing=tracing,
    )
    clock = run_machine(machine, console_limit=100).clock[0]
    return int(clock["nodes"]), int(clock["now"])


@pytest.mark.parametrize("tracing", [False, True])
def test_a_program_that_runs_longer_comes_into_no_more_states(tracing):
    states, cycles = states_of_a_program(100, tracing=tracing)
    more_states, more_cycles = states_of_a_program(400, tracing=tracing)
    assert more_cycles > 3 * cycles
    assert states > 1
    assert more_states < states + 20
