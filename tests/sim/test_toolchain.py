import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gemmini_sim.config import load_config
from gemmini_sim.elf import read_program
from gemmini_sim.toolchain import CompileError, Diagnostic, ToolchainError, compile_c

EMPTY = "int main(void) { return 0; }\n"


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def errors(source, **options):
    with pytest.raises(CompileError) as caught:
        compile_c(source, config="int8-16", **options)
    return [item for item in caught.value.diagnostics if item.severity == "error"]


def test_program_starts_at_the_beginning_of_dram_and_has_its_symbols():
    result = compile_c("int C[16][16];\n" + EMPTY, config="int8-16")
    program = read_program(result.elf, memory_bytes=256 << 20)
    assert program.entry == 0x8000_0000
    assert program.symbols["C"].size == 1024
    assert {"tohost", "fromhost"} <= program.symbols.keys()
    assert result.diagnostics == ()
    assert repr(result) == f"<CompileResult: an ELF of {len(result.elf):,} bytes>"


def test_same_sources_are_built_once_and_give_the_same_bytes(fresh_cache):
    first = compile_c(EMPTY, config="int8-16")
    again = compile_c(EMPTY, config="int8-16")
    assert (first.cached, again.cached) == (False, True)
    assert again.elf == first.elf
    assert again.diagnostics == first.diagnostics
    for path in fresh_cache.rglob("*"):
        if path.is_file() and "elf" in path.parts:
            path.unlink()
    rebuilt = compile_c(EMPTY, config="int8-16")
    assert not rebuilt.cached
    assert rebuilt.elf == first.elf


@pytest.mark.usefixtures("fresh_cache")
def test_cache_sees_every_input():
    source = '#include "x.h"\n#include "gemmini_params.h"\nint main(void) { return X + DIM; }\n'
    variants = [
        {"sources": {"a.c": source, "x.h": "#define X 1"}, "config": "int8-16"},
        {"sources": {"a.c": source, "x.h": "#define X 2"}, "config": "int8-16"},
        {"sources": {"a.c": source, "x.h": "#define X 1"}, "config": "int8-8"},
        {"sources": {"a.c": source, "x.h": "#define X 1"}, "config": "int8-16", "optimize": "-O0"},
        {"sources": {"a.c": source, "x.h": ""}, "config": "int8-16", "defines": {"X": 5}},
    ]
    results = [compile_c(**variant) for variant in variants]
    assert not any(result.cached for result in results)
    assert len({hashlib.sha256(result.elf).digest() for result in results}) == len(variants)


@pytest.mark.usefixtures("fresh_cache")
def test_cache_sees_a_changed_header_in_an_include_folder(tmp_path):
    (tmp_path / "x.h").write_text("#define X 1\n")
    options = {"config": "int8-16", "include_folders": [tmp_path]}
    source = '#include "x.h"\nint main(void) { return X; }\n'
    one = compile_c(source, **options)
    assert compile_c(source, **options).cached
    (tmp_path / "x.h").write_text("#define X 2\n")
    two = compile_c(source, **options)
    assert not two.cached
    assert two.elf != one.elf


@pytest.mark.usefixtures("fresh_cache")
def test_damaged_cache_is_rebuilt(fresh_cache):
    good = compile_c(EMPTY, config="int8-16")
    for path in fresh_cache.rglob("elf/*/*"):
        path.write_bytes(b"junk")
    rebuilt = compile_c(EMPTY, config="int8-16")
    assert not rebuilt.cached
    assert rebuilt.elf == good.elf


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert not compile_c(EMPTY, config="int8-16").cached


def test_many_threads_build_the_same_program(fresh_cache):
    with ThreadPoolExecutor(4) as pool:
        elves = list(pool.map(lambda _: compile_c(EMPTY, config="int8-16").elf, range(4)))
    assert len(set(elves)) == 1
    assert fresh_cache.exists()


def test_errors_name_file_line_column_and_what():
    found = errors("int main(void)\n{\n  return undeclared_name;\n}\n")
    assert found == [
        Diagnostic(
            severity="error",
            message="use of undeclared identifier 'undeclared_name'",
            file="kernel.c",
            line=3,
            column=10,
        )
    ]
    assert str(found[0]) == "kernel.c:3:10: error: use of undeclared identifier 'undeclared_name'"


def test_errors_inside_a_macro_point_into_the_kernel():
    found = errors('#include "gemmini.h"\n\nint main(void) { mvin(nowhere, 0, 16, 16); return 0; }\n')
    assert [(item.file, item.line) for item in found] == [("kernel.c", 3)]


