"""Clocks that later runs of the same machine use again."""

import threading

import numpy as np
import pytest
from gemmini_sim import compile_c, load_config, simulate
from gemmini_sim.engine.cycle_clock import borrow_clock, give_back_clock, new_clock

PROGRAM = """#include <gemmini.h>
static int8_t a[64][64] __attribute__((aligned(64))), c[64][64] __attribute__((aligned(64)));
int main(void) {
  gemmini_config_ex(WEIGHT_STATIONARY, 0, 0);
  gemmini_config_ld(64);
  gemmini_config_st(64);
  for (int turn = 0; turn < 20; turn++) {
    for (int k = 0; k < STEPS; k++) {
      gemmini_mvin(&a[0][16 * k], 0);
      gemmini_preload(0, 0x80000000u | (unsigned)(k > 0) << 30);
      gemmini_compute_preloaded(0, 0xFFFFFFFFu);
    }
    gemmini_mvout(&c[0][0], 0x80000000u);
  }
  gemmini_fence();
  return 0;
}
"""


def test_a_clock_is_lent_to_one_run_at_a_time():
    config = load_config("int8-16")
    first, second = borrow_clock(config, tracing=False), borrow_clock(config, tracing=False)
    assert not np.shares_memory(first, second)


def test_a_clock_that_was_given_back_is_reset_and_lent_again():
    config = load_config("int8-16")
    clock = borrow_clock(config, tracing=False)
    clock["now"], clock["misses"], clock["lfsr"] = 1234, 5, 77
    give_back_clock(clock, config, tracing=False)
    again = borrow_clock(config, tracing=False)
    fresh = new_clock(config)
    assert np.shares_memory(clock, again)
    assert [again[name] for name in ("now", "misses", "lfsr")] == [fresh[name] for name in ("now", "misses", "lfsr")]


@pytest.mark.parametrize("other", [{"memory.latency": 20}, {"l2.kilobytes": 512}, {"dma.reads_in_flight": 8}])
def test_no_clock_is_lent_to_another_machine(other):
    config = load_config("int8-16")
    clock = borrow_clock(config, tracing=False)
    give_back_clock(clock, config, tracing=False)
    assert not np.shares_memory(clock, borrow_clock(config.with_values(other), tracing=False))
    assert not np.shares_memory(clock, borrow_clock(config, tracing=True))


def test_runs_one_after_the_other_and_at_once_take_the_same_cycles():
    programs = [compile_c(PROGRAM, config=load_config("int8-16"), defines={"STEPS": steps}).elf for steps in (2, 3, 4)]
    alone = [simulate(program) for program in programs]
    again = [simulate(program) for program in reversed(programs)][::-1]
    together = [None] * 6

    def run(place):
        together[place] = simulate(programs[place % 3])

    threads = [threading.Thread(target=run, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [(result.cycles, result.stalls) for result in alone]
    assert [(result.cycles, result.stalls) for result in again] == expected
    assert [(result.cycles, result.stalls) for result in together] == expected * 2
    assert len({result.cycles for result in alone}) == 3
