"""Run a compiler on hostile input: few rights, a bare environment, limits, and no process left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finished", "run_confined"]

_MEMORY_BYTES = 4 << 30
_FILE_BYTES = 512 << 20
_OUTPUT_CHARACTERS = 200_000


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a process ended: exit status (negative: the signal that ended it), what it said, whether it was stopped."""

    status: int
    output: str
    timed_out: bool


def run_confined(
    argv: Sequence[str], *, folder: Path, writable: Path, readable: Sequence[Path], timeout: float
) -> Finished:
    """Run a program in ``folder``, with ``writable`` above it as the only place that it can write to.

    Parameters
    ----------
    argv : sequence of str
        Absolute path of the program and its arguments.
    folder : Path
        Its working directory.
    writable : Path
        A folder of the caller's own that may be filled; standard output and error go through a file there.
    readable : sequence of Path
        What it may read besides system libraries.
    timeout : float
        Seconds until it and everything that it started are killed; also its limit of processor time.
    """
    order = {
        "argv": list(argv),
        "limits": {
            "RLIMIT_CPU": int(timeout) + 1,
            "RLIMIT_AS": _MEMORY_BYTES,
            "RLIMIT_FSIZE": _FILE_BYTES,
            "RLIMIT_CORE": 0,
        },
        "readable": [*map(str, readable), "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/nix/store"],
        "writable": [str(writable), "/dev/null"],
    }
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(writable), "TMPDIR": str(writable), "LC_ALL": "C"}
    said = writable / ".output"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("_confined.py")), json.dumps(order)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(timeout)
            timed_out = process.returncode == -signal.SIGXCPU
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    with said.open(encoding="utf-8", errors="replace") as text:
        return Finished(status=process.returncode, output=text.read(_OUTPUT_CHARACTERS), timed_out=timed_out)
