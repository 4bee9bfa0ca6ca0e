"""Sees to it that one process at a time drives a run, even if the one before was killed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["RunIsDrivenError", "sole_driver"]


class RunIsDrivenError(Exception):
    """Somebody else holds the lock."""


@contextmanager
def sole_driver(path: Path) -> Iterator[None]:
    """Hold a lock in a file of this name for a ``with`` block; the system frees it when the process dies.

    Raises
    ------
    RunIsDrivenError
        If it is held already, in whichever process.
    OSError
        If the file cannot be made.
    """
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunIsDrivenError from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
