"""The execute controller.

Computes and preloads are taken in pairs: the preload of the next pair streams into the array beside the rows of the
compute before it. Up to three operands are read per cycle, each from its bank; banks have one port, so operands of one
bank take turns and the DMA's writes hold the array up. What was read goes through a control queue into the mesh.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log, scratchpad_bank
from gemmini_sim.engine.cycle_clock.mesh import A, B, D, is_garbage
from gemmini_sim.engine.cycle_clock.pairing import GARBAGE, PRELOAD
from gemmini_sim.engine.cycle_clock.records import MESH_REQ
from gemmini_sim.engine.cycle_clock.sizes import COMPLETION, CONTROL, EXECUTE, EXECUTION, MESH_OPERATIONS, PAIRING
from gemmini_sim.engine.cycle_clock.sizes import UNIT_QUEUE as QUEUE
from gemmini_sim.engine.cycle_clock.stalls import note_fed

__all__ = ["execute_step"]

_WAITING, _COMPUTE, _FLUSH, _FLUSHING = 0, 1, 2, 3
_SINGLE_PRELOAD, _OVERLAP, _SINGLE_COMPUTE = 1, 2, 3


@jit
def _visible(clock, place):
    slot = (clock["execute_head"] + place) & (QUEUE - 1)
    return clock["execute_count"] > place and clock["execute_time"][slot] <= clock["now"]


@jit
def _pop_commands(clock, count):
    clock["execute_head"] = (clock["execute_head"] + count) & (QUEUE - 1)
    clock["execute_count"] -= count
    clock["execute_pop"] = clock["now"]
    clock["execute_popped"] = count
    clock["coming"] |= PAIRING


@jit
def _configure(clock, rs1, rs2):
    if not (rs1 >> 7) & 1:
        clock["execute_a_transpose"] = (rs1 >> 8) & 1
        clock["execute_b_transpose"] = (rs1 >> 9) & 1
        clock["execute_output_stationary"] = 1 - ((rs1 >> 2) & 1)
    clock["execute_a_stride"] = (rs1 >> 16) & 0xFFFF
    clock["execute_c_stride"] = (rs2 >> 48) & 0xFFFF


@jit
def _hazard(clock, preload, compute):
    """Return whether a result that is on its way goes to the first row of an operand of these commands."""
    for tag in range(MESH_OPERATIONS):
        if not clock["tag_held"][tag]:
            continue
        address = clock["tag_address"][tag]
        if is_garbage(clock, address):
            continue
        for other in (
            clock["execute_rs1"][preload],
            clock["execute_rs1"][compute],
            clock["execute_rs2"][compute],
        ):
            if ((address ^ other) >> 31) & 1 == 0 and (address ^ other) & clock["address_mask"] == 0:
                return True
    return False


@jit
def _start(clock, kind):
    """Begin an operation: its operands, and how many rows go into the array."""
    head = clock["execute_head"]
    following = (head + 1) & (QUEUE - 1)
    third = (head + 2) & (QUEUE - 1)
    stationary = clock["execute_output_stationary"]
    a_turned = clock["execute_a_transpose"] if not stationary else 1 - clock["execute_a_transpose"]
    b_turned = stationary and clock["execute_b_transpose"]
    d_turned = not stationary and clock["execute_b_transpose"]
    preload = head if kind == _SINGLE_PRELOAD else following
    if kind == _SINGLE_PRELOAD:
        compute_a, compute_b = following, following
        starts = D | (A if a_turned else 0) | (B if b_turned else 0)
    else:
        compute_a = third if a_turned else head
        compute_b = third if b_turned else head
        starts = A | B | D if kind == _OVERLAP else (0 if a_turned else A) | (0 if b_turned else B)
    a_rs1 = clock["execute_rs1"][compute_a]
    b_rs2 = clock["execute_rs2"][compute_b]
    d_rs1 = clock["execute_rs1"][preload]
    c_rs2 = clock["execute_rs2"][preload]
    clock["op_a_address"] = a_rs1 & GARBAGE
    clock["op_b_address"] = b_rs2 & GARBAGE
    clock["op_d_address"] = d_rs1 & GARBAGE
    # where A does not start there may be no command that it belongs to
    clock["op_a_garbage"] = 1 if starts & A and is_garbage(clock, a_rs1 & GARBAGE) else 0
    clock["op_b_garbage"] = is_garbage(clock, b_rs2 & GARBAGE)
    clock["op_d_garbage"] = is_garbage(clock, d_rs1 & GARBAGE)
    clock["op_a_accumulator"] = (a_rs1 >> 31) & 1
    clock["op_b_accumulator"] = (b_rs2 >> 31) & 1
    clock["op_d_accumulator"] = (d_rs1 >> 31) & 1
    clock["op_a_start"] = 1 if starts & A else 0
    clock["op_b_start"] = 1 if starts & B else 0
    clock["op_d_start"] = 1 if starts & D else 0
    a_shift = 32 if clock["execute_a_transpose"] else 48
    clock["op_a_rows"] = (a_rs1 >> a_shift) & 0xFFFF
    clock["op_b_rows"] = (b_rs2 >> (32 if b_turned else 48)) & 0xFFFF
    clock["op_d_rows"] = (d_rs1 >> (32 if d_turned else 48)) & 0xFFFF
    rows = clock["dim"]
    if not stationary and (clock["op_d_garbage"] or not starts & D) and not (a_turned or b_turned or d_turned):
        rows = 4
        if not clock["op_a_garbage"] and starts & A:
            rows = max(rows, clock["op_a_rows"])
        if not clock["op_b_garbage"] and starts & B:
            rows = max(rows, clock["op_b_rows"])
    clock["op_rows"] = rows
    clock["op_c_address"] = c_rs2 & GARBAGE
    clock["op_c_rows"] = (c_rs2 >> 48) & 0xFFFF
    clock["op_c_entry"] = -1
    if kind == _SINGLE_COMPUTE:
        clock["op_c_address"] = GARBAGE
    elif not is_garbage(clock, c_rs2 & GARBAGE):
        clock["op_c_entry"] = clock["execute_entry"][preload]
    clock["a_counter"] = clock["b_counter"] = clock["d_counter"] = 0
    clock["a_started"] = clock["b_started"] = clock["d_started"] = 0
    clock["a_offset"] = 0
    clock["execute_kind"] = kind
    clock["execute_state"] = _COMPUTE
    for slot in (head, following):
        entry = clock["execute_entry"][slot]
        if entry >= 0 and (slot == head or kind == _OVERLAP):
            clock["entry_begun"][EXECUTE, entry] = clock["now"]
    clock["coming"] |= EXECUTION


@jit_inline
def execute_step(clock):
    """Advance the controller by one cycle; return the entry of a config command that is done, or -1."""
    now = clock["now"]
    state = clock["execute_state"]
    if state == _WAITING:
        if not _visible(clock, 0):
            return -1
        head = clock["execute_head"]
        funct = clock["execute_funct"][head]
        second = _visible(clock, 1)
        if funct == 0:
            pending = clock["pending_complete"][0] >= 0 or clock["pending_complete"][1] >= 0
            if clock["mesh_in_progress"] == 0 and not pending:
                _configure(clock, clock["execute_rs1"][head], clock["execute_rs2"][head])
                entry = clock["execute_entry"][head]
                _pop_commands(clock, 1)
                clock["coming"] |= EXECUTION
                return entry
            if clock["mesh_in_progress"] > 0:
                clock["execute_state"] = _FLUSH
                clock["due_mesh"] = now + 1
                clock["coming"] |= EXECUTION
            return -1
        following = (head + 1) & (QUEUE - 1)
        if funct == PRELOAD:
            if not second or _hazard(clock, head, following):
                return -1
            _start(clock, _SINGLE_PRELOAD)
        elif (
            second
            and clock["execute_funct"][following] == PRELOAD
            and _visible(clock, 2)
            and not _hazard(clock, following, (head + 2) & (QUEUE - 1))
        ):
            _start(clock, _OVERLAP)
        else:
            _start(clock, _SINGLE_COMPUTE)
        _fire(clock)
    elif state == _COMPUTE:
        _fire(clock)
    elif state == _FLUSH:
        clock["coming"] |= EXECUTION
        clock["due_mesh"] = now + 1
        if clock["mesh_ready"] and clock["control_count"] == 0:
            clock["mesh_valid"] = 1
            clock["mesh_time"] = now + 1
            clock["mesh_flush"] = 1
            clock["mesh_rows"] = clock["dim"]
            clock["mesh_fired"] = 0
            clock["mesh_operation"] += 1
            clock["tag_held"][clock["mesh_operation"] & (MESH_OPERATIONS - 1)] = 0
            clock["execute_state"] = _FLUSHING
            if clock["tracing"]:
                log(clock, now, MESH_REQ, 0, 0, 0)
    else:
        clock["coming"] |= EXECUTION
        clock["due_mesh"] = now + 1
        if clock["mesh_ready"]:
            clock["execute_state"] = _WAITING
    return -1


@jit
def _same_bank(accumulator_1, bank_1, accumulator_2, bank_2):
    if accumulator_1 or accumulator_2:
        return accumulator_1 and accumulator_2
    return bank_1 == bank_2


@jit_inline
def _read_bank(clock, bank):
    """Read a row of an operand; return False if its bank's port is taken or what was read before is not fetched."""
    clock["bank_read"][bank] = clock["now"]
    return clock["bank_write"][bank] != clock["now"] and clock["bank_stored"][bank] <= clock["read_delay"]


