"""Not simulating again what was simulated before.

Programs repeat themselves, and so does the clock: at the turn of a loop its state, named so that it does not depend
on when and on which addresses (``snapshot``), is mostly one that it has been in. From such a state the same calls of
the host, with the same answers of the tag array and of other comparisons of addresses, lead to the same times. What
followed a state is kept in a journal. In a known state the clock goes through the journal instead of simulating: it
looks whether each call and each answer are those of the journal, and returns the time that stands there. At the first
difference it goes back to the last known state and simulates what was skipped. So nothing is ever guessed: with and
without this the clock gives the same times.

The idea is that of FastSim (Schnarr and Larus, ASPLOS 1998), who call it fast-forwarding by memoization.
"""

from __future__ import annotations

import numba

from gemmini_sim.engine._jit import jit_apart
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, log, lowest_bit, write_log
from gemmini_sim.engine.cycle_clock.front import ROUTER, push_command, stage_has_room, stage_push
from gemmini_sim.engine.cycle_clock.journal import (
    ADDRESS_BITS,
    CALL,
    COMPARE_PAGE,
    END,
    FOLLOWING,
    ITEM,
    LINE,
    LOOK_UP,
    MATCH,
    OFF,
    OTHERWISE,
    PLAN,
    RECORD,
    REPLAY,
    RETURN,
    note,
)
from gemmini_sim.engine.cycle_clock.l2_directory import decide, find, register_of
from gemmini_sim.engine.cycle_clock.reader import ASKS_READER, PAGE
from gemmini_sim.engine.cycle_clock.records import COMMAND_DTYPE, EVENT_DTYPE, FENCE_COMMIT, ROCC_COMMIT, STALL_NAMES
from gemmini_sim.engine.cycle_clock.registers_replay import (
    COUNTERS,
    JOURNAL,
    MOST_CALLS,
    NODES,
    ROWS,
    SHAPES,
    SLOTS,
    TAGS,
    UNDO,
    VECTORS,
)
from gemmini_sim.engine.cycle_clock.snapshot import is_transfer, restore, snapshot
from gemmini_sim.engine.cycle_clock.state import CLOCK_DTYPE
from gemmini_sim.engine.cycle_clock.step import IDLE, ROOM, TIME, advance, is_busy

__all__ = ["FENCE", "SETTLE", "call"]

FENCE, SETTLE = -1, -2  # instead of a command's function
_CONFIG_UNIT = 3  # in the trace: a command that no unit executes

# From the cycle in which the router has room to the commit of the instruction that was turned away, and from one
# attempt to commit to the next.
_RETRY_AFTER_ROOM = 4
_RETRY_AFTER_ATTEMPT = 6
_FENCE_AFTER_BUSY = 3

_FEWEST_CALLS = 6  # of a stretch
_PATIENCE = 512  # new states in a row after which it is not worth looking for a while
_PAUSE = 2048  # turns of a loop
_ROW_WORDS = 8
_SPREAD = 0x1E3779B97F4A7C15  # an odd number without a pattern


# --- simulating


@jit
def _command(clock, tags, trace, events, cycle, funct, rs1, rs2):
    commit = cycle
    advance(clock, tags, trace, events, cycle, TIME)
    if not stage_has_room(clock, ROUTER):
        advance(clock, tags, trace, events, NEVER, ROOM)
        if not stage_has_room(clock, ROUTER):  # never: the accelerator hangs
            return cycle
        commit = max(clock["now"] + _RETRY_AFTER_ROOM, cycle + _RETRY_AFTER_ATTEMPT)
        advance(clock, tags, trace, events, commit, TIME)
    row = -1
    if clock["tracing"]:
        row = clock["trace_count"]
        clock["trace_count"] += 1
        log(clock, commit, ROCC_COMMIT, funct, rs1, rs2)
        write_log(clock, trace, events)
    stage_push(clock, ROUTER, push_command(clock, funct, rs1, rs2, row, 0))
    return commit