def test_undefined_functions_name_the_line_that_calls_them():
    [found] = errors("void f(void);\nint main(void)\n{\n  f();\n  return 0;\n}\n")
    assert (found.file, found.line, found.message) == ("kernel.c", 4, "undefined symbol: f")


def test_warnings_come_with_the_result():
    [found] = compile_c("int main(void) { int unused; return 0; }\n", config="int8-16").diagnostics
    assert (found.severity, found.line) == ("warning", 1)
    assert "unused variable" in found.message


def test_several_sources_share_headers():
    sources = {
        "lib/twice.c": '#include "twice.h"\nint twice(int x) { return 2 * x; }\n',
        "lib/twice.h": "int twice(int x);\n",
        "main.c": '#include "lib/twice.h"\nint main(void) { return twice(4); }\n',
        "start.S": ".text\n.globl extra\nextra: ret\n",
    }
    program = read_program(compile_c(sources, config="int8-16").elf, memory_bytes=256 << 20)
    assert {"twice", "main", "extra"} <= program.symbols.keys()


def test_machine_decides_the_header():
    source = '#include "include/gemmini.h"\n_Static_assert(DIM == WANTED, "");\nint main(void) { return 0; }\n'
    for name in ("int8-16", "fp32-4", "int8-32", "int8-8"):
        compile_c(source, config=name, defines={"WANTED": load_config(name).array.dim})


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "../../../../../../etc/passwd"])
def test_a_source_cannot_read_files_outside(path):
    [found] = errors(f'#include "{path}"\nint main(void) {{ return 0; }}\n')
    assert "root:" not in str(found)
    assert found.line == 1 or "includes /" in found.message


def test_text_of_a_foreign_file_never_shows_up(tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    for source in (f'#include "{tmp_path}/secret"\n', f'int x = {{\n#embed "{tmp_path}/secret"\n}};\n'):
        with pytest.raises(CompileError) as caught:
            compile_c(source, config="int8-16")
        assert "hunter2" not in " ".join(map(str, caught.value.diagnostics))


def test_compiler_sees_a_bare_environment(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("CPATH", "/nowhere")
    monkeypatch.setenv("CCC_OVERRIDE_OPTIONS", "+-DINJECTED")
    compile_c("#ifdef INJECTED\n#error environment reached the compiler\n#endif\n" + EMPTY, config="int8-16")


@pytest.mark.usefixtures("fresh_cache")
def test_endless_compilation_is_stopped_with_all_its_processes():
    # 2^64 macro expansions
    doubled = "\n".join(f"#define A{i} A{i - 1} A{i - 1}" for i in range(1, 64))
    source = f"#define A0 +1\n{doubled}\nint main(void) {{ return 0 A63; }}\n"
    compile_c(EMPTY, config="int8-16")
    started = time.monotonic()
    [found] = errors(source, timeout=2.0)
    assert "finish" in found.message or "memory" in found.message or "failed" in found.message
    assert time.monotonic() - started < 60
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    assert not children.exists() or "zig" not in children.read_text()


def test_program_larger_than_memory_is_an_error_of_the_elf_reader():
    elf = compile_c(f"char big[{300 << 20}];\n" + EMPTY, config="int8-16").elf
    with pytest.raises(ValueError, match="outside memory"):
        read_program(elf, memory_bytes=256 << 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sources": {}}, "at least one file"),
        ({"sources": {"x.h": ""}}, "at least one file"),
        ({"sources": {"../x.c": EMPTY}}, "plain relative path"),
        ({"sources": {"/x.c": EMPTY}}, "plain relative path"),
        ({"sources": {"-o.c": EMPTY}}, "plain relative path"),
        ({"sources": EMPTY, "optimize": "-O9"}, "optimize must be"),
        ({"sources": EMPTY, "compiler": "icc"}, "known: zig, gcc"),
        ({"sources": EMPTY, "defines": {"A B": 1}}, "not the name of a macro"),
        ({"sources": EMPTY, "flags": ["-o/tmp/x"]}, "is not one of"),
        ({"sources": EMPTY, "flags": ["-fplugin=x.so"]}, "is not one of"),
    ],
)
def test_wrong_requests_say_what_to_do(arguments, message):
    with pytest.raises(ToolchainError, match=message):
        compile_c(**arguments, config="int8-16")


def test_missing_gcc_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        ToolchainError, match=r"not on PATH: apt install gcc-riscv64-unknown-elf, or use compiler='zig'"
    ):
        compile_c(EMPTY, config="int8-16", compiler="gcc")
