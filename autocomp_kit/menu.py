"""The menu of optimisations that a plan may choose from, and the seeded dropout that makes plans differ.

Every plan call sees its own random part of the menu, because a model that always sees the whole menu proposes the
same few things again and again. A menu is user data, a YAML file::

    name: gemm
    description: Matrix multiplication on a weight-stationary array.
    items:
      - id: hoist-load
        text: Load a tile once at an outer loop and keep it in the scratchpad while it is reused.
        preconditions: The address of the load does not change in the inner loop.
        effect: Fewer bytes move.
        rewrite: hoist-load
      - id: other
        text: Any other change that makes the kernel faster.
        always: true

The optional fields and their defaults are those of :class:`~autocomp_kit.records.MenuItem`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from autocomp_kit.errors import InputError
from autocomp_kit.records import MenuItem, Record
from autocomp_kit.resources import data_folder

__all__ = ["Menu", "MenuError", "load_menu", "menu_names"]


class MenuError(InputError):
    """A menu cannot be read or used; the message names the file and the item."""


class Menu(Record):
    """An ordered list of options with unique ids."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    description: str = ""
    items: tuple[MenuItem, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Menu:
        repeated = [item_id for item_id, count in Counter(item.item_id for item in self.items).items() if count > 1]
        if repeated:
            raise ValueError(f"item ids must be unique, but {', '.join(repeated)} stands more than once")
        return self

    @classmethod
    def load(cls, path: Path | str) -> Menu:
        """Read a menu from a YAML file, in our format or in upstream Autocomp's (a list ``optimizations``).

        Raises
        ------
        MenuError
            If the file cannot be read or is not a menu; the message names the file and the item.
        """
        path = Path(path)
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise MenuError(f"cannot read the menu {path}: {error}") from error
        except yaml.YAMLError as error:
            raise MenuError(f"{path} is not YAML: {error}") from error
        if not isinstance(document, dict):
            raise MenuError(f"{path}: a menu is a mapping with `name` and `items`, not a {type(document).__name__}")
        if "optimizations" in document:
            return _from_upstream(document["optimizations"], path)
        document.setdefault("name", path.stem)
        return _from_document(document, path)

    def save(self, path: Path | str) -> None:
        """Write the menu as YAML that :meth:`load` reads back to an equal menu; defaults are left out."""
        items = []
        for item in self.items:
            fields = item.model_dump(exclude_defaults=True)
            items.append({"id": fields.pop("item_id"), **fields})
        document = {"name": self.name, "description": self.description, "items": items}
        # PyYAML loses Unicode's own line separators unless it escapes everything beyond ASCII.
        readable = not any(separator in str(document) for separator in (r"\x85", r"\u2028", r"\u2029"))
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=readable, width=110)
        Path(path).write_text(text, encoding="utf-8")

    def __getitem__(self, item_id: str) -> MenuItem:
        for item in self.items:
            if item.item_id == item_id:
                return item
        known = ", ".join(item.item_id for item in self.items)
        raise MenuError(f"menu {self.name!r} has no item {item_id!r}; it has: {known}")

    def available(self) -> tuple[MenuItem, ...]:
        """Return the items that a draw may offer: enabled and with a weight above zero.

        Raises
        ------
        MenuError
            If there is none.
        """
        items = tuple(item for item in self.items if item.enabled and item.weight > 0)
        if not items:
            raise MenuError(f"menu {self.name!r} offers nothing: every item is disabled or has weight 0")
        return items

    def reweighted(self, factors: Mapping[str, float]) -> Menu:
        """Return the menu with the weights of some items multiplied by factors from 0."""
        items = (
            item.model_copy(update={"weight": item.weight * factors.get(item.item_id, 1.0)}) for item in self.items
        )
        return self.model_copy(update={"items": tuple(items)})

    def draw(
        self, *, seed: int, keep_probability: float, minimum: int = 1, shuffle: bool = False
    ) -> tuple[MenuItem, ...]:
        """Return the part of the menu that one plan call sees; equal arguments give equal parts.

        Each item stays with probability ``min(1, weight * keep_probability)``, independently of the others: changing
        one item changes no other item's draw. Items marked ``always`` stay. If fewer than ``minimum`` of the others
        stay, those that came closest to staying are added.

        Parameters
        ----------
        seed
            The only source of randomness.
        keep_probability
            Between 0 and 1; upstream Autocomp uses 0.25 to 0.3.
        minimum
            How many items beside the ``always`` ones are offered at least, as far as there are so many.
        shuffle
            Whether the order is random too, instead of the menu's own.

        Raises
        ------
        MenuError
            If no item is enabled.
        """
        items = self.available()
        # Below 1 stays: the item's own uniform number over its probability, so that the smallest came closest.
        distance = {
            item.item_id: _uniform(seed, "keep", item.item_id) / max(item.weight * keep_probability, 1e-9)
            for item in items
            if not item.always
        }
        by_distance = sorted(distance, key=distance.__getitem__)
        kept = {item_id for rank, item_id in enumerate(by_distance) if rank < minimum or distance[item_id] < 1}
        drawn = [item for item in items if item.always or item.item_id in kept]
        if shuffle:
            drawn.sort(key=lambda item: _uniform(seed, "order", item.item_id))
        return tuple(drawn)


