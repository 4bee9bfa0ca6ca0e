"""Tables of what happened in a traced run: commands, events, DMA requests, memory traffic, queue occupancy.

Everything comes from ``result.trace`` of a run with ``trace="full"``. Events have the names of the RTL traces that the
clock is held against (``data/rtl``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gemmini_sim.config import MachineConfig
from gemmini_sim.engine.cycle_clock import EVENT_NAMES
from gemmini_sim.result import Trace
from gemmini_sim.trace import LocalMemory, row_lifetimes

__all__ = [
    "COMMAND_NAMES",
    "command_table",
    "event_table",
    "host_table",
    "live_table",
    "occupancy_table",
    "request_table",
    "traffic_table",
]

COMMAND_NAMES = {
    0: "config",
    1: "mvin2",
    2: "mvin",
    3: "mvout",
    4: "compute_preloaded",
    5: "compute_accumulated",
    6: "preload",
    7: "flush",
    8: "loop_ws",
    14: "mvin3",
    15: "loop_conv_ws",
}
"""Names of the commands by their RoCC function; further functions of the hardware loops configure them."""

UNIT_NAMES = ("load", "execute", "store")
_CONFIG_NAMES = ("config_ex", "config_ld", "config_st", "config_norm")
_GARBAGE = 0xFFFF_FFFF
_QUEUES = {
    "rocc_commit": "cpu",
    "fence_commit": "cpu",
    "rdcycle": "cpu",
    "cmd_fire": "cmd",
    "mesh_req": "ex",
    "mesh_resp_last": "ex",
    "dma_get": "dma",
    "dma_data": "dma",
    "dma_put": "dma",
    "dma_ack": "dma",
    "axi_ar": "mem",
    "axi_aw": "mem",
    "axi_rlast": "mem",
    "busy_rise": "gemmini",
    "busy_fall": "gemmini",
}
_KIND = {name: kind for kind, name in enumerate(EVENT_NAMES)}
_STATION = ("alloc", "issue", "complete", "complete_on_issue")
_WITH_ADDRESS = ("dma_get", "dma_put", "axi_ar", "axi_aw")
_STORE_ID, _EXECUTE_ID = 32, 16


def _unit_of(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the unit (0 load, 1 execute, 2 store) of a station entry's number: 0-15 ld, 16-31 ex, 32 on st."""
    return np.where(number >= _STORE_ID, 2, np.where(number >= _EXECUTE_ID, 1, 0))


def _chosen(trace: Trace, *names: str) -> NDArray[np.void]:
    if not trace.events.size and trace.commands.size:
        raise ValueError("the run needs trace='full': a summary has no events")
    return trace.events[np.isin(trace.events["kind"], [_KIND[name] for name in names])]