@jit_inline
def _fire(clock):
    """Read one row of each operand that may go, and pass the row on to the mesh's control queue."""
    if clock["control_count"] > clock["read_delay"]:
        return
    last = clock["op_rows"] - 1
    a, b, d = clock["a_counter"], clock["b_counter"], clock["d_counter"]
    a_started, b_started, d_started = clock["a_started"], clock["b_started"], clock["d_started"]
    a_next = 0 if a == last else a + 1
    b_next = 0 if b == last else b + 1
    d_next = 0 if d == last else d + 1
    dim = clock["dim"]
    a_bank, b_bank, d_bank = 0, 0, 0
    a_real = clock["op_a_start"] and not clock["op_a_garbage"]
    b_real = clock["op_b_start"] and not clock["op_b_garbage"]
    d_real = clock["op_d_start"] and not clock["op_d_garbage"]
    a_accumulator, b_accumulator = clock["op_a_accumulator"], clock["op_b_accumulator"]
    d_accumulator = clock["op_d_accumulator"]
    if a_real:
        a_bank = scratchpad_bank(clock, (clock["op_a_address"] & clock["address_mask"]) + clock["a_offset"])
    if b_real:
        b_bank = scratchpad_bank(clock, (clock["op_b_address"] & clock["address_mask"]) + b)
    if d_real:
        d_bank = scratchpad_bank(clock, (clock["op_d_address"] & clock["address_mask"]) + dim - 1 - d)
    # an operand that is a row further waits for the others, and for one of its bank that comes first
    a_goes = not (a_started and a in (b_next, d_next))
    b_goes = not (b_started and b in (a_next, d_next))
    if b_goes and a_real and b_real and _same_bank(a_accumulator, a_bank, b_accumulator, b_bank):
        b_goes = not (a_started == b_started and a == b)
    d_goes = not (d_started and d in (a_next, b_next))
    if d_goes and d_real:
        if a_real and _same_bank(a_accumulator, a_bank, d_accumulator, d_bank):
            d_goes = not (a_started == d_started and a == d)
        if d_goes and b_real and _same_bank(b_accumulator, b_bank, d_accumulator, d_bank):
            d_goes = not (b_started == d_started and b == d)
    reads = False
    if a_goes and a_real and a < clock["op_a_rows"]:
        a_goes = a_accumulator or _read_bank(clock, a_bank)
        reads = reads or a_goes
    if b_goes and b_real and b < clock["op_b_rows"]:
        b_goes = b_accumulator or _read_bank(clock, b_bank)
        reads = reads or b_goes
    if d_goes and d_real and dim - 1 - d < clock["op_d_rows"]:
        d_goes = d_accumulator or _read_bank(clock, d_bank)
        reads = reads or d_goes
    note_fed(clock, a_goes, a_goes or b_goes or d_goes)
    _push_control(clock, (A if a_goes else 0) | (B if b_goes else 0) | (D if d_goes else 0), reads)
    done = (
        ((a == last and a_goes) or a == 0)
        and ((b == last and b_goes) or b == 0)
        and ((d == last and d_goes) or d == 0)
        and (a_started or b_started or d_started)
    )
    if a_goes:
        clock["a_counter"] = a_next
        clock["a_offset"] = 0 if a == last else clock["a_offset"] + clock["execute_a_stride"]
        clock["a_started"] = 1
    if b_goes:
        clock["b_counter"] = b_next
        clock["b_started"] = 1
    if d_goes:
        clock["d_counter"] = d_next
        clock["d_started"] = 1
    if done:
        _finish(clock)


