"""The DMA reader: rows become requests for aligned windows, and beats that come back become rows again.

A row request is cut into windows of one, two or four beats, each time the aligned window with most useful bytes. A
request that the channel does not take goes round through the address translation again, which may change its place
with the one behind it.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import NEVER, lowest_bit
from gemmini_sim.engine.cycle_clock.channel import READER as READS
from gemmini_sim.engine.cycle_clock.channel import channel_has_room, channel_push
from gemmini_sim.engine.cycle_clock.journal import PAGE, RECORD, TRANSLATE, note
from gemmini_sim.engine.cycle_clock.packet import GET, pack, packet_address, widest_window
from gemmini_sim.engine.cycle_clock.pages import ASKS_READER, ASKS_WRITER, note_last_page, note_page
from gemmini_sim.engine.cycle_clock.sizes import LOADS, READER, ROWS_IN_FLIGHT, WRITER_SIDE

__all__ = [
    "reader_requests",
    "responses_step",
    "translate_step",
]

_ROW_QUEUE_ROOM = 5  # rows that one path to the memories holds


@jit_inline
def translate_step(clock):
    """Let the reader or the writer, but not both, ask the shared translation for a page other than its last one."""
    reader = clock["reader_translated_valid"] and clock["reader_asks"]
    writer = clock["writer_translated_valid"] and clock["writer_asks"] and clock["writer_stall"] <= clock["now"]
    if reader and writer:
        if clock["replay_mode"] == RECORD and not clock["translator_set"]:
            note(clock, TRANSLATE, 0, clock["translator_last"])
        clock["translator_takes"] = ASKS_READER if clock["translator_last"] == ASKS_WRITER else ASKS_WRITER
    else:
        clock["translator_takes"] = ASKS_READER if reader else ASKS_WRITER
    if reader or writer:
        clock["translator_last"] = clock["translator_takes"]
        clock["translator_set"] = 1


@jit
def _request(clock):
    """Turn the next window of the row into a request; return 1 if it was the row's last."""
    tracker = clock["reader_tracker"]
    total = clock["tracker_row_bytes"][tracker]
    done = clock["reader_requested"]
    address = clock["reader_address"]
    left = total - done
    best, useful = widest_window(clock, address, left)
    free = ~clock["read_busy"]
    transaction = lowest_bit(free)
    clock["read_busy"] |= 1 << transaction
    shift = clock["wide_row_shift"] if clock["tracker_wide"][tracker] else clock["row_shift"]
    clock["read_local"][transaction] = clock["reader_local"] + clock["tracker_block_stride"][tracker] * (done >> shift)
    clock["read_offset"][transaction] = done & ((1 << shift) - 1)
    clock["read_bytes"][transaction] = useful
    clock["read_shift"][transaction] = address & (best - 1)
    clock["read_size"][transaction] = best
    clock["read_tracker"][transaction] = tracker
    clock["reader_lookup"] = pack(GET, best, 0, transaction, address & ~(best - 1))
    clock["reader_lookup_valid"] = 1
    clock["reader_address"] = address + useful
    clock["reader_requested"] = done + useful
    return useful >= left


@jit_inline
def reader_requests(clock):
    """Advance the reader by one cycle, from the channel backwards."""
    now = clock["now"]
    retry = -1
    asked = -1
    page = clock["reader_page"]
    if clock["reader_translated_valid"]:
        clock["coming"] |= READER
        refused = clock["reader_asks"] and clock["translator_takes"] != ASKS_READER
        if clock["reader_asks"] and not refused:
            asked = clock["reader_translated"]
            page = packet_address(asked) >> PAGE
        if not refused and channel_has_room(clock, READS):
            channel_push(clock, READS, clock["reader_translated"])
        else:
            retry = clock["reader_translated"]
    if clock["reader_lookup_valid"]:
        clock["coming"] |= READER
    clock["reader_translated_valid"] = clock["reader_lookup_valid"]
    clock["reader_translated"] = clock["reader_lookup"]
    clock["reader_lookup_valid"] = 0
    clock["reader_asks"] = packet_address(clock["reader_translated"]) >> PAGE != clock["reader_page"]
    clock["reader_page"] = page
    if clock["replay_mode"] == RECORD:
        if clock["reader_translated_valid"]:
            note_page(clock, ASKS_READER, clock["reader_translated"], clock["reader_asks"])
        if asked >= 0:
            note_last_page(clock, ASKS_READER, asked)
    finished = 0
    if retry >= 0:
        clock["reader_lookup"] = retry
        clock["reader_lookup_valid"] = 1
    elif clock["reader_valid"]:
        if clock["reader_time"] <= now and clock["read_busy"] != (1 << clock["reads_in_flight"]) - 1:
            finished = _request(clock)
            clock["coming"] |= READER
    if finished or not clock["reader_valid"]:
        clock["reader_valid"] = 0
        if clock["row_count"] > 0:
            head = clock["row_head"]
            if clock["row_time"][head] <= now:
                clock["ready"] |= LOADS
                clock["reader_valid"] = 1
                clock["reader_time"] = now + 1
                clock["reader_address"] = clock["row_address"][head]
                clock["reader_local"] = clock["row_local"][head]
                clock["reader_tracker"] = clock["row_tracker"][head]
                clock["reader_requested"] = 0
                clock["row_head"] = (head + 1) & (ROWS_IN_FLIGHT - 1)
                clock["row_count"] -= 1
                clock["coming"] |= READER


