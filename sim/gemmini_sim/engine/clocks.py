"""Which clock the core is compiled against: the command clock, or the cycle clock.

`core.py` is one source. It is loaded once under its own name with the command clock, and, when a machine asks for the
cycle clock, a second time under the name ``cycle_core``: Numba binds a function's callees when it compiles it, and
keeps the machine code of the two apart by the module's name.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Literal

__all__ = ["ClockName", "clock_module", "clock_of_core", "core_module"]

ClockName = Literal["command", "cycle"]

_CORE = "gemmini_sim.engine.core"
_CYCLE_CORE = "gemmini_sim.engine.cycle_core"


def clock_module(name: ClockName) -> ModuleType:
    """Return the module with a clock's state and functions."""
    return importlib.import_module(f"gemmini_sim.engine.{name}_clock")


def clock_of_core(core: str) -> ModuleType:
    """Return the clock that a core is compiled against, by the name of the core's module."""
    return clock_module("cycle" if core == _CYCLE_CORE else "command")


@functools.cache
def core_module(name: ClockName) -> ModuleType:
    """Return the core that is compiled against a clock."""
    if name == "command":
        return importlib.import_module(_CORE)
    found = importlib.util.find_spec(_CORE)
    spec = importlib.util.spec_from_file_location(_CYCLE_CORE, found.origin if found else None)
    if spec is None or spec.loader is None:
        raise ImportError(f"{_CORE} has no source file to load a second time")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_CYCLE_CORE] = module  # cached machine code names the module that it belongs to
    spec.loader.exec_module(module)
    return module
