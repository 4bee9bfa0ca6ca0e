"""``autocomp-kit optimize``, ``runs`` and ``menu`` as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys

import pytest

from autocomp_kit.run import Run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.testing import TOY_KERNEL, TOY_MENU, TOY_PROBLEM, ToyAgent, ToyEvaluator


@pytest.fixture
def study(tmp_path):
    """A store with one toy run."""
    path = tmp_path / "study.sqlite"
    with Store.open(path) as store:
        config = SearchConfig(iterations=2, beam=2, plans=3)
        run = Run(
            problem=TOY_PROBLEM,
            kernel=TOY_KERNEL,
            agent=ToyAgent(),
            evaluator=ToyEvaluator(),
            menu=TOY_MENU,
            config=config,
            store=store,
        )
        run.execute()
    return path


def test_optimize_finds_a_faster_kernel_offline_and_keeps_everything(call, tmp_path):
    store, best = tmp_path / "study.sqlite", tmp_path / "best.c"
    done = call(
        *("optimize", "-w", "small/0", "--iterations", 2, "--beam", 1, "--plans", 2, "--set", "keep_probability=1"),
        *("--store", store, "-o", best, "--record", tmp_path / "answers.jsonl", "--json"),
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["best_cycles"] < summary["start_cycles"]
    assert summary["speedup"] == pytest.approx(summary["start_cycles"] / summary["best_cycles"])
    assert summary["tried"] == summary["correct"] + summary["failed"] > 0
    with Store.open(store, create=False) as kept:
        history = kept.load_run(summary["run_id"])
    assert history.best.code == best.read_text()
    assert history.evaluations[summary["best_id"]].cycles == summary["best_cycles"]
    again = call("eval", best, "-w", "small/0", "--json", "--no-cache")
    assert json.loads(again.stdout.splitlines()[-1])["cycles"] == summary["best_cycles"]
    # The recording, the run in the store and its export all stand for the rules agent.
    answers = tmp_path / "exported.jsonl"
    assert call("runs", "export", "--store", store, "--format", "answers", "-o", answers).returncode == 0
    same = ("optimize", "-w", "small/0", "--iterations", 2, "--beam", 1, "--plans", 2, "--set", "keep_probability=1")
    for arguments in (
        ("runs", "replay", summary["run_id"]),
        *((*same, "--agent", f"replay:{one}") for one in (answers, tmp_path / "answers.jsonl", summary["run_id"])),
    ):
        replay = call(*arguments, "--store", store, "--json")
        assert replay.returncode == 0, replay.stderr
        assert json.loads(replay.stdout)["best_cycles"] == summary["best_cycles"]
        assert json.loads(replay.stdout)["calls_failed"] == summary["calls_failed"]
    fork = call(
        "runs", "fork", summary["run_id"], "--iteration", 1, "--set", "iterations=1", "--store", store, "--json"
    )
    assert fork.returncode == 0, fork.stderr
    assert json.loads(fork.stdout)["best_cycles"] == summary["best_cycles"]  # the same seed goes the same way


def test_options_win_over_set_and_set_over_the_file(call, tmp_path):
    """Whatever the setting: those with an option of their own can be given either way."""
    store, file = tmp_path / "study.sqlite", tmp_path / "settings.yaml"
    file.write_text("beam: 7\nplans: 1\nstop_within: 0.5\nseed: 3\ncodes: 3\n")
    done = call(
        *("optimize", "-w", "small/1", "--settings", file, "--set", "iterations=1", "--set", "beam=2"),
        *("--set", "keep-probability=1", "--set", "stop_within=null", "--set", "codes=2", "--codes", 1),
        *("--store", store),
    )
    assert done.returncode == 0, done.stderr
    with Store.open(store) as kept:
        config = kept.load_run().record.config
    wanted = {"iterations": 1, "beam": 2, "plans": 1, "codes": 1, "keep_probability": 1.0, "seed": 3}
    assert config == SearchConfig(**wanted)


def test_a_menu_that_helps_with_nothing_says_why_and_one_with_a_typo_is_refused(call, tmp_path):
    menu = tmp_path / "mine.yaml"
    menu.write_text("name: mine\nitems: [{id: luck, text: Be lucky.}]\n")
    arguments = ("optimize", "-w", "small/1", "--menu", menu, "--iterations", 1, "--store", tmp_path / "study.sqlite")
    done = call(*arguments)
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"0 tried, 0 correct, 0 failed; (\d+) agent calls without a result \(\1 not applicable\)", done.stdout
    )
    assert "nothing tried rules: no offered option applies to this kernel: luck: no offline rewrite" in done.stdout
    menu.write_text("name: mine\nitems: [{id: keep, text: Keep it., rewrite: keep_resident}]\n")
    done = call(*arguments)
    assert done.returncode == 2
    assert "menu 'mine', item keep: no rewrite 'keep_resident'; did you mean 'keep-resident'?" in done.stderr


def test_optimize_from_a_kernel_that_is_wrong_says_why_and_exits_with_1(call, tmp_path):
    kernel = tmp_path / "kernel.c"
    kernel.write_text("void solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16]) {\n  undeclared(3);\n}\n")
    done = call("optimize", kernel, "-w", "small/1", "--store", tmp_path / "study.sqlite")
    assert done.returncode == 1
    assert "the start kernel is not correct: rejected; line 2: `undeclared`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workload", "nothing/9"), "nothing/9"),
        (("--workload", "small/1", "--agent", "gpt"), "the agents are: rules, claude:MODEL"),
        (("--workload", "small/1", "--agent", "claude"), "write claude:MODEL"),
        (("--workload", "small/1", "--agent", "rules", "--agent", "rules"), "an agent stands twice"),
        (("--workload", "small/1", "--agent", "replay:20991231"), "has no runs yet"),
        (("--workload", "small/1", "--agent", "replay:a", "--agent", "rules"), "cannot be combined with other agents"),
        (("--workload", "small/1", "--config", "int9"), "int9"),
        (("--workload", "small/1", "--menu", "soup"), "no menu and no file 'soup'; the menus are: "),
        (("--workload", "small/1", "--beam", "0"), "settings: beam: Input should be greater than or equal to 1"),
        (("--workload", "small/1", "--set", "baem=3"), "settings: baem: Extra inputs are not permitted; the settings"),
        (("--workload", "small/1", "--set", "slack"), "--set slack: write name=value"),
        (("missing.c", "--workload", "small/1"), "cannot read the kernel missing.c"),
        ((), "--workload"),
    ],
)
def test_wrong_input_exits_with_2_and_one_clear_line(call, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = call("optimize", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_settings_come_from_a_file_and_options_win_over_it(call, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("iterations: 1\nbeam: 0\n")
    done = call("optimize", "-w", "small/1", "--settings", file)
    assert done.returncode == 2
    assert f"{file}: beam:" in done.stderr


def test_runs_list_show_and_export(call, study):
    listed = json.loads(call("runs", "list", "--store", study, "--json").stdout)
    assert [one["workload"] for one in listed] == ["toy"]
    head, row = call("runs", "list", "--store", study).stdout.splitlines()
    assert head.startswith("run ")
    assert row.startswith(listed[0]["run_id"])
    assert head.index("workload") == row.index(listed[0]["workload"])
    shown = call("runs", "show", "--store", study).stdout
    assert "start kernel  1,000 cycles" in shown
    assert f"speed-up      {listed[0]['speedup']:.2f}x" in shown
    best = listed[0]["best_id"]
    assert call("runs", "show", "--store", study, "--candidate", best).stdout.strip() == (
        f"cycles {listed[0]['best_cycles']}"
    )
    whole = json.loads(call("runs", "export", "--store", study).stdout)
    assert {one["candidate_id"] for one in whole["candidates"]} >= {"0", best}
    rows = list(csv.DictReader(io.StringIO(call("runs", "export", "--store", study, "--format", "csv").stdout)))
    assert len(rows) == len(whole["candidates"])
    assert {row["fate"] for row in rows} >= {"kept"}
    assert call("runs", "export", "--store", study, "--format", "html").stdout.startswith("<!DOCTYPE html>")
    assert listed[0]["run_id"] in call("runs", "compare", "--store", study).stdout
    (compared,) = json.loads(call("runs", "compare", listed[0]["run_id"], "--store", study, "--json").stdout)
    assert compared["best_cycles"] == listed[0]["best_cycles"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "--store", "none.sqlite"), "there is no store none.sqlite"),
        (("show", "20991231"), "there is no run '20991231'"),
        (("show", "--candidate", "9.9.9"), "has no candidate '9.9.9'"),
        (("fork", "--set", "beam=0"), "settings: beam: Input should be greater"),
        (("resume", "2099"), "there is no run '2099'"),
    ],
)
def test_runs_with_wrong_input(call, study, arguments, message):
    done = call("runs", *arguments, *(() if "--store" in arguments else ("--store", study)))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recipe_is_shown_saved_and_reused(call, tmp_path):
    common = ("--iterations", 2, "--plans", 2, "--beam", 2, "--store", tmp_path / "study.sqlite")
    first = call("optimize", "--workload", "small/0", "--json", *common)
    steps = call("runs", "recipe", "--store", tmp_path / "study.sqlite").stdout.splitlines()
    assert steps
    call("runs", "recipe", "--store", tmp_path / "study.sqlite", "-o", tmp_path / "recipe.yaml")
    for source in ("auto", json.loads(first.stdout)["run_id"], tmp_path / "recipe.yaml"):
        done = call("optimize", "--workload", "small/2", "--reuse", source, "--json", *common)
        assert done.returncode == 0, done.stderr
        with Store.open(tmp_path / "study.sqlite") as store:
            config = store.load_run(json.loads(done.stdout)["run_id"]).record.config
        assert list(config.recipe) == [step.split()[0] for step in steps]
    refused = call("optimize", "--workload", "small/3", "--reuse", "auto", *common)
    assert refused.returncode == 2
    assert "no run on a workload similar to small/3" in refused.stderr


def test_menu_show_and_preview(call):
    assert "gemm" in call("menu", "list").stdout
    assert "always offered" in call("menu", "show", "gemm").stdout
    preview = call("menu", "preview", "gemm", "--seed", 3, "--draws", 2).stdout.splitlines()
    assert [line.split(":")[0] for line in preview] == ["seed 3", "seed 4"]
    assert call("menu", "show", "soup").returncode == 2


def test_importing_the_kit_brings_no_heavy_library():
    code = "import sys, autocomp_kit, autocomp_kit.run, autocomp_kit.agents.registry; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"plotly", "anthropic", "numba", "pandas"} & set(modules)


def test_runs_costs_adds_up_by_any_field(call, study):
    done = call("runs", "costs", "--store", study, "--by", "iteration,phase")
    assert done.returncode == 0, done.stderr
    assert "plan" in done.stdout
    assert "calls to models" in done.stdout
    assert "it can be phase" in call("runs", "costs", "--store", study, "--by", "colour").stderr


def test_menu_preview_shows_the_whole_prompt(call):
    done = call("menu", "preview", "gemm", "-w", "small/1", "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "# What things cost" in done.stdout
    assert "C[16][16] = A[16][16] x B[16][16]" in done.stdout
    assert "# Options" in done.stdout
    assert done.stdout == call("menu", "preview", "gemm", "-w", "small/1", "--seed", 3).stdout


def test_runs_prompt_shows_what_a_model_reads(call, tmp_path):
    path = tmp_path / "study.sqlite"
    arguments = ("--iterations", 1, "--beam", 1, "--plans", 2, "--keep-probability", 1, "--store", path)
    assert call("optimize", "-w", "small/0", *arguments).returncode == 0
    with Store.open(path) as store:
        history = store.load_run()
    plan_id, candidate_id = next(iter(history.plans)), list(history.candidates)[1]
    assert "# Options" in call("runs", "prompt", "--plan", plan_id, "--store", path).stdout
    assert "# The plan to carry out" in call("runs", "prompt", "--candidate", candidate_id, "--store", path).stdout
    assert "# Options" in call("runs", "prompt", "--parent", "0", "--seed", 5, "--store", path).stdout
    assert "one of --plan, --candidate, --parent" in call("runs", "prompt", "--store", path).stderr


def test_an_estimate_calls_nobody(call, tmp_path):
    """It needs no key either."""
    arguments = ("--agent", "claude:claude-sonnet-5-5,effort=low", "--store", tmp_path / "s.sqlite", "--estimate")
    done = call("optimize", "-w", "small/1", *arguments)
    assert done.returncode == 0, done.stderr
    assert "at most 348 calls: about" in done.stdout
