"""Between reservation station and execute queue: with B transposed a pair of commands becomes four."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine.cycle_clock.sizes import EXECUTE, EXECUTION, ISSUING, PAIRING
from gemmini_sim.engine.cycle_clock.sizes import UNIT_QUEUE as QUEUE

__all__ = ["GARBAGE", "PRELOAD", "unroll_step"]

GARBAGE = 0xFFFFFFFF
PRELOAD, COMPUTE_FLIP, COMPUTE_STAY = 6, 4, 5


@jit_inline
def unroll_step(clock):
    """Pass a command on to the execute queue; with B transposed a pair becomes four."""
    now = clock["now"]
    head = clock["unroll_head"]
    if clock["unroll_time"][head] > now:
        return
    if (
        clock["execute_count"] + clock["execute_popped"] * (clock["execute_pop"] == now)
        >= clock["queue_entries"][EXECUTE]
    ):
        return
    funct = clock["unroll_funct"][head]
    second = clock["unroll_count"] > 1 and clock["unroll_time"][head ^ 1] <= now
    state = clock["unroll_state"]
    rs1 = clock["unroll_rs1"][head]
    rs2 = clock["unroll_rs2"][head]
    entry = clock["unroll_entry"][head]
    pop = True
    if funct == PRELOAD and state == 0 and clock["unroll_transpose"]:
        if not second:
            return
        if clock["unroll_funct"][head ^ 1] == COMPUTE_FLIP:
            # the weights go in transposed first; a compute of nothing moves them into place
            rs2 = rs2 >> 32 << 32 | GARBAGE
            entry = -1
            pop = False
            clock["unroll_state"] = 1
    elif state == 1:
        other = head ^ 1
        if not second:
            return
        funct = COMPUTE_STAY
        rs1 = clock["unroll_rs1"][other]
        rs2 = clock["unroll_rs2"][other]
        entry = -1
        pop = False
        clock["unroll_state"] = 2
    elif state == 2:
        rs1 = rs1 >> 32 << 32 | GARBAGE
        clock["unroll_state"] = 0
    if funct == 0 and not (rs1 >> 7) & 1:
        clock["unroll_transpose"] = (rs1 >> 9) & 1 and (rs1 >> 2) & 1
    slot = (clock["execute_head"] + clock["execute_count"]) & (QUEUE - 1)
    clock["execute_funct"][slot] = funct
    clock["execute_rs1"][slot] = rs1
    clock["execute_rs2"][slot] = rs2
    clock["execute_entry"][slot] = entry
    clock["execute_time"][slot] = now + 1
    clock["execute_count"] += 1
    clock["coming"] |= PAIRING | EXECUTION
    if pop:
        clock["unroll_head"] = head ^ 1
        clock["unroll_count"] -= 1
        clock["unroll_pop"] = now
        clock["coming"] |= ISSUING
