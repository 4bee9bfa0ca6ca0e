"""Small measured programs, event by event: every event of their last region is in the cycle in which the RTL has it.

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
}


@pytest.mark.parametrize("program", EXACT, ids=lambda name: name)
def test_every_event_of_the_last_region_is_where_the_rtl_has_it(program):
    machine = load_config("lean-rtl").with_values({"memory.latency": SHIPPED.latency(program)})
    result = simulate(SHIPPED.elf(program), config=machine, trace="full")
    matched = match_regions(SHIPPED.trace(program), event_table(result.trace))
    region = int(matched["region"].max())
    assert (matched["region"] == region).sum() > 100
    departure = first_departure(matched, region=region)
    assert departure is None, f"{EXACT[program]}: {departure.reason}"