@jit
def _push_row(clock, path, shift, last):
    """Send one row towards its memory; the last row of a request reports the request's bytes."""
    now = clock["now"]
    tracker = clock["merger_tracker"]
    slot = (clock["arrive_head"][path] + clock["arrive_count"][path]) & (ROWS_IN_FLIGHT - 1)
    block = (clock["merger_offset"] + clock["merger_sent"]) >> shift
    clock["arrive_local"][path, slot] = clock["merger_local"] + clock["tracker_block_stride"][tracker] * block
    clock["arrive_tracker"][path, slot] = tracker
    clock["arrive_bytes"][path, slot] = clock["merger_bytes"] if last else 0
    clock["arrive_repeats"][path, slot] = clock["tracker_repeats"][tracker]
    clock["arrive_pixels"][path, slot] = clock["tracker_pixel_repeats"][tracker] if path == 0 else 1
    # scaled path: input register, three entries, output register; the other: one register
    ready = now + 3 if path == 0 else now + 1
    if path == 0 and clock["tracker_scaled"][tracker]:
        cycles = (clock["dim"] + clock["mvin_scale_units"] - 1) // clock["mvin_scale_units"]
        begin = max(now + 2, clock["scale_free"])
        clock["scale_free"] = begin + cycles
        ready = begin + cycles - 1 + clock["mvin_scale_latency"] + 3
    clock["arrive_time"][path, slot] = ready
    clock["due_rows"] = min(clock["due_rows"], ready)
    clock["arrive_count"][path] += 1


@jit
def _merger_out(clock, path):
    """Give one row away if it is whole; return whether it was the last of a request that has all its beats."""
    size = clock["merger_size"]
    got = clock["merger_beats"] * clock["bus_bytes"]
    wanted = clock["merger_bytes"]
    useful = min(max(0, got - clock["merger_shift"]), wanted)
    sent = clock["merger_sent"]
    shift = clock["wide_row_shift"] if path else clock["row_shift"]
    row_bytes = 1 << shift
    if useful > sent and (useful - sent >= row_bytes or useful == wanted):
        # a register may be refilled in the cycle in which it empties
        if clock["arrive_count"][path] < (_ROW_QUEUE_ROOM if path == 0 else 1):
            offset = clock["merger_offset"] if sent == 0 else 0
            following = min(sent + row_bytes - offset, wanted)
            _push_row(clock, path, shift, following == wanted)
            clock["merger_sent"] = following
            clock["due_responses"] = clock["now"] + 1
            return following == wanted and got == size
    return False


@jit
def _merger_open(clock, transaction):
    """Take a new request's place in local memory over from the transaction table."""
    tracker = clock["read_tracker"][transaction]
    clock["merger_valid"] = 1
    clock["merger_tracker"] = tracker
    clock["merger_path"] = clock["tracker_wide"][tracker]
    clock["merger_local"] = clock["read_local"][transaction]
    clock["merger_offset"] = clock["read_offset"][transaction]
    clock["merger_bytes"] = clock["read_bytes"][transaction]
    clock["merger_shift"] = clock["read_shift"][transaction]
    clock["merger_size"] = clock["read_size"][transaction]
    clock["merger_beats"] = 1
    clock["merger_sent"] = 0


@jit_inline
def responses_step(clock):
    """Take one beat (or acknowledgement) from the D channel, and give one row on."""
    now = clock["now"]
    clock["due_responses"] = NEVER
    sent = clock["merger_sent"]
    closing = False
    if clock["merger_valid"]:
        # A request whose last beats were of no use is dropped when all is there; only one that gives its last row away
        # in this cycle makes room for the next at once.
        closing = sent == clock["merger_bytes"] and clock["merger_beats"] * clock["bus_bytes"] == clock["merger_size"]
        if closing:
            clock["due_responses"] = now + 1
        elif _merger_out(clock, clock["merger_path"]):
            clock["merger_valid"] = 0
    popped = clock["response_popped"]
    slot = popped & 31
    if popped == clock["response_pushed"] or clock["response_time"][slot] > now:
        if popped != clock["response_pushed"]:
            clock["due_responses"] = min(clock["due_responses"], clock["response_time"][slot])
        if closing:
            clock["merger_valid"] = 0
        return
    source = clock["response_source"][slot]
    if source & 64:
        clock["write_freed"] |= 1 << (source & 63)
        clock["coming"] |= WRITER_SIDE
        clock["freed"] = 1
    else:
        if not clock["merger_valid"]:
            _merger_open(clock, source)
        elif clock["merger_beats"] * clock["bus_bytes"] < clock["merger_size"]:
            clock["merger_beats"] += 1
            whole = clock["merger_beats"] * clock["bus_bytes"] == clock["merger_size"]
            if whole and sent == clock["merger_bytes"]:
                clock["merger_valid"] = 0
        else:
            clock["due_responses"] = now + 1
            if closing:
                clock["merger_valid"] = 0
            return
        if clock["response_last"][slot]:
            clock["read_freed"] |= 1 << source
            clock["freed"] = 1
            clock["coming"] |= READER
    if closing:
        clock["merger_valid"] = 0
    clock["response_pop"][slot] = now
    clock["response_popped"] = popped + 1
    clock["due_responses"] = now + 1
