"""The DMA writer: rows to store (or rows of several blocks) become puts of aligned windows.

A beat is translated and goes to the channel. A beat whose page has to be asked for while the reader asks goes round
again, and everything behind it waits.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import lowest_bit, scratchpad_bank, wake_at
from gemmini_sim.engine.cycle_clock.channel import WRITER, channel_has_room, channel_push
from gemmini_sim.engine.cycle_clock.journal import PAGE, RECORD
from gemmini_sim.engine.cycle_clock.packet import PUT, PUT_BEAT, pack, packet_address, widest_window
from gemmini_sim.engine.cycle_clock.pages import ASKS_WRITER, note_last_page, note_page
from gemmini_sim.engine.cycle_clock.sizes import (
    ROWS_IN_FLIGHT,
    WRITER_SIDE,
)
from gemmini_sim.engine.cycle_clock.store import SCRATCHPAD

__all__ = ["writer_step"]

_IDLE, _NEW_BLOCK, _BEATS = 0, 1, 2
_MASK = ROWS_IN_FLIGHT - 1


@jit
def _write_beat(clock):
    """Send one beat into the translation; return whether the row is done."""
    bus = clock["bus_bytes"]
    if clock["writer_state"] == _NEW_BLOCK:
        address = clock["writer_address"]
        size, written = widest_window(clock, address, clock["writer_bytes"] - clock["writer_sent"])
        source = lowest_bit(~clock["write_busy"])
        clock["write_busy"] |= 1 << source
        clock["writer_lookup"] = pack(PUT, size, written == size, source, address & ~(size - 1))
        clock["writer_packet"] = clock["writer_lookup"] & ~3 | PUT_BEAT
        clock["writer_beats_left"] = size // bus - 1
        clock["writer_address"] = address + written
        clock["writer_sent"] += written
    else:
        clock["writer_lookup"] = clock["writer_packet"]
        clock["writer_beats_left"] -= 1
    clock["writer_lookup_valid"] = 1
    clock["coming"] |= WRITER_SIDE
    if clock["writer_beats_left"] > 0:
        clock["writer_state"] = _BEATS
        return False
    clock["writer_state"] = _NEW_BLOCK
    return clock["writer_sent"] >= clock["writer_bytes"]


@jit
def _note_asks(clock):
    if clock["replay_mode"] == RECORD:
        note_page(clock, ASKS_WRITER, clock["writer_translated"], clock["writer_asks"])


@jit_inline
def writer_step(clock):
    """Advance the writer by one cycle, from the channel backwards, and take the next row."""
    now = clock["now"]
    asked = -1
    page = clock["writer_page"]
    if clock["writer_translated_valid"]:
        if clock["writer_stall"] > now:
            wake_at(clock, clock["writer_stall"])
        elif clock["writer_asks"] and clock["translator_takes"] != ASKS_WRITER:
            # the request goes round again, and everything behind it waits
            clock["writer_stall"] = now + 2
            clock["writer_asks"] = packet_address(clock["writer_translated"]) >> PAGE != page
            _note_asks(clock)
            clock["coming"] |= WRITER_SIDE
        else:
            if clock["writer_asks"]:
                asked = clock["writer_translated"]
                page = packet_address(asked) >> PAGE
                clock["writer_asks"] = 0
            if channel_has_room(clock, WRITER):
                channel_push(clock, WRITER, clock["writer_translated"])
                clock["writer_translated_valid"] = 0
            clock["coming"] |= WRITER_SIDE
    if clock["writer_lookup_valid"] and not clock["writer_translated_valid"]:
        clock["writer_translated"] = clock["writer_lookup"]
        clock["writer_translated_valid"] = 1
        clock["writer_lookup_valid"] = 0
        clock["writer_asks"] = packet_address(clock["writer_translated"]) >> PAGE != clock["writer_page"]
        _note_asks(clock)
        clock["coming"] |= WRITER_SIDE
    clock["writer_page"] = page
    if asked >= 0 and clock["replay_mode"] == RECORD:
        note_last_page(clock, ASKS_WRITER, asked)
    if clock["writer_state"] != _IDLE:
        if clock["writer_time"] > now:
            wake_at(clock, clock["writer_time"])
        elif not clock["writer_lookup_valid"] and clock["write_busy"] != (1 << clock["reads_in_flight"]) - 1:
            if _write_beat(clock):
                clock["writer_state"] = _IDLE
    if clock["writer_state"] == _IDLE and clock["out_issue"] < clock["out_scale"]:
        row = clock["out_issue"] & _MASK
        ready = max(clock["out_time"][row], clock["out_data"][row])
        if ready > now:
            wake_at(clock, ready)
            return
        clock["out_issue"] += 1
        clock["coming"] |= WRITER_SIDE
        if clock["out_kind"][row] == SCRATCHPAD:
            clock["bank_stored"][scratchpad_bank(clock, clock["out_local"][row])] -= 1
        if clock["out_last"][row]:
            clock["writer_state"] = _NEW_BLOCK
            clock["writer_time"] = now + 1
            clock["writer_address"] = clock["out_address"][row]
            clock["writer_bytes"] = clock["out_bytes"][row]
            clock["writer_sent"] = 0
