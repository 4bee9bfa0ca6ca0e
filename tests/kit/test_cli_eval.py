"""``autocomp-kit eval`` and ``workloads`` as a user calls them, in processes of their own."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest

from autocomp_kit.cli import main

TILE = "void solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16])"


def call(*arguments, stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "autocomp_kit", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_eval_prints_one_json_object_last():
    done = call("eval", "--baseline", "start", "--workload", "small/1", "--json", "--no-cache")
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["status"] == "correct"
    assert verdict["correct"] is True
    assert verdict["errors"] == []
    assert 0 < verdict["instret"] < verdict["cycles"]
    assert verdict["utilization"] == pytest.approx(verdict["ideal_cycles"] / verdict["cycles"])
    assert verdict["scratchpad_rows"] == 32
    assert verdict["accumulator_rows"] == 16
    assert {"kind", "text", "cycles", "line"} == set(verdict["feedback"][0])


def test_eval_puts_the_hardware_loop_beside_the_kernel_when_asked():
    done = call(
        "eval", "--baseline", "library", "-w", "small/0", "--config", "lean-rtl", "--bounds", "--json", "--no-cache"
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["hardware_loop_cycles"] == pytest.approx(verdict["cycles"], rel=0.01)
    shown = call(
        "eval", "--baseline", "start", "-w", "small/0", "--config", "lean-rtl", "--bounds", "--no-cache"
    ).stdout
    assert re.search(rf"hardware loop +{verdict['hardware_loop_cycles']:,}\b", shown)
    assert re.search(r"of its speed +\d\d\.\d%", shown)


def test_eval_of_a_wrong_kernel_says_why_and_exits_with_1(tmp_path):
    file = tmp_path / "kernel.c"
    file.write_text(TILE + " {\n  fence();\n}\n")
    done = call("eval", file, "-w", "small/1", "--json")
    assert done.returncode == 1, done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["status"] == "wrong"
    assert verdict["cycles"] is None
    assert "never written" in verdict["errors"][0]["message"]


def test_eval_shows_a_person_the_line(call_here):
    done = call_here("eval", "-", "-w", "small/1", stdin=(TILE + " {\n  undeclared(3);\n}\n").encode())
    assert done.returncode == 1, done.stderr
    assert "small/1 on int8-16: rejected" in done.stdout
    assert "line 2: `undeclared` is neither a Gemmini command" in done.stdout
    assert "    undeclared(3);" in done.stdout


def test_a_race_stands_beside_the_verdict_and_no_search_starts_from_it_unasked(call_here, tmp_path):
    file = tmp_path / "race.c"
    commands = (
        "config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false); config_ld(16, 1.0f, 16, 0); config_st(16);",
        "mvin(A, 0, 16, 16); mvin(B, 16, 16, 16); preload(16, 0x80000000, 16, 16, 16, 16);",
        "compute_preloaded(0, 0xffffffff, 16, 16, 16, 16); mvout(C, 0x80000000, 16, 16);",
        "volatile int8_t *c = C[0]; *c = *c; fence();",
    )
    file.write_text("\n".join((f"{TILE} {{", *commands, "}\n")))
    done = call_here("eval", file, "-w", "small/1")
    assert done.returncode == 0, done.stderr
    first, second, *others = done.stdout.splitlines()
    assert first == "small/1 on int8-16: correct here, but hardware may compute something else"
    assert second.startswith("- dram-race: ")
    assert second not in others
    hazards = json.loads(call_here("eval", file, "-w", "small/1", "--json").stdout)["hazards"]
    assert second == f"- {hazards[0]}"
    search = ("optimize", file, "-w", "small/1", "--iterations", 1, "--beam", 1, "--plans", 1)
    done = call_here(*search, "--store", tmp_path / "refused.sqlite")
    assert done.returncode == 1
    assert "the start kernel is unsafe; line 5: dram-race: " in done.stderr
    assert "allow_hazards=true" in done.stderr
    done = call_here(*search, "--store", tmp_path / "allowed.sqlite", "--set", "allow_hazards=true")
    assert done.returncode == 0, done.stderr


def test_eval_writes_the_trace_of_any_kernel_that_runs(call_here, tmp_path):
    kernel, trace = tmp_path / "kernel.c", tmp_path / "kernel.csv"
    kernel.write_text(f"{TILE} {{\n  config_ld(16, 1.0f, 16, 0); mvin(A, 0, 16, 16);\n  fence();\n}}\n")
    assert call_here("eval", kernel, "-w", "small/1", "--trace", trace).returncode == 1
    rows = list(csv.DictReader(trace.read_text().splitlines()))
    assert [(row["name"], row["line"]) for row in rows if row["file"] == "kernel.c"] == [
        ("config_ld", "2"),
        ("mvin", "2"),
    ]
    done = call_here("eval", kernel, "-w", "small/1", "--trace", tmp_path / "kernel.txt")
    assert done.returncode == 2
    assert "must end in .json, .csv, .kanata or .log" in done.stderr
    missing = tmp_path / "missing" / "kernel.csv"
    assert f"{missing}: " in call_here("eval", kernel, "-w", "small/1", "--trace", missing).stderr


def test_eval_of_a_users_workload_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("kind: gemm\nm: 20\nn: 36\nk: 50\nbias: row\nrelu: true\nscale: 0.25\n")
    done = call("eval", "--baseline", "start", "-w", tmp_path / "mine.yaml", "--json", "--config", "int8-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["machine"] == "int8-8"


@pytest.fixture
def call_here(monkeypatch, capsys):
    """The same command in this process: for what needs neither compiler nor simulator."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["autocomp-kit", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, printed.out, printed.err)

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "nowhere.c", "-w", "small/1"], "nowhere.c: cannot read the kernel"),
        (["eval", "-", "-w", "small/77"], "no workload 'small/77'; did you mean 'small/"),
        (["eval", "-", "-w", "nowhere.yaml"], "nowhere.yaml: cannot read"),
        (["eval", "-", "-w", "small/1", "--config", "int9"], "int9"),
        (["eval", "--baseline", "start", "-w", "small/1", "--config", "fp32-4"], "needs an int8 machine"),
        (["eval", "-w", "small/1"], "give either a kernel file or --baseline start|naive|library"),
        (["eval", "-"], "--workload"),
        (["workloads", "small/77"], "did you mean"),
    ],
)
def test_wrong_input_exits_with_2(call_here, arguments, message):
    done = call_here(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_no_traceback_in_a_process_of_its_own():
    done = call("eval", "nowhere.c", "-w", "small/1")
    assert done.returncode == 2
    assert done.stderr == "autocomp-kit: nowhere.c: cannot read the kernel: No such file or directory\n"


def test_bytes_that_are_no_text(call_here):
    done = call_here("eval", "-", "-w", "small/1", stdin=b"\x00\xff\xfe")
    assert done.returncode == 2
    assert "byte 1 is not UTF-8" in done.stderr


def test_workloads_lists_and_shows(call_here):
    listed = call_here("workloads")
    assert listed.returncode == 0, listed.stderr
    assert "exo/0" in listed.stdout
    assert "524,288" in listed.stdout
    shown = json.loads(call_here("workloads", "exo/1", "--json").stdout)
    assert (shown["m"], shown["n"], shown["k"], shown["ideal_cycles"]) == (12544, 256, 64, 802816)
    assert call_here("workloads", "small/0", "--kernel").stdout.startswith("// C[64][64] = A[64][64] x B[64][64]")
    assert len(json.loads(call_here("workloads", "--json").stdout)) == len(listed.stdout.splitlines()) - 1


def test_baselines_stand_beside_the_best_of_a_store(call_here, tmp_path):
    study = tmp_path / "study.sqlite"
    search = ("optimize", "-w", "small/0", "--iterations", "1", "--plans", "2", "--store", str(study), "--json")
    found = json.loads(call_here(*search).stdout)
    row = json.loads(call_here("workloads", "small/0", "--baselines", "--store", str(study), "--json").stdout)
    assert row["start"] == found["start_cycles"] > row["best"] == found["best_cycles"] > row["ideal"]
    assert row["start"] > row["hardware_loop"] > row["ideal"]
    assert row["run"] == found["run_id"]
    table = call_here("workloads", "small/0", "--baselines").stdout.splitlines()
    assert table[1].split()[:4] == ["small/0", "int8-16", "1,024", f"{row['start']:,}"]
    other = call_here("workloads", "admm-multifunction/0", "--baselines", "--json").stdout
    assert json.loads(other)["machine"] == "fp32-4"
    assert json.loads(other)["hardware_loop"] is None
    refused = call_here("workloads", "admm-multifunction/0", "--baselines", "--config", "int8-16")
    assert refused.returncode == 2
    assert "needs an fp32 machine" in refused.stderr