@jit
def _write_row(clock, trace, cycle, commit, funct, rs1, rs2, pc):
    """Write the row of the command that was given last into the command trace."""
    row = clock["trace_count"] - 1
    if row < trace.shape[0]:
        entry = trace[row]
        entry["pc"] = pc
        entry["funct"] = funct
        entry["unit"] = _CONFIG_UNIT
        entry["rs1"] = rs1
        entry["rs2"] = rs2
        entry["ready"] = cycle
        entry["commit"] = commit


@jit
def _fence(clock, tags, trace, events, cycle):
    advance(clock, tags, trace, events, cycle - _FENCE_AFTER_BUSY, TIME)
    clock["fencing"] = 1
    commit = cycle
    if is_busy(clock):
        advance(clock, tags, trace, events, NEVER, IDLE)
        commit = max(cycle, clock["now"] + _FENCE_AFTER_BUSY)
    advance(clock, tags, trace, events, commit, TIME)
    clock["fencing"] = 0
    if clock["tracing"]:
        log(clock, commit, FENCE_COMMIT, 0, cycle, 0)  # the address says since when it waits
        write_log(clock, trace, events)
    return commit


@jit
def _has_address(funct, rs1):
    return is_transfer(funct) and rs1 != 0


@jit
def _new_tag(clock, rs1):
    """Return the tag of a command's address."""
    tag = clock["sequence"] % TAGS + 1
    clock["sequence"] += 1
    clock["origin"][tag] = rs1
    return tag


@jit
def _asked(clock, cycle, funct):
    return CALL | (funct & 0xFF) << 8 | (cycle - clock["stretch_base"]) << 16


@jit
def _about(clock, funct, rs1):
    """Return what matters of a command's first operand: of an address only its place within a line."""
    return (rs1 & clock["low_bits"]) | 1 << 16 if _has_address(funct, rs1) else rs1


@jit
def _simulate(clock, tags, trace, events, cycle, funct, rs1, rs2, pc):
    """Simulate a call, and note it down if a stretch is under way; return when it commits."""
    if clock["replay_mode"] == RECORD:
        note(clock, _asked(clock, cycle, funct), _about(clock, funct, rs1), rs2)
        _keep_call(clock, cycle, funct, rs1, rs2, pc)
    if funct == FENCE:
        commit = _fence(clock, tags, trace, events, cycle)
    else:
        tagged = rs1
        if clock["replay_on"] and _has_address(funct, rs1):
            tagged |= _new_tag(clock, rs1) << ADDRESS_BITS
        rows = clock["trace_count"]
        commit = _command(clock, tags, trace, events, cycle, funct, tagged, rs2)
        if clock["trace_count"] > rows:
            _write_row(clock, trace, cycle, commit, funct, rs1, rs2, pc)
    if clock["replay_mode"] == RECORD:
        note(clock, RETURN, commit - clock["stretch_base"], 0)
    if clock["hung"]:
        clock["replay_on"] = 0
        clock["replay_mode"] = OFF
    return commit


@jit
def _keep_call(clock, cycle, funct, rs1, rs2, pc):
    number = clock["stretch_calls"]
    clock["stretch_funct"][number] = funct
    clock["stretch_rs1"][number] = rs1
    clock["stretch_rs2"][number] = rs2
    clock["stretch_cycle"][number] = cycle
    clock["stretch_pc"][number] = pc
    clock["stretch_calls"] = number + 1


# --- known states


@jit
def _forget(clock):
    """Begin anew when there is no room left."""
    for slot in range(SLOTS):
        clock["node_slots"][slot] = 0
    clock["nodes"] = 1
    clock["vectors_used"] = 0
    clock["journal_used"] = 1


