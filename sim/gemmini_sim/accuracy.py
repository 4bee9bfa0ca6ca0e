"""How far the clock is from RTL: run measured programs as they are and compare region by region.

What a directory of measurements holds is said in :mod:`gemmini_sim.measurements`. Programs report each region as a
console line ``R,label,cycles,instret,correct``.

Names that differ only by a suffix ``_pertN`` are the same program after N dummy line reads, which shifts the random
replacement of the caches and nothing else: their spread is the noise floor of the measurement.

Mechanisms are looked for in programs with an event trace. Kernels without one are held back: nothing but their totals
is known, so that they show whether what was found holds elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.measurements import AccuracyError, Measurements
from gemmini_sim.simulate import simulate

__all__ = ["SHORT_REGION", "AccuracyError", "accuracy_table", "noise_floor", "summarize", "worst"]

_MICRO_GROUPS = frozenset({"cpu", "ex", "mvin", "mvout", "ovl", "rocc"})
_PERTURBED = re.compile(r"_pert\d+$")
SHORT_REGION = 50
"""Regions of fewer cycles are judged by cycles (``within_3``): a per cent of them is less than one cycle."""
_WITHIN = 3


def _group(program: str) -> str:
    match = re.match(r"[a-z]+", program)
    return {"mm": "matmul"}.get(match[0], match[0]) if match else program


def _reported_regions(console: str) -> list[tuple[int, int]]:
    found = []
    for line in console.splitlines():
        fields = line.split(",")
        if len(fields) >= 4 and fields[0] == "R" and fields[2].isdigit() and fields[3].isdigit():
            found.append((int(fields[2]), int(fields[3])))
    return found


def _run(elf: bytes, config: MachineConfig, latency: int) -> tuple[list[tuple[int, int]], str]:
    result = simulate(elf, config=config.with_values({"memory.latency": latency}, source="dram_latency"))
    problem = ""
    if result.fault is not None:
        problem = result.fault.message
    elif result.status != "exited":
        problem = f"ended with status {result.status}"
    return _reported_regions(result.console), problem


def accuracy_table(
    directory: Path,
    *,
    config: str | Path = "lean-rtl",
    programs: Sequence[str] = (),
    threads: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run every measured program and put our cycles beside the RTL's.

    Parameters
    ----------
    directory : Path
        One of measurements, as `gemmini_sim.measurements` describes it.
    config : str or Path
        Machine preset or TOML file; its DRAM latency is replaced by each row's.
    programs : sequence of str
        Only programs whose name starts with one of these; all if empty.
    threads : int
        Simulations at a time.
    progress : callable, optional
        Called with (programs done, programs in all).

    Returns
    -------
    DataFrame
        One row per region: program, group, kernel (bool), traced (bool: there is an event trace of the program, or of
        the one that it perturbs), repetition, warm (bool), latency, rtl_cycles, rtl_instret, cycles and instret
        (simulated; NA where our run gave no such region), error (relative, signed), problem.

    Raises
    ------
    AccuracyError
        If the directory is not one of measurements, or nothing in it matches.
    """
    machine = load_config(config)
    measurements = Measurements(directory)
    table = measurements.regions
    if programs and not table.empty:
        table = table[table["program"].str.startswith(tuple(programs))]
    if table.empty:
        raise AccuracyError(f"{directory}: no measured region" + (f" of {', '.join(programs)}" if programs else ""))
    pairs = zip(table["program"], table["latency"], strict=True)
    runs = sorted({(str(program), int(latency)) for program, latency in pairs})
    elves = {program: measurements.elf(program) for program, _ in runs}
    found: dict[tuple[str, int], tuple[list[tuple[int, int]], str]] = {}
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda run: _run(elves[run[0]], machine, run[1]), runs)
        for done, (run, result) in enumerate(zip(runs, results, strict=True), start=1):
            found[run] = result
            if progress is not None:
                progress(done, len(runs))
    return _join(table, found, measurements.traced())


def _join(
    table: pd.DataFrame, found: dict[tuple[str, int], tuple[list[tuple[int, int]], str]], traced: Sequence[str]
) -> pd.DataFrame:
    cycles: list[int | None] = []
    instret: list[int | None] = []
    problems: list[str] = []
    for program, latency, repetition in zip(table["program"], table["latency"], table["repetition"], strict=True):
        regions, problem = found[program, latency]
        present = repetition < len(regions)
        cycles.append(regions[repetition][0] if present else None)
        instret.append(regions[repetition][1] if present else None)
        problems.append("" if present else problem or "the program reported no such region")
    result = table.reset_index(drop=True)
    result["group"] = [_group(program) for program in result["program"]]
    result["kernel"] = ~result["group"].isin(_MICRO_GROUPS)
    result["traced"] = result["program"].str.replace(_PERTURBED, "", regex=True).isin(traced)
    result["warm"] = result["repetition"] > 0
    result["cycles"] = pd.array(cycles, dtype="Int64")
    result["instret"] = pd.array(instret, dtype="Int64")
    result["error"] = (result["cycles"] - result["rtl_cycles"]) / result["rtl_cycles"]
    result["problem"] = problems
    return result


