"""The wheel stands on its own: data, headers and templates travel in it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_data_headers_and_templates_are_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"autocomp_kit/_data/{path.relative_to(ROOT / 'data')}" for path in (ROOT / "data").rglob("*.*")}
    assert shipped
    assert shipped <= names
    static = {path.relative_to(ROOT).as_posix() for path in (ROOT / "autocomp_kit/widgets/static").rglob("*.*")}
    assert static
    assert static <= names
    for name in ("include/gemmini.h", "runtime/crt0.S", "runtime/link.ld", "presets/int8-16.toml", "py.typed"):
        assert f"gemmini_sim/{name}" in names
    assert not any(name.startswith(("tests/", "sim/", "data/")) for name in names)


@pytest.mark.slow
def test_a_fresh_environment_outside_the_checkout_evaluates_a_kernel(wheel, tmp_path):
    """Slow (an environment with every dependency), but nothing else shows that no file is read from the checkout."""
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wheel], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        command = [python.with_name("autocomp-kit"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)

    kernel = tmp_path / "kernel.c"
    kernel.write_text(run("workloads", "small/0", "--kernel").stdout)
    verdict = json.loads(run("eval", str(kernel), "--workload", "small/0", "--json").stdout.splitlines()[-1])
    assert verdict["status"] == "correct"
    assert verdict["cycles"] > 0
    where = subprocess.run(
        [python, "-c", "import autocomp_kit, gemmini_sim; print(autocomp_kit.__file__, gemmini_sim.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(ROOT) not in where.stdout
