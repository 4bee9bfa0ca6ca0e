"""Where the cycles of small command streams go, each built so that one mechanism dominates."""

import numpy as np
import pytest
from gemmini_sim import compile_c, load_config, simulate
from gemmini_sim.engine.cycle_clock import STALL_NAMES

from tests.sim.test_cycle_clock import (
    ACCUMULATOR,
    BANK,
    DATA,
    GARBAGE,
    Machine,
    config_execute,
    config_load,
    loop,
    mvin,
    mvout,
    pair,
    pairs,
)

PROGRAM = """#include <gemmini.h>
__attribute__((section(".bulk"))) int8_t A[64][64], B[64][64], C[64][64];
int main(void) {
  gemmini_region_begin(0);
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(64, 1.0f, 16, 0);
  config_st(64);
  gemmini_region_begin(1);
  mvin(A, 0, 64, 16);
  mvin(B, 4096, 16, 16);                        // line 10
  preload(4096, 0x80000000, 16, 16, 16, 16);
  compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);
  mvout(C, 0x80000000, 16, 16);
  fence();
  gemmini_region_end(1);
  for (volatile int i = 0; i < 100; i++) {}
  gemmini_region_end(0);
  return 0;
}
"""


def causes(commands, machine=None):
    """Return the cycles by cause of a command stream, without the host's own."""
    machine = machine or Machine()
    before, begin = machine.clock["stalls"].copy(), int(machine.clock["now"])
    machine.run(commands)
    spent = machine.clock["stalls"] - before
    assert spent.sum() == int(machine.clock["now"]) - begin
    assert (spent >= 0).all()
    return {name: int(count) for name, count in zip(STALL_NAMES, spent, strict=True) if count and name != "host"}


def test_pairs_in_different_banks_keep_the_array_busy():
    found = causes(pairs(16))
    assert found["array"] == 16 * 16
    assert found["preload"] == 16  # the first one has no compute to hide behind
    assert found["drain"] == pytest.approx(37, abs=2)
    assert found.keys() == {"array", "preload", "host_late", "drain", "fence"}


def test_operands_of_one_bank_take_turns():
    found = causes(pairs(16, weights=16))
    assert found["array"] == 16 * 16
    assert found["bank_conflict"] == 15 * 16


def test_loads_into_the_bank_in_use_are_bank_conflicts():
    moves = [mvin(DATA + 1024 * i, 1024 + 16 * i) for i in range(8)]
    stream = [command for i in range(8) for command in (moves[i], *pairs(8)[2 * i : 2 * i + 2])]
    assert causes(stream)["bank_conflict"] == pytest.approx(8 * 16, abs=8)
    elsewhere = [(funct, rs1, rs2 + 3 * BANK if funct == 2 else rs2) for funct, rs1, rs2 in stream]
    assert causes(elsewhere).get("bank_conflict", 0) < 16


def test_short_operations_that_keep_their_weights_wait_for_the_mesh():
    found = causes(pairs(40, weights=GARBAGE, rows=4))
    assert found["array"] == 40 * 4
    assert found["mesh"] > 40 * 2


def test_a_pair_that_needs_a_load_waits_for_it_alone():
    found = causes([command for _ in range(6) for command in (mvin(DATA, 0), *pairs(1))])
    assert found["load"] > 150
    assert max(found, key=found.get) == "load"


def test_a_result_that_must_be_stored_first_holds_the_accumulator():
    found = causes([command for _ in range(6) for command in (*pairs(1), mvout(DATA, ACCUMULATOR))])
    assert found["accumulator"] > 5 * 50
    assert found["store_tail"] > 20


def test_configurations_between_pairs_drain_the_array():
    found = causes([command for _ in range(8) for command in (config_execute(), *pairs(1))])
    assert found["config"] == pytest.approx(7 * 41, abs=14)


def test_a_load_that_a_full_execute_queue_kept_out_is_not_to_blame_itself():
    """Eight pairs fill the execute entries, and those behind them stand in front of the loads."""
    loads = [mvin(DATA + 1024 * i, 8192 + 64 * i, columns=64) for i in range(4)]
    user = pair(BANK, ACCUMULATOR, 8192 + 64 * 3)
    late = causes([*pairs(20), *loads, *user])
    early = causes([*loads, *pairs(20), *user])
    assert late["head_of_line"] > 30
    assert "head_of_line" not in early
    assert late["array"] == early["array"]


def test_computes_behind_loads_that_do_not_fit_wait_in_line():
    loads = [mvin(DATA + 1024 * i, 3 * BANK + 64 * i, columns=64) for i in range(12)]
    assert causes([*loads, *pairs(2)])["head_of_line"] > 100


def test_an_idle_array_with_other_work_under_way_waits_for_the_host():
    machine = Machine()
    machine.run([mvin(DATA, 0)])
    begin = machine.clock["stalls"].copy()
    machine.run([mvin(DATA, 0), *[config_load(64)] * 30, *pairs(1)])
    spent = dict(zip(STALL_NAMES, machine.clock["stalls"] - begin, strict=True))
    assert spent["host_late"] > 25


def test_moves_without_computes_are_loads_and_stores():
    assert causes([mvin(DATA + 1024 * i, 16 * i) for i in range(16)])["load"] > 200
    assert causes([mvout(DATA + 1024 * i, 16 * i) for i in range(16)])["store_tail"] > 200


def test_a_hardware_loop_is_accounted_for_too():
    found = causes(loop(2, 2, 2), Machine(setup=[config_load(256), config_load(256, state=1)]))
    assert found["array"] == 8 * 16
    assert {"load", "store_tail"} <= found.keys()


def test_the_command_that_the_array_waited_for_has_the_cycles():
    machine = Machine(warm=0)
    machine.run([mvin(DATA, 0), mvin(DATA + 4096, BANK), *pairs(1)])
    rows = machine.trace[: int(machine.clock["trace_count"])]
    loads = rows[rows["funct"] == 2]
    assert loads["lost"].sum() > 150
    assert rows["lost"].sum() <= machine.clock["stalls"].sum()


def test_a_command_has_the_bank_conflicts_of_its_operands_and_a_host_without_room_is_ready_before_it_commits():
    machine = Machine(warm=0)
    machine.run(pairs(16, weights=16))
    rows = machine.trace[: int(machine.clock["trace_count"])]
    conflicts = int(machine.clock["stalls"][STALL_NAMES.index("bank_conflict")])
    assert 0 < rows["bank_conflict"].sum() == conflicts
    assert set(rows["funct"][rows["bank_conflict"] > 0].tolist()) <= {4, 6}
    assert (rows["ready"] <= rows["commit"]).all()
    assert (rows["ready"][1:] > rows["commit"][:-1]).all()


@pytest.mark.parametrize("timing", [True, False])
def test_the_causes_of_a_run_and_of_each_region_add_up_to_its_cycles(timing):
    machine = load_config("lean-rtl")
    elf = compile_c(PROGRAM, config=machine).elf
    result = simulate(elf, config=machine, timing=timing)
    assert sum(result.stalls.values()) == result.cycles
    outer, inner = result.regions
    for region in (outer, inner):
        assert sum(region.stalls.values()) == region.cycles
        assert all(count >= 0 for count in region.stalls.values())
    if timing:
        assert outer.stalls["array"] == inner.stalls["array"] == 16
        assert outer.stalls["host"] > inner.stalls["host"] + 300
        assert inner.stalls["load"] > 100
    else:
        assert set(np.flatnonzero(list(result.stalls.values()))) == {list(result.stalls).index("host")}
