"""Our trace of a program beside the RTL's: where the two first depart, and by how much.

Both are lists of events with the same names. Inside one measured region (from one ``rdcycle`` to the next) the n-th
event of a kind in one trace belongs to the n-th of that kind in the other; cycles count from the region's begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gemmini_sim.measurements import AccuracyError

__all__ = ["Departure", "first_departure", "match_regions", "summarize_regions"]

_MADE_BY_LOOP = "alloc_fsm"
# What tells the n-th event of a kind apart besides its cycle. Numbers of transactions and of entries are handed out
# by whoever is free, so a number that differs is a consequence and not the cause.
_IDENTITY = {
    "cmd_fire": ("funct", "rs1", "rs2"),
    "alloc": ("funct", "rs1", "rs2"),
    "dma_get": ("rs1", "rs2"),
    "dma_put": ("rs1", "rs2"),
}
_OPERANDS = ("funct", "rs1", "rs2")
_NOTHING, _NOTHING_BITS = 0xFFFF_FFFF, 0xE000_3FFF
_OF_AN_ENTRY = frozenset({"alloc", "issue", "complete", "complete_on_issue"})


@dataclass(frozen=True)
class Departure:
    """The first event that differs in a region.

    Attributes
    ----------
    event, number : str, int
        Its kind, and how many of that kind came before it in the region.
    rtl_cycle, cycle : int or None
        When it happened, from the region's begin; ``None`` where it did not happen.
    reason : str
        One sentence for a person.
    context : DataFrame
        The matched events around it, in the order of the RTL's cycles.
    """

    event: str
    number: int
    rtl_cycle: int | None
    cycle: int | None
    reason: str
    context: pd.DataFrame


def match_regions(rtl: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Lay two traces of one program beside each other, region by region.

    Parameters
    ----------
    rtl, ours : DataFrame
        From `Measurements.trace` and `trace_tables.event_table`. The RTL's may begin late; both end with the program.

    Returns
    -------
    DataFrame
        One row per pair of events: region, event, number (of its kind in the region), rtl_cycle and cycle (from the
        region's begin; NA where one of the two has no such event), what (the operands; the RTL's if both have it),
        departs (bool).

    Raises
    ------
    AccuracyError
        If the RTL's trace marks no region, or our run reads the cycle counter less often.
    """
    rtl_regions, our_regions = _regions(rtl), _regions(ours)
    if not rtl_regions:
        raise AccuracyError("the RTL trace marks no region: it has no pair of rdcycle events")
    if len(our_regions) < len(rtl_regions):
        message = f"our run has {len(our_regions)} measured regions, the RTL trace {len(rtl_regions)}"
        raise AccuracyError(f"{message}: did the program end early?")
    pairs = zip(rtl_regions, our_regions[-len(rtl_regions) :], strict=True)
    return pd.concat([_match(*pair).assign(region=number) for number, pair in enumerate(pairs)], ignore_index=True)


def _regions(events: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the events between each pair of rdcycle, cycles counted from the first."""
    reads = events.loc[events["event"] == "rdcycle", "cycle"].tolist()
    found = []
    for begin, end in zip(reads[::2], reads[1::2], strict=False):
        inside = events[(events["cycle"] >= begin) & (events["cycle"] <= end)].copy()
        inside["cycle"] -= begin
        inside["made_by_loop"] = inside["event"] == _MADE_BY_LOOP
        inside["event"] = inside["event"].replace(_MADE_BY_LOOP, "alloc")
        for column in _OPERANDS:
            inside[column] = inside[column].map(_number)
        inside["number"] = inside.groupby("event").cumcount()
        found.append(inside)
    return found


def _number(value: object) -> str:
    """Write an operand of either trace in one way: hexadecimal, "" for none; one form of the address of nothing."""
    if value is None or value is pd.NA or value == "":
        return ""
    number = int(str(value), 0)
    # the hardware loops set the flags and the bits of a row, the programs all bits of the address that stands for none
    return f"{number | _NOTHING if number & _NOTHING_BITS == _NOTHING_BITS else number:#x}"


def _match(rtl: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    both = rtl.merge(ours, on=["event", "number"], how="outer", suffixes=("_rtl", ""))
    both["rtl_cycle"] = both["cycle_rtl"].astype("Int64")
    both["cycle"] = both["cycle"].astype("Int64")
    both["departs"] = (both["rtl_cycle"] != both["cycle"]).fillna(value=True)
    for event, columns in _IDENTITY.items():
        same_kind = both["event"] == event
        for column in columns:
            left, right = both[f"{column}_rtl"], both[column]
            both["departs"] |= same_kind & (left != right)
    both["what"] = [_operands(row) for row in both.to_dict(orient="records")]
    both["first"] = both[["rtl_cycle", "cycle"]].min(axis=1)
    both = both.sort_values(["first", "event", "number"], kind="stable", ignore_index=True)
    return both[["event", "number", "rtl_cycle", "cycle", "what", "departs"]]


def _operands(row: Mapping[Any, Any]) -> str:
    suffix = "_rtl" if pd.notna(row["rtl_cycle"]) else ""
    parts = [row[f"{column}{suffix}"] for column in _IDENTITY.get(row["event"], ())]
    if row["event"] in _OF_AN_ENTRY:
        parts.insert(0, f"entry {row[f'id{suffix}']}")
    return " ".join(parts)


def summarize_regions(matched: pd.DataFrame) -> pd.DataFrame:
    """Return one row per region: rtl_cycles and cycles (begin to end), events, departing (how many of them differ)."""
    rows = []
    for region, part in matched.groupby("region"):
        rows.append(
            {
                "region": region,
                "rtl_cycles": part["rtl_cycle"].max(),
                "cycles": part["cycle"].max(),
                "events": len(part),
                "departing": int(part["departs"].sum()),
            }
        )
    return pd.DataFrame(rows)


def first_departure(matched: pd.DataFrame, *, region: int, context: int = 12) -> Departure | None:
    """Return the first event of a region that differs in time or operands, ``None`` if none does.

    Parameters
    ----------
    matched : DataFrame
        From :func:`match_regions`.
    region : int
        Which region.
    context : int
        How many matched events to show on either side.
    """
    part = matched[matched["region"] == region].reset_index(drop=True)
    departing = part.index[part["departs"]]
    if departing.empty:
        return None
    place = int(departing.to_numpy()[0])
    row = part.to_dict(orient="records")[place]
    rtl_cycle = int(row["rtl_cycle"]) if pd.notna(row["rtl_cycle"]) else None
    cycle = int(row["cycle"]) if pd.notna(row["cycle"]) else None
    name = f"{row['event']} number {row['number']}" + (f" ({row['what']})" if row["what"] else "")
    if rtl_cycle is None:
        reason = f"{name} happens in our run, in cycle {cycle}, and not on RTL"
    elif cycle is None:
        reason = f"{name} happens on RTL, in cycle {rtl_cycle}, and not in our run"
    elif cycle == rtl_cycle:
        reason = f"{name} in cycle {cycle} has other operands in our run"
    else:
        late = cycle - rtl_cycle
        reason = f"{name} is {abs(late)} cycles {'late' if late > 0 else 'early'}: {cycle} instead of {rtl_cycle}"
    around = part.loc[max(0, place - context) : place + context].drop(columns="region")
    return Departure(str(row["event"]), int(row["number"]), rtl_cycle, cycle, reason, around)
