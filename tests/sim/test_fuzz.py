"""Runs `fuzzing.py` without JIT, where every index is checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("part", ["decodes", "executed", "program", "sanitizer"])
def test_hostile_input(part):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", part]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    where = str(Path(__file__).with_name("fuzzing.py"))
    result = subprocess.run([*command, where], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
