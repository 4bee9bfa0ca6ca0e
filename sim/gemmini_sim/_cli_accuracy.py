"""``gemmini-sim accuracy``: how far the clock is from cycles measured on RTL."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gemmini_sim.config import load_config
from gemmini_sim.errors import InputError
from gemmini_sim.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("accuracy")(_accuracy)


def _accuracy(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Measurements on RTL.")] = Path("data/rtl"),
    *,
    config: Annotated[str, typer.Option(help="Machine preset or TOML file.")] = "lean-rtl",
    program: Annotated[list[str] | None, typer.Option(help="Only programs that begin so; may be repeated.")] = None,
    worst: Annotated[int, typer.Option(min=0, help="How many of the worst regions to list.")] = 10,
    csv: Annotated[Path | None, typer.Option(help="Write every region to this file.")] = None,
    diff: Annotated[str | None, typer.Option(help="Lay our trace of this program beside the RTL's.")] = None,
    context: Annotated[int, typer.Option(min=0, help="With --diff: events to show on either side.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare simulated cycles with cycles measured on RTL.

    The measured programs run as they are; every region counts.
    """
    if diff is not None:
        _diff(directory, diff, config=config, context=context, as_json=as_json)
        return
    from gemmini_sim import accuracy  # noqa: PLC0415 - imports pandas and numba, which other commands need not wait for

    table = accuracy.accuracy_table(
        directory,
        config=config,
        programs=tuple(program or ()),
        progress=_show_progress if sys.stderr.isatty() else None,
    )
    summary = accuracy.summarize(table)
    worst_rows = accuracy.worst(table, worst)
    if csv is not None:
        table.to_csv(csv, index=False)
    if as_json:
        parts = json.loads(summary.to_json(orient="index"))
        typer.echo(json.dumps({"summary": parts, "worst": json.loads(worst_rows.to_json(orient="records"))}))
        return
    typer.echo("Simulated cycles against RTL; error = (simulated - RTL) / RTL. Warm: not the first pass of a run.")
    typer.echo("Noise: the same programs on RTL after a few extra line reads, against themselves.")
    typer.echo("Held back: kernels without an event trace, of which only totals are known.\n")
    typer.echo(_as_text(summary))
    if worst:
        typer.echo(f"\nThe worst {len(worst_rows)}:")
        columns = ["program", "repetition", "latency", "rtl_cycles", "cycles", "error", "reason"]
        typer.echo(worst_rows[columns].to_string(index=False, na_rep="-", formatters={"error": _signed_percent}))


def _diff(directory: Path, program: str, *, config: str, context: int, as_json: bool) -> None:
    from gemmini_sim.measurements import Measurements  # noqa: PLC0415 - imports pandas
    from gemmini_sim.trace_diff import first_departure, match_regions, summarize_regions  # noqa: PLC0415
    from gemmini_sim.trace_tables import event_table  # noqa: PLC0415

    measurements = Measurements(directory)
    rtl = measurements.trace(program)
    latency = measurements.latency(program)
    machine = load_config(config).with_values({"memory.latency": latency}, source="dram_latency")
    result = simulate(measurements.elf(program), config=machine, trace="full")
    if result.trace is None or result.fault is not None:
        raise InputError(f"{program}: {result.fault.message if result.fault else 'no trace'}")
    matched = match_regions(rtl, event_table(result.trace))
    regions = summarize_regions(matched)
    departures = {region: first_departure(matched, region=region, context=context) for region in regions["region"]}
    regions["first_departure"] = [found.reason if found else "" for found in departures.values()]
    if as_json:
        typer.echo(regions.to_json(orient="records"))
        return
    typer.echo(f"{program}, L = {latency}: our events beside the RTL's, cycles from each region's begin.\n")
    typer.echo(regions.to_string(index=False))
    # the warm regions say more: what is cold depends on what ran before
    for region, found in reversed(departures.items()):
        if found is not None:
            typer.echo(f"\nRegion {region}: {found.reason}\n")
            shown = found.context.assign(departs=found.context["departs"].map({True: "<-", False: ""}))
            typer.echo(shown.rename(columns={"departs": ""}).to_string(index=False, na_rep="-"))
            break


def _show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done}/{total} programs" + ("\n" if done == total else ""))
    sys.stderr.flush()


def _as_text(summary: pd.DataFrame) -> str:
    percents = ("median", "mean", "p95", "worst", "noise_mean", "noise_p95")
    formatters = {
        **dict.fromkeys(percents, _percent),
        "bias": _signed_percent,
        "mean_cycles": "{:.1f}".format,
        "spearman": "{:.4f}".format,
        "within_3": _percent,
    }
    return summary.to_string(na_rep="-", formatters=formatters)


def _percent(value: float) -> str:
    return "-" if value != value else f"{value:.1%}"  # noqa: PLR0124 - NaN is what differs from itself


def _signed_percent(value: float) -> str:
    return "-" if str(value) in {"<NA>", "nan"} else f"{value:+.1%}"
