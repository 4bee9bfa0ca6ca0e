"""The settings of a search: one frozen record, the same in a notebook cell, a YAML file and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator

from autocomp_kit.errors import InputError
from autocomp_kit.records import Record

__all__ = ["Limits", "SearchConfig", "SettingsError", "changed_settings", "checked_limits", "load_settings"]


class SettingsError(InputError):
    """A setting is unknown or out of range; the message names the file and the field."""


class _Settings(Record):
    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth_value(cls, value: object, info: ValidationInfo) -> object:
        """Refuse ``beam: true``, which Python would take for 1."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("Input should be a number or a word, not true or false")
        return value


class SearchConfig(_Settings):
    """How the beam search spends its samples; the defaults are those of upstream Autocomp where it has the setting.

    One iteration evaluates at most ``beam * plans * codes`` new candidates.
    """

    iterations: Annotated[int, Field(ge=1, le=10_000)] = 8
    beam: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many candidates survive an iteration and are the parents of the next one."""
    plans: Annotated[int, Field(ge=1, le=1000)] = 4
    """Plan calls per parent."""
    codes: Annotated[int, Field(ge=1, le=100)] = 2
    """Implementations per plan; a deterministic agent is asked once whatever this says."""
    keep_probability: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Chance of each menu item to be offered to one plan call; see :meth:`autocomp_kit.menu.Menu.draw`."""
    minimum_options: Annotated[int, Field(ge=1, le=1000)] = 1
    """Menu items that every plan call is offered at least, beside those marked ``always``."""
    shuffle_menu: bool = False
    slack: Annotated[float, Field(ge=1)] = 1.1
    """In the early iterations a child may need this many times its parent's cycles and still be kept."""
    slack_iterations: Annotated[int, Field(ge=0)] = 2
    """How many iterations are early; afterwards a child must be faster than its parent."""
    diversity: Literal["plan", "parent", "lineage"] = "plan"
    """What two members of the beam may not share: a parent and the text of the plan; any parent but the start kernel;
    or any ancestor but the start kernel."""
    same_behaviour: bool = False
    """Whether candidates that send the accelerator the same commands may stand in the beam together."""
    early_stop_window: Annotated[int, Field(ge=0)] = 0
    """Stop when so many iterations have not improved the best candidate enough; 0 never stops early."""
    early_stop_ratio: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What is enough: the cycles now, divided by the cycles at the start of the window, are below this."""
    stop_within: Annotated[float, Field(ge=0)] | None = None
    """Stop when the best candidate needs at most ``1 + stop_within`` times the ideal cycles of the array."""
    evaluations: Annotated[int, Field(ge=1)] | None = None
    """Stop before more than so many candidates, repaired ones included, would be evaluated."""
    repairs: Annotated[int, Field(ge=0, le=9)] = 0
    """How often the author of a kernel that fails is shown the errors and asked to correct it."""
    pairs: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many random pairs of the beam are combined in each iteration."""
    per_pair: Annotated[int, Field(ge=1, le=100)] = 1
    """Kernels asked for per pair."""
    sweep: Literal["never", "stalled", "always"] = "never"
    """When an iteration tries every menu item alone on every parent, instead of drawing from the menu: ``stalled``
    means after an iteration that has not improved the best candidate."""
    recipe: tuple[str, ...] = ()
    """Menu items that the first iterations offer alone, one after the other; see :mod:`autocomp_kit.reuse`."""
    recipe_beam: Annotated[int, Field(ge=1, le=1000)] = 2
    """How many candidates survive an iteration that offers one item of the recipe alone."""
    allow_hazards: bool = False
    """Whether a kernel counts as correct that hardware may compute otherwise, by a race for instance (see
    docs/sanitizer.md); otherwise it is dropped as ``unsafe``, and no search starts from one."""
    allocation: Literal["even", "adaptive"] = "even"
    """How menu items and agents get their turns: evenly, or more often the more they have made kernels faster."""
    seed: Annotated[int, Field(ge=0, lt=2**48)] = 0


class Limits(_Settings):
    """What a run may use up; ``None`` is no limit.

    No call begins once a limit is reached, and calls under way are left to end. That USD and tokens are not overrun
    by them either is the task of an agent's :class:`~autocomp_kit.agents.budget.Budget`.
    """

    usd: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of all kinds together."""
    seconds: Annotated[float, Field(gt=0)] | None = None
    """Working time, pauses not included."""


def load_settings(path: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> SearchConfig:
    """Return the settings of a YAML mapping such as ``beam: 4``; ``overrides`` win over it.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a setting is unknown or out of range.
    """
    read = {} if path is None else _read(Path(path))
    return _validated({**read, **(overrides or {})}, str(path or "settings"))


def checked_limits(*, usd: float | None, tokens: int | None, seconds: float | None) -> Limits:
    """Return the limits that somebody has typed.

    Raises
    ------
    SettingsError
        If one is out of range.
    """
    try:
        return Limits(usd=usd, tokens=tokens, seconds=seconds)
    except ValidationError as error:
        raise SettingsError(f"limits: {_first_problem(error)}") from error


def changed_settings(config: SearchConfig, changes: Mapping[str, Any]) -> SearchConfig:
    """Return the settings with some of them changed.

    Raises
    ------
    SettingsError
        If a setting is unknown or out of range.
    """
    return _validated({**config.model_dump(), **changes}, "settings")


def _validated(values: Mapping[str, Any], place: str) -> SearchConfig:
    try:
        return SearchConfig(**values)
    except ValidationError as error:
        names = [name for name in SearchConfig.model_fields if name != "version"]
        unknown = error.errors()[0]["type"] == "extra_forbidden"
        hint = f"; the settings are: {', '.join(names)}" if unknown else ""
        raise SettingsError(f"{place}: {_first_problem(error)}{hint}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"cannot read the settings {path}: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: settings are a mapping such as `beam: 4`")
    return {str(name): value for name, value in document.items()}
