"""Not simulating again what was simulated before.

Programs repeat themselves, and so does the clock: at the turn of a loop its state, named so that it does not depend
on when and on which addresses (``snapshot``), is mostly one that it has been in. From such a state the same calls of
the host, with the same answers of the tag array and of other comparisons of addresses, lead to the same times. What
followed a state is kept in a journal. In a known state the clock goes through the journal instead of simulating: it
looks whether each call and each answer are those of the journal, and returns the time that stands there. At the first
difference it goes back to the last known state and simulates what was skipped. So nothing is ever guessed: with and
without this the clock gives the same times. What is known stays true in later runs (``spare_clocks``).

The idea is that of FastSim (Schnarr and Larus, ASPLOS 1998), who call it fast-forwarding by memoization.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_apart, jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import is_transfer
from gemmini_sim.engine.cycle_clock.answers import answer, keep_before, take, undo
from gemmini_sim.engine.cycle_clock.calls import simulate_command, simulate_fence, write_row
from gemmini_sim.engine.cycle_clock.journal import (
    ADDRESS_BITS,
    CALL,
    END,
    FOLLOWING,
    ITEM,
    MATCH,
    OFF,
    OTHERWISE,
    RECORD,
    REPLAY,
    RETURN,
    TAKE,
    journal_word,
    note,
    page_of,
)
from gemmini_sim.engine.cycle_clock.known_states import find_state, forget_states
from gemmini_sim.engine.cycle_clock.local_rows import (
    NO_BANK,
    banks_of_call,
    fits,
    follow_configuration,
    has_locals,
    keep_origins,
    name_in_bank,
    name_local,
    put_back_origins,
    use_bank,
    use_local,
)
from gemmini_sim.engine.cycle_clock.pages import ASKS_READER, ASKS_WRITER, forget_pages, noted_page
from gemmini_sim.engine.cycle_clock.records import STALL_NAMES
from gemmini_sim.engine.cycle_clock.registers_replay import (
    COUNTERS,
    ENDS,
    JOURNAL,
    MOST_CALLS,
    NODES,
    SHAPES,
    TAGS,
    UNDO,
    VECTORS,
)
from gemmini_sim.engine.cycle_clock.replay_held import begin_held, change_held, note_held, take_out_held
from gemmini_sim.engine.cycle_clock.replay_rows import change_rows, keep_rows, note_rows
from gemmini_sim.engine.cycle_clock.snapshot import snapshot
from gemmini_sim.engine.cycle_clock.snapshot_restore import restore
from gemmini_sim.engine.cycle_clock.state import clock_arguments

__all__ = ["FENCE", "SETTLE", "call"]

FENCE, SETTLE = -1, -2  # instead of a command's function

_FEWEST_CALLS = 6  # of a stretch
_PATIENCE = 64  # new states in a row after which it is not worth looking for a while
_PAUSE, _PAUSES = 64, 5  # turns of a loop, and how often that is doubled
_KNOWN_SHAPE = -1  # of calls that were found in the journal
_SHAPE_PLACES = 4  # where a shape may be kept
_SPREAD = 0x1E3779B97F4A7C15  # an odd number without a pattern


# --- simulating


@jit
def _has_address(funct, rs1):
    return is_transfer(funct) and rs1 != 0


@jit_inline
def _new_tag(clock, rs1):
    """Return the tag of a command's address."""
    tag = clock["sequence"] + 1
    clock["sequence"] = tag if tag < TAGS else 0
    clock["origin"][tag] = rs1
    return tag


@jit_inline
def _asked(clock, cycle, funct):
    return CALL | (funct & 0xFF) << 8 | (cycle - clock["stretch_base"]) << 16


@jit_inline
def _about(clock, funct, rs1):
    """Return what matters of a command's first operand: of a DRAM address only its place within a line."""
    if has_locals(funct):
        return name_local(clock, rs1)
    return (rs1 & clock["low_bits"]) | 1 << 16 if _has_address(funct, rs1) else rs1


