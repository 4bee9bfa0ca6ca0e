"""The two clocks behind one core: same function, cycles of the same order, kept apart by the machine."""

import json
import subprocess
import sys

import numpy as np
import pytest
from gemmini_sim import compile_c, load_config, simulate
from gemmini_sim.engine.clocks import clock_module, clock_of_core, core_module

PROGRAM = """
#include <gemmini.h>
__attribute__((section(".bulk"))) int8_t A[64][64], B[64][64], C[64][64];
int main(void) {
  gemmini_region_begin(0);
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(64, 1.0f, 16, 1);
  config_ld(64, 1.0f, 16, 2);
  config_st(64);
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 4; j++) {
      for (int k = 0; k < 4; k++) {
        mvin2(&A[16 * i][16 * k], 16 * k, 16, 16);
        mvin3(&B[16 * k][16 * j], 4096 + 16 * k, 16, 16);
        preload(4096 + 16 * k, 0x80000000 | (k == 0 ? 0 : 0x40000000), 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }
      mvout(&C[16 * i][16 * j], 0x80000000, 16, 16);
    }
  }
  fence();
  gemmini_region_end(0);
  return 0;
}
"""


def test_a_core_is_compiled_against_the_clock_of_its_name():
    assert core_module("command").accelerator_clock is clock_module("command")
    assert core_module("cycle").accelerator_clock is clock_module("cycle")
    assert clock_of_core("gemmini_sim.engine.core") is clock_module("command")
    assert core_module("cycle").__file__ == core_module("command").__file__


@pytest.mark.slow
def test_both_clocks_give_the_same_bits_and_cycles_of_the_same_order():
    """Slow (it compiles the core with the cycle clock), but nothing else runs that clock as machine code."""
    rng = np.random.default_rng(5)
    memory = {name: rng.integers(-9, 9, (64, 64), np.int8) for name in "AB"}
    expected = np.clip(memory["A"].astype(np.int32) @ memory["B"].astype(np.int32), -128, 127)
    cycles = {}
    for clock in ("command", "cycle"):
        machine = load_config("lean-rtl").model_copy(update={"clock": clock})
        result = simulate(compile_c(PROGRAM, config=machine).elf, config=machine, memory=memory, trace="full")
        assert np.array_equal(result.read("C", np.int8, (64, 64)), expected)
        cycles[clock] = result.regions[0].cycles
        commands = result.trace.commands
        assert (np.diff(commands["commit"]) > 0).all()
        moved = commands[commands["funct"] != 0]
        assert (moved["commit"] < moved["issue"]).all()
        assert (moved["issue"] <= moved["start"]).all()
        assert (moved["start"] <= moved["complete"]).all()
    assert cycles["command"] != cycles["cycle"]
    assert 0.5 < cycles["command"] / cycles["cycle"] < 2


@pytest.mark.slow
def test_cached_machine_code_of_the_cycle_core_serves_another_process(tmp_path):
    """Slow for the reason above: the first process may have to compile."""
    program = tmp_path / "program.elf"
    program.write_bytes(compile_c(PROGRAM, config=load_config("lean-rtl")).elf)
    command = [sys.executable, "-m", "gemmini_sim", "run", str(program), "--config", "lean-rtl", "--json"]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert found[0] == found[1]
    assert json.loads(found[0])["regions"][0]["cycles"] > 0


def test_the_command_clock_says_that_it_does_not_time_hardware_loops(tmp_path):
    source = """
    #include <gemmini.h>
    int8_t A[16][16], B[16][16], C[16][16];
    int main(void) {
      tiled_matmul_auto(16, 16, 16, (elem_t *)A, (elem_t *)B, NULL, C, 16, 16, 16, 16, 1.0f, 1.0f, 1.0f,
                        NO_ACTIVATION, ACC_SCALE_IDENTITY, 0, false, false, false, false, false, 0, WS);
      gemmini_fence();
      return 0;
    }
    """
    program = tmp_path / "program.elf"
    program.write_bytes(compile_c(source, config=load_config("int8-16")).elf)
    assert simulate(program).untimed_loops == 1
    command = [sys.executable, "-m", "gemmini_sim", "run", str(program), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["untimed_loops"] == 1
    assert "1 hardware loops were executed but not timed" in done.stderr
    assert simulate(compile_c(PROGRAM, config=load_config("int8-16")).elf).untimed_loops == 0
