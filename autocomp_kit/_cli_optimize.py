"""``autocomp-kit optimize``: search for a faster kernel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from autocomp_kit.agents.recording import Recording, RecordMode
from autocomp_kit.errors import InputError
from autocomp_kit.settings import SearchConfig

if TYPE_CHECKING:
    from autocomp_kit.history import RunHistory
    from autocomp_kit.reuse import Recipe
    from autocomp_kit.run import Run
    from autocomp_kit.store import Store

__all__ = ["DEFAULT_STORE", "assignments", "check_output", "drive", "print_summary", "read_kernel", "register"]

DEFAULT_STORE = Path("autocomp.sqlite")

_USUAL = SearchConfig()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("optimize")(optimize)


def optimize(
    kernel: Annotated[
        Path | None, typer.Argument(help="C kernel to start from; by default the workload's baseline.", exists=False)
    ] = None,
    *,
    workload: Annotated[str, typer.Option("--workload", "-w", help="A name such as exo/0, or a YAML file.")],
    agent: Annotated[
        list[str] | None,
        typer.Option(help="Who plans and codes: rules (the default), claude:MODEL, replay:FILE or :RUN; repeatable."),
    ] = None,
    code_agent: Annotated[
        list[str] | None, typer.Option(help="Who writes code, if not those who plan; may be repeated.")
    ] = None,
    config: Annotated[str, typer.Option(help="Machine: a preset (gemmini-sim configs) or a TOML file.")] = "int8-16",
    menu: Annotated[str | None, typer.Option(help="Menu: a name or a YAML file; by default the workload's.")] = None,
    iterations: Annotated[int | None, typer.Option(help=f"Iterations at most; by default {_USUAL.iterations}.")] = None,
    beam: Annotated[int | None, typer.Option(help=f"Candidates kept per iteration; by default {_USUAL.beam}.")] = None,
    plans: Annotated[int | None, typer.Option(help=f"Plans per kept candidate; by default {_USUAL.plans}.")] = None,
    codes: Annotated[int | None, typer.Option(help=f"Implementations per plan; by default {_USUAL.codes}.")] = None,
    seed: Annotated[int | None, typer.Option(help=f"Seed of all random choices; by default {_USUAL.seed}.")] = None,
    keep_probability: Annotated[
        float | None, typer.Option(help=f"Chance of a menu item to be offered; by default {_USUAL.keep_probability}.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="YAML file with settings of the search.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, such as slack=1.0; may be repeated.")
    ] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars that model calls may cost in all.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens that model calls may use in all.")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=0.001, help="Seconds after which no call begins.")] = None,
    record: Annotated[Path | None, typer.Option(help="File that keeps the agents' answers, to replay them.")] = None,
    record_mode: Annotated[
        RecordMode, typer.Option(help="When to call and record: none, once, new_episodes (missing answers), all.")
    ] = "new_episodes",
    reuse: Annotated[
        str | None,
        typer.Option(help="Try another workload's steps first: a run of the store, auto, or a file of `runs recipe`."),
    ] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what model calls may cost.")] = False,
    dask: Annotated[
        str | None, typer.Option(help="Evaluate on Dask: a scheduler's address, local, or local:N for N workers.")
    ] = None,
    store: Annotated[Path, typer.Option(help="File that keeps the run.")] = DEFAULT_STORE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the best kernel to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """Search for a faster kernel.

    Everything that is tried is kept in the store.
    """
    from autocomp_kit.executors import open_executor  # noqa: PLC0415 - other commands start without it
    from autocomp_kit.optimize import make_run  # noqa: PLC0415 - as above
    from autocomp_kit.settings import checked_limits, load_settings  # noqa: PLC0415 - as above
    from autocomp_kit.store import Store  # noqa: PLC0415 - as above

    named = {
        "iterations": iterations,
        "beam": beam,
        "plans": plans,
        "codes": codes,
        "seed": seed,
        "keep_probability": keep_probability,
    }
    check_output(output)
    given = {name: value for name, value in named.items() if value is not None}
    chosen = load_settings(settings, assignments(set_ or []) | given)
    code = read_kernel(kernel) if kernel else None
    with Store.open(store) as study, open_executor(dask) as executor:
        run = make_run(
            workload,
            agent=agent or ["rules"],
            code_agent=code_agent or [],
            kernel=code,
            machine=config,
            menu=menu,
            config=chosen,
            limits=checked_limits(usd=budget, tokens=max_tokens, seconds=max_seconds),
            reuse=_recipe(reuse, study, workload, config) if reuse else None,
            recording=Recording(record, mode=record_mode) if record else None,
            store=study,
            executor=executor,
        )
        if estimate:
            print_estimate(run)
            return
        drive(run, store=store, output=output, as_json=as_json)


def _recipe(source: str, store: Store, workload: str, machine: str) -> Recipe:
    """Return the recipe that ``--reuse`` names."""
    from autocomp_kit.reuse import load_recipe, nearest_run, recipe_of  # noqa: PLC0415 - as above
    from autocomp_kit.workloads import load_workload  # noqa: PLC0415 - as above

    if Path(source).is_file():
        return load_recipe(source)
    history = (
        nearest_run(store, load_workload(workload), machine=machine) if source == "auto" else store.load_run(source)
    )
    if history is None:
        raise InputError(f"--reuse auto: {store.path} has no run on a workload similar to {workload} for {machine}")
    recipe = recipe_of(history)
    typer.echo(f"reusing {len(recipe.steps)} steps of run {history.run_id} on {recipe.workload}", err=True)
    return recipe


def drive(run: Run, *, store: Path, output: Path | None, as_json: bool) -> None:
    """Drive a run with a progress bar, print how it went, and leave with its exit code."""
    from rich.console import Console  # noqa: PLC0415 - other commands start without it

    from autocomp_kit.progress import RunProgress  # noqa: PLC0415 - as above
    from autocomp_kit.run import StartKernelError  # noqa: PLC0415 - as above

    try:
        with RunProgress(Console(stderr=True), before=run.before) as progress:
            history = run.execute(observers=[progress])
    except StartKernelError as error:
        typer.echo(f"autocomp-kit: {error}", err=True)
        raise typer.Exit(1) from error
    if output is not None:
        _write_best(history, output)
    summary = history.summary()
    if as_json:
        typer.echo(summary.model_dump_json())
    else:
        print_summary(history, store)
    finished = history.finished
    if finished is not None and finished.message:
        typer.echo(f"autocomp-kit: stopped early: {finished.message}", err=True)
    if finished is not None and finished.reason == "agent_unavailable":
        raise typer.Exit(1)
    if finished is not None and finished.reason == "cancelled":
        typer.echo(f"autocomp-kit: go on with: autocomp-kit runs resume {run.run_id} --store {store}", err=True)
        raise typer.Exit(130)


def print_estimate(run: Run) -> None:
    """Print what a run may cost."""
    cost = run.estimate_cost()
    typer.echo(f"at most {cost.calls:,} calls: about {cost.expected_usd:.2f} USD, at most {cost.worst_usd:.2f} USD")
    for name in cost.unpriced:
        typer.echo(f"not counted, because its price is not known: {name}")


def print_summary(history: RunHistory, store: Path) -> None:
    """Print the headline numbers of a run, one per line, and why nothing was tried if nothing was."""
    from autocomp_kit.events import CodeFailed, PlanFailed  # noqa: PLC0415 - other commands start without it

    summary = history.summary()
    lines = [("workload", f"{summary.workload} on {summary.machine}")]
    if summary.start_cycles is not None:
        lines.append(("start kernel", f"{summary.start_cycles:,} cycles"))
    if summary.best_cycles is not None and summary.speedup is not None:
        share = "" if summary.utilization is None else f", {summary.utilization:.1%} of the array"
        lines.append(("best kernel", f"{summary.best_cycles:,} cycles{share} (candidate {summary.best_id})"))
        lines.append(("speed-up", f"{summary.speedup:.2f}x"))
    failures: tuple[PlanFailed | CodeFailed, ...] = (*history.events_of(PlanFailed), *history.events_of(CodeFailed))
    failed = _counted(one.status for one in history.evaluations.values() if not one.correct)
    tried = f"{summary.tried} tried, {summary.correct} correct, {summary.failed} failed{failed}"
    calls = f"{len(failures)} agent calls without a result{_counted(one.error for one in failures)}"
    lines.append(("candidates", f"{tried}; {calls}"))
    if summary.usage.usd:
        lines.append(("cost", f"{summary.usage.usd:.4f} USD in {summary.usage.calls} calls"))
    lines.append(("ended", f"{summary.state.replace('_', ' ')}, iteration {summary.iterations}"))
    lines.append(("search", f"{summary.seconds:.1f} seconds"))
    lines.append(("run", f"{summary.run_id} in {store}"))
    if failures and not summary.tried:
        lines.append(("nothing tried", f"{failures[-1].agent}: {failures[-1].message[:500]}"))
    for name, value in lines:
        typer.echo(f"{name:<14}{value}")


def _counted(words: Iterable[str]) -> str:
    """Return how often each word comes, in brackets, the most frequent first; nothing if there is none."""
    counts = Counter(word.replace("_", " ") for word in words)
    return f" ({', '.join(f'{count} {word}' for word, count in counts.most_common())})" if counts else ""


def assignments(texts: list[str]) -> dict[str, Any]:
    """Return the settings that ``name=value`` texts give; values are read as YAML."""
    values = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"--set {text}: write name=value, such as slack=1.0")
        try:
            values[name.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {text}: the value cannot be read: {error}") from error
    return values


def read_kernel(path: Path) -> str:
    """Return the text of a kernel's file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the kernel {path}: {error}") from error


def check_output(path: Path | None) -> None:
    """Refuse a file that cannot be written, before a search of hours whose kernel it should get."""
    if path is None:
        return
    if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise InputError(f"cannot write {path}: it is a folder, or its folder is missing or may not be written")


def _write_best(history: RunHistory, path: Path) -> None:
    if history.best is None:
        return
    try:
        path.write_text(history.best.code, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error}") from error
