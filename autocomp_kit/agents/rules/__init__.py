"""The offline optimiser: rewrites of kernels in Gemmini's C dialect, each proved on an abstract machine."""

from __future__ import annotations

from autocomp_kit.agents.rules.agent import RulesAgent
from autocomp_kit.agents.rules.errors import RewriteError
from autocomp_kit.agents.rules.registry import REWRITES
from autocomp_kit.agents.rules.rewrite import Rewrite, Site, carry_out

__all__ = ["REWRITES", "Rewrite", "RewriteError", "RulesAgent", "Site", "carry_out"]