@jit
def _find_node(clock):
    """Return the number of the state that was just written, which is kept if it is new."""
    first = clock["vectors_used"]
    words = clock["vector_end"] - first
    digest = words
    for i in range(words):
        digest += clock["vectors"][first + i] * ((i + 1) * _SPREAD | 1)
    slot = (digest ^ digest >> 32) & (SLOTS - 1)
    while True:
        node = clock["node_slots"][slot]
        if node == 0:
            break
        if clock["node_hash"][node] == digest and clock["node_words"][node] == words:
            known = clock["node_vector"][node]
            same = True
            for i in range(words):
                if clock["vectors"][known + i] != clock["vectors"][first + i]:
                    same = False
                    break
            if same:
                clock["replay_new"] = 0
                return node
        slot = (slot + 1) & (SLOTS - 1)
    node = clock["nodes"]
    clock["nodes"] = node + 1
    clock["node_slots"][slot] = node
    clock["node_hash"][node] = digest
    clock["node_words"][node] = words
    clock["node_vector"][node] = first
    clock["vectors_used"] = clock["vector_end"]
    clock["node_link"][node] = clock["journal_used"]
    clock["journal"][clock["journal_used"]] = 0
    clock["journal_used"] += 1
    clock["replay_new"] += 1
    return node


@jit
def _counter(clock, number):
    if number == 0:
        return clock["reads"]
    if number == 1:
        return clock["writes"]
    if number == 2:
        return clock["array_rows"]
    if number == 3:
        return clock["command_count"]
    return clock["stalls"][number - 4]


@jit
def _begin_journal(clock):
    clock["journal_tail"] = clock["node_link"][clock["stretch_node"]]
    clock["matched_packet"] = -1
    clock["compared"][0] = clock["compared"][1] = -1


@jit
def _keep_rows(clock, trace):
    """Note what the last rows of the command trace say before the stretch."""
    first = clock["stretch_row"] - ROWS
    for i in range(max(0, -first), ROWS):
        clock["before_lost"][i] = trace[first + i]["lost"]
        clock["before_conflict"][i] = trace[first + i]["bank_conflict"]


@jit
def _note_rows(clock, trace, at):
    """Write behind an end, at a place of the journal, what the stretch changed in the command trace; return its end."""
    base = clock["stretch_base"]
    first = clock["stretch_row"] - ROWS
    count = 0
    end = at + 1
    for row in range(max(0, first), clock["trace_count"]):
        entry = trace[row]
        lost, conflict = entry["lost"], entry["bank_conflict"]
        if row < clock["stretch_row"]:
            lost -= clock["before_lost"][row - first]
            conflict -= clock["before_conflict"][row - first]
        if lost or entry["allocate"] >= base or entry["issue"] >= base or entry["complete"] >= base:
            clock["journal"][end] = row - clock["stretch_row"]
            clock["journal"][end + 1] = entry["unit"]
            clock["journal"][end + 2] = entry["allocate"] - base
            clock["journal"][end + 3] = entry["issue"] - base
            clock["journal"][end + 4] = entry["start"] - base
            clock["journal"][end + 5] = entry["complete"] - base
            clock["journal"][end + 6] = lost
            clock["journal"][end + 7] = conflict
            end += _ROW_WORDS
            count += 1
    clock["journal"][at] = count
    return end


@jit
def _change_rows(clock, trace, at):
    """Change the command trace as the stretch did that is noted at a place of the journal."""
    base = clock["stretch_base"]
    for i in range(clock["journal"][at]):
        word = at + 1 + i * _ROW_WORDS
        entry = trace[clock["stretch_row"] + clock["journal"][word]]
        entry["unit"] = clock["journal"][word + 1]
        if clock["journal"][word + 2] >= 0:
            entry["allocate"] = base + clock["journal"][word + 2]
        if clock["journal"][word + 3] >= 0:
            entry["issue"] = base + clock["journal"][word + 3]
        if clock["journal"][word + 5] >= 0:
            entry["start"] = base + clock["journal"][word + 4]
            entry["complete"] = base + clock["journal"][word + 5]
        entry["lost"] += clock["journal"][word + 6]
        entry["bank_conflict"] += clock["journal"][word + 7]