def _fields(bits: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split operand registers into local address, columns and rows."""
    return (
        (bits & np.uint64(_GARBAGE)).astype(np.int64),
        (bits >> np.uint64(32) & np.uint64(0xFFFF)).astype(np.int64),
        (bits >> np.uint64(48) & np.uint64(0xFFFF)).astype(np.int64),
    )


def command_name(funct: int, rs1: int) -> str:
    """Return the name of a command, of a configuration with what it configures."""
    return _CONFIG_NAMES[rs1 & 3] if funct == 0 else COMMAND_NAMES.get(funct, f"loop_config_{funct}")


def describe_operands(funct: int, rs1: int, rs2: int) -> str:
    """Return a command's operands as a person writes them, for instance ``0x81000000 -> A[0:16] x 16``."""
    if funct == 0 or (funct not in COMMAND_NAMES and funct != 0) or funct in {7, 8, 15}:
        return f"{rs1:#x}, {rs2:#x}"
    if funct == 6:
        return f"{_local(rs1)} -> {_local(rs2)}"
    if funct in {4, 5}:
        return f"{_local(rs1)}, {_local(rs2)}"
    return f"{_local(rs2)} -> {rs1:#x}" if funct == 3 else f"{rs1:#x} -> {_local(rs2)}"


def _local(bits: int) -> str:
    address, columns, rows = bits & _GARBAGE, bits >> 32 & 0xFFFF, bits >> 48 & 0xFFFF
    if address == _GARBAGE:
        return "none"
    memory = "acc" if address >> 31 else "spad"
    adds = "+=" if address >> 31 and address >> 30 & 1 else ""
    first = address & 0x1FFF_FFFF
    return f"{memory}{adds}[{first}:{first + rows}] x {columns}"


def event_table(trace: Trace) -> pd.DataFrame:
    """Return every event of a run, in the columns of the RTL traces.

    Returns
    -------
    DataFrame
        cycle, event, queue (cpu, cmd, ld, ex, st, dma, mem, gemmini), funct, rs1, rs2, id (Int64, NA where an event
        has none). dma_get and dma_put have their address in rs1 and bytes in rs2; id is then the TileLink source.
    """
    events = trace.events
    kind, number = events["kind"], events["number"]
    names = np.array(EVENT_NAMES, dtype=object)[kind]
    station = np.isin(names, _STATION)
    queues = np.array([_QUEUES.get(name, "") for name in EVENT_NAMES], dtype=object)[kind]
    queues[station] = np.array(["ld", "ex", "st"], dtype=object)[_unit_of(number[station] & 0xFF)]
    table = pd.DataFrame({"cycle": events["cycle"], "event": names, "queue": queues})
    allocated = names == "alloc"
    operands = allocated | np.isin(names, ["cmd_fire", "rocc_commit"]) | np.isin(names, _WITH_ADDRESS)
    functs = np.where(allocated, number >> 8 & 0xFF, number)
    with_funct = allocated | np.isin(names, ["cmd_fire", "rocc_commit"])
    with_id = station | np.isin(names, ["dma_get", "dma_data", "dma_put", "dma_ack", "axi_ar", "axi_aw", "axi_rlast"])
    table["funct"] = pd.Series(functs, dtype="Int64").where(with_funct)
    table["rs1"] = pd.Series(events["address"].astype(np.uint64), dtype="UInt64").where(operands)
    table["rs2"] = pd.Series(events["size"].astype(np.uint64), dtype="UInt64").where(operands)
    table["id"] = pd.Series(np.where(station, number & 0xFF, number), dtype="Int64").where(with_id)
    return table


def command_table(trace: Trace) -> pd.DataFrame:
    """Return one row per command that entered the reservation station, those of the hardware loops included.

    Returns
    -------
    DataFrame
        command (number in the order of entry, the index), name, unit, operands (text), funct, rs1, rs2 (uint64),
        local, columns, rows (of rs2: what is moved, or where a preload's result goes), host_command (row of
        ``trace.commands``; NA if a hardware loop made it), pc, file, line (NA where unknown), commit (NA for
        those of a loop), allocate, issue, start, complete (cycles; complete is NA if the run ended before), waited_for
        (the command whose completion let it issue last; NA if it waited for none).
    """
    entered = _chosen(trace, "alloc")
    number = entered["number"] & 0xFF
    order = np.arange(entered.size)
    issue, blocker = _occurrences(_chosen(trace, "issue"), number)
    complete, start = _occurrences(_chosen(trace, "complete", "complete_on_issue"), number)
    at_issue = (entered["number"] >> 8 & 0xFF == 0) & (_unit_of(number) != 1)
    rs1, rs2 = entered["address"].astype(np.uint64), entered["size"].astype(np.uint64)
    functs = entered["number"] >> 8 & 0xFF
    local, columns, rows = _fields(rs2)
    host = _host_commands(trace, entered)
    table = pd.DataFrame({"command": order})
    table["name"] = [command_name(funct, int(bits)) for funct, bits in zip(functs.tolist(), rs1.tolist(), strict=True)]
    table["unit"] = np.array(UNIT_NAMES, dtype=object)[_unit_of(number)]
    table["operands"] = [
        describe_operands(*operands) for operands in zip(functs.tolist(), rs1.tolist(), rs2.tolist(), strict=True)
    ]
    table["funct"], table["rs1"], table["rs2"] = functs, rs1, rs2
    table["local"], table["columns"], table["rows"] = local, columns, rows
    table["host_command"] = pd.Series(host, dtype="Int64").where(host >= 0)
    known = trace.commands[np.maximum(host, 0)] if trace.commands.size else np.zeros(host.size, trace.commands.dtype)
    table["pc"] = pd.Series(known["pc"], dtype="UInt64").where(host >= 0)
    places = {pc: trace.line_of(pc) for pc in set(known["pc"][host >= 0].tolist())}
    found = [places.get(pc) if own >= 0 else None for pc, own in zip(known["pc"].tolist(), host.tolist(), strict=True)]
    table["file"] = [place[0] if place else None for place in found]
    table["line"] = pd.array([place[1] if place else None for place in found], dtype="Int64")
    table["commit"] = pd.Series(known["commit"], dtype="Int64").where(host >= 0)
    table["allocate"] = entered["cycle"]
    for name, cycles in (("issue", issue), ("start", np.where(at_issue, issue, start)), ("complete", complete)):
        table[name] = pd.Series(cycles, dtype="Int64").where(cycles >= 0)
    table["waited_for"] = _last_in(number, entered["cycle"], blocker, issue)
    return table.set_index("command")


def _occurrences(events: NDArray[np.void], number: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return cycle and address of the n-th event of an entry for the n-th command in it, -1 where there is none."""
    cycle, address = np.full(number.size, -1, np.int64), np.full(number.size, -1, np.int64)
    for entry in np.unique(number):
        commands = np.flatnonzero(number == entry)
        own = events[events["number"] & 0xFF == entry][: commands.size]
        cycle[commands[: own.size]] = own["cycle"]
        address[commands[: own.size]] = own["address"]
    return cycle, address


def _host_commands(trace: Trace, entered: NDArray[np.void]) -> NDArray[np.int64]:
    """Return which of the host's commands each command in the station is, -1 for those that a loop made."""
    host = np.full(entered.size, -1, np.int64)
    own = np.flatnonzero(entered["number"] >> 16 == 0)
    given = np.flatnonzero(np.isin(trace.commands["funct"], [0, 1, 2, 3, 4, 5, 6, 14]))[: own.size]
    host[own[: given.size]] = given
    return host


def _last_in(
    number: NDArray[np.int64], allocate: NDArray[np.int64], entry: NDArray[np.int64], before: NDArray[np.int64]
) -> pd.Series:
    """Return the last command that entered ``entry`` before the cycle ``before``, NA where there is none."""
    found = np.full(entry.size, -1, np.int64)
    for wanted in np.unique(entry[entry >= 0]):
        occupants = np.flatnonzero(number == wanted)
        mine = np.flatnonzero(entry == wanted)
        place = np.searchsorted(allocate[occupants], before[mine]) - 1
        # the entry may have been taken again in the cycle between its release and this command's issue
        found[mine] = occupants[np.maximum(place, 0)]
        own = found[mine] >= mine
        found[mine[own]] = occupants[np.maximum(place[own] - 1, 0)]
    return pd.Series(found, dtype="Int64").where(found >= 0)


def request_table(trace: Trace) -> pd.DataFrame:
    """Return one row per DMA request: a read of up to a line, or a put.

    Returns
    -------
    DataFrame
        kind ("get" or "put"), source (TileLink source id), address, bytes, begin (cycle in which it left; of a put, its
        first beat), end (cycle of its last beat of data, or of its acknowledgement; NA if the run ended before).
    """
    parts = []
    for kind, ask, answer in (("get", "dma_get", "dma_data"), ("put", "dma_put", "dma_ack")):
        asked, answered = _chosen(trace, ask), _chosen(trace, answer)
        for source in np.unique(asked["number"]):
            begin = asked[asked["number"] == source]
            if kind == "put":  # one row per beat; a new put begins where its source was answered in between
                begin = begin[np.concatenate([[True], np.diff(_answers(answered, source, begin)) > 0])]
                last = answered[answered["number"] == source]["cycle"]
            else:
                beats = answered[answered["number"] == source]["cycle"]
                later = np.searchsorted(beats, np.append(begin["cycle"][1:], np.iinfo(np.int64).max)) - 1
                last = beats[later[later >= 0]]
            part = pd.DataFrame(
                {
                    "kind": kind,
                    "source": begin["number"],
                    "address": begin["address"],
                    "bytes": begin["size"],
                    "begin": begin["cycle"],
                }
            )
            part["end"] = pd.Series(last[: begin.size], dtype="Int64").reindex(range(begin.size))
            parts.append(part)
    columns = ["kind", "source", "address", "bytes", "begin", "end"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return table.sort_values("begin", kind="stable", ignore_index=True)


def _answers(answered: NDArray[np.void], source: int, begin: NDArray[np.void]) -> NDArray[np.int64]:
    """Return how many answers to a source came before each of its beats."""
    return np.searchsorted(answered[answered["number"] == source]["cycle"], begin["cycle"], side="left")


def traffic_table(trace: Trace) -> pd.DataFrame:
    """Return one row per burst of the memory port.

    Returns
    -------
    DataFrame
        kind ("read" or "write"), address (of the line), bytes, cycle (in which its request left).
    """
    bursts = _chosen(trace, "axi_ar", "axi_aw")
    return pd.DataFrame(
        {
            "kind": np.where(bursts["kind"] == _KIND["axi_ar"], "read", "write"),
            "address": bursts["address"],
            "cycle": bursts["cycle"],
        }
    )


def host_table(trace: Trace) -> pd.DataFrame:
    """Return what the host gives the accelerator, and how long it waits with it.

    Returns
    -------
    DataFrame
        command (row of ``trace.commands``; NA for a fence), ready (cycle in which the host could commit it), commit
        (cycle in which there was room in the queue, or in which the accelerator was done with what is before a fence).
    """
    fences = _chosen(trace, "fence_commit")
    table = pd.DataFrame(
        {
            "command": pd.array([*range(trace.commands.size), *[None] * fences.size], dtype="Int64"),
            "ready": np.concatenate([trace.commands["ready"], fences["address"]]),
            "commit": np.concatenate([trace.commands["commit"], fences["cycle"]]),
        }
    )
    return table.sort_values("commit", kind="stable", ignore_index=True)


def occupancy_table(trace: Trace) -> pd.DataFrame:
    """Return how full the reservation station and the units' queues are over time.

    Returns
    -------
    DataFrame
        cycle, queue ("station load", "queue load", ...), entries (from this cycle to the queue's next row). An entry
        of the station is taken from allocation to completion, one of a unit's queue from issue to start.
    """
    commands = command_table(trace)
    parts = []
    for unit in UNIT_NAMES:
        own = commands[commands["unit"] == unit]
        for name, first, last in ((f"station {unit}", "allocate", "complete"), (f"queue {unit}", "issue", "start")):
            begin = own[first].dropna().to_numpy(np.int64)
            end = own[last].dropna().to_numpy(np.int64)
            cycles = np.concatenate([begin, end])
            steps = np.repeat([1, -1], [begin.size, end.size])
            changes = pd.Series(steps).groupby(cycles).sum()
            level = changes[changes != 0].cumsum()
            parts.append(pd.DataFrame({"cycle": level.index, "queue": name, "entries": level.to_numpy()}))
    return pd.concat(parts, ignore_index=True)


def live_table(trace: Trace, config: MachineConfig, *, memory: LocalMemory) -> pd.DataFrame:
    """Return which data lay in which local row from when to when, and what they are. A summary is enough.

    Returns
    -------
    DataFrame
        row, bank, operand (the program's variable that an mvin brought it from, "zeros" or "result"; NA if it came from
        an address without a symbol), written and last_read (cycles; last_read is NA if nothing ever read it), command
        (row of ``trace.commands`` that wrote it).
    """
    lives = row_lifetimes(trace.commands, config, memory=memory)
    bank_rows = config.scratchpad_bank_rows if memory == "scratchpad" else config.accumulator_bank_rows
    names = {int(number): _operand_of(trace, int(number)) for number in np.unique(lives["command"])}
    table = pd.DataFrame({"row": lives["row"], "bank": lives["row"] // bank_rows})
    table["operand"] = [names[number] for number in lives["command"].tolist()]
    table["written"] = lives["written"]
    table["last_read"] = pd.Series(lives["last_read"], dtype="Int64").where(lives["last_read"] >= 0)
    table["command"] = lives["command"]
    return table


def _operand_of(trace: Trace, number: int) -> str | None:
    command = trace.commands[number]
    if command["funct"] not in {1, 2, 14}:
        return "result"
    address = int(command["rs1"])
    return trace.symbol_of(address) if address else "zeros"
