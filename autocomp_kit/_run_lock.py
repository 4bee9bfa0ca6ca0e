"""Sees to it that one process at a time drives a run, even if the one before was killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

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
    with _locked(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise RunIsDrivenError from None
        # Between the opening and the lock a driver may have ended and removed the file: this lock would stop nobody.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