@jit
def _open(clock, trace, node):
    """Begin a stretch in a known state."""
    clock["stretch_node"] = node
    clock["stretch_base"] = clock["now"]
    clock["stretch_sequence"] = clock["sequence"]
    clock["stretch_calls"] = 0
    clock["stretch_row"] = clock["trace_count"]
    _begin_journal(clock)
    clock["replay_mode"] = REPLAY if clock["journal"][clock["journal_tail"]] else RECORD
    if clock["tracing"] and clock["replay_mode"] == RECORD:
        _keep_rows(clock, trace)
    clock["undo_count"] = 0
    clock["before_lfsr"] = clock["lfsr"]
    clock["before_misses"] = clock["misses"]
    clock["before_probe_count"] = clock["probe_count"]
    clock["before_reader_page"] = clock["reader_page"]
    clock["before_writer_page"] = clock["writer_page"]
    for mshr in range(clock["mshrs"]):
        clock["before_line"][mshr] = clock["mshr_line"][mshr]
        clock["before_way"][mshr] = clock["mshr_way"][mshr]
        clock["before_set"][mshr] = clock["mshr_set"][mshr]
        clock["before_victim"][mshr] = clock["mshr_victim"][mshr]
    for number in range(COUNTERS):
        clock["stretch_counters"][number] = _counter(clock, number)


@jit
def _close(clock, trace):
    """End the stretch under way, if any, in the present state, and begin the next."""
    if clock["nodes"] == NODES or clock["journal_used"] + 65536 > JOURNAL or clock["vectors_used"] + 16384 > VECTORS:
        _forget(clock)
        clock["replay_mode"] = OFF
    sequence = clock["stretch_sequence"]
    clock["stretch_sequence"] = clock["sequence"]
    taken = snapshot(clock)
    clock["stretch_sequence"] = sequence
    if not taken:
        return
    node = _find_node(clock)
    if clock["replay_mode"] == RECORD:
        counters = clock["journal_used"]
        note(clock, END | node << 8, clock["now"] - clock["stretch_base"], clock["stretch_calls"])
        if clock["journal_used"] != counters:  # it is new: the counts come behind it
            counters = clock["journal_used"]
            for number in range(COUNTERS):
                clock["journal"][counters + number] = _counter(clock, number) - clock["stretch_counters"][number]
            clock["journal_used"] = counters + COUNTERS
            if clock["tracing"]:
                clock["journal_used"] = _note_rows(clock, trace, counters + COUNTERS)
    _open(clock, trace, node)


# --- replaying


@jit
def _address(clock, word):
    """Return the DRAM address that a word of the journal stands for now."""
    age = word & 255
    if age == 0:
        return word >> 8
    return clock["origin"][(age - 1 + clock["stretch_sequence"]) % TAGS + 1] + (word >> 20)


@jit
def _answer(clock, tags, asked, about):
    """Answer a question of the journal; what it changes is noted in order to be undone."""
    what = asked & 0xFF
    address = _address(clock, about)
    if what == COMPARE_PAGE:
        last = clock["reader_page"] if (asked >> 8) & 1 == ASKS_READER else clock["writer_page"]
        return 1 if address >> PAGE != last else 0
    line = address >> clock["line_shift"]
    mshr = (asked >> 8) & 15
    if what == MATCH:
        return register_of(clock, asked >> 16, line)
    if what == LINE:
        return 1 if line == clock["mshr_line"][mshr] else 0
    if what in (LOOK_UP, PLAN):
        way, hit = clock["mshr_way"][mshr], True
        if what == LOOK_UP:
            way = find(clock, tags, line)
            if way < 0:
                way, hit = -1 - way, False
        place = clock["undo_count"]
        set_index = line & (clock["sets"] - 1)
        clock["undo_place"][place] = set_index * clock["ways"] + way
        clock["undo_entry"][place] = tags[set_index, way]
        clock["undo_count"] = place + 1
        return decide(clock, tags, mshr, line, (asked >> 12) & 3, 0, 0, way, hit)
    if (asked >> 8) & 1 == ASKS_READER:
        clock["reader_page"] = address >> PAGE
    else:
        clock["writer_page"] = address >> PAGE
    return 0