@jit_inline
def _about_2(clock, funct, rs2):
    return name_local(clock, rs2) if has_locals(funct) or is_transfer(funct) else rs2


@jit
def _simulate(clock, tags, trace, events, cycle, funct, rs1, rs2, pc):
    """Simulate a call, and note it down if a stretch is under way; return when it commits."""
    if clock["replay_mode"] == RECORD:
        note(clock, _asked(clock, cycle, funct), _about(clock, funct, rs1), _about_2(clock, funct, rs2))
        _keep_call(clock, cycle, funct, rs1, rs2, pc)
    if funct == FENCE:
        commit = simulate_fence(clock, tags, trace, events, cycle)
    else:
        tagged = rs1
        if clock["replay_on"] and _has_address(funct, rs1):
            tagged |= _new_tag(clock, rs1) << ADDRESS_BITS
        rows = clock["trace_count"]
        commit = simulate_command(clock, tags, trace, events, cycle, funct, tagged, rs2)
        if clock["trace_count"] > rows:
            write_row(clock, trace, cycle, commit, funct, rs1, rs2, pc)
    if clock["replay_on"]:
        use_local(clock, funct, rs1, rs2)
    if clock["replay_mode"] == RECORD:
        note(clock, RETURN, commit - clock["stretch_base"], 0)
    if clock["hung"]:
        clock["replay_on"] = 0
        clock["replay_mode"] = OFF
    return commit


@jit_inline
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
def _record(clock, trace):
    """Begin to note what the simulation asks, from the state in which the stretch began."""
    clock["journal_tail"] = clock["node_link"][clock["stretch_node"]]
    clock["replay_mode"] = RECORD
    for number in range(COUNTERS):
        clock["stretch_counters"][number] = _counter(clock, number)
    if clock["tracing"]:
        keep_rows(clock, trace)
    clock["matched_packet"] = -1
    clock["kept_asked"] = 0
    forget_pages(clock)
    clock["robin_set"] = clock["translator_set"] = 0
    begin_held(clock)


@jit_inline
def _open(clock, trace, node):
    """Begin a stretch in a known state."""
    clock["stretch_node"] = node
    clock["stretch_base"] = clock["now"]
    clock["stretch_sequence"] = clock["sequence"]
    clock["stretch_calls"] = 0
    clock["stretch_row"] = clock["trace_count"]
    clock["journal_tail"] = clock["node_link"][node]
    clock["replay_mode"] = REPLAY
    keep_before(clock)
    keep_origins(clock)
    if clock["journal"][clock["journal_tail"]] == 0:  # nobody has been further
        _record(clock, trace)


@jit
def _close(clock, trace):
    """End the stretch under way, if any, in the present state, and begin the next."""
    if clock["nodes"] == NODES or clock["journal_used"] + 65536 > JOURNAL or clock["vectors_used"] + 16384 > VECTORS:
        forget_states(clock)
        clock["replay_mode"] = OFF
    sequence = clock["stretch_sequence"]
    clock["stretch_sequence"] = clock["sequence"]
    taken = snapshot(clock)
    clock["stretch_sequence"] = sequence
    if not taken:
        return
    node = find_state(clock)
    if clock["replay_mode"] == RECORD:
        counters = clock["journal_used"]
        note(clock, END | node << 8, clock["now"] - clock["stretch_base"], clock["stretch_calls"])
        if clock["journal_used"] != counters:  # it is new: the counts come behind it
            counters = clock["journal_used"]
            for number in range(COUNTERS):
                clock["journal"][counters + number] = _counter(clock, number) - clock["stretch_counters"][number]
            ends = counters + COUNTERS
            take_out_held(clock, counters)
            clock["journal"][ends] = clock["mshr_robin"] if clock["robin_set"] else 0
            clock["journal"][ends + 1] = noted_page(clock, ASKS_WRITER)
            clock["journal"][ends + 2] = noted_page(clock, ASKS_READER)
            clock["journal"][ends + 3] = 1 + clock["translator_last"] if clock["translator_set"] else 0
            clock["journal_used"] = note_held(clock, counters + ENDS)
            if clock["tracing"]:
                clock["journal_used"] = note_rows(clock, trace, clock["journal_used"])
    _open(clock, trace, node)


