"""The one exception family that stands for a user's mistake rather than for a defect of ours."""

from __future__ import annotations

from gemmini_sim.errors import InputError

__all__ = ["InputError"]
