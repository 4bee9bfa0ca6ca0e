"""Finds workloads by name or file and explains what is wrong with a file."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from autocomp_kit.resources import data_folder
from autocomp_kit.workloads._admm import Admm
from autocomp_kit.workloads._base import Workload, WorkloadError
from autocomp_kit.workloads._conv import Conv
from autocomp_kit.workloads._gemm import Gemm

__all__ = ["KINDS", "load_workload", "workload_names"]

KINDS: dict[str, type[Workload]] = {"admm": Admm, "conv": Conv, "gemm": Gemm}

_MAX_FILE_BYTES = 1 << 20


def workload_names() -> tuple[str, ...]:
    """Return the names of all workloads that ship with the package, such as ``exo/0``."""
    return tuple(f"{path.stem}/{key}" for path in sorted(_folder().glob("*.yaml")) for key in _read_mapping(path))


def load_workload(name_or_path: str | Path) -> Workload:
    """Return a workload by name (``exo/0``) or from a user's YAML file (``my.yaml``).

    Raises
    ------
    WorkloadError
        If there is no such workload, or a field of the file is missing, unknown or out of range.
    """
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return _workload(path, _read_mapping(path), default_name=path.stem, field="")
    family, _, key = text.partition("/")
    file = _folder() / f"{family}.yaml"
    entries = _read_mapping(file) if "/" not in key and key and file.is_file() else {}
    if key not in entries:
        names = workload_names()
        close = difflib.get_close_matches(text, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}; or give the path of a YAML file"
        raise WorkloadError(f"no workload {text!r}; {hint}")
    entry = entries[key]
    if not isinstance(entry, dict):
        raise WorkloadError(f"{file}: {key}: expected a mapping, not {entry!r}")
    return _workload(file, {"name": text, **entry}, default_name=text, field=f"{key}.")


def _folder() -> Path:
    return data_folder("workloads")


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise WorkloadError(f"{path}: larger than {_MAX_FILE_BYTES} bytes; a workload file is a few lines")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WorkloadError(f"{path}: cannot read the workload file: {error}") from error
    except yaml.YAMLError as error:
        raise WorkloadError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise WorkloadError(f"{path}: expected a mapping with kind, m, n, k, not {type(data).__name__}")
    return {str(key): value for key, value in data.items()}


def _workload(path: Path, values: Mapping[str, Any], *, default_name: str, field: str) -> Workload:
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise WorkloadError(f"{path}: {field}kind: expected one of {', '.join(sorted(KINDS))}, not {kind!r}")
    values = {"name": default_name, **values}
    baseline = values.get("baseline")
    if isinstance(baseline, str):
        values["baseline"] = (path.parent / baseline).resolve()
        if not values["baseline"].is_file():
            raise WorkloadError(f"{path}: {field}baseline: no such file: {values['baseline']}")
    model = KINDS[kind]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise WorkloadError("\n".join(_problem(path, field, model, item) for item in error.errors())) from None


def _problem(path: Path, prefix: str, model: type[Workload], item: ErrorDetails) -> str:
    """Return one line about one pydantic error: file, field, what is wrong, what would be right."""
    field = prefix + ".".join(map(str, item["loc"]))
    if item["type"] == "missing":
        return f"{path}: {field}: missing"
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(item["loc"][-1]), model.model_fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(model.model_fields)}"
        return f"{path}: {field}: unknown field; {hint}"
    message = str(item["msg"])
    return f"{path}: {field}: {message[0].lower()}{message[1:]}, not {item['input']!r}"
