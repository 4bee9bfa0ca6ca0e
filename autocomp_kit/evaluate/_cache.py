"""Evaluations kept by content, so that nothing is compiled or simulated twice."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from autocomp_kit.records import Evaluation

__all__ = ["EvaluationCache", "FileCache", "MemoryCache"]


class EvaluationCache(Protocol):
    """Where an evaluator looks before it works, and puts what it found; called from many threads at a time."""

    def get(self, key: str) -> Evaluation | None:
        """Return the evaluation of a key, or ``None``."""
        ...

    def put(self, key: str, evaluation: Evaluation) -> None:
        """Keep an evaluation."""
        ...


class MemoryCache:
    """Keeps evaluations as long as the process lives."""

    def __init__(self) -> None:
        self._evaluations: dict[str, Evaluation] = {}

    def get(self, key: str) -> Evaluation | None:
        """Return the evaluation of a key, or ``None``."""
        return self._evaluations.get(key)

    def put(self, key: str, evaluation: Evaluation) -> None:
        """Keep an evaluation."""
        self._evaluations[key] = evaluation


class FileCache:
    """Keeps evaluations as JSON files in a folder; several processes may share it.

    Parameters
    ----------
    folder : Path, optional
        Where; by default ``$XDG_CACHE_HOME/autocomp-kit/evaluations`` (``~/.cache`` without the variable). A folder
        that cannot be written is the same as an empty one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._folder = folder or base / "autocomp-kit" / "evaluations"

    def get(self, key: str) -> Evaluation | None:
        """Return the evaluation of a key; a file that is damaged or of another version counts as none."""
        try:
            return Evaluation.model_validate_json((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def put(self, key: str, evaluation: Evaluation) -> None:
        """Keep an evaluation; readers see the whole file or none."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(descriptor, "w") as file:
                file.write(evaluation.model_dump_json())
            Path(name).replace(self._folder / f"{key}.json")
        except OSError:
            return