def noise_floor(table: pd.DataFrame) -> pd.DataFrame:
    """Return how far RTL is from itself: the spread of ``_pertN`` rows around their unperturbed program.

    Returns
    -------
    DataFrame
        One row per perturbed region: program, base (the unperturbed program), group, kernel, traced, repetition,
        warm, latency, rtl_cycles, error (relative, signed).
    """
    perturbed = table[table["program"].str.contains(_PERTURBED)].copy()
    perturbed["base"] = perturbed["program"].str.replace(_PERTURBED, "", regex=True)
    base = table[["program", "latency", "repetition", "rtl_cycles"]]
    joined = perturbed.merge(
        base,
        left_on=["base", "latency", "repetition"],
        right_on=["program", "latency", "repetition"],
        suffixes=("", "_base"),
    )
    joined["error"] = (joined["rtl_cycles"] - joined["rtl_cycles_base"]) / joined["rtl_cycles_base"]
    kept = ["program", "base", "group", "kernel", "traced", "repetition", "warm", "latency", "rtl_cycles", "error"]
    return joined[kept]


def _statistics(part: pd.DataFrame, noise: pd.DataFrame) -> dict[str, float | int | None]:
    error = part["error"].dropna().astype(float)
    if error.empty:
        return {"regions": len(part), "missing": len(part)}
    size = error.abs()
    present = part.dropna(subset=["cycles"])
    cycles_off = (present["cycles"] - present["rtl_cycles"]).abs().astype(float)
    return {
        "regions": len(part),
        "missing": int(part["cycles"].isna().sum()),
        "median": float(size.median()),
        "mean": float(size.mean()),
        "p95": float(size.quantile(0.95)),
        "worst": float(size.max()),
        "bias": float(error.mean()),
        "mean_cycles": float(cycles_off.mean()),
        "within_3": float((cycles_off <= _WITHIN).mean()),
        "spearman": float(present["cycles"].astype(float).rank().corr(present["rtl_cycles"].rank())),
        "noise_mean": float(noise["error"].abs().mean()) if len(noise) else None,
        "noise_p95": float(noise["error"].abs().quantile(0.95)) if len(noise) else None,
    }


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    for warm in (True, False):
        phase = "warm" if warm else "cold"
        here = table["warm"] == warm
        for group in sorted(table["group"].unique()):
            yield f"{group} {phase}", here & (table["group"] == group)
        micro = here & ~table["kernel"]
        yield f"all micro {phase}, {SHORT_REGION}+ cycles", micro & (table["rtl_cycles"] >= SHORT_REGION)
        yield f"all micro {phase}, shorter", micro & (table["rtl_cycles"] < SHORT_REGION)
        yield f"all kernels {phase}", here & table["kernel"]
        if table["traced"].any():
            yield f"traced kernels {phase}", here & table["kernel"] & table["traced"]
            yield f"held-back kernels {phase}", here & table["kernel"] & ~table["traced"]
        # only programs that were measured at every latency can be compared
        same = table["kernel"] & table.groupby("program")["latency"].transform("nunique").eq(table["latency"].nunique())
        for latency in sorted(table["latency"].unique()):
            yield f"same kernels {phase}, L = {latency}", here & same & (table["latency"] == latency)
        yield f"all {phase}", here
    yield "all kernels", table["kernel"]
    yield "all", pd.Series(data=True, index=table.index)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise an accuracy table per group and phase, and in total.

    Returns
    -------
    DataFrame
        Indexed by part ("matmul warm", "all kernels cold", "held-back kernels cold": those without an event trace,
        "same kernels warm, L = 20": those that were measured at every memory latency):
        regions, missing, median, mean, p95 and worst absolute relative error, bias (mean
        signed), mean_cycles (mean absolute difference in cycles), within_3 (share of regions within 3 cycles),
        spearman, and the mean and 95th percentile of the noise floor.
    """
    noise = noise_floor(table)
    noise_parts = dict(_parts(noise)) if len(noise) else {}
    rows = {}
    for name, mask in _parts(table):
        part = table[mask]
        if len(part):
            rows[name] = _statistics(part, noise[noise_parts[name]] if name in noise_parts else noise[:0])
    return pd.DataFrame.from_dict(rows, orient="index")


def worst(table: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    """Return the regions with the largest relative errors, those that gave no figure first.

    Returns
    -------
    DataFrame
        Rows of the accuracy table with one more column, ``reason``: what is known about the error ("" if nothing).
    """
    size = table["error"].astype(float).abs().fillna(float("inf"))
    chosen = table.loc[size.sort_values(ascending=False, kind="stable").index[:count]].copy()
    noise = noise_floor(table)
    noise_of = noise.groupby(["base", "repetition"])["error"].agg(lambda error: error.abs().max())
    chosen["reason"] = [_reason(row, noise_of) for _, row in chosen.iterrows()]
    return chosen


def _reason(row: pd.Series, noise_of: pd.Series) -> str:
    if row["cycles"] is pd.NA:
        return str(row["problem"])
    off = abs(int(row["cycles"]) - int(row["rtl_cycles"]))
    instructions = int(row["instret"]) - int(row["rtl_instret"])
    noise = noise_of.get((_PERTURBED.sub("", row["program"]), row["repetition"]), 0.0)
    if instructions:
        return f"executes {abs(instructions)} instructions {'more' if instructions > 0 else 'fewer'} than the RTL did"
    if abs(float(row["error"])) <= noise:
        return f"within the RTL's own noise of {noise:.1%}"
    if off <= _WITHIN:
        return f"{off} cycles of a short region"
    if not row["warm"]:
        return "first touch: code and data come from DRAM"
    return ""
