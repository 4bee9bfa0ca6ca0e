"""Runs on disk: one SQLite file per study, holding any number of runs.

Tables: ``runs``, ``plans``, ``candidates``, ``evaluations`` and ``events``. Every row is one JSON record; the other
columns are computed from it by SQLite, so that ``select candidate_id, agent from candidates`` works in any SQLite
shell and nothing is stored twice. Rows are only ever added, so reading changes nothing. The table ``views`` alone is
written over: what a person last looked at in a run, which no search ever reads.

A file survives the killing of its process at any instant (write-ahead log, one transaction per event), may be read
while another process writes or where nobody may write, and holds data only: opening somebody else's file executes
nothing.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from autocomp_kit._run_lock import RunIsDrivenError, sole_driver
from autocomp_kit.errors import InputError
from autocomp_kit.events import CandidateEvaluated, RunEvent, RunStarted, parse_event
from autocomp_kit.history import RunHistory, RunRecord
from autocomp_kit.records import Candidate, Evaluation, Plan, ViewState

__all__ = ["Store", "StoreError"]

_APPLICATION_ID = 0x41434B31  # "ACK1", in the file's header
_SCHEMA_VERSION = 2
_DAMAGE = (sqlite3.Error, UnicodeDecodeError)


def _field(name: str, kind: str = "TEXT") -> str:
    return f"{name} {kind} GENERATED ALWAYS AS (json_extract(record, '$.{name}')) VIRTUAL"


_RECORD = "record TEXT NOT NULL CHECK (json_valid(record))"

_SCHEMA = {
    "runs": f"CREATE TABLE runs (run_id TEXT PRIMARY KEY, {_RECORD}, {_field('created', 'REAL')})",
    "plans": (
        f"CREATE TABLE plans (run_id TEXT NOT NULL, plan_id TEXT NOT NULL, {_RECORD}, {_field('parent_id')}, "
        f"{_field('iteration', 'INTEGER')}, {_field('item_id')}, {_field('agent')}, {_field('text')}, "
        "PRIMARY KEY (run_id, plan_id))"
    ),
    "candidates": (
        "CREATE TABLE candidates (run_id TEXT NOT NULL, candidate_id TEXT NOT NULL, evaluation_entry TEXT NOT NULL, "
        f"{_RECORD}, {_field('parent_id')}, {_field('plan_id')}, {_field('iteration', 'INTEGER')}, "
        f"{_field('agent')}, {_field('code')}, PRIMARY KEY (run_id, candidate_id))"
    ),
    "evaluations": (
        f"CREATE TABLE evaluations (evaluation_entry TEXT PRIMARY KEY, {_RECORD}, {_field('workload')}, "
        f"{_field('machine')}, {_field('status')}, {_field('cycles', 'INTEGER')}, {_field('utilization', 'REAL')})"
    ),
    "events": (
        f"CREATE TABLE events (run_id TEXT NOT NULL, sequence INTEGER NOT NULL, {_RECORD}, {_field('kind')}, "
        f"{_field('time', 'REAL')}, PRIMARY KEY (run_id, sequence))"
    ),
    "views": f"CREATE TABLE views (run_id TEXT NOT NULL, view TEXT NOT NULL, {_RECORD}, PRIMARY KEY (run_id, view))",
}
_SCHEMA_1 = {name: table for name, table in _SCHEMA.items() if name != "views"}

_ADD_EVENT = "INSERT INTO events (run_id, sequence, record) VALUES (?, ?, ?)"


class StoreError(InputError):
    """A file is no store that this release can use, or holds no such run; the message names the file."""


class Store:
    """One open store; make one with :meth:`open`. Any thread may use it."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.path = path
        """Where the file is, or ``None`` for a store in memory."""

    @classmethod
    def open(cls, path: Path | str, *, create: bool = True) -> Store:
        """Open a store, or make a new one where there is no file.

        Parameters
        ----------
        path
            The file, or ``":memory:"`` for a store that vanishes when it is closed.
        create
            Whether to make a missing file; if not, a missing file is an error.

        Raises
        ------
        StoreError
            If the file is missing and not to be made, is not a store, is damaged, or was written by a later release.
        """
        if path == ":memory:":
            return cls(_connect(":memory:", create=True), None)
        path = Path(path)
        if path.is_dir():
            raise StoreError(f"{path} is a folder; a store is one file, for instance {path / 'study.sqlite'}")
        if not path.exists() and not create:
            raise StoreError(f"there is no store {path}")
        try:
            return cls(_connect(path, create=create), path)
        except _DAMAGE as error:
            raise StoreError(f"cannot open the store {path}: {error}") from error

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path or ':memory:')!r})"

    @property
    def _name(self) -> str:
        """What messages call it."""
        return str(self.path or "the store in memory")

    # Writing: done by a run only.

    def add_run(self, record: RunRecord, started: RunStarted) -> None:
        """Add a run and its first event.

        Raises
        ------
        StoreError
            If the store has a run of that id.
        """
        with self._writing(), self._transaction() as execute:
            if execute("SELECT 1 FROM runs WHERE run_id = ?", (record.run_id,)).fetchone():
                raise StoreError(f"{self._name} already has a run {record.run_id!r}")
            execute("INSERT INTO runs (run_id, record) VALUES (?, ?)", (record.run_id, record.model_dump_json()))
            execute(_ADD_EVENT, (started.run_id, started.sequence, started.model_dump_json()))

    def add_event(
        self, event: RunEvent, *, plan: Plan | None = None, candidate: Candidate | None = None, entry: str | None = None
    ) -> None:
        """Add an event together with the plan or the candidate that it announces, all or nothing.

        ``entry`` is the name that the candidate's verdict has or will have, see :meth:`add_evaluation`.

        Raises
        ------
        StoreError
            If the file cannot be written, or the run has gone on elsewhere.
        """
        with self._writing(), self._transaction() as execute:
            if plan is not None:
                execute(
                    "INSERT INTO plans (run_id, plan_id, record) VALUES (?, ?, ?)",
                    (event.run_id, plan.plan_id, plan.model_dump_json()),
                )
            if candidate is not None:
                execute(
                    "INSERT INTO candidates (run_id, candidate_id, evaluation_entry, record) VALUES (?, ?, ?, ?)",
                    (event.run_id, candidate.candidate_id, entry, candidate.model_dump_json()),
                )
            execute(_ADD_EVENT, (event.run_id, event.sequence, event.model_dump_json()))

    def add_evaluation(self, entry: str, evaluation: Evaluation) -> None:
        """Add a verdict under a name that its content decides; a later one replaces only an ``internal_error``."""
        with self._writing(), self._transaction() as execute:
            execute(
                "INSERT INTO evaluations (evaluation_entry, record) VALUES (?, ?) ON CONFLICT (evaluation_entry) "
                "DO UPDATE SET record = excluded.record WHERE status = 'internal_error'",
                (entry, evaluation.model_dump_json()),
            )

    def save_view(self, run_id: str, view: str, state: ViewState) -> None:
        """Keep what is looked at in a view of a run, in place of what was before.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        with self._writing(), self._transaction() as execute:
            if "views" not in _tables(self._connection):  # a file of an earlier release
                execute(_SCHEMA["views"], ())
                execute(f"PRAGMA user_version = {_SCHEMA_VERSION}", ())
            execute(
                "INSERT INTO views (run_id, view, record) VALUES (?, ?, ?) "
                "ON CONFLICT (run_id, view) DO UPDATE SET record = excluded.record",
                (run_id, view, state.model_dump_json()),
            )

    @contextmanager
    def driving(self, run_id: str) -> Iterator[None]:
        """Have a run for oneself in a ``with`` block, so that no other process drives it meanwhile.

        Raises
        ------
        StoreError
            If another one does, or no lock can be had, as for a name that no file can have.
        """
        if self.path is None:
            yield
            return
        with ExitStack() as held:
            try:
                held.enter_context(sole_driver(self.path.with_name(f"{self.path.name}-{run_id}.lock")))
            except RunIsDrivenError:
                raise StoreError(
                    f"{self._name}: run {run_id!r} is under way already, in this process or another one; look at it "
                    "with `autocomp-kit runs show`, or fork it"
                ) from None
            except (OSError, ValueError) as error:
                raise StoreError(f"{self._name}: run {run_id!r} cannot be locked: {error}") from error
            yield

    # Reading.

    def evaluation(self, entry: str) -> Evaluation | None:
        """Return the verdict under a name, from whichever run; our own failures are not reused."""
        with self._reading():
            rows = self._rows("SELECT record FROM evaluations WHERE evaluation_entry = ?", (entry,))
            evaluation = Evaluation.model_validate_json(rows[0][0]) if rows else None
        return None if evaluation is None or evaluation.status == "internal_error" else evaluation

    def runs(self) -> tuple[RunRecord, ...]:
        """Return what every run was started with, oldest first."""
        with self._reading():
            rows = self._rows("SELECT record FROM runs ORDER BY created, run_id")
            return tuple(RunRecord.model_validate_json(row[0]) for row in rows)

    def load_run(self, run_id: str | None = None) -> RunHistory:
        """Return a snapshot of one run, by default of the latest.

        ``run_id`` may be shortened as long as it fits one run only.

        Raises
        ------
        StoreError
            If there is no such run, or its rows are not what this release writes.
        """
        record = self._find(run_id)
        parameters = (record.run_id,)
        # One read transaction: the parts fit together even while another process writes.
        with self._reading(), self._transaction(write=False):
            plans = self._rows("SELECT record FROM plans WHERE run_id = ? ORDER BY rowid", parameters)
            candidates = self._rows("SELECT record FROM candidates WHERE run_id = ? ORDER BY rowid", parameters)
            evaluations = self._rows(
                "SELECT candidate_id, evaluations.record FROM candidates JOIN evaluations USING (evaluation_entry) "
                "WHERE run_id = ? ORDER BY candidates.rowid",
                parameters,
            )
            events = self._rows("SELECT record FROM events WHERE run_id = ? ORDER BY sequence", parameters)
        with self._reading():
            made = [Plan.model_validate_json(row[0]) for row in plans]
            written = [Candidate.model_validate_json(row[0]) for row in candidates]
            stream = tuple(parse_event(row[0]) for row in events)
            # A verdict may be in the file before this run has come to it, thanks to another run.
            reached = {event.candidate_id for event in stream if isinstance(event, CandidateEvaluated)}
            return RunHistory(
                record=record,
                plans={plan.plan_id: plan for plan in made},
                candidates={candidate.candidate_id: candidate for candidate in written},
                evaluations={
                    row[0]: Evaluation.model_validate_json(row[1]) for row in evaluations if row[0] in reached
                },
                events=stream,
                path=self.path,
            )

    def view(self, run_id: str, view: str) -> ViewState | None:
        """Return what was last looked at in a view of a run; ``None`` if nothing was, or if the record is not ours."""
        try:
            rows = self._rows("SELECT record FROM views WHERE run_id = ? AND view = ?", (run_id, view))
            return ViewState.model_validate_json(rows[0][0]) if rows else None
        except (*_DAMAGE, ValidationError):
            return None

    def _find(self, run_id: str | None) -> RunRecord:
        records = self.runs()
        if not records:
            raise StoreError(f"{self._name} has no runs yet")
        if run_id is None:
            return records[-1]
        exact = [record for record in records if record.run_id == run_id]
        matches = exact or [record for record in records if record.run_id.startswith(run_id)]
        if len(matches) != 1:
            problem = "several runs begin with" if matches else "there is no run"
            names = ", ".join(record.run_id for record in (matches or records)[-8:])
            raise StoreError(f"{self._name}: {problem} {run_id!r}; runs: {names}")
        return matches[0]

    def _rows(self, query: str, parameters: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        with self._lock:
            return self._connection.execute(query, parameters).fetchall()

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Put all that is written in this block into one transaction; other threads wait meanwhile."""
        with self._writing(), self._transaction():
            yield

    @contextmanager
    def _transaction(self, *, write: bool = True) -> Iterator[_Execute]:
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection.execute
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.OperationalError):  # where the disk is full, SQLite may have ended it itself
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise StoreError(
                f"{self._name}: the run has gone on elsewhere since it was opened; open it again"
            ) from error
        except sqlite3.Error as error:
            raise StoreError(f"cannot write to {self._name}: {error}") from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in (error.title, *problem["loc"]))
            raise StoreError(
                f"{self._name} holds a record that this release cannot read: {where}: {problem['msg']}"
            ) from error
        except _DAMAGE as error:
            raise StoreError(f"{self._name} cannot be read: {error}") from error


