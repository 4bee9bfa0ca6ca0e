"""Joins the ES modules of a widget to the one text that anywidget takes: no bundler, no network, no build step.

Each ``static/NAME.js`` is a module that a browser or ``node`` can load as it stands. A widget in a notebook has no
address that a relative import could start from, so the modules it imports are put in front of it, each once, and the
import and export words that this makes superfluous are taken out. Top-level names are therefore unique over all files.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["STATIC", "script", "styles"]

STATIC = Path(__file__).parent / "static"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|let|function|class)\b)", re.MULTILINE)


@cache
def script(name: str) -> str:
    """Return the module ``static/NAME.js`` with all that it imports, ready to be a widget's ``_esm``."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _text(module))) for module in _in_order(name))


@cache
def styles(name: str) -> str:
    """Return the common style sheet followed by ``static/NAME.css``."""
    return "\n".join((STATIC / f"{part}.css").read_text(encoding="utf-8") for part in ("kit", name))


def _text(name: str) -> str:
    return (STATIC / f"{name}.js").read_text(encoding="utf-8")


def _in_order(name: str) -> list[str]:
    """Return a module's imports, imports of imports first, and then itself."""
    order: list[str] = []

    def visit(module: str) -> None:
        for imported in _IMPORT.findall(_text(module)):
            visit(imported)
        if module not in order:
            order.append(module)

    visit(name)
    return order
