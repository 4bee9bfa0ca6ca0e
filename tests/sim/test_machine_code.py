"""The engine as machine code: the clock, compiled apart from the core that it times, and the cache of both."""

import json
import subprocess
import sys

import numpy as np
from gemmini_sim import compile_c, load_config, simulate

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

LOOP = """
#include <gemmini.h>
__attribute__((aligned(64))) int8_t A[256][512], B[512][256], C[256][256];
int main(void) {
  gemmini_region_begin(0);
  tiled_matmul_auto(256, 256, 512, (elem_t *)A, (elem_t *)B, NULL, C, 512, 256, 256, 256, 1.0f, 1.0f, 1.0f,
                    NO_ACTIVATION, ACC_SCALE_IDENTITY, 0, false, false, false, false, false, 0, WS);
  gemmini_fence();
  gemmini_region_end(0);
  return 0;
}
"""


def test_a_program_gets_its_result_and_every_command_its_cycles_in_order():
    rng = np.random.default_rng(5)
    memory = {name: rng.integers(-9, 9, (64, 64), np.int8) for name in "AB"}
    expected = np.clip(memory["A"].astype(np.int32) @ memory["B"].astype(np.int32), -128, 127)
    machine = load_config("lean-rtl")
    result = simulate(compile_c(PROGRAM, config=machine).elf, config=machine, memory=memory, trace="full")
    assert np.array_equal(result.read("C", np.int8, (64, 64)), expected)
    commands = result.trace.commands
    assert (np.diff(commands["commit"]) > 0).all()
    moved = commands[commands["funct"] != 0]
    for before, after in (("commit", "issue"), ("issue", "start"), ("start", "complete")):
        assert (moved[before] <= moved[after]).all(), (before, after)


def test_a_long_hardware_loop_keeps_the_commands_that_wait_behind_it():
    machine = load_config("int8-16")
    result = simulate(compile_c(LOOP, config=machine).elf, config=machine)
    ideal = 256 * 256 * 512 // 256
    # the array is nearly always busy; a loop whose commands got lost would be shorter than the work it stands for
    assert ideal < result.regions[0].cycles < 1.25 * ideal


def test_cached_machine_code_serves_another_process(tmp_path):
    program = tmp_path / "program.elf"
    program.write_bytes(compile_c(PROGRAM, config=load_config("lean-rtl")).elf)
    command = [sys.executable, "-m", "gemmini_sim", "run", str(program), "--config", "lean-rtl", "--json"]
    found = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert found[0] == found[1]
    assert json.loads(found[0])["regions"][0]["cycles"] > 0
