"""Cold compilation of the engine: the accelerator's clock in a process of its own, beside the core."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterable

import numba

from gemmini_sim.engine import core
from gemmini_sim.engine._jit import cache_folder, is_compiled, link

__all__ = ["compile_engine"]

_ready = threading.Event()
_CLOCK = "import gc; gc.disable(); import gemmini_sim.engine.core; from gemmini_sim.engine._jit import link; link()"


def compile_engine(arguments: Iterable[object]) -> None:
    """Make the engine's machine code ready for a run with these arguments; from the cache if it is there.

    Numba compiles one function at a time, so the two halves that know nothing of each other are compiled by two
    processes, which leave their results in the cache.
    """
    compile_core = getattr(core.run, "compile", None)
    if compile_core is None or _ready.is_set():  # without JIT, or not for the first time
        return
    if cache_folder() is None or is_compiled("step.advance"):
        link()
        _ready.set()
        return
    clock = subprocess.Popen([sys.executable, "-c", _CLOCK])
    collects = gc.isenabled()
    gc.disable()  # to look for garbage takes a tenth of the time, and there is next to none
    try:
        compile_core(tuple(map(numba.typeof, arguments)))
    finally:
        if collects:
            gc.enable()
        clock.wait()
    link()
    _ready.set()
