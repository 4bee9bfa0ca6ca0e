"""``autocomp-kit runs``: look at what is in a store."""

from __future__ import annotations

import json
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autocomp_kit._cli_optimize import DEFAULT_STORE, assignments, check_output, drive, print_summary
from autocomp_kit.errors import InputError

if TYPE_CHECKING:
    from autocomp_kit.history import RunHistory
    from autocomp_kit.store import Store

__all__ = ["register"]

StoreOption = Annotated[Path, typer.Option("--store", help="File that keeps the runs.")]
DaskOption = Annotated[
    str | None, typer.Option("--dask", help="Evaluate on Dask: a scheduler's address, local, or local:N.")
]
RunArgument = Annotated[str | None, typer.Argument(help="Run, or the beginning of its name; by default the latest.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    about = "Look at the runs of a store; go on with one, or start from it."
    runs = typer.Typer(no_args_is_help=True, help=about, rich_markup_mode=None)
    runs.command("list")(list_runs)
    runs.command("show")(show)
    runs.command("export")(export)
    runs.command("recipe")(recipe)
    runs.command("resume")(resume)
    runs.command("replay")(replay)
    runs.command("fork")(fork)
    runs.command("compare")(compare)
    runs.command("costs")(costs)
    runs.command("prompt")(prompt)
    app.add_typer(runs, name="runs")


def list_runs(
    *, store: StoreOption = DEFAULT_STORE, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the runs of a store, oldest first."""
    with _open(store) as study:
        summaries = [(record, study.load_run(record.run_id).summary()) for record in study.runs()]
    if as_json:
        typer.echo(json.dumps([summary.model_dump(mode="json") for _, summary in summaries]))
        return
    line = "{:20}  {:16}  {:20}  {:8}  {:>12}  {:>8}  {:>6}  {}"
    typer.echo(line.format("run", "begun", "workload", "machine", "best cycles", "speed-up", "tried", "ended"))
    for record, summary in summaries:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
        speedup = "" if summary.speedup is None else f"{summary.speedup:.2f}x"
        cycles = "" if summary.best_cycles is None else f"{summary.best_cycles:,}"
        about = (summary.run_id, started, summary.workload, summary.machine)
        typer.echo(line.format(*about, cycles, speedup, summary.tried, summary.state.replace("_", " ")))


def show(
    run: RunArgument = None,
    *,
    candidate: Annotated[str | None, typer.Option(help="Print this candidate's kernel instead.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Show how a run went, and the steps to its best kernel."""
    with _open(store) as study:
        history = study.load_run(run)
    if candidate is not None:
        if candidate not in history.candidates:
            raise InputError(f"run {history.run_id} has no candidate {candidate!r}")
        typer.echo(history.candidates[candidate].code)
        return
    if as_json:
        typer.echo(history.summary().model_dump_json())
        return
    print_summary(history, store)
    if history.best is not None:
        typer.echo("\nsteps to the best kernel:")
        for step in history.lineage(history.best.candidate_id):
            cycles = f"{step.evaluation.cycles:,}" if step.evaluation.cycles is not None else "-"
            what = f"{step.plan.item_id or 'free'}: {step.plan.text}" if step.plan else "start kernel"
            first_line = what.strip().splitlines()[0]
            typer.echo(f"  {step.candidate.candidate_id:<10}{cycles:>14}  {textwrap.shorten(first_line, 120)}")


def export(
    run: RunArgument = None,
    *,
    form: Annotated[
        Literal["json", "csv", "html", "answers"], typer.Option("--format", help="What to write.")
    ] = "json",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; by default standard output.")] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a run to a file."""
    with _open(store) as study:
        history = study.load_run(run)
    text = {"csv": _as_csv, "json": _as_json, "html": _as_html, "answers": _as_answers}[form](history)
    if output is None:
        typer.echo(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error}") from error


def recipe(
    run: RunArgument = None,
    *,
    candidate: Annotated[str | None, typer.Option(help="Of this candidate; by default of the best one.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it as YAML, for --reuse.")] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Show the menu items that led to the best kernel.

    A search on a similar workload can follow them (`optimize --reuse`).
    """
    from autocomp_kit.reuse import recipe_of  # noqa: PLC0415 - other commands start without it

    with _open(store) as study:
        found = recipe_of(study.load_run(run), candidate)
    if output is not None:
        try:
            found.save(output)
        except OSError as error:
            raise InputError(f"cannot write {output}: {error}") from error
        return
    for step in found.steps:
        cycles = f"{step.before:>12,} to {step.after:>12,} cycles" if step.before and step.after else ""
        typer.echo(f"{step.item_id:<28}{cycles}")


def costs(
    run: RunArgument = None,
    *,
    by: Annotated[str, typer.Option(help="What to sum up by: phase, agent, iteration, outcome.")] = "phase,agent",
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Show what calls have cost: tokens by kind, US dollars."""
    from autocomp_kit.costs import CallCost, cost_table  # noqa: PLC0415 - other commands start without it

    fields = [field.strip() for field in by.split(",")]
    known = [field for field in CallCost._fields if field != "usage"]
    if unknown := [field for field in fields if field not in known]:
        raise InputError(f"--by {unknown[0]}: it can be {', '.join(known)}")
    with _open(store) as study:
        history = study.load_run(run)
    typer.echo(cost_table(history, by=fields).to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    usage = history.usage
    typer.echo(f"\n{usage.calls} calls to models, {usage.usd:.4f} USD")
    if usage.unpriced_calls:
        typer.echo(
            f"{usage.unpriced_calls} of them without a known price, at most {usage.unconfirmed_usd:.4f} USD more"
        )


def prompt(
    run: RunArgument = None,
    *,
    plan: Annotated[str | None, typer.Option(help="The prompt that this plan answered, such as 2.0.")] = None,
    candidate: Annotated[str | None, typer.Option(help="The prompt that this candidate answered.")] = None,
    parent: Annotated[str | None, typer.Option(help="A plan prompt on this candidate, with a seed.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the menu for --parent.")] = 0,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Show the prompt that a model reads, or would read, in a run."""
    from autocomp_kit import preview  # noqa: PLC0415 - other commands start without it
    from autocomp_kit.agents.base import CodeRequest, PlanRequest  # noqa: PLC0415 - as above

    if sum(choice is not None for choice in (plan, candidate, parent)) != 1:
        raise InputError("say which prompt: one of --plan, --candidate, --parent")
    with _open(store) as study:
        history = study.load_run(run)
    request: PlanRequest | CodeRequest
    if candidate is not None:
        request, agent = preview.code_request_of(history, candidate), history.candidates[candidate].agent
    elif plan is not None:
        request, agent = preview.plan_request_of(history, plan), history.plans[plan].agent
    else:
        request, agent = preview.plan_request_for(history, parent or "", seed=seed), history.record.planners[0]
    typer.echo(preview.prompt_text(request, agent))


def compare(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs, or beginnings of their names; by default all.")
    ] = None,
    *,
    store: StoreOption = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Lay runs side by side.

    What each found, after how many candidates, and at what cost.
    """
    from autocomp_kit.compare import comparison_table  # noqa: PLC0415 - other commands start without it

    with _open(store) as study:
        names = runs or [record.run_id for record in study.runs()]
        table = comparison_table([study.load_run(name) for name in names])
    if as_json:
        typer.echo(table.to_json(orient="records"))
        return
    columns = table.set_index("run_id").T
    typer.echo(columns.to_string(na_rep="-", float_format=lambda value: f"{value:,.4g}"))


def resume(
    run: RunArgument = None,
    *,
    store: StoreOption = DEFAULT_STORE,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that model calls may cost in all.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens that model calls may use in all.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.001, help="Seconds after which no call begins.")] = None,
    dask: DaskOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the best kernel to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Go on with a run that was interrupted or reached a limit.

    Limits count what it has used before.
    """
    from autocomp_kit.executors import open_executor  # noqa: PLC0415 - other commands start without it
    from autocomp_kit.optimize import reopen_run  # noqa: PLC0415 - as above
    from autocomp_kit.settings import checked_limits  # noqa: PLC0415 - as above

    check_output(output)
    limits = checked_limits(usd=budget, tokens=max_tokens, seconds=max_seconds)
    with _open(store) as study, open_executor(dask) as executor:
        again = reopen_run(run, store=study, limits=limits, executor=executor)
        drive(again, store=store, output=output, as_json=as_json)


def replay(
    run: RunArgument = None,
    *,
    store: StoreOption = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the best kernel to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Search again with the recorded answers of a run.

    Offline, free, and measured anew.
    """
    from autocomp_kit.optimize import replay_run  # noqa: PLC0415 - other commands start without it

    check_output(output)
    with _open(store) as study:
        drive(replay_run(study.load_run(run), store=study), store=store, output=output, as_json=as_json)


def fork(
    run: RunArgument = None,
    *,
    iteration: Annotated[int | None, typer.Option(help="Iteration to go on from; by default the last.")] = None,
    agent: Annotated[list[str] | None, typer.Option(help="Other agents than before; may be repeated.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting to change, such as seed=1; may be repeated.")
    ] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that model calls may cost.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens that model calls may use.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.001, help="Seconds after which no call begins.")] = None,
    dask: DaskOption = None,
    store: StoreOption = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the best kernel to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Start a new run from an iteration of another one.

    It begins with the beam of that iteration, perhaps with other agents or settings.
    """
    from autocomp_kit.executors import open_executor  # noqa: PLC0415 - other commands start without it
    from autocomp_kit.optimize import fork_run  # noqa: PLC0415 - as above
    from autocomp_kit.settings import changed_settings, checked_limits  # noqa: PLC0415 - as above

    check_output(output)
    with _open(store) as study, open_executor(dask) as executor:
        source = study.load_run(run)
        new = fork_run(
            source,
            iteration=iteration,
            agent=agent,
            config=changed_settings(source.record.config, assignments(set_ or [])),
            limits=checked_limits(usd=budget, tokens=max_tokens, seconds=max_seconds),
            store=study,
            executor=executor,
        )
        drive(new, store=store, output=output, as_json=as_json)


def _open(path: Path) -> Store:
    from autocomp_kit.store import Store  # noqa: PLC0415 - other commands start without it

    return Store.open(path, create=False)


def _as_csv(history: RunHistory) -> str:
    return str(history.candidates_frame().to_csv(index=False))


def _as_html(history: RunHistory) -> str:
    from autocomp_kit.report import html_report  # noqa: PLC0415 - other commands start without it

    return html_report(history)


def _as_answers(history: RunHistory) -> str:
    from autocomp_kit.rerun import recording_of  # noqa: PLC0415 - other commands start without it

    return recording_of(history).text()


def _as_json(history: RunHistory) -> str:
    document = {
        "run": history.record.model_dump(mode="json"),
        "summary": history.summary().model_dump(mode="json"),
        "plans": [plan.model_dump(mode="json") for plan in history.plans.values()],
        "candidates": [
            candidate.model_dump(mode="json")
            | {
                "fate": history.fate(candidate.candidate_id),
                "evaluation": evaluation.model_dump(mode="json") if evaluation else None,
            }
            for candidate in history.candidates.values()
            for evaluation in [history.evaluations.get(candidate.candidate_id)]
        ],
        "events": [event.model_dump(mode="json") for event in history.events],
    }
    return json.dumps(document, indent=1)
