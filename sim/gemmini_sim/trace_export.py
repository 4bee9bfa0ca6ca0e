"""A traced run as a file for a viewer: Perfetto (Chrome's trace JSON) or Konata (its pipeline log).

In Perfetto one microsecond is one cycle. The processes are the program's regions, the three units (a command lies in a
track of its own from entering the reservation station to its completion, cut into waiting, queued and working), the
DMA's requests and, as counters, how full the queues are. Konata shows the same commands as the stages of a pipeline.
"""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from gemmini_sim.errors import InputError
from gemmini_sim.result import Trace
from gemmini_sim.trace_tables import UNIT_NAMES, command_table, occupancy_table, request_table, traffic_table

__all__ = ["write_konata", "write_perfetto"]

_REGIONS, _FIRST_UNIT, _DMA, _MEMORY, _QUEUES = 1, 2, 5, 6, 7
# What a command does between two of its cycles: in Perfetto the slice's name, in Konata the stage's.
_PHASES = (("allocate", "issue", "waits"), ("issue", "start", "queued"), ("start", "complete", "works"))
_KONATA_STAGES = {"waits": "Rs", "queued": "Qu", "works": "Ex"}


def write_perfetto(trace: Trace, path: str | Path) -> None:
    """Write a trace as Chrome trace JSON, which https://ui.perfetto.dev and chrome://tracing open.

    Raises
    ------
    ValueError
        If the run was not traced in full.
    InputError
        If the file cannot be written.
    """
    events = _perfetto_events(trace)
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            file.write('{"displayTimeUnit":"ns","otherData":{"unit":"1 us is 1 cycle"},"traceEvents":[\n')
            file.write(",\n".join(json.dumps(event, separators=(",", ":")) for event in events))
            file.write("\n]}\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _perfetto_events(trace: Trace) -> Iterator[dict[str, Any]]:
    yield from _named(_REGIONS, "program")
    yield from _named(_REGIONS, "regions", tid=0)
    for region in trace.regions:
        yield _slice(f"region {region.name}", (_REGIONS, 0), region.begin_cycle, region.end_cycle)
    commands = command_table(trace)
    for number, unit in enumerate(UNIT_NAMES):
        yield from _unit_events(commands[commands["unit"] == unit], _FIRST_UNIT + number, unit)
    yield from _named(_DMA, "DMA requests")
    requests = request_table(trace).dropna(subset=["end"])
    for lane, request in _lanes(requests.to_dict(orient="records"), "begin", "end"):
        where = {"address": f"{request['address']:#x}", "bytes": request["bytes"], "source": request["source"]}
        yield _slice(request["kind"], (_DMA, lane), int(request["begin"]), int(request["end"]), **where)
    yield from _named(_MEMORY, "memory port")
    for burst in traffic_table(trace).to_dict(orient="records"):
        where = {"address": f"{burst['address']:#x}"}
        yield {
            "name": burst["kind"],
            "cat": "memory",
            "ph": "i",
            "s": "p",
            "ts": burst["cycle"],
            "pid": _MEMORY,
            "tid": 0,
            "args": where,
        }
    yield from _named(_QUEUES, "queues")
    for level in occupancy_table(trace).to_dict(orient="records"):
        name, count = level["queue"], level["entries"]
        yield {"name": name, "ph": "C", "ts": level["cycle"], "pid": _QUEUES, "tid": 0, "args": {"entries": count}}


def _named(pid: int, name: str, *, tid: int | None = None) -> Iterator[dict[str, Any]]:
    kind = "process_name" if tid is None else "thread_name"
    yield {"name": kind, "ph": "M", "ts": 0, "pid": pid, "tid": tid or 0, "args": {"name": name}}


def _slice(name: str, track: tuple[int, int], begin: int, end: int, **args: object) -> dict[str, Any]:
    pid, tid = track
    return {"name": name, "ph": "X", "ts": begin, "dur": end - begin, "pid": pid, "tid": tid, "args": args}


def _unit_events(commands: pd.DataFrame, pid: int, unit: str) -> Iterator[dict[str, Any]]:
    yield from _named(pid, f"{unit} commands")
    done = commands.dropna(subset=["complete"]).reset_index()
    for lane, command in _lanes(done.to_dict(orient="records"), "allocate", "complete"):
        args = {"operands": command["operands"], "command": command["command"]}
        if pd.notna(command["line"]):
            args["source"] = f"{command['file']}:{command['line']}"
        if pd.notna(command["waited_for"]):
            args["waited for command"] = int(command["waited_for"])
        yield _slice(command["name"], (pid, lane), int(command["allocate"]), int(command["complete"]), **args)
        for first, last, phase in _PHASES:
            if command[last] > command[first]:
                yield _slice(phase, (pid, lane), int(command[first]), int(command[last]))


def _lanes(rows: Iterable[dict[Any, Any]], first: str, last: str) -> Iterator[tuple[int, dict[Any, Any]]]:
    """Give each row the lowest track that is free from ``first`` to ``last``; slices of one track must not overlap."""
    free: list[int] = []
    taken: list[tuple[int, int]] = []
    lanes = 0
    for row in rows:
        while taken and taken[0][0] <= row[first]:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, lanes = lanes, lanes + 1
        heapq.heappush(taken, (max(int(row[last]), int(row[first]) + 1), lane))
        yield lane, row


def write_konata(trace: Trace, path: str | Path) -> None:
    """Write a trace as a log of the pipeline viewer Konata, format 0004: one instruction per command.

    Stages are Rs (waits in the reservation station), Qu (in its unit's queue) and Ex (at work). An arrow leads from the
    command that it waited for last.

    Raises
    ------
    ValueError
        If the run was not traced in full.
    InputError
        If the file cannot be written.
    """
    commands = command_table(trace)
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            _write_konata(commands[commands["complete"].notna()], file)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def _write_konata(commands: pd.DataFrame, file: TextIO) -> None:
    lines: dict[int, list[str]] = defaultdict(list)
    identity = {command: number for number, command in enumerate(commands.index)}
    retired = {command: number for number, command in enumerate(commands.sort_values("complete", kind="stable").index)}
    for command, row in zip(commands.index, commands.to_dict(orient="records"), strict=True):
        own = identity[command]
        begin = lines[int(row["allocate"])]
        begin += [
            f"I\t{own}\t{command}\t{UNIT_NAMES.index(row['unit'])}",
            f"L\t{own}\t0\t{row['name']} {row['operands']}",
        ]
        if pd.notna(row["line"]):
            begin.append(f"L\t{own}\t1\t{row['file']}:{row['line']}")
        for first, last, phase in _PHASES:
            if row[last] > row[first]:
                lines[int(row[first])].append(f"S\t{own}\t0\t{_KONATA_STAGES[phase]}")
                lines[int(row[last])].append(f"E\t{own}\t0\t{_KONATA_STAGES[phase]}")
        if pd.notna(row["waited_for"]) and row["waited_for"] in identity:
            lines[int(row["issue"])].append(f"W\t{own}\t{identity[int(row['waited_for'])]}\t0")
        lines[int(row["complete"])].append(f"R\t{own}\t{retired[command]}\t0")
    file.write("Kanata\t0004\n")
    previous = None
    for cycle in sorted(lines):
        file.write(f"C=\t{cycle}\n" if previous is None else f"C\t{cycle - previous}\n")
        previous = cycle
        file.writelines(line + "\n" for line in lines[cycle])