def menu_names() -> tuple[str, ...]:
    """Return the names of the menus that come with the package."""
    return tuple(sorted(path.stem for path in (data_folder() / "menus").glob("*.yaml")))


def load_menu(name_or_path: str | Path) -> Menu:
    """Return a shipped menu by name, or a user's menu by the path of its file.

    Raises
    ------
    MenuError
        If there is no such menu or file, or it is not a menu.
    """
    if str(name_or_path) in menu_names():
        return Menu.load(data_folder() / "menus" / f"{name_or_path}.yaml")
    if not Path(name_or_path).is_file():
        raise MenuError(f"no menu and no file {str(name_or_path)!r}; the menus are: {', '.join(menu_names())}")
    return Menu.load(name_or_path)


def _uniform(seed: int, *words: str) -> float:
    digest = hashlib.sha256("\0".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:7], "little") / 2.0**56


def _from_document(document: dict[str, Any], path: Path) -> Menu:
    items = document.get("items")
    if not isinstance(items, list):
        raise MenuError(f"{path}: `items` must be a list of options")
    parsed = tuple(_item(fields, f"{path}: item {number}") for number, fields in enumerate(items, start=1))
    try:
        return Menu(**{**document, "items": parsed})
    except ValidationError as error:
        raise MenuError(f"{path}: {_first_problem(error)}") from error


def _item(fields: object, place: str) -> MenuItem:
    if not isinstance(fields, dict):
        raise MenuError(f"{place} must be a mapping with `id` and `text`, not {fields!r}")
    named = f"{place} ({fields.get('id', 'no id')})"
    try:
        return MenuItem(**{("item_id" if key == "id" else str(key)): value for key, value in fields.items()})
    except ValidationError as error:
        raise MenuError(f"{named}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"]).replace("item_id", "id")
    return f"{field}: {problem['msg']}" if field else problem["msg"]


def _from_upstream(strategies: object, path: Path) -> Menu:
    """Read upstream's format: strings, or mappings with a string ``strategy``; ids come from the first words."""
    if not isinstance(strategies, list):
        raise MenuError(f"{path}: `optimizations` must be a list of strategies")
    items: list[dict[str, Any]] = []
    used: Counter[str] = Counter()
    for number, entry in enumerate(strategies, start=1):
        text = entry.get("strategy") if isinstance(entry, dict) else entry
        if not isinstance(text, str) or not text.strip():
            raise MenuError(f"{path}: item {number} has no text under `strategy`")
        words = re.findall(r"[a-z0-9]+", text.lower())[:5]
        slug = "-".join(words)[:56].rstrip("-") or "item"
        used[slug] += 1
        items.append({"id": slug if used[slug] == 1 else f"{slug}-{used[slug]}", "text": text.strip()})
    return _from_document({"name": path.stem, "items": items}, path)
