"""All rewrites by name."""

from __future__ import annotations

from autocomp_kit.agents.rules.rewrite import Rewrite
from autocomp_kit.agents.rules.rewrites.keep_resident import KEEP_RESIDENT
from autocomp_kit.agents.rules.rewrites.overwrite_first import OVERWRITE_FIRST
from autocomp_kit.agents.rules.rewrites.prefetch import PREFETCH
from autocomp_kit.agents.rules.rewrites.reorder_loops import REORDER_LOOPS
from autocomp_kit.agents.rules.rewrites.rotate import DOUBLE_BUFFER_ACCUMULATOR, SPREAD_OPERAND
from autocomp_kit.agents.rules.rewrites.widen_move import WIDEN_LOAD, WIDEN_STORE

__all__ = ["REWRITES"]

REWRITES: dict[str, Rewrite] = {
    rewrite.name: rewrite
    for rewrite in (
        OVERWRITE_FIRST,
        KEEP_RESIDENT,
        SPREAD_OPERAND,
        DOUBLE_BUFFER_ACCUMULATOR,
        PREFETCH,
        REORDER_LOOPS,
        WIDEN_STORE,
        WIDEN_LOAD,
    )
}
