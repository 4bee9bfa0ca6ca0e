import json
import sys
import tomllib

import pytest
from gemmini_sim import cli
from gemmini_sim.config import load_config, preset_names
from gemmini_sim.elf import read_program


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gemmini-sim", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return left.value.code or 0, said.out, said.err

    return run


def test_compile_writes_a_program(run, tmp_path):
    (tmp_path / "main.c").write_text('#include "half.h"\nint main(void) { return half(N); }\n')
    (tmp_path / "half.c").write_text("int half(int x) { return x / 2; }\n")
    (tmp_path / "half.h").write_text("int half(int x);\n")
    elf = tmp_path / "main.elf"
    code, _, err = run("compile", tmp_path / "main.c", tmp_path / "half.c", "-o", elf, "-D", "N=8", "-O", "1")
    assert (code, err) == (0, "")
    assert {"main", "half"} <= read_program(elf.read_bytes(), memory_bytes=256 << 20).symbols.keys()


def test_compile_takes_include_folders_and_a_machine_file(run, tmp_path):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "mine.h").write_text("#define WANTED 8\n")
    (tmp_path / "small.toml").write_text('base = "int8-8"\n')
    source = (
        '#include <mine.h>\n#include <gemmini.h>\n_Static_assert(DIM == WANTED, "");\nint main(void) { return 0; }\n'
    )
    (tmp_path / "a.c").write_text(source)
    arguments = ("compile", tmp_path / "a.c", "-o", tmp_path / "a.elf", "-I", tmp_path / "include")
    assert run(*arguments, "--config", tmp_path / "small.toml")[0] == 0
    code, _, err = run(*arguments)
    assert code == 1
    assert f"{tmp_path}/a.c:3:" in err


def test_compile_of_wrong_c_exits_1_and_shows_where(run, tmp_path):
    source = tmp_path / "wrong.c"
    source.write_text("int main(void) { return x; }\n")
    code, _, err = run("compile", source, "-o", tmp_path / "wrong.elf")
    assert code == 1
    assert f"{source}:1:25: error: use of undeclared identifier 'x'" in err
    assert not (tmp_path / "wrong.elf").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "missing.c", "-o", "x.elf"], "missing.c: No such file"),
        (["compile", "ok.c", "-o", "no/x.elf"], "no/x.elf: No such file"),
        (["compile", "ok.c", "-o", "x.elf", "--config", "int8-17"], "int8-17: neither a preset nor a readable file"),
        (["compile", "ok.c", "-o", "x.elf", "-I", "no"], "-I no: no such folder"),
        (["compile", "ok.c", "-o", "x.elf", "-O", "9"], "optimize must be one of"),
        (["compile", "ok.c", "-o", "x.elf", "--compiler", "icc"], "icc"),
        (["compile", "ok.c"], "Missing option"),
        (["configs", "int8-17"], "int8-17: neither a preset nor a readable file"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_input_exits_2_with_a_message_and_no_traceback(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.c").write_text("int main(void) { return 0; }\n")
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_configs_lists_every_preset(run):
    code, out, _ = run("configs")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["name", *preset_names()]


def test_configs_as_json(run):
    listed = json.loads(run("configs", "--json")[1])
    assert list(listed) == list(preset_names())
    assert listed["lean-rtl"]["l2"]["kilobytes"] == 128
    assert listed["lean-rtl"]["identity"] == load_config("lean-rtl").identity


def test_configs_of_one_machine_is_a_file_that_describes_it(run, tmp_path):
    _, out, _ = run("configs", "fp32-4")
    assert tomllib.loads(out)["array"]["dim"] == 4
    (tmp_path / "copy.toml").write_text(out)
    assert load_config(tmp_path / "copy.toml") == load_config("fp32-4")
    assert json.loads(run("configs", "fp32-4", "--json")[1])["array"]["element"] == "fp32"


def test_run_tells_the_cycles_of_every_pass_and_leaves_the_console_alone(run, tmp_path):
    source = tmp_path / "passes.c"
    source.write_text(
        "#include <stdio.h>\n#include <gemmini.h>\nstatic elem_t A[DIM][DIM];\nint main(void) {\n"
        "  gemmini_config_ld(DIM);\n"
        "  for (int i = 0; i < 2; i++) {\n"
        "    gemmini_region_begin(3); gemmini_mvin(A, 0); gemmini_fence(); gemmini_region_end(3);\n"
        '  }\n  printf("done\\n");\n  return 4;\n}\n'
    )
    elf = tmp_path / "passes.elf"
    assert run("compile", source, "-o", elf)[0] == 0
    code, out, err = run("run", elf, "--cycles", "--json")
    assert code == 4
    console, summary = out.splitlines()
    assert console == "done"
    regions = json.loads(summary)["regions"]
    whole, *passes = err.splitlines()
    assert whole.split()[:3] == ["whole", "run", f"{json.loads(summary)['cycles']:,}"]
    assert [line.split(",")[0] for line in passes] == ["region 3", "region 3"]
    for line, region in zip(passes, regions, strict=True):
        assert f"{region['cycles']:,} cycles" in line
        longest = max(region["stalls"], key=region["stalls"].get)
        assert f"instructions  {longest} {region['stalls'][longest] / region['cycles']:.1%}" in line
