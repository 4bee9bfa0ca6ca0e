"""The name of this very simulator: results of another one must not be taken for its own."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from pathlib import Path

import gemmini_sim

__all__ = ["simulator_identity"]

_SUFFIXES = frozenset({".py", ".h", ".c", ".S", ".ld"})
_NO_INFLUENCE = frozenset({"cli.py", "accuracy.py", "trace.py"})


@functools.cache
def simulator_identity() -> str:
    """Return version and a hash of all sources that decide a result: engine, toolchain, headers, runtime, harness."""
    top = Path(str(files(gemmini_sim)))
    own = Path(__file__).parent
    digest = hashlib.sha256()
    for folder in (top, own):
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SUFFIXES and path.name not in _NO_INFLUENCE:
                digest.update(f"{path.relative_to(folder)}\0".encode())
                digest.update(path.read_bytes())
    return f"{gemmini_sim.__version__}+{digest.hexdigest()[:12]}"