# --- replaying


@jit_inline
def _pass_end(clock, trace):
    """Go on to the next stretch if this one ends here; return False if it is not known how that goes on."""
    item = journal_word(clock, clock["journal_tail"])
    while item and journal_word(clock, item) & 0xFF != END:
        item = journal_word(clock, item + OTHERWISE)
    if item == 0:
        return True
    clock["now"] = clock["stretch_base"] + journal_word(clock, item + 1)
    counters = item + ITEM
    clock["reads"] += journal_word(clock, counters)
    clock["writes"] += journal_word(clock, counters + 1)
    clock["array_rows"] += journal_word(clock, counters + 2)
    clock["command_count"] += journal_word(clock, counters + 3)
    for cause in range(len(STALL_NAMES)):
        clock["stalls"][cause] += journal_word(clock, counters + 4 + cause)
    ends = counters + COUNTERS
    if journal_word(clock, ends):
        clock["mshr_robin"] = journal_word(clock, ends)
    if journal_word(clock, ends + 1):
        clock["writer_page"] = page_of(clock, journal_word(clock, ends + 1))
    if journal_word(clock, ends + 2):
        clock["reader_page"] = page_of(clock, journal_word(clock, ends + 2))
    if journal_word(clock, ends + 3):
        clock["translator_last"] = journal_word(clock, ends + 3) - 1
    rows = change_held(clock, counters + ENDS)
    if clock["tracing"]:
        change_rows(clock, trace, rows)
    _open(clock, trace, journal_word(clock, item) >> 8)
    return clock["replay_mode"] == REPLAY


@jit
def _other(clock, tags, item, given):
    """Return the item beside one that has the answer that was given, 0 if there is none."""
    asked = journal_word(clock, item)
    first = item
    while item:
        if journal_word(clock, item + 2) == given:
            return item
        item = journal_word(clock, item + OTHERWISE)
    if asked & 0xFF != MATCH or given >= 0:
        return 0
    # no register has the set now, but one had it when this was first asked
    item = first
    while item and journal_word(clock, item) & 0xFF != TAKE:
        item = journal_word(clock, item + OTHERWISE)
    if item:
        given = take(clock, tags, journal_word(clock, item), journal_word(clock, item + 1))
        while item and journal_word(clock, item + 2) != given:
            item = journal_word(clock, item + OTHERWISE)
    return item


@jit
def _replay(clock, tags, trace, cycle, funct, rs1, rs2, pc):
    """Find in the journal when a call commits; return False if the journal does not say so."""
    if not _pass_end(clock, trace):
        return False
    asked = _asked(clock, cycle, funct)
    bank, bank_2 = banks_of_call(clock, funct, rs1, rs2)
    if bank == NO_BANK or bank_2 == NO_BANK:
        return False
    about = _about(clock, funct, rs1) if is_transfer(funct) else name_in_bank(clock, rs1, bank)
    about_2 = name_in_bank(clock, rs2, bank_2)
    item = journal_word(clock, clock["journal_tail"])
    while item and (
        journal_word(clock, item) != asked
        or journal_word(clock, item + 1) != about
        or journal_word(clock, item + 2) != about_2
    ):
        item = journal_word(clock, item + OTHERWISE)
    if item == 0:
        return False
    use_bank(clock, rs1, bank)
    use_bank(clock, rs2, bank_2)
    if _has_address(funct, rs1):
        _new_tag(clock, rs1)
    item = journal_word(clock, item + FOLLOWING)
    while item:
        asked = journal_word(clock, item)
        about = journal_word(clock, item + 1)
        if asked & 0xFF == RETURN:
            clock["call_commit"] = clock["stretch_base"] + about
            clock["journal_tail"] = item + FOLLOWING
            _keep_call(clock, cycle, funct, rs1, rs2, pc)
            if clock["tracing"] and funct != FENCE:
                clock["trace_count"] += 1
                write_row(clock, trace, cycle, clock["call_commit"], funct, rs1, rs2, pc)
            return True
        if clock["undo_count"] == UNDO:
            return False
        given = take(clock, tags, asked, about) if asked & 255 == TAKE else answer(clock, tags, asked, about)
        if journal_word(clock, item + 2) != given:
            item = _other(clock, tags, item, given)
        if item:
            item = journal_word(clock, item + FOLLOWING)
    return False


