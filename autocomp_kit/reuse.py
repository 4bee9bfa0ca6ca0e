"""What a search has found out, used for a similar workload: its best kernel's steps, tried again one after the other.

A recipe is the menu items along the line of the best kernel. A search that follows one offers each of its first
iterations nothing but the next of these items, to a small beam, and then goes on as any other. The kernels are written
anew, so a step may fit differently here, or not at all; it is the order of the steps that carries over.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from autocomp_kit.errors import InputError
from autocomp_kit.history import RunHistory
from autocomp_kit.menu import Menu
from autocomp_kit.records import Record
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.workloads import Workload, WorkloadError, load_workload

__all__ = ["Recipe", "RecipeStep", "follow", "load_recipe", "nearest_run", "recipe_of", "similar"]

_LONGEST_NOTE = 300


class RecipeStep(Record):
    """One menu item that made a kernel faster, and how: the plan's first lines and the cycles before and after."""

    item_id: str
    text: str = ""
    before: int | None = None
    after: int | None = None


class Recipe(Record):
    """The steps from the start kernel to the best kernel of a search on another workload."""

    workload: str
    source: str = ""
    """The run that it comes from."""
    steps: tuple[RecipeStep, ...]

    def save(self, path: Path | str) -> None:
        """Write it as YAML that :func:`load_recipe` reads back."""
        document = self.model_dump(exclude_defaults=True)
        Path(path).write_text(yaml.safe_dump(document, sort_keys=False, width=110), encoding="utf-8")


def recipe_of(history: RunHistory, candidate_id: str | None = None) -> Recipe:
    """Return the recipe of a candidate of a run, by default of its best one.

    Steps of no menu item, such as a person's own kernel or two that were combined, are left out.

    Raises
    ------
    InputError
        If the run has no such candidate, or no step of a menu item leads to it.
    """
    if candidate_id is None:
        if history.best is None:
            raise InputError(f"run {history.run_id} has no correct kernel, so there is nothing to reuse")
        candidate_id = history.best.candidate_id
    lineage = history.lineage(candidate_id)
    steps = tuple(
        RecipeStep(
            item_id=step.plan.item_id,
            text=step.plan.text.strip()[:_LONGEST_NOTE],
            before=parent.evaluation.cycles,
            after=step.evaluation.cycles,
        )
        for parent, step in itertools.pairwise(lineage)
        if step.plan is not None and step.plan.item_id is not None
    )
    if not steps:
        raise InputError(f"run {history.run_id} has no step of a menu item to candidate {candidate_id} to reuse")
    return Recipe(workload=history.record.problem.workload, source=history.run_id, steps=steps)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe from a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read or is no recipe; the message names the field.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read the recipe {path}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InputError(f"{path} is no recipe: {field}: {problem['msg']}") from error


def follow(recipe: Recipe, config: SearchConfig, menu: Menu) -> tuple[SearchConfig, Menu]:
    """Return settings and menu of a search that begins with a recipe.

    Items that the menu does not offer are skipped. A menu item of the recipe says what it did elsewhere, which a model
    reads with the item.

    Raises
    ------
    InputError
        If the menu offers none of the steps.
    """
    offered = {item.item_id for item in menu.available()}
    steps = [step for step in recipe.steps if step.item_id in offered]
    if not steps:
        raise InputError(f"menu {menu.name} offers none of the steps of the recipe of {recipe.workload}")
    items = []
    for item in menu.items:
        notes = _notes(recipe.workload, (step for step in steps if step.item_id == item.item_id))
        items.append(item.model_copy(update={"effect": " ".join(filter(None, (item.effect, *notes)))}))
    return (
        config.model_copy(update={"recipe": tuple(step.item_id for step in steps)}),
        menu.model_copy(update={"items": tuple(items)}),
    )


def similar(one: Workload, other: Workload) -> bool:
    """Whether what works for one workload is likely to work for the other.

    They must be of one kind, and differ in nothing but sizes, all of which by the same factor: 1024x1024x1024 is
    similar to 512x512x512, and 12544x256x64 to 12544x128x64.
    """
    if one.kind != other.kind:
        return False
    ours, theirs = _fields(one), _fields(other)
    factors = set()
    for name, value in ours.items():
        if value != theirs[name]:
            if not _is_size(value) or not _is_size(theirs[name]):
                return False
            factors.add(value / theirs[name])
    return len(factors) <= 1


def nearest_run(store: Store, workload: Workload, *, machine: str) -> RunHistory | None:
    """Return the run of a store on a similar workload and the same machine that gained most, or ``None``."""
    best: tuple[float, RunHistory] | None = None
    for record in store.runs():
        if record.problem.machine != machine or not _is_similar(record.problem.source, workload):
            continue
        history = store.load_run(record.run_id)
        speedup = history.summary().speedup
        if speedup is not None and speedup > 1 and (best is None or speedup > best[0]):
            best = (speedup, history)
    return best[1] if best else None


def _is_similar(source: str, workload: Workload) -> bool:
    try:
        other = load_workload(source)
    except WorkloadError:
        return False
    return similar(other, workload)


def _fields(workload: Workload) -> dict[str, Any]:
    return workload.model_dump(exclude={"name", "title", "baseline", "baseline_dim"})


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _notes(workload: str, steps: Iterable[RecipeStep]) -> list[str]:
    return [
        f"On {workload} it took a kernel from {step.before:,} to {step.after:,} cycles: {step.text}"
        if step.before and step.after
        else f"On {workload} it helped: {step.text}"
        for step in steps
    ]
