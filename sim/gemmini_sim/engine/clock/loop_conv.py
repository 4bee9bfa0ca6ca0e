"""The unroller of LOOP_CONV_WS."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["conv_step"]


@jit
def conv_step(clock, command, room):
    """Advance the unroller by one cycle (see matmul_step for the result)."""
    return 1 if command >= 0 else 0