@jit_inline
def _push_control(clock, fires, reads):
    slot = (clock["control_head"] + clock["control_count"]) & (CONTROL - 1)
    now = clock["now"]
    clock["control_fires"][slot] = fires
    at = now + 1 + (clock["read_delay"] if reads else 0)
    clock["control_time"][slot] = at
    clock["due_mesh"] = min(clock["due_mesh"], at)
    first = not (clock["a_started"] or clock["b_started"] or clock["d_started"])
    clock["control_first"][slot] = first
    if first:
        clock["control_rows"][slot] = clock["op_rows"]
        clock["control_c_address"][slot] = clock["op_c_address"]
        clock["control_c_rows"][slot] = clock["op_c_rows"]
        clock["control_entry"][slot] = clock["op_c_entry"]
    clock["control_count"] += 1
    clock["coming"] |= EXECUTION


@jit
def _finish(clock):
    """Take the commands of the finished operation off the queue; those without a result are done."""
    kind = clock["execute_kind"]
    head = clock["execute_head"]
    following = (head + 1) & (QUEUE - 1)
    preload = head if kind == _SINGLE_PRELOAD else following
    garbage = is_garbage(clock, clock["execute_rs2"][preload] & GARBAGE)
    first, second = -1, -1
    if kind == _SINGLE_PRELOAD:
        if garbage:
            first = clock["execute_entry"][head]
        _pop_commands(clock, 1)
    elif kind == _OVERLAP:
        first = clock["execute_entry"][head]
        if garbage:
            second = clock["execute_entry"][following]
        _pop_commands(clock, 2)
    else:
        first = clock["execute_entry"][head]
        _pop_commands(clock, 1)
    if kind != _SINGLE_PRELOAD:
        clock["array_rows"] += clock["op_rows"]
    clock["coming"] |= COMPLETION
    if first >= 0:
        clock["pending_complete"][0] = first
        clock["pending_time"][0] = clock["now"] + 1
    if second >= 0:
        clock["pending_complete"][1] = second
        clock["pending_time"][1] = clock["now"] + 1
    clock["execute_state"] = _WAITING
