"""A directory of cycles measured on RTL: the regions, the programs that ran, and event traces of some of them.

It holds ``cycles.csv`` (one row per measured region), the programs in ``elf/`` or ``elf.tar.xz``, and optionally event
traces in ``traces/`` or ``traces.tar.xz``. A row's name is ``PROGRAM.rN_LABEL``: N counts the repetitions inside one
run, r0 being cold (first touch of code and data), later ones warm.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import tarfile
from functools import cached_property
from pathlib import Path

import pandas as pd

from gemmini_sim.errors import InputError

__all__ = ["AccuracyError", "Measurements"]

_NAME = re.compile(r"(?P<program>.+)\.r(?P<repetition>\d+)_(?P<label>.+)")
_COLUMNS = ("name", "dram_latency", "cycles_roi", "instret")
_TRACE_COLUMNS = ("cycle", "event", "queue", "funct", "rs1", "rs2", "id")
_MAX_ARCHIVE_BYTES = 1 << 29


class AccuracyError(InputError):
    """The directory of measurements cannot be used; says which file and line."""


class Measurements:
    """What one directory of measurements holds.

    Attributes
    ----------
    directory : Path
    regions : DataFrame
        One row per measured region, in the order of the file: program, repetition, latency, rtl_cycles, rtl_instret.

    Raises
    ------
    AccuracyError
        If the directory has no readable ``cycles.csv``. Reading a program or a trace raises it too.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.regions = _read_regions(directory / "cycles.csv")

    def elf(self, program: str) -> bytes:
        """Return a measured program as it ran."""
        data = self._elves.read(f"{program}.elf")
        if data is None:
            raise AccuracyError(f"{self._elves}: {program}.elf is measured in cycles.csv but missing")
        return data

    def latency(self, program: str) -> int:
        """Return the DRAM latency of most measured regions of a program, of several the first in the file."""
        rows = self.regions[self.regions["program"] == program]
        if rows.empty:
            raise AccuracyError(f"{self.directory / 'cycles.csv'}: no region of {program}")
        latencies: list[int] = rows["latency"].tolist()
        return max(latencies, key=latencies.count)

    def trace(self, program: str) -> pd.DataFrame:
        """Return the event trace of a measured program, sorted by cycle.

        Returns
        -------
        DataFrame
            cycle and id (Int64, NA where there is none), event, queue, funct, rs1, rs2 (strings as in the file).
        """
        data = self._traces.read(f"{program}.csv")
        if data is None:
            known = ", ".join(self._traces.stems()) or "none at all"
            raise AccuracyError(f"{self._traces}: no trace of {program}; there are {known}")
        try:
            text = data.decode()
            table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
            missing = [column for column in _TRACE_COLUMNS if column not in table.columns]
            if missing:
                raise AccuracyError(f"{self._traces}: {program}.csv has no column {', '.join(missing)}")
            table["cycle"] = pd.to_numeric(table["cycle"])
            table["id"] = pd.to_numeric(table["id"]).astype("Int64")
        except ValueError as error:
            raise AccuracyError(f"{self._traces}: {program}.csv: {error}") from None
        return table.sort_values("cycle", kind="stable", ignore_index=True)

    def traced(self) -> list[str]:
        """Return the programs of which there is an event trace."""
        return self._traces.stems()

    @cached_property
    def _elves(self) -> _Folder:
        return _Folder(self.directory, "elf")

    @cached_property
    def _traces(self) -> _Folder:
        return _Folder(self.directory, "traces")


class _Folder:
    """Files of a folder, or of the archive ``NAME.tar.xz`` beside which the folder is missing."""

    def __init__(self, directory: Path, name: str) -> None:
        self._folder = directory / name
        self._archive = directory / f"{name}.tar.xz"

    def __str__(self) -> str:
        return str(self._folder if self._folder.is_dir() or not self._archive.is_file() else self._archive)

    def read(self, name: str) -> bytes | None:
        if self._folder.is_dir() or not self._archive.is_file():
            path = self._folder / name
            return path.read_bytes() if path.is_file() else None
        return self._members.get(name)

    def stems(self) -> list[str]:
        if self._folder.is_dir():
            return sorted(path.stem for path in self._folder.iterdir())
        return sorted(Path(name).stem for name in self._members) if self._archive.is_file() else []

    @cached_property
    def _members(self) -> dict[str, bytes]:
        """Every file of the archive by its name without folders; nothing is written to disk."""
        members: dict[str, bytes] = {}
        total = 0
        try:
            with tarfile.open(self._archive, "r:xz") as archive:
                for member in archive:
                    total += member.size
                    if total > _MAX_ARCHIVE_BYTES:
                        raise AccuracyError(f"{self._archive}: more than {_MAX_ARCHIVE_BYTES >> 20} MB unpacked")
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is not None:
                        members[Path(member.name).name] = file.read()
        except (tarfile.TarError, lzma.LZMAError, OSError, EOFError) as error:
            raise AccuracyError(f"{self._archive}: not a readable archive: {error}") from None
        return members


def _read_regions(path: Path) -> pd.DataFrame:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise AccuracyError(f"{path}: no column {', '.join(missing)}; expected at least {', '.join(_COLUMNS)}")
            raw = list(reader)
    except OSError as error:
        raise AccuracyError(f"{path}: {error.strerror}; give a directory that holds cycles.csv and elf/") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise AccuracyError(f"{path}: not a CSV file: {error}") from None
    return pd.DataFrame([_parse_row(row, f"{path}, line {number}") for number, row in enumerate(raw, start=2)])


def _parse_row(row: dict[str, str], place: str) -> dict[str, str | int]:
    match = _NAME.fullmatch(row["name"] or "")
    if match is None:
        raise AccuracyError(f"{place}: name {row['name']!r} is not PROGRAM.rN_LABEL")
    try:
        return {
            "program": match["program"],
            "repetition": int(match["repetition"]),
            "latency": int(row["dram_latency"]),
            "rtl_cycles": int(row["cycles_roi"]),
            "rtl_instret": int(row["instret"]),
        }
    except (TypeError, ValueError) as error:
        raise AccuracyError(f"{place}: {error}") from error