@jit
def _simulate_again(clock, tags, trace, events):
    """Go back to the state in which the stretch began, and simulate the calls since."""
    undo(clock, tags)
    clock["now"] = clock["stretch_base"]
    clock["sequence"] = clock["stretch_sequence"]
    clock["trace_count"] = clock["stretch_row"]
    put_back_origins(clock)
    restore(clock, clock["node_vector"][clock["stretch_node"]])
    _record(clock, trace)
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
def _add_to_shape(clock, funct, rs1, rs2):
    """Add a call to what the calls since the last turn of a loop were, unless those were found in the journal."""
    if clock["shape"] != _KNOWN_SHAPE:
        about = 0 if is_transfer(funct) else _about(clock, funct, rs1)
        shape = (clock["shape"] ^ about ^ _about_2(clock, funct, rs2) << 1 ^ funct) * _SPREAD
        clock["shape"] = shape ^ shape >> 29  # a product's low bits depend on the factors' low bits alone


@jit
def _has_come_before(clock):
    """Return whether the calls since the last turn of a loop have come before: otherwise their times cannot have."""
    shape = clock["shape"]
    if shape == _KNOWN_SHAPE:
        return True
    slot = shape
    for place in range(shape, shape + _SHAPE_PLACES):
        slot = place & (SHAPES - 1)
        if clock["shapes"][slot] == shape:
            return True
        if clock["shapes"][slot] == 0:
            break
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
        clock["replay_new"] = 0
        clock["replay_pause"] = _PAUSE << clock["replay_pauses"]
        clock["replay_pauses"] = min(clock["replay_pauses"] + 1, _PAUSES)
        clock["replay_mode"] = OFF


@jit
def _is_left_out(clock, trace, events, funct, rs1):
    """Return whether nothing is replayed from now on: events are logged, a hardware loop, an address that is none."""
    if events.shape[0] or (clock["tracing"] and clock["trace_count"] >= trace.shape[0]):
        return True
    if is_transfer(funct):
        return rs1 >> ADDRESS_BITS != 0
    return 8 <= funct <= 13 or 15 <= funct <= 21


@jit_apart("gemmini_sim_cycle_clock_call", clock_arguments)
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
        if clock["replay_mode"] != REPLAY and not clock["anchored"] and not fits(clock, funct, rs1, rs2):
            _settle(clock, tags, trace, events)
            clock["anchored"] = 1
        if pc <= clock["last_pc"] or clock["stretch_calls"] == MOST_CALLS:
            if clock["replay_mode"] != REPLAY:
                _turn(clock, trace)
                if clock["replay_mode"] == REPLAY and not _replay(clock, tags, trace, cycle, funct, rs1, rs2, pc):
                    _simulate_again(clock, tags, trace, events)
            clock["shape"] = 0
        clock["last_pc"] = pc
        if clock["replay_mode"] == REPLAY:
            clock["shape"] = _KNOWN_SHAPE
            follow_configuration(clock, funct, rs1, rs2)
            return
        _add_to_shape(clock, funct, rs1, rs2)
        if clock["stretch_calls"] == MOST_CALLS:
            clock["replay_mode"] = OFF
    clock["call_commit"] = _simulate(clock, tags, trace, events, cycle, funct, rs1, rs2, pc)
    follow_configuration(clock, funct, rs1, rs2)
