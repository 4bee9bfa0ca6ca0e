"""The performance counters, as libgemmini has them: they grow by random amounts with every command.

No hardware counts like that. What the reference offers is a stand-in that lets programs configure, read, freeze and
reset counters, and its amounts are those of glibc's ``rand`` with seed 1, so that a run can be repeated. The numbers
are drawn here only when a counter is read. Use the simulator's own trace to find out where cycles go.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["count_command", "counter", "random_state"]

_COUNTERS = 8
_EXTERNAL = 6
_DEGREE, _SEPARATION = 31, 3


def random_state() -> np.ndarray:
    """Return the int64[31] state of glibc's additive-feedback ``rand`` as a program under spike finds it.

    That is the state after ``srand(1)`` and one number, which spike's debug module draws when the machine is reset.
    """
    words = [1]
    for _ in range(_DEGREE - 1):
        words.append(16807 * words[-1] % 2147483647)
    words += words[:_SEPARATION]
    for _ in range(10 * _DEGREE + 1):
        words.append(words[-_DEGREE] + words[-_SEPARATION] & 0xFFFF_FFFF)
    return np.array(words[-_DEGREE:], np.int64)


@jit
def _random(registers):
    state = registers["random_state"]
    position = registers["random_next"]
    value = (state[position] + state[(position + _DEGREE - _SEPARATION) % _DEGREE]) & 0xFFFF_FFFF
    state[position] = value
    registers["random_next"] = (position + 1) % _DEGREE
    return value >> 1


@jit
def count_command(registers, counts):
    """Note that a command came; ``counts`` says whether counters run after it (they stop with a flush)."""
    registers["counts_due"] += registers["counting"]
    registers["counting"] = counts


@jit
def _catch_up(registers):
    for _ in range(registers["counts_due"]):
        for i in range(_COUNTERS):
            registers["counter_value"][i] = (registers["counter_value"][i] + (_random(registers) & 0x1FF)) & 0xFFFF_FFFF
        for i in range(_EXTERNAL):
            registers["external_value"][i] = _random(registers) & 0xF
    registers["counts_due"] = 0


@jit
def _current(registers, which):
    if registers["counter_external"][which]:
        return registers["external_value"][registers["counter_config"][which]]
    return registers["counter_value"][which]


@jit
def counter(registers, rs1):
    """Execute a counter command: reset, unfreeze, freeze and configure in this order, then return a counter's value.

    Parameters
    ----------
    rs1 : int
        Bit 0 resets all counters, 1 ends and 2 takes a snapshot, 3 configures the counter in bits 6:4 to count event
        17:12, an external one if bit 31 is set.
    """
    registers["counts_due"] += registers["counting"]
    _catch_up(registers)
    which = (rs1 >> 4) & 7
    if rs1 & 1:
        registers["counter_value"][:] = 0
        registers["counting"] = 0
    if rs1 & 2:
        registers["counter_frozen"] = 0
    if rs1 & 4:
        registers["counter_frozen"] = 1
        for i in range(_COUNTERS):
            registers["counter_snapshot"][i] = _current(registers, i)
    if rs1 & 8:
        registers["counter_config"][which] = (rs1 >> 12) & 0x3F
        registers["counter_value"][which] = 0
        registers["counter_external"][which] = (rs1 >> 31) & 1
    if registers["counter_frozen"]:
        return registers["counter_snapshot"][which]
    return _current(registers, which)
