"""Where fetch went after a branch or jump, and what the predictors learn from it."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine.rocket.branches import (
    BRANCH,
    DIRECT,
    RETURN,
    advance_history,
    btb_lookup,
    btb_touch,
    btb_write,
    history_index,
    note_direction,
    ras_follow,
    set_history,
    settle_directions,
)
from gemmini_sim.engine.rocket.fetch import AHEAD, QUEUE_LATENCY, catch_up, forget_queue

__all__ = ["follow"]

_AFTER_MISPREDICT = 1  # from the write-back of a mispredicted branch to the next decoding
_FOLLOWED = 1  # cycles lost when a packet's branch is found only after the packet was fetched


@jit_inline
def follow(host, halfword, time):
    """Find out where fetch went after the branch or jump that committed at ``time``, the last instruction.

    Parameters
    ----------
    host
        The record of the host; ``flow`` and ``flow_end`` describe the branch or jump.
    halfword, time : int
        The halfword of its successor, and when it committed itself.

    Returns
    -------
    int
        The cycle of its successor's packet, or -1: it follows in sequence, as expected.
    """
    kind = host["flow"] & 3
    end = host["flow_end"]
    packet = end - 1 >> 1
    half = end - 1 & 1
    taken = halfword != end
    fetched = catch_up(host)
    settle_directions(host, fetched - 1)
    history = host["history"] if host["history_time"] <= fetched - 2 else host["history_before"]
    index = history_index(host, packet, history)
    direction = host["bht"][index]
    entry = btb_lookup(host, packet)
    expected = end
    bubbles = 0
    looks = True
    if entry >= 0 and (host["btb_kind"][entry] != BRANCH or direction):
        looks = False
        btb_touch(host, entry)
        if host["btb_half"][entry] == half:
            expected = host["btb_target"][entry]
            if host["btb_kind"][entry] == RETURN and host["ras_count"] > 0:
                expected = host["ras"][host["ras_top"]]
    if looks:
        if kind == BRANCH:
            if direction:
                expected = halfword if taken else -1
                bubbles = _FOLLOWED
        elif host["flow"] & DIRECT:
            expected = halfword
            bubbles = _FOLLOWED
        elif kind == RETURN and host["ras_count"] > 0:
            expected = host["ras"][host["ras_top"]]
            bubbles = _FOLLOWED
        else:
            bubbles = _FOLLOWED
    if kind == BRANCH:
        set_history(host, fetched, advance_history(host, host["history"], np.int64(direction)))
    else:
        ras_follow(host, kind, end)
    if looks and entry < 0 and bubbles and expected == halfword and (kind != BRANCH or taken):
        if host["taken"][host["number"] - 2 & 7] < fetched:  # fetch is not ahead
            btb_write(host, entry, packet, half, halfword, kind)
            entry = btb_lookup(host, packet)
    if kind == BRANCH and (direction != taken or host["pending_count"] > 0):
        note_direction(host, time, index, taken)
    if expected == halfword:
        if not taken:
            return np.int64(-1)
        return max(fetched + 1 + bubbles, host["taken"][host["number"] + 1 - AHEAD & 7] + QUEUE_LATENCY)
    host["mispredicts"] += 1
    if kind == BRANCH:
        set_history(host, time - 1, advance_history(host, history, np.int64(taken)))
    else:
        set_history(host, time - 1, history)
    if taken:
        # a look-up without a hit names the first entry: a branch that nobody expected to be taken overwrites that
        unexpected = entry < 0 and kind == BRANCH and not direction
        btb_write(host, 0 if unexpected else entry, packet, half, halfword, kind)
    forget_queue(host)
    return time + _AFTER_MISPREDICT
