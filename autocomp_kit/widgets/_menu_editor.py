"""Edit the menu of optimisations, and see exactly what the next plan would be offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets
from gemmini_sim import load_config
from pydantic import ValidationError

from autocomp_kit.errors import InputError
from autocomp_kit.history import RunHistory
from autocomp_kit.menu import Menu, MenuError, load_menu
from autocomp_kit.preview import plan_request_for
from autocomp_kit.prompts import Prompts
from autocomp_kit.records import MenuItem
from autocomp_kit.search import derive_seed
from autocomp_kit.widgets._base import Reply, Widget, request
from autocomp_kit.widgets._memory import ViewMemory
from autocomp_kit.widgets._menu_tables import expected_options, menu_changes, option_records
from autocomp_kit.widgets._source import RunSource, history_of
from autocomp_kit.widgets._summary import Summary

__all__ = ["MenuEditor"]

_FIELDS = ("item_id", "text", "enabled", "weight", "preconditions", "effect", "rewrite", "always")


class MenuEditor(Widget):
    """A table of options to enable, weigh, reword, add and reorder; ``editor.menu`` is the menu as it stands.

    >>> editor = MenuEditor("gemm", runs=[history])         # doctest: +SKIP
    >>> make_run("exo/0", menu=editor.menu)                 # doctest: +SKIP

    Parameters
    ----------
    menu
        A menu, the name of a shipped one, or the path of a file; it is also what changes are counted against.
    runs
        Past runs, for the success of each option and for prompts as the last of them would send.
    keep_probability : float
        The chance of each option to be offered to one plan.
    seed : int
        Which draw the preview shows.

    Raises
    ------
    TypeError
        If there is no such option.
    InputError
        If there is no such menu or run.
    """

    _module = "menu"
    _options = ("keep_probability", "seed")
    _kept = ("keep_probability", "seed", "items")

    name = traitlets.Unicode("").tag(sync=True)
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    keep_probability = traitlets.Float(0.25, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    offered = traitlets.List(traitlets.Unicode()).tag(sync=True)
    expected = traitlets.Float(0.0).tag(sync=True)
    changes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    statistics = traitlets.Dict().tag(sync=True)
    can_undo = traitlets.Bool(False).tag(sync=True)
    has_run = traitlets.Bool(False).tag(sync=True)

    def __init__(self, menu: Menu | str | Path, *, runs: Iterable[RunSource] = (), **options: Any) -> None:
        given = frozenset(options)
        self._default = menu if isinstance(menu, Menu) else load_menu(menu)
        self._menu = self._default
        self._past: list[Menu] = []
        histories = [history_of(run) for run in runs]
        self._history: RunHistory | None = histories[-1] if histories else None
        if self._history is not None:
            options.setdefault("keep_probability", self._history.record.config.keep_probability)
        super().__init__(**options)
        self.name = self._menu.name
        self.has_run = self._history is not None and self._history.best is not None
        self.statistics = {item_id: list(record) for item_id, record in option_records(histories).items()}
        self._publish()
        self._remember(ViewMemory(self._history, f"MenuEditor {self.name}"), given=given)

    @property
    def menu(self) -> Menu:
        """The menu as it stands; while the page shows a mistake, the last one without."""
        return self._menu

    def set_menu(self, menu: Menu) -> None:
        """Take another menu; :meth:`undo` brings the one before it back."""
        if menu != self._menu:
            self._past.append(self._menu)
            self._menu = menu
        self._publish()

    def undo(self) -> None:
        """Take back the last change."""
        if self._past:
            self._menu = self._past.pop()
        self._publish()

    @request
    def edit(self, message: dict[str, Any]) -> Reply:
        """Take the options as the page has them."""
        try:
            self.set_menu(self._with_items(message["items"]))
        except ValidationError as error:
            first = error.errors()[0]
            place = " ".join(str(part).replace("item_id", "id") for part in first["loc"])
            raise MenuError(f"{place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}") from None
        return {}

    @request
    def take_back(self, _: dict[str, Any]) -> Reply:
        """Undo."""
        self.undo()
        return {}

    @request
    def reset(self, _: dict[str, Any]) -> Reply:
        """Go back to the menu that the editor was opened with."""
        self.set_menu(self._default)
        return {}

    @request
    def save(self, message: dict[str, Any]) -> Reply:
        """Write the menu to a file."""
        path = self._path(message)
        self._menu.save(path)
        return {"text": f"Saved: {path.resolve()}"}

    @request
    def load(self, message: dict[str, Any]) -> Reply:
        """Read a menu from a file, or a shipped one by name."""
        menu = load_menu(str(message["path"]).strip())
        self.set_menu(menu)
        return {"text": f"Loaded: {menu.name}, {len(menu.items)} options"}

    @request
    def prompt(self, _: dict[str, Any]) -> Reply:
        """Give the prompt that the next plan on the best candidate would see with this menu, seed and probability."""
        history = self._history
        if history is None or history.best is None:
            raise InputError("a prompt needs a run: MenuEditor(menu, runs=[run])")
        config = history.record.config.model_copy(update={"keep_probability": self.keep_probability})
        record = history.record.model_copy(update={"menu": self._menu, "config": config})
        changed = RunHistory(record, history.candidates, history.plans, history.evaluations, history.events)
        asked = plan_request_for(changed, history.best.candidate_id, seed=self.seed)
        return {"text": Prompts().plan(asked, machine=load_config(record.problem.machine)).text}

    @traitlets.observe("keep_probability", "seed")
    def _draw(self, _: Any = None) -> None:
        try:
            drawn = self._menu.draw(
                seed=derive_seed(self.seed, "menu"), keep_probability=self.keep_probability, minimum=self._minimum()
            )
        except MenuError as error:
            self.problem = str(error)
            drawn = ()
        else:
            self.problem = ""
        self.offered = [item.item_id for item in drawn]
        self.expected = expected_options(self._menu, self.keep_probability)

    def _minimum(self) -> int:
        return self._history.record.config.minimum_options if self._history else 1

    def _with_items(self, rows: Any) -> Menu:
        items = tuple(MenuItem(**{name: row[name] for name in _FIELDS if name in row}) for row in rows)
        return Menu(name=self._menu.name, description=self._menu.description, items=items)

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "opened": _rows(self._default)}

    def _recall(self, values: Mapping[str, Any]) -> None:
        super()._recall({name: value for name, value in values.items() if name != "items"})
        if values.get("opened") == _rows(self._default):  # a draft belongs to the menu that it was made from
            with suppress(ValidationError, TypeError, KeyError):
                self.set_menu(self._with_items(values["items"]))

    def _path(self, message: dict[str, Any]) -> Path:
        path = Path(str(message["path"]).strip())
        if path.suffix not in {".yaml", ".yml"}:
            raise InputError(f"{str(path)!r}: a menu is saved as a .yaml file")
        if not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent}")
        return path

    def _publish(self) -> None:
        self.items = _rows(self._menu)
        self.can_undo = bool(self._past)
        self.changes = menu_changes(self._default, self._menu)
        self._draw()

    def _summary(self) -> Summary:
        rows = [
            ("on" if item.enabled else "off", item.item_id, f"{item.weight:g}", item.text[:120])
            for item in self._menu.items
        ]
        facts = [
            f"{self.expected:.1f} options are offered to a plan on average (keep probability {self.keep_probability:g})"
        ]
        return Summary(f"Menu {self._menu.name}", facts, ("", "option", "weight", "text"), rows)


def _rows(menu: Menu) -> list[dict[str, Any]]:
    """Return the options as the page has them."""
    return [item.model_dump(include=set(_FIELDS)) for item in menu.items]