@jit
def _pass_end(clock, trace):
    """Go on to the next stretch if this one ends here; return False if it is not known how that goes on."""
    item = clock["journal"][clock["journal_tail"]]
    while item and clock["journal"][item] & 0xFF != END:
        item = clock["journal"][item + OTHERWISE]
    if item == 0:
        return True
    clock["now"] = clock["stretch_base"] + clock["journal"][item + 1]
    counters = item + ITEM
    clock["reads"] += clock["journal"][counters]
    clock["writes"] += clock["journal"][counters + 1]
    clock["array_rows"] += clock["journal"][counters + 2]
    clock["command_count"] += clock["journal"][counters + 3]
    for cause in range(len(STALL_NAMES)):
        clock["stalls"][cause] += clock["journal"][counters + 4 + cause]
    if clock["tracing"]:
        _change_rows(clock, trace, counters + COUNTERS)
    _open(clock, trace, clock["journal"][item] >> 8)
    return clock["replay_mode"] == REPLAY


@jit
def _replay(clock, tags, trace, cycle, funct, rs1, rs2, pc):
    """Find in the journal when a call commits; return False if the journal does not say so."""
    if not _pass_end(clock, trace):
        return False
    asked = _asked(clock, cycle, funct)
    about = _about(clock, funct, rs1)
    item = clock["journal"][clock["journal_tail"]]
    while item and (
        clock["journal"][item] != asked or clock["journal"][item + 1] != about or clock["journal"][item + 2] != rs2
    ):
        item = clock["journal"][item + OTHERWISE]
    if item == 0:
        return False
    if _has_address(funct, rs1):
        _new_tag(clock, rs1)
    item = clock["journal"][item + FOLLOWING]
    while item:
        asked = clock["journal"][item]
        about = clock["journal"][item + 1]
        if asked & 0xFF == RETURN:
            clock["call_commit"] = clock["stretch_base"] + about
            clock["journal_tail"] = item + FOLLOWING
            _keep_call(clock, cycle, funct, rs1, rs2, pc)
            if clock["tracing"] and funct != FENCE:
                clock["trace_count"] += 1
                _write_row(clock, trace, cycle, clock["call_commit"], funct, rs1, rs2, pc)
            return True
        if clock["undo_count"] == UNDO:
            return False
        answer = _answer(clock, tags, asked, about)
        while item and clock["journal"][item + 2] != answer:
            item = clock["journal"][item + OTHERWISE]
        if item:
            item = clock["journal"][item + FOLLOWING]
    return False


