"""Notebooks replayed with parameters, by papermill in a kernel process of their own."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path

from autocomp_kit.errors import InputError

__all__ = ["NotebookError", "Parameter", "notebook_path", "replay_notebook"]

Parameter = str | int | float | bool | None

_SHIPPED = Path(__file__).parent / "_notebooks"
_CHECKOUT = Path(__file__).parents[1] / "notebooks"


class NotebookError(InputError):
    """A notebook cannot be replayed: it, a parameter or a cell is at fault, and the message says which."""


def notebook_path(name: str) -> Path:
    """Return the file of a notebook of ours, such as ``quickstart``, in the checkout or in the installed wheel.

    Raises
    ------
    NotebookError
        If there is no such notebook.
    """
    for folder in (_CHECKOUT, _SHIPPED):
        path = folder / f"{name}.ipynb"
        if path.is_file():
            return path
    raise NotebookError(f"no notebook {name!r}; give one of notebooks/, such as quickstart")


def _known_parameters(path: Path) -> dict[str, Parameter]:
    """Return the names that the cell tagged ``parameters`` assigns, with their default values."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotebookError(f"{path} is not a readable notebook: {error}") from error
    for cell in cells:
        if "parameters" in cell["metadata"].get("tags", ()):
            return {
                target.id: ast.literal_eval(statement.value)
                for statement in ast.parse("".join(cell["source"])).body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Name)
            }
    return {}


def _check_parameters(path: Path, parameters: Mapping[str, Parameter]) -> None:
    known = _known_parameters(path)
    for name, value in parameters.items():
        if name not in known:
            raise NotebookError(f"{path.name} has no parameter {name!r}; it has {', '.join(known) or 'none'}")
        default = known[name]
        whole_for_real = isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool)
        if default is not None and value is not None and type(value) is not type(default) and not whole_for_real:
            wanted = type(default).__name__
            raise NotebookError(f"{path.name}: parameter {name} takes a {wanted} such as {default!r}, not {value!r}")


def replay_notebook(
    notebook: Path, output: Path, *, parameters: Mapping[str, Parameter] | None = None, progress: bool = True
) -> None:
    """Run a notebook from top to bottom with other parameters, and keep the result with its outputs.

    Parameters
    ----------
    notebook, output : Path
        What to run, and where the rendered copy goes (its folder is made; a failed replay leaves it there too).
    parameters : mapping
        Values for names that the notebook's ``parameters`` cell assigns; types must match the defaults.
    progress : bool
        Whether to draw papermill's progress bar on standard error.

    Raises
    ------
    NotebookError
        If a parameter is unknown or of the wrong type, or if a cell fails.
    """
    import papermill  # noqa: PLC0415 - slow to import, and only replaying needs it
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    chosen = dict(parameters or {})
    _check_parameters(notebook, chosen)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            notebook,
            output,
            parameters=chosen,
            kernel_name="python3",
            cwd=str(Path.cwd()),
            progress_bar=progress,
            log_output=False,
        )
    except PapermillExecutionError as error:
        raise NotebookError(
            f"{notebook.name}, cell {error.cell_index + 1}: {error.ename}: {error.evalue}; the failed copy is {output}"
        ) from error
