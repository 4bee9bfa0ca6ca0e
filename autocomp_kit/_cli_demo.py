"""``autocomp-kit demo``: the main job, end to end and offline, by replaying the quickstart notebook."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from autocomp_kit._cli_optimize import print_summary

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    *,
    output: Annotated[Path, typer.Option(help="Folder for the rendered notebook and the run.")] = Path("output"),
    workload: Annotated[str, typer.Option(help="Workload: a name such as exo/0, or a YAML file.")] = "exo/0",
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 1,
) -> None:
    """Optimise a naive kernel offline, and show how.

    A beam search with the offline rules; what it did is in a rendered notebook.
    """
    from autocomp_kit.evaluate import Evaluator  # noqa: PLC0415 - other commands start without it
    from autocomp_kit.experiments import Parameter, notebook_path, replay_notebook  # noqa: PLC0415 - as above
    from autocomp_kit.store import Store  # noqa: PLC0415 - as above
    from autocomp_kit.workloads import load_workload  # noqa: PLC0415 - as above

    begun = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    store, rendered = output / "quickstart.sqlite", output / "quickstart.ipynb"
    # A first run compiles the simulator; here its message reaches the terminal, inside the notebook it would not.
    small = load_workload("small/0")
    evaluator = Evaluator(small)
    evaluator.evaluate(small.baseline_code(evaluator.machine))
    typer.echo(f"replaying quickstart.ipynb on {workload} (no network, no key)", err=True)
    parameters: dict[str, Parameter] = {"workload": workload, "seed": seed, "store": str(store)}
    replay_notebook(notebook_path("quickstart"), rendered, parameters=parameters)
    with Store.open(store, create=False) as study:
        print_summary(study.load_run(), store)
    typer.echo(f"{'notebook':<14}{rendered}")
    typer.echo(f"{'in all':<14}{time.monotonic() - begun:.0f} seconds; all cycles are simulated")
