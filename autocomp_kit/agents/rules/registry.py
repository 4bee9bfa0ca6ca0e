"""All rewrites by name."""

from __future__ import annotations

import difflib

from autocomp_kit.agents.rules.rewrite import Rewrite
from autocomp_kit.agents.rules.rewrites.delay_store import DELAY_STORE
from autocomp_kit.agents.rules.rewrites.keep_resident import KEEP_RESIDENT
from autocomp_kit.agents.rules.rewrites.loop_shape import FUSE_LOOPS, SPLIT_LOOP, UNROLL_LOOP
from autocomp_kit.agents.rules.rewrites.overwrite_first import OVERWRITE_FIRST
from autocomp_kit.agents.rules.rewrites.prefetch import PREFETCH
from autocomp_kit.agents.rules.rewrites.reorder_loops import REORDER_LOOPS
from autocomp_kit.agents.rules.rewrites.rotate import DOUBLE_BUFFER_ACCUMULATOR, SPREAD_OPERAND
from autocomp_kit.agents.rules.rewrites.separate_banks import SEPARATE_BANKS
from autocomp_kit.agents.rules.rewrites.spread_loads import SPREAD_LOADS
from autocomp_kit.agents.rules.rewrites.tidy_up import HOIST_CONFIGURATION, REMOVE_FENCES, SIMPLIFY_ADDRESSES
from autocomp_kit.agents.rules.rewrites.widen_move import WIDEN_LOAD, WIDEN_STORE
from autocomp_kit.menu import Menu, MenuError

__all__ = ["REWRITES", "check_rewrites"]

REWRITES: dict[str, Rewrite] = {
    rewrite.name: rewrite
    for rewrite in (
        DELAY_STORE,
        DOUBLE_BUFFER_ACCUMULATOR,
        FUSE_LOOPS,
        HOIST_CONFIGURATION,
        KEEP_RESIDENT,
        OVERWRITE_FIRST,
        PREFETCH,
        REMOVE_FENCES,
        REORDER_LOOPS,
        SEPARATE_BANKS,
        SIMPLIFY_ADDRESSES,
        SPLIT_LOOP,
        SPREAD_LOADS,
        SPREAD_OPERAND,
        UNROLL_LOOP,
        WIDEN_LOAD,
        WIDEN_STORE,
    )
}


def check_rewrites(menu: Menu) -> None:
    """Raise :class:`MenuError` if an item of the menu names a rewrite that does not exist: nobody could apply it."""
    for item in menu.items:
        if item.rewrite is not None and item.rewrite not in REWRITES:
            close = difflib.get_close_matches(item.rewrite, REWRITES, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(REWRITES))}"
            raise MenuError(f"menu {menu.name!r}, item {item.item_id}: no rewrite {item.rewrite!r}; {hint}")
