"""What is known about each model: its list price, how much it may answer, whether its thinking can be switched off.

The table is ``data/models.yaml``. A model that is not in it can be used all the same; its calls are then counted as
unpriced, and a budget in dollars refuses it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from autocomp_kit.errors import InputError
from autocomp_kit.records import Record, Usage
from autocomp_kit.resources import data_folder

__all__ = ["LongPrompt", "ModelCard", "ModelsError", "Prices", "load_models", "model_card"]

Dollars = Annotated[float, Field(ge=0)]


class ModelsError(InputError):
    """A table of models cannot be read; the message names the file and the entry."""


class Prices(Record):
    """US dollars per million tokens; ``cache_write`` is for a life of five minutes."""

    input: Dollars
    output: Dollars
    cache_write: Dollars
    cache_read: Dollars


class LongPrompt(Record):
    """Other prices for the whole of a request whose prompt has more than ``above`` tokens."""

    above: Annotated[int, Field(gt=0)]
    prices: Prices


class ModelCard(Record):
    """One model: ``None`` stands for what is not known."""

    model: str
    prices: Prices | None = None
    long_prompt: LongPrompt | None = None
    max_output: Annotated[int, Field(gt=0)] | None = None
    thinking: Literal["always", "adaptive", "budget"] | None = None
    batch_factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    source: str = ""

    def priced(self, usage: Usage, *, batch: bool = False) -> Usage:
        """Return the usage of one call with its price, or marked as unpriced."""
        prices = self.prices
        if prices is None:
            return usage.model_copy(update={"usd": 0.0, "unpriced_calls": usage.calls})
        prompt = usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens
        if self.long_prompt is not None and prompt > self.long_prompt.above:
            prices = self.long_prompt.prices
        millionths = (
            usage.input_tokens * prices.input
            + usage.output_tokens * prices.output
            + usage.cache_write_tokens * prices.cache_write
            + usage.cache_read_tokens * prices.cache_read
        )
        return usage.model_copy(update={"usd": millionths * (self.batch_factor if batch else 1.0) / 1e6})


@cache
def load_models(path: Path | None = None) -> dict[str, ModelCard]:
    """Return the cards by model id: the shipped table, and over it the entries of a file of the user's own.

    Raises
    ------
    ModelsError
        If a file cannot be read or an entry is wrong; the message names both.
    """
    cards = _read(data_folder("models.yaml"))
    return cards if path is None else {**cards, **_read(path)}


def model_card(model: str, *, path: Path | None = None) -> ModelCard:
    """Return what is known about a model; for an unknown one a card that says nothing but its id."""
    return load_models(path).get(model, ModelCard(model=model))


def _read(path: Path) -> dict[str, ModelCard]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelsError(f"cannot read the table of models {path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("models"), dict):
        raise ModelsError(f"{path}: a table of models needs a mapping `models` of model ids to what is known of them")
    shared = {"batch_factor": document.get("batch_factor", 1.0)}
    cards = {}
    for model, fields in document["models"].items():
        if not isinstance(fields, dict):
            raise ModelsError(f"{path}: {model}: must be a mapping with `prices`, not {fields!r}")
        try:
            cards[str(model)] = ModelCard(model=str(model), **{**shared, **fields})
        except (ValidationError, TypeError) as error:
            raise ModelsError(f"{path}: {model}: {error}") from None
    return cards
