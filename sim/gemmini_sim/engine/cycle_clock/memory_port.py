"""Between the L2 and memory: line fetches, write-backs and their answers.

An acquire becomes a read burst, a dirty release a write burst; both leave over one TileLink A channel, the release
first. Reads come back in order, one beat per cycle, the first ``dram_latency`` cycles after the request. Answers share
the D channel: a read burst first, then the acknowledgement of a write (which overtakes after eight cycles), then what
the memory never sees, each from a queue of two: that of a release without data, permission to write a whole line.

With banks, memory is a DRAM with open rows: a request waits for its bank, for its row, and for the data bus. They are
served as they come. A write is acknowledged as without banks and waits in a queue; when that is full it is emptied, row
by row, before the next read.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_inline
from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock._record import log, wake_at
from gemmini_sim.engine.cycle_clock.l2_directory import LINE
from gemmini_sim.engine.cycle_clock.records import AXI_AR, AXI_AW, AXI_RLAST
from gemmini_sim.engine.cycle_clock.sizes import CACHE, OUTER

__all__ = [
    "GRANT_BIT",
    "SINK_CLEAN",
    "SINK_READ",
    "SINK_WRITTEN",
    "acknowledge_grant",
    "memory_answers",
    "memory_requests",
]

SINK_READ, SINK_WRITTEN, SINK_CLEAN = 0, 1, 2
GRANT_BIT = 16  # among the instant answers: permission to write a whole line, not the end of a release
_RELEASES, _GRANTS = 0, 1
_FETCHES = 16
_GRANTS_AT_ONCE = 8  # numbers of TLCacheCork
_B_PATIENCE = 7


@jit
def _row(clock, line):
    return line << clock["line_shift"] >> clock["dram_row_shift"]


@jit
def _dram_wait(clock, line, write):
    """Return how many cycles a request that begins now waits for its bank, its row and the data bus."""
    if clock["dram_banks"] == 0:
        return 0
    row = _row(clock, line)
    bank = row & (clock["dram_banks"] - 1)
    begin = max(clock["now"], clock["dram_bank_free"][bank])
    if clock["dram_row"][bank] != row:
        begin += clock["dram_activate"]
        if clock["dram_row"][bank] >= 0:
            begin += clock["dram_precharge"]
        clock["dram_row"][bank] = row
    if clock["dram_writes"] != write:
        clock["dram_writes"] = write
        clock["dram_bus_free"] += clock["dram_turnaround"]
    begin = max(begin, clock["dram_bus_free"])
    clock["dram_bus_free"] = clock["dram_bank_free"][bank] = begin + clock["dram_burst"]
    return begin - clock["now"]


@jit
def _dram_write(clock, line):
    """Take a line that is to be written; if there are enough of them, write them all."""
    if clock["dram_banks"] == 0:
        return
    queued = clock["dram_queued"]
    clock["dram_queue"][queued] = line
    queued += 1
    if queued == clock["dram_write_queue"]:
        for first in range(queued):
            if clock["dram_queue"][first] >= 0:
                row = _row(clock, clock["dram_queue"][first])
                for place in range(first, queued):
                    line = clock["dram_queue"][place]
                    if line >= 0 and _row(clock, line) == row:
                        _dram_wait(clock, line, 1)
                        clock["dram_queue"][place] = -1
        queued = 0
    clock["dram_queued"] = queued


@jit
def _sink(clock, kind, mshr, beat):
    slot = (clock["sink_head"] + clock["sink_count"]) & 1
    clock["sink_kind"][slot] = kind
    clock["sink_mshr"][slot] = mshr
    clock["sink_beat"][slot] = beat
    clock["sink_time"][slot] = clock["now"] + 1
    clock["sink_count"] += 1
    clock["coming"] |= CACHE | OUTER


@jit
def _answer_instantly(clock, queue, mshr):
    """Answer what the memory never sees; return whether there is room for it."""
    if clock["clean_count"][queue] + (clock["clean_pop"][queue] == clock["now"]) >= 2:
        return False
    slot = (clock["clean_head"][queue] + clock["clean_count"][queue]) & 1
    clock["clean_mshr"][queue, slot] = mshr
    clock["clean_time"][queue, slot] = clock["now"] + 1
    clock["clean_count"][queue] += 1
    return True


@jit
def acknowledge_grant(clock):
    """Let the number of a grant be used again, two cycles after the L2 has acknowledged the grant."""
    clock["grants"] -= 1
    clock["grant_acked"][1] = clock["grant_acked"][0]
    clock["grant_acked"][0] = clock["now"]
    clock["coming"] |= OUTER


@jit
def _take_grant(clock):
    """Give a line or a permission a number, which every grant has; return whether there was one."""
    recent = clock["now"] - 2
    used = clock["grants"] + (clock["grant_acked"][0] > recent) + (clock["grant_acked"][1] > recent)
    if used >= _GRANTS_AT_ONCE:
        clock["coming"] |= OUTER
        return False
    clock["grants"] += 1
    return True


@jit
def _pass_instant(clock, room):
    """Pass an instant answer on, if there is ``room``: the end of a release before a permission to write."""
    now = clock["now"]
    for queue in range(2):
        head = clock["clean_head"][queue]
        if clock["clean_count"][queue] == 0 or clock["clean_time"][queue, head] > now:
            continue
        if room and (queue == _RELEASES or _take_grant(clock)):
            _sink(clock, SINK_CLEAN, clock["clean_mshr"][queue, head], 0)
            clock["clean_head"][queue] = head ^ 1
            clock["clean_count"][queue] -= 1
            clock["clean_pop"][queue] = now
        return


@jit_inline
def memory_requests(clock):
    """Send a write-back beat or a fetch; a burst of beats is not interrupted."""
    now = clock["now"]
    if clock["release_fill"] > 0:
        head = clock["release_head"]
        if clock["release_queue_time"][head] <= now:
            packet = clock["release_queue"][head]
            mshr = packet & 15
            if packet & 16:  # a release without data is answered on the spot
                if _answer_instantly(clock, _RELEASES, mshr):
                    clock["release_head"] = (head + 1) & 31
                    clock["release_fill"] -= 1
                    clock["coming"] |= CACHE | OUTER
            else:
                if clock["port_beats"] == 0:
                    clock["port_beats"] = clock["memory_beats"]
                    clock["writes"] += 1
                    if clock["tracing"]:
                        log(clock, now, AXI_AW, mshr, clock["mshr_victim"][mshr], clock["memory_beats"])
                clock["port_beats"] -= 1
                clock["release_head"] = (head + 1) & 31
                clock["release_fill"] -= 1
                clock["coming"] |= CACHE | OUTER
                if clock["port_beats"] == 0:
                    slot = (clock["write_head"] + clock["write_count"]) & 15
                    clock["write_mshr"][slot] = mshr
                    clock["write_time"][slot] = now + clock["write_latency"]
                    clock["write_count"] += 1
                    _dram_write(clock, clock["mshr_victim"][mshr] >> LINE)
                return
        else:
            wake_at(clock, clock["release_queue_time"][head])
    if clock["acquire_count"] > 0 and clock["port_beats"] == 0:
        head = clock["acquire_head"]
        if clock["acquire_time"][head] <= now:
            mshr = clock["acquire_queue"][head]
            if mshr & GRANT_BIT and not _answer_instantly(clock, _GRANTS, mshr):
                return
            clock["acquire_head"] = (head + 1) & 1
            clock["acquire_count"] -= 1
            clock["acquire_pop"] = now
            clock["coming"] |= CACHE | OUTER
            if mshr & GRANT_BIT:
                return
            slot = (clock["read_head"] + clock["read_count"]) & (_FETCHES - 1)
            clock["read_mshr"][slot] = mshr
            wait = _dram_wait(clock, clock["mshr_line"][mshr], 0)
            clock["read_time"][slot] = now + wait + clock["dram_latency"]
            clock["read_count"] += 1
            clock["reads"] += 1
            if clock["tracing"]:
                address = clock["mshr_line"][mshr] << clock["line_shift"]
                log(clock, now, AXI_AR, mshr, address, clock["memory_beats"])
        else:
            wake_at(clock, clock["acquire_time"][head])


@jit_inline
def memory_answers(clock):
    """Pass one beat of an answer on to the L2."""
    now = clock["now"]
    read = 0
    if clock["read_count"] > 0:
        if clock["read_time"][clock["read_head"]] <= now:
            read = 1
        else:
            wake_at(clock, clock["read_time"][clock["read_head"]])
    written = 0
    if clock["write_count"] > 0:
        if clock["write_time"][clock["write_head"]] <= now:
            written = 1
        else:
            wake_at(clock, clock["write_time"][clock["write_head"]])
    room = clock["sink_count"] + (clock["sink_pop"] == now) < 2
    in_burst = clock["read_beat"] > 0
    takes_read = in_burst or (read and clock["write_delay"] != _B_PATIENCE)
    if takes_read:
        if read and room and (in_burst or _take_grant(clock)):
            head = clock["read_head"]
            mshr = clock["read_mshr"][head]
            _sink(clock, SINK_READ, mshr, clock["read_beat"])
            clock["read_beat"] += 1
            clock["write_delay"] = (clock["write_delay"] + 1) & 7 if written else 0
            if clock["read_beat"] == clock["memory_beats"]:
                clock["read_beat"] = 0
                clock["read_head"] = (head + 1) & (_FETCHES - 1)
                clock["read_count"] -= 1
                # one beat per cycle: the next burst cannot start earlier
                if clock["read_count"] > 0 and clock["read_time"][clock["read_head"]] <= now:
                    clock["read_time"][clock["read_head"]] = now + 1
                if clock["tracing"]:
                    log(clock, now, AXI_RLAST, mshr, 0, 0)
        elif written:
            clock["write_delay"] = (clock["write_delay"] + 1) & 7
        return
    if written:
        if room:
            head = clock["write_head"]
            _sink(clock, SINK_WRITTEN, clock["write_mshr"][head], 0)
            clock["write_head"] = (head + 1) & 15
            clock["write_count"] -= 1
            clock["write_delay"] = 0
        else:
            clock["write_delay"] = (clock["write_delay"] + 1) & 7
        return
    _pass_instant(clock, room)
