import csv
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from gemmini_sim import compile_c
from gemmini_sim.accuracy import accuracy_table, noise_floor, summarize, worst
from gemmini_sim.config import load_config
from gemmini_sim.measurements import AccuracyError, Measurements

# The clock does not matter to what is tested here, and this machine's is the quicker one to compile.
MACHINE = "int8-16"
SHIPPED = Path(__file__).parents[2] / "data" / "rtl"
HEADER = ["name", "source_file", "macros", "dram_latency", "cycles_roi", "instret", "correct", "kcycles_total"]
# Reports two regions of so many cycles through the test bench's channel, as the measured programs do.
PROGRAM = """
#include <stdint.h>
static volatile uint64_t *const channel = (volatile uint64_t *)0x10020000;
static void text(const char *s) { while (*s) *channel = (uint8_t)*s++; }
static void number(uint64_t value) { *channel = (2ull << 56) | value; }
static void report(uint64_t cycles) {
  text("R,label,"); number(cycles); text(",7,1\\n");
}
int main(void) { report(COLD); report(WARM); return 0; }
"""


def program(cold, warm):
    return compile_c(PROGRAM, config=load_config(MACHINE), defines={"COLD": str(cold), "WARM": str(warm)}).elf


def write_rows(directory, rows):
    with (directory / "cycles.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([name, "x.c", "", latency, cycles, 7, 1, 1] for name, latency, cycles in rows)


@pytest.fixture
def measurements(tmp_path):
    (tmp_path / "elf").mkdir()
    for name, (cold, warm) in {"mm16_v0": (220, 100), "mm16_v0_pert1": (200, 102), "ex_m0": (90, 40)}.items():
        (tmp_path / "elf" / f"{name}.elf").write_bytes(program(cold, warm))
    write_rows(
        tmp_path,
        [
            ("mm16_v0.r0_cold", 60, 200),
            ("mm16_v0.r1_warm", 60, 100),
            ("mm16_v0_pert1.r0_cold", 60, 210),
            ("mm16_v0_pert1.r1_warm", 60, 102),
            ("ex_m0.r0_cold", 60, 100),
            ("ex_m0.r1_warm", 60, 42),
            ("ex_m0.r2_warm", 60, 42),
        ],
    )
    return tmp_path


def test_each_region_gets_the_figure_that_the_program_reported_for_that_repetition(measurements):
    table = accuracy_table(measurements, config=MACHINE)
    found = table[table["program"] == "mm16_v0"]
    assert found["cycles"].tolist() == [220, 100]
    assert found["error"].astype(float).tolist() == pytest.approx([0.1, 0.0])
    assert found["warm"].tolist() == [False, True]
    assert set(found["group"]) == {"matmul"}


def test_a_region_that_the_run_does_not_report_is_missing_and_not_counted_as_right(measurements):
    table = accuracy_table(measurements, config=MACHINE, programs=["ex_"])
    missing = table[table["repetition"] == 2].iloc[0]
    assert missing["cycles"] is pd.NA
    assert "no such region" in missing["problem"]
    summary = summarize(table).loc["ex warm"]
    assert (summary["regions"], summary["missing"]) == (2, 1)
    assert worst(table, 1)["repetition"].tolist() == [2]


def test_the_noise_floor_is_the_spread_of_rtl_around_its_own_unperturbed_rows(measurements):
    noise = noise_floor(accuracy_table(measurements, config=MACHINE))
    assert noise.sort_values("warm")["error"].tolist() == pytest.approx([0.05, 0.02])


def test_the_summary_tells_warm_from_cold_and_kernels_from_micro_programs(measurements):
    summary = summarize(accuracy_table(measurements, config=MACHINE))
    assert summary.loc["matmul cold", "mean"] == pytest.approx((0.1 + 10 / 210) / 2)
    assert summary.loc["matmul cold", "noise_mean"] == pytest.approx(0.05)
    assert summary.loc["all micro warm, shorter", "within_3"] == 1.0
    assert "all micro warm, 50+ cycles" not in summary.index


def test_kernels_without_a_trace_are_summed_up_apart(measurements):
    (measurements / "traces").mkdir()
    (measurements / "traces" / "mm16_v0.csv").write_text("cycle,event,queue,funct,rs1,rs2,id\n")
    (measurements / "elf" / "mm32_v0.elf").write_bytes(program(100, 50))
    with (measurements / "cycles.csv").open("a") as file:
        file.write("mm32_v0.r1_warm,x.c,,60,100,7,1,1\n")
    summary = summarize(accuracy_table(measurements, config=MACHINE))
    assert summary.loc["traced kernels warm", "regions"] == 2
    assert summary.loc["held-back kernels warm", "regions"] == 1
    assert summary.loc["held-back kernels warm", "mean"] == pytest.approx(0.5)
    assert "held-back kernels cold" not in summary.index


def test_latencies_are_compared_on_the_programs_that_have_them_all(measurements):
    table = accuracy_table(measurements, config=MACHINE)
    slow = table[table["program"] == "mm16_v0"].assign(latency=120)
    both = summarize(pd.concat([table, slow], ignore_index=True))["regions"]
    assert both["all kernels warm"] == 3
    assert both["same kernels warm, L = 60"] == both["same kernels warm, L = 120"] == 1


def test_the_worst_regions_come_with_what_is_known_about_them(measurements):
    reasons = worst(accuracy_table(measurements, config=MACHINE)).set_index(["program", "repetition"])["reason"]
    assert "no such region" in reasons["ex_m0", 2]
    assert reasons["ex_m0", 1] == "2 cycles of a short region"
    assert reasons["mm16_v0", 0].startswith("first touch")
    assert reasons["mm16_v0_pert1", 0] == "within the RTL's own noise of 5.0%"


def test_programs_may_lie_in_an_archive(measurements):
    plain = accuracy_table(measurements, config=MACHINE)
    with tarfile.open(measurements / "elf.tar.xz", "w:xz") as archive:
        archive.add(measurements / "elf", "elf")
    for path in (measurements / "elf").iterdir():
        path.unlink()
    (measurements / "elf").rmdir()
    pd.testing.assert_frame_equal(accuracy_table(measurements, config=MACHINE), plain)


def test_a_broken_archive_is_refused_with_its_name(measurements):
    (measurements / "elf").rename(measurements / "elsewhere")
    (measurements / "elf.tar.xz").write_bytes(b"not an archive")
    with pytest.raises(AccuracyError, match=r"elf\.tar\.xz: not a readable archive"):
        accuracy_table(measurements, config=MACHINE)


def test_the_shipped_measurements_are_complete():
    shipped = Measurements(SHIPPED)
    assert len(shipped.regions) > 1300
    assert all(shipped.elf(program).startswith(b"\x7fELF") for program in shipped.regions["program"].unique())
    assert {"rocc_commit", "issue", "complete", "rdcycle"} <= set(shipped.trace("ex_m2_n1")["event"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,dram_latency\n", "no column cycles_roi, instret"),
        ("name,dram_latency,cycles_roi,instret\nnothing,60,1,1\n", "line 2: name 'nothing'"),
        ("name,dram_latency,cycles_roi,instret\na.r0_b,60,x,1\n", "line 2: invalid literal"),
        ("name,dram_latency,cycles_roi,instret\na.r0_b,60,1,1\n", "a.elf is measured"),
        ("name,dram_latency,cycles_roi,instret\n", "no measured region"),
    ],
)
def test_bad_measurements_are_refused_with_file_and_line(tmp_path, content, message):
    (tmp_path / "cycles.csv").write_text(content)
    with pytest.raises(AccuracyError, match=message):
        accuracy_table(tmp_path)


def test_the_command_prints_the_summary_and_refuses_a_wrong_directory(measurements, tmp_path):
    command = [sys.executable, "-m", "gemmini_sim", "accuracy", "--config", MACHINE]
    done = subprocess.run([*command, str(measurements), "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["summary"]["matmul warm"]["mean"] == 0
    table = subprocess.run([*command, str(measurements)], capture_output=True, text=True, check=True)
    assert "matmul warm" in table.stdout
    failed = subprocess.run([*command, str(tmp_path / "nothing")], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "cycles.csv" in failed.stderr
    assert "Traceback" not in failed.stderr