_Execute = Callable[[str, tuple[object, ...]], sqlite3.Cursor]


def _connect(path: Path | str, *, create: bool) -> sqlite3.Connection:
    """Return a connection to a file that is certainly a store of ours; nothing in it has been run or changed."""
    read_only = _is_read_only(path)
    address = _read_only_address(Path(path)) if read_only else path
    connection = sqlite3.connect(address, timeout=60, isolation_level=None, check_same_thread=False, uri=read_only)
    try:
        if create and not _tables(connection):
            _create_tables(connection)
        _check_tables(connection, path)
        if read_only:
            return connection
        # Safe against a killed process; a power cut may cost the last events but leaves a good file.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_read_only(path: Path | str) -> bool:
    """Return whether there is a file that cannot be written, or none beside which SQLite could put its log."""
    path = Path(path)
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _read_only_address(path: Path) -> str:
    """Return the address of a file that nobody is writing to, or whose log is still beside it."""
    log = path.with_name(f"{path.name}-wal")
    return f"{path.resolve().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"


def _tables(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT GLOB 'sqlite_auto*'")
    return dict(rows.fetchall())


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _tables(connection):  # another process may have made them since we looked
        for statement in _SCHEMA.values():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _check_tables(connection: sqlite3.Connection, path: Path | str) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != _APPLICATION_ID:
        raise StoreError(f"{path} is an SQLite file, but not a store of autocomp-kit runs")
    if version > _SCHEMA_VERSION:
        raise StoreError(f"{path} was written by a later release (schema {version}); update autocomp-kit to read it")
    # Equal text of every table also says that there are no triggers or views, which would run when we write or read.
    if _tables(connection) not in (_SCHEMA, _SCHEMA_1):
        raise StoreError(f"{path} has been changed: its tables are not those of a store of autocomp-kit runs")
