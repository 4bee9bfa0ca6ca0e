"""Clocks of runs that have ended, for the next run of the same machine.

What a clock knows of the states that it has been in (``replay``) is true of every run: a second run of a program, or of
one that is like it, need not simulate what the first one did. It only saves time, since every answer is asked for anew.
"""

from __future__ import annotations

import threading

import numpy as np

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine.cycle_clock.state import new_clock, reset_clock

__all__ = ["borrow_clock", "give_back_clock"]

_MOST = 4  # clocks that are kept, whatever their machine; each takes up to 65 MB, most of them a tenth

_spare: list[tuple[tuple[str, bool], np.ndarray]] = []
_after_reset: dict[tuple[str, bool], np.ndarray] = {}  # what clocks of the spare ones' kinds are like
_lock = threading.Lock()


def borrow_clock(config: MachineConfig, *, tracing: bool) -> np.ndarray:
    """Return the record of a clock after reset; it may know states from runs of the same machine in this process."""
    wanted = _kind(config, tracing=tracing)
    with _lock:
        for place in reversed(range(len(_spare))):
            kind, clock = _spare[place]
            if kind == wanted:
                del _spare[place]
                return clock
    return new_clock(config, tracing=tracing)


def give_back_clock(clock: np.ndarray, config: MachineConfig, *, tracing: bool) -> None:
    """Keep a clock for later runs; the oldest goes if there are too many. Nobody may use the record any more."""
    kind = _kind(config, tracing=tracing)
    with _lock:
        if kind not in _after_reset:
            _after_reset[kind] = new_clock(config, tracing=tracing)
        reset_clock(clock, _after_reset[kind])
        _spare.append((kind, clock))
        del _spare[:-_MOST]
        for old in _after_reset.keys() - {kept for kept, _ in _spare}:
            del _after_reset[old]


def _kind(config: MachineConfig, *, tracing: bool) -> tuple[str, bool]:
    return config.identity, tracing