@jit
def _simulate_again(clock, tags, trace, events):
    """Go back to the state in which the stretch began, and simulate the calls since."""
    for i in range(clock["undo_count"]):
        place = clock["undo_count"] - 1 - i
        at = clock["undo_place"][place]
        tags[at // clock["ways"], at % clock["ways"]] = clock["undo_entry"][place]
    clock["undo_count"] = 0
    clock["lfsr"] = clock["before_lfsr"]
    clock["misses"] = clock["before_misses"]
    clock["probe_count"] = clock["before_probe_count"]
    clock["reader_page"] = clock["before_reader_page"]
    clock["writer_page"] = clock["before_writer_page"]
    for mshr in range(clock["mshrs"]):
        clock["mshr_line"][mshr] = clock["before_line"][mshr]
        clock["mshr_way"][mshr] = clock["before_way"][mshr]
        clock["mshr_set"][mshr] = clock["before_set"][mshr]
        clock["mshr_victim"][mshr] = clock["before_victim"][mshr]
    clock["now"] = clock["stretch_base"]
    clock["sequence"] = clock["stretch_sequence"]
    clock["trace_count"] = clock["stretch_row"]
    restore(clock, clock["node_vector"][clock["stretch_node"]])
    mask = clock["mshr_valid"]
    while mask:
        mshr = lowest_bit(mask)
        mask &= mask - 1
        clock["set_owner"][clock["mshr_set"][mshr]] = mshr
    _begin_journal(clock)
    clock["replay_mode"] = RECORD
    if clock["tracing"]:
        _keep_rows(clock, trace)
    calls = clock["stretch_calls"]
    clock["stretch_calls"] = 0
    for number in range(calls):
        funct = clock["stretch_funct"][number]
        rs1, rs2 = clock["stretch_rs1"][number], clock["stretch_rs2"][number]
        cycle, pc = clock["stretch_cycle"][number], clock["stretch_pc"][number]
        _simulate(clock, tags, trace, events, cycle, funct, rs1, rs2, pc)


@jit
def _settle(clock, tags, trace, events):
    """Bring all registers up to the last call."""
    if clock["replay_mode"] == REPLAY:
        _simulate_again(clock, tags, trace, events)
    if clock["replay_mode"] == RECORD:
        clock["replay_new"] += 1
    clock["replay_mode"] = OFF


@jit
def _has_come_before(clock):
    """Return whether the calls since the last turn of a loop have come before: otherwise their times cannot have."""
    shape = clock["shape"]
    slot = (shape ^ shape >> 32) & (SHAPES - 1)
    if clock["shapes"][slot] == shape:
        return True
    clock["shapes"][slot] = shape
    return False


@jit
def _turn(clock, trace):
    """At the turn of a loop: end a stretch, begin one."""
    if clock["replay_pause"] > 0:
        clock["replay_pause"] -= 1
    elif not _has_come_before(clock):
        clock["replay_mode"] = OFF
    elif clock["replay_mode"] == OFF or clock["stretch_calls"] >= _FEWEST_CALLS:
        _close(clock, trace)
    if clock["replay_new"] >= _PATIENCE:
        clock["replay_new"] = _PATIENCE // 2
        clock["replay_pause"] = _PAUSE
        clock["replay_mode"] = OFF


@jit
def _is_left_out(clock, trace, events, funct, rs1):
    """Return whether nothing is replayed from now on: events are logged, a hardware loop, an address that is none."""
    if events.shape[0] or (clock["tracing"] and clock["trace_count"] >= trace.shape[0]):
        return True
    if is_transfer(funct):
        return rs1 >> ADDRESS_BITS != 0
    return 8 <= funct <= 13 or 15 <= funct <= 21


def _arguments() -> tuple[object, ...]:
    return (
        numba.from_dtype(CLOCK_DTYPE),
        numba.types.Array(numba.int64, 2, "C"),
        numba.types.Array(numba.from_dtype(COMMAND_DTYPE), 1, "C"),
        numba.types.Array(numba.from_dtype(EVENT_DTYPE), 1, "C"),
        numba.int64,
        numba.int64,
    )


@jit_apart("gemmini_sim_cycle_clock_call", _arguments)
def call(clock, tags, trace, events, cycle, funct):
    """Time the call whose operands are in ``call_rs1`` and so on; when it commits is in ``call_commit``."""
    if funct == SETTLE:
        _settle(clock, tags, trace, events)
        return
    rs1, rs2, pc = clock["call_rs1"], clock["call_rs2"], clock["call_pc"]
    if clock["replay_on"] and _is_left_out(clock, trace, events, funct, rs1):
        _settle(clock, tags, trace, events)
        clock["replay_on"] = 0
    if clock["replay_on"]:
        if clock["replay_mode"] == REPLAY and not _replay(clock, tags, trace, cycle, funct, rs1, rs2, pc):
            _simulate_again(clock, tags, trace, events)
        if pc <= clock["last_pc"] or clock["stretch_calls"] == MOST_CALLS:
            if clock["replay_mode"] != REPLAY:
                _turn(clock, trace)
                if clock["replay_mode"] == REPLAY and not _replay(clock, tags, trace, cycle, funct, rs1, rs2, pc):
                    _simulate_again(clock, tags, trace, events)
            clock["shape"] = 0
        clock["last_pc"] = pc
        clock["shape"] = (clock["shape"] ^ (0 if is_transfer(funct) else rs1) ^ rs2 << 1 ^ funct) * _SPREAD
        if clock["replay_mode"] == REPLAY:
            return
        if clock["stretch_calls"] == MOST_CALLS:
            clock["replay_mode"] = OFF
    clock["call_commit"] = _simulate(clock, tags, trace, events, cycle, funct, rs1, rs2, pc)
