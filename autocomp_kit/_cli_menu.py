"""``autocomp-kit menu``: what plans may choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autocomp_kit.menu import load_menu, menu_names

__all__ = ["register"]

MenuArgument = Annotated[str, typer.Argument(help="Menu: a name or a YAML file.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    menu = typer.Typer(no_args_is_help=True, help="List, show and preview menus.", rich_markup_mode=None)
    menu.command("list")(list_menus)
    menu.command("show")(show)
    menu.command("preview")(preview)
    app.add_typer(menu, name="menu")


def list_menus() -> None:
    """List the menus that come with the package."""
    for name in menu_names():
        menu = load_menu(name)
        typer.echo(f"{name:<16}{len(menu.items):>3} items  {menu.description}")


def show(menu: MenuArgument) -> None:
    """Show every item of a menu."""
    loaded = load_menu(menu)
    typer.echo(f"{loaded.name}: {loaded.description}" if loaded.description else loaded.name)
    for item in loaded.items:
        marks = [f"weight {item.weight:g}"] * (item.weight != 1)
        marks += ["disabled"] * (not item.enabled) + ["always offered"] * item.always
        marks += [f"offline rewrite {item.rewrite}"] * (item.rewrite is not None)
        typer.echo(f"\n{item.item_id}" + (f"  ({', '.join(marks)})" if marks else ""))
        typer.echo(f"    {item.text}")
        if item.preconditions:
            typer.echo(f"    when: {item.preconditions}")
        if item.effect:
            typer.echo(f"    effect: {item.effect}")


def preview(
    menu: MenuArgument,
    *,
    keep_probability: Annotated[float, typer.Option(min=0, max=1, help="Chance of an item to be offered.")] = 0.25,
    minimum: Annotated[int, typer.Option(min=1, max=1000, help="Items offered at least.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first draw.")] = 0,
    draws: Annotated[int, typer.Option(min=1, help="How many draws, with the seeds that follow.")] = 4,
    workload: Annotated[
        str | None, typer.Option("--workload", "-w", help="Show the whole plan prompt for this workload instead.")
    ] = None,
    kernel: Annotated[Path | None, typer.Option(help="C kernel to plan on; by default the baseline.")] = None,
    config: Annotated[str, typer.Option(help="Machine: a preset or a TOML file.")] = "int8-16",
) -> None:
    """Show what plan calls would be offered, or would read.

    With --workload it is the whole prompt.
    """
    loaded = load_menu(menu)
    if workload is None:
        for number in range(seed, seed + draws):
            drawn = loaded.draw(seed=number, keep_probability=keep_probability, minimum=minimum)
            typer.echo(f"seed {number}: {', '.join(item.item_id for item in drawn)}")
        return
    from gemmini_sim import load_config  # noqa: PLC0415 - other commands start without it

    from autocomp_kit._cli_optimize import read_kernel  # noqa: PLC0415 - as above
    from autocomp_kit.optimize import make_run  # noqa: PLC0415 - as above
    from autocomp_kit.prompts import Prompts  # noqa: PLC0415 - as above
    from autocomp_kit.settings import SearchConfig  # noqa: PLC0415 - as above

    run = make_run(
        workload,
        kernel=read_kernel(kernel) if kernel else None,
        machine=config,
        menu=loaded,
        config=SearchConfig(keep_probability=keep_probability, minimum_options=minimum),
    )
    typer.echo(Prompts().plan(run.first_request(seed=seed), machine=load_config(config)).text)
