"""Small measured programs, event by event: every event is in the cycle in which the RTL has it, cold and warm.

Commands, issue, DMA requests, data, the mesh, completions and the fence: each program is about one mechanism, and a
single event that departs says which one broke. `gemmini-sim accuracy data/rtl --diff PROGRAM` shows where.
"""

from pathlib import Path

import pytest
from gemmini_sim import load_config, simulate
from gemmini_sim.measurements import Measurements
from gemmini_sim.trace_diff import first_departure, match_regions
from gemmini_sim.trace_tables import event_table

SHIPPED = Measurements(Path(__file__).parents[2] / "data" / "rtl")
EXACT = {
    "rocc_mvin1row_n16": "three trackers limit short loads",
    "mvin_r16_c16_s64_n8": "narrow loads: one request per row",
    "mvin_r16_c64_s64_n8": "wide loads: four beats per request",
    "mvin_acc_r16_c16_s64_n8": "loads of whole accumulator rows",
    "mvin_acc8_r16_c16_s64_n8": "loads that widen bytes into the accumulator",
    "mvout_r16_c16_s64_n8": "stores from the scratchpad",
    "mvout_acc8_r16_c16_s64_n8": "stores through the scaling pipeline",
    "mvout_acc32_r16_c16_s64_n8": "stores of whole accumulator rows",
    "mvout_acc8_r16_c64_s64_n8": "stores of four blocks to one line",
    "ex_m13_n16": "operands of one bank take turns",
    "mm32_v5": "a matrix multiplication: four-wide loads, panels, puts, lines of the host",
    "ovl_m5_n8": "a store waits for the compute before it, the next compute for the store",
    "ovl_m2_n8": "loads and stores beside each other: answers wait in their stages while lines are written back",
    "loopws_4x4x4": "a hardware loop: one line is written back after the other, refused requests change places",
    "resadd_32x64_v4": "whole lines are stored behind fetches: permissions to write wait for eight grants",
}
COLD_ONLY = {"resadd_32x64_v4"}  # the host begins the warm region two cycles late


@pytest.mark.parametrize("program", EXACT, ids=lambda name: name)
def test_every_event_is_where_the_rtl_has_it(program):
    machine = load_config("lean-rtl").with_values({"memory.latency": SHIPPED.latency(program)})
    result = simulate(SHIPPED.elf(program), config=machine, trace="full")
    matched = match_regions(SHIPPED.trace(program), event_table(result.trace))
    regions = [0] if program in COLD_ONLY else sorted(set(matched["region"]))
    for region in regions:
        assert (matched["region"] == region).sum() > 100
        departure = first_departure(matched, region=region)
        assert departure is None, f"{EXACT[program]}: {departure.reason}"


@pytest.mark.parametrize("latency", [20, 60, 120])
def test_a_hardware_loop_takes_the_rtls_cycles_at_every_latency(latency):
    rows = SHIPPED.regions
    rows = rows[(rows["program"] == "loopws_4x4x4") & (rows["latency"] == latency)].sort_values("repetition")
    machine = load_config("lean-rtl").with_values({"memory.latency": latency})
    console = simulate(SHIPPED.elf("loopws_4x4x4"), config=machine).console
    cycles = [int(line.split(",")[2]) for line in console.splitlines()]
    assert cycles == rows["rtl_cycles"].tolist()
