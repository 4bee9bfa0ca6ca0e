"""What a traced run becomes: tables, files for viewers, and a comparison with the RTL's trace of the same program."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gemmini_sim import compile_c, load_config, simulate
from gemmini_sim.measurements import Measurements
from gemmini_sim.trace import bank_conflicts
from gemmini_sim.trace_diff import first_departure, match_regions, summarize_regions
from gemmini_sim.trace_tables import (
    command_table,
    event_table,
    host_table,
    live_table,
    occupancy_table,
    request_table,
    traffic_table,
)

LEAN = load_config("lean-rtl")
SHIPPED = Measurements(Path(__file__).parents[2] / "data" / "rtl")
PROGRAM = """#include <gemmini.h>
__attribute__((section(".bulk"))) int8_t A[32][32], B[32][32], C[32][32];
int main(void) {
  gemmini_region_begin(0);
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(32, 1.0f, 16, 0);
  config_st(32);
  mvin(A, 0, 16, 16);                                            // line 8
  mvin(B, 4096, 32, 16);                                         // line 9
  preload(4096, 0x80000000, 16, 16, 16, 16);                     // line 10
  compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);
  mvout(C, 0x80000000, 16, 16);                                  // line 12
  fence();
  gemmini_region_end(0);
  tiled_matmul_auto(32, 32, 32, (elem_t *)A, (elem_t *)B, NULL, (elem_t *)C, 32, 32, 32, 32, 1.0f, 1.0f, 1.0f,
                    NO_ACTIVATION, 1.0f, 0, false, false, false, false, false, 0, WS);
  return 0;
}
"""


@pytest.fixture(scope="module")
def elf():
    return compile_c(PROGRAM, config=LEAN).elf


@pytest.fixture(scope="module")
def trace(elf):
    return simulate(elf, config=LEAN, trace="full").trace


def test_a_command_is_followed_from_the_host_to_its_end_with_its_place_in_the_source(trace):
    commands = command_table(trace)
    first = commands[commands["host_command"].notna()].iloc[:8]
    assert first["name"].tolist() == [
        *("config_ex", "config_ld", "config_st", "mvin", "mvin"),
        *("preload", "compute_preloaded", "mvout"),
    ]
    assert first["line"].tolist()[3:] == [8, 9, 10, 11, 12]
    assert first["operands"].tolist()[4].endswith("-> spad[4096:4112] x 32")
    assert first["operands"].tolist()[5] == "spad[4096:4112] x 16 -> acc[0:16] x 16"
    for before, after in (("commit", "allocate"), ("allocate", "issue"), ("issue", "start"), ("start", "complete")):
        assert (first[before] <= first[after]).all(), (before, after)


def test_a_command_names_the_one_that_it_waited_for(trace):
    commands = command_table(trace).iloc[:8].reset_index(drop=True)
    waited_for = commands["waited_for"].tolist()
    assert waited_for[5] == 4  # the preload for the load of its weights
    assert waited_for[6] == 3  # the compute for the load of its rows
    assert waited_for[7] == 5  # the store for the result, which belongs to the preload
    assert all(command is pd.NA for command in waited_for[:5])
    for waiting, blocker in ((5, 4), (7, 5)):
        assert commands["issue"][waiting] == commands["complete"][blocker] + 1


def test_commands_that_a_hardware_loop_makes_have_rows_of_their_own(trace):
    commands = command_table(trace)
    made = commands[commands["host_command"].isna()]
    assert made["commit"].isna().all()
    assert made["name"].value_counts()["preload"] == 8
    assert (made["name"] == "mvout").sum() >= 2
    assert made["complete"].notna().all()


def test_the_host_waits_at_its_fence(trace):
    table = host_table(trace)
    assert (table["ready"] <= table["commit"]).all()
    assert table["commit"].is_monotonic_increasing
    assert table["command"].notna().sum() == trace.commands.size
    fence = table[table["command"].isna()].iloc[0]
    assert fence["commit"] - fence["ready"] > 50  # loads of two operands and a product


def test_conflicts_are_in_the_bank_of_the_operands_and_a_full_queue_makes_the_host_wait():
    preload = "preload(4096, 0x80000000, 16, 16, 16, 16);"
    many = "for (int i = 0; i < 60; i++) { " + preload.replace("4096", "64")
    program = PROGRAM.replace("mvin(B, 4096,", "mvin(B, 64,").replace(preload, many)
    program = program.replace("mvout(C,", "} mvout(C,")
    result = simulate(compile_c(program, config=LEAN).elf, config=LEAN, trace="summary")
    region, commands = result.regions[0], result.trace.commands
    found = bank_conflicts(commands, LEAN, memory="scratchpad")
    own = found[commands["commit"][found["command"]] < region.end_cycle]
    assert own["cycles"].sum() == region.stalls["bank_conflict"] > 0
    assert set(own["bank"].tolist()) == {0}
    assert (own["cycles"] <= own["end"] - own["begin"]).all()
    assert bank_conflicts(commands, LEAN, memory="accumulator").size == 0
    assert (commands["commit"] > commands["ready"]).any()


def test_requests_have_their_bytes_and_do_not_end_before_they_begin(trace):
    requests = request_table(trace)
    region = trace.regions[0]
    inside = requests[requests["begin"] < region.end_cycle]
    gets, puts = inside[inside["kind"] == "get"], inside[inside["kind"] == "put"]
    assert gets["bytes"].value_counts().to_dict() == {16: 16, 32: 16}
    assert puts["bytes"].tolist() == [16] * 16
    assert requests["end"].notna().all()
    assert (requests["begin"] < requests["end"]).all()
    for _, own in requests.groupby(["kind", "source"]):
        assert (own["begin"].to_numpy()[1:] >= own["end"].to_numpy()[:-1]).all()


def test_traffic_is_whole_lines(trace):
    traffic = traffic_table(trace)
    assert (traffic["address"] % 64 == 0).all()
    assert (traffic["kind"] == "read").sum() >= 24


def test_queues_begin_and_end_empty_and_never_hold_more_than_they_can(trace):
    levels = occupancy_table(trace)
    queues = LEAN.queues
    most = levels.groupby("queue")["entries"].max()
    assert most["station load"] <= queues.station_load
    assert most["station execute"] <= queues.station_execute
    assert most["station store"] <= queues.station_store
    assert (levels["entries"] >= 0).all()
    assert (levels.groupby("queue")["entries"].last() == 0).all()


def test_live_rows_have_the_name_of_what_they_hold_and_their_bank(trace):
    region = trace.regions[0]
    scratchpad = live_table(trace, LEAN, memory="scratchpad")
    mine = scratchpad[scratchpad["written"] < region.end_cycle]
    assert mine.groupby("operand")["bank"].unique().map(list).to_dict() == {"A": [0], "B": [1]}
    assert mine["operand"].value_counts().to_dict() == {"A": 16, "B": 32}
    read = mine[mine["last_read"].notna()]
    assert sorted(read["row"]) == [*range(16), *range(4096, 4112)]  # the second block of B is never read
    assert (read["last_read"] > read["written"]).all()
    results = live_table(trace, LEAN, memory="accumulator")
    assert set(results["operand"]) == {"result"}


def test_a_summary_has_commands_and_says_that_it_has_no_events(elf):
    trace = simulate(elf, config=LEAN, trace="summary").trace
    assert len(trace.commands) > 8
    with pytest.raises(ValueError, match="trace='full'"):
        command_table(trace)


def test_perfetto_gets_events_of_its_format_that_nest(trace, tmp_path):
    trace.to_perfetto(tmp_path / "run.json")
    events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X", "C", "i"}
    for event in events:
        assert {"name", "ph", "ts", "pid", "tid"} <= event.keys()
        assert isinstance(event["ts"], int)
    slices = [event for event in events if event["ph"] == "X"]
    assert all(event["dur"] >= 0 for event in slices)
    tracks = {}
    for event in slices:
        tracks.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in tracks.values():
        open_ends = []
        for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            assert not open_ends or end <= open_ends[-1], "slices of one track overlap without nesting"
            open_ends.append(end)
    mvin = next(event for event in slices if event["name"] == "mvin")
    assert mvin["args"]["source"].endswith(":8")


def parse_konata(text):
    """Read a log by the rules of the viewer: what begins ends, cycles do not go back, names come before use."""
    header, *lines = text.splitlines()
    assert header == "Kanata\t0004"
    cycle, commands = None, {}
    for line in lines:
        kind, *fields = line.split("\t")
        if kind == "C=":
            assert cycle is None
            cycle = int(fields[0])
            continue
        if kind == "C":
            assert int(fields[0]) > 0
            cycle += int(fields[0])
            continue
        number = int(fields[0])
        if kind == "I":
            assert number == len(commands)
            commands[number] = {"stages": {}, "open": {}, "label": "", "retired": None}
            continue
        command = commands[number]
        assert command["retired"] is None
        if kind == "L" and fields[1] == "0":
            command["label"] = fields[2]
        elif kind == "S":
            assert not command["open"]
            command["open"][fields[2]] = cycle
        elif kind == "E":
            command["stages"][fields[2]] = (command["open"].pop(fields[2]), cycle)
        elif kind == "W":
            assert int(fields[1]) in commands
        elif kind == "R":
            assert not command["open"]
            command["retired"] = int(fields[1])
    return commands


def test_konata_gets_a_log_that_follows_its_rules(trace, tmp_path):
    trace.to_konata(tmp_path / "run.kanata")
    logged = parse_konata((tmp_path / "run.kanata").read_text())
    commands = command_table(trace)
    assert len(logged) == len(commands)
    assert sorted(command["retired"] for command in logged.values()) == list(range(len(commands)))
    mvin = next(command for command in logged.values() if command["label"].startswith("mvin "))
    row = commands[commands["name"] == "mvin"].iloc[0]
    assert mvin["stages"]["Rs"] == (row["allocate"], row["issue"])
    assert mvin["stages"]["Ex"] == (row["start"], row["complete"])


def test_the_suffix_says_what_the_command_line_writes(elf, tmp_path):
    (tmp_path / "program.elf").write_bytes(elf)
    run = [sys.executable, "-m", "gemmini_sim", "run", str(tmp_path / "program.elf"), "--config", "lean-rtl"]
    subprocess.run([*run, "--trace", str(tmp_path / "t.csv")], check=True)
    assert "waited_for" in pd.read_csv(tmp_path / "t.csv").columns
    failed = subprocess.run([*run, "--trace", "t.txt"], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "must end in .json" in failed.stderr


@pytest.fixture(scope="module")
def events():
    return event_table(simulate(SHIPPED.elf("ex_m2_n1"), config=LEAN, trace="full").trace)


def test_our_events_are_those_of_the_rtl_trace_from_the_first_command_on(events):
    rtl = SHIPPED.trace("ex_m2_n1")
    matched = match_regions(rtl, events)
    warm = matched[matched["region"] == 1]
    assert warm["cycle"].notna().all()
    assert warm["rtl_cycle"].notna().all()
    commits = warm[warm["event"] == "rocc_commit"]
    late = (warm["cycle"] - warm["rtl_cycle"])[warm["event"].isin(["alloc", "issue", "complete", "mesh_req"])]
    assert set(late) == {int((commits["cycle"] - commits["rtl_cycle"]).iloc[-1])}


def test_the_first_event_that_departs_is_found_and_shown_with_its_neighbours(events):
    rtl = event_table_as_rtl(events)
    assert not match_regions(rtl, events)["departs"].any()
    begin = rtl.loc[rtl["event"] == "rdcycle", "cycle"].iloc[2]
    late = rtl.index[(rtl["event"] == "mesh_req") & (rtl["cycle"] > begin)][1]
    rtl.loc[late, "cycle"] += 3
    rtl.loc[rtl.index[(rtl["event"] == "complete") & (rtl["cycle"] > begin)][0], "cycle"] += 5
    matched = match_regions(rtl, events)
    assert summarize_regions(matched)["departing"].tolist() == [0, 2]
    assert first_departure(matched, region=0) is None
    found = first_departure(matched, region=1, context=2)
    assert (found.event, found.number) == ("mesh_req", 1)
    assert found.rtl_cycle == found.cycle + 3
    assert "3 cycles early" in found.reason
    assert len(found.context) == 5


def test_an_event_that_one_side_lacks_is_a_departure(events):
    rtl = event_table_as_rtl(events)
    first = rtl.loc[rtl["event"] == "rdcycle", "cycle"].iloc[0]
    last = rtl.index[(rtl["event"] == "complete") & (rtl["cycle"] > first)][1]
    found = first_departure(match_regions(rtl.drop(last), events), region=0)
    assert found.rtl_cycle is None
    assert "not on RTL" in found.reason


def event_table_as_rtl(events):
    """Write our own events as an RTL trace has them."""
    rtl = events.copy()
    for column in ("funct", "rs1", "rs2"):
        rtl[column] = [("" if value is pd.NA else hex(value)) for value in rtl[column]]
    return rtl


def test_the_command_shows_where_the_traces_part():
    command = [sys.executable, "-m", "gemmini_sim", "accuracy", str(SHIPPED.directory), "--diff", "ex_m2_n1"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "first_departure" in shown
    table = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert [row["region"] for row in table] == [0, 1]
    assert np.all([row["rtl_cycles"] > 0 for row in table])
    failed = subprocess.run([*command[:-1], "nothing"], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "no trace of nothing" in failed.stderr
