"""Agents' answers on record, so that a search can be replayed exactly, offline and for free.

A recording is one text file with one JSON record per line, in the order in which the answers came; it can be sent to
somebody else as it is. An answer is found by its address: a hash of all that the call was about (agent, workload,
machine, the kernels' text, the options or the plan) and of the call's seed and sample number, so that several samples
of one question stay apart. Verdicts are not part of an address: a recording stays good when the simulator's clock gets
better, as long as the search takes the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from autocomp_kit.agents._keys import environment_keys, without_keys_in
from autocomp_kit.agents.base import CodeReply
from autocomp_kit.errors import InputError
from autocomp_kit.records import MenuItem, Plan, Record, content_id

__all__ = [
    "Answer",
    "Call",
    "Cast",
    "Failure",
    "RecordMode",
    "Recording",
    "RecordingError",
    "code_address",
    "combine_address",
    "plan_address",
    "repair_address",
]

RecordMode = Literal["none", "once", "new_episodes", "all"]
"""``none``: answer from the file and never call. ``once``: record if there is no file yet, else as ``none``.
``new_episodes``: answer from the file, call and record what is not in it. ``all``: call and record everything anew.

A failure on record is replayed as a failure, never as an answer. Where calls may be made, one that was but the server's
(:data:`~autocomp_kit.agents.base.PASSING`) counts as missing."""

_FIRST_BYTES = b'{"version":1,"what":"'


class RecordingError(InputError):
    """A file is no recording that this release can read; the message names file and line."""


class Failure(Record):
    """A call that gave no usable answer; the fields of :class:`~autocomp_kit.agents.base.AgentError`."""

    kind: str
    message: str


class Answer(Record):
    """What one call was answered: a plan, a kernel, or a failure."""

    what: Literal["answer"] = "answer"
    address: str
    agent: str
    answer: Plan | CodeReply | Failure


class Cast(Record):
    """Who took part: names in the order that decides whose turn it is."""

    what: Literal["cast"] = "cast"
    planners: tuple[str, ...]
    coders: tuple[str, ...]
    deterministic: frozenset[str] = frozenset()


class Call(NamedTuple):
    """What all addresses begin with."""

    agent: str
    workload: str
    machine: str
    seed: int


class Recording:
    """Answers by address, in memory or in a file.

    Parameters
    ----------
    path
        The file; without it the recording lives in memory.
    mode
        When to call and when to record.

    Raises
    ------
    RecordingError
        If the file cannot be read or is not a recording, or is missing in mode ``none``.
    """

    def __init__(self, path: Path | None = None, *, mode: RecordMode = "new_episodes") -> None:
        self._path = path
        self._end: _End | None = None
        self._answers: dict[str, Answer] = {}
        self.cast: Cast | None = None
        exists = path is not None and path.exists()
        if path is not None and exists:
            self._read(path)
        elif path is not None and mode == "none":
            raise RecordingError(f"there is no recording {path}")
        self.replays = mode != "all"
        """Whether answers on record are given."""
        self.records = mode in {"all", "new_episodes"} or (mode == "once" and not exists)
        """Whether calls that are not on record are made and recorded."""

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, address: str) -> Answer | None:
        """Return the answer at an address."""
        return self._answers.get(address)

    def add(self, entry: Answer | Cast) -> Answer | Cast:
        """Record an answer or the cast, and return it as it is on record, without keys; the file has it then."""
        fields = without_keys_in(entry.model_dump(mode="json"), environment_keys())
        entry = type(entry).model_validate_json(json.dumps(fields))
        if isinstance(entry, Cast) and entry == self.cast:
            return entry
        self._take_in(entry)
        if self._path is not None:
            self._append(self._path, entry)
        return entry

    def text(self) -> str:
        """Return the whole recording as the text of a file."""
        entries: list[Answer | Cast] = [*([self.cast] if self.cast else []), *self._answers.values()]
        return "".join(entry.model_dump_json() + "\n" for entry in entries)

    def _take_in(self, entry: Answer | Cast) -> None:
        if isinstance(entry, Cast):
            self.cast = entry
        else:
            self._answers[entry.address] = entry

    def _append(self, path: Path, entry: Answer | Cast) -> None:
        try:
            with path.open("ab") as file:
                if self._end is not None and file.tell() == self._end.size:  # nobody else has mended it meanwhile
                    file.truncate(self._end.whole)
                    file.write(self._end.missing)
                self._end = None
                file.write(entry.model_dump_json().encode() + b"\n")
        except OSError as error:
            raise RecordingError(f"cannot write the recording {path}: {error}") from error

    def _read(self, path: Path) -> None:
        """Take in what a file holds; it is left as it is, for it may be somebody else's, or no recording at all."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordingError(f"cannot read the recording {path}: {error}") from error
        *lines, last = data.split(b"\n")
        for number, line in enumerate(lines, start=1):
            entry = _entry(line)
            if entry is None:
                raise RecordingError(f"{path}, line {number}: this is not a recorded answer")
            self._take_in(entry)
        if not last:
            return
        if entry := _entry(last):  # whole, but without the end of the line, as some editors leave it
            self._take_in(entry)
            self._end = _End(len(data), len(data), b"\n")
        elif last.startswith(_FIRST_BYTES) or _FIRST_BYTES.startswith(last):
            # Its writer was killed in the middle of the line, which is made up for by asking again.
            self._end = _End(len(data), len(data) - len(last), b"")
        else:
            raise RecordingError(f"{path}, line {len(lines) + 1}: this is not a recorded answer")


class _End(NamedTuple):
    """The end of a file whose last line has no end: its size, how much of it is whole, and what that lacks."""

    size: int
    whole: int
    missing: bytes


def _entry(line: bytes) -> Answer | Cast | None:
    try:
        is_cast = json.loads(line)["what"] == "cast"
        return Cast.model_validate_json(line) if is_cast else Answer.model_validate_json(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def plan_address(call: Call, *, parent: str, options: Iterable[MenuItem]) -> str:
    """Return the address of a plan call on a parent's code."""
    return _address(call, "plan", parent, *(f"{one.item_id}: {one.text}" for one in options))


def code_address(call: Call, *, parent: str, plan: Plan, sample: int) -> str:
    """Return the address of a code call on a parent's code."""
    return _address(call, "code", parent, *_plan_words(plan), str(sample))


def repair_address(call: Call, *, parent: str, failed: str, plan: Plan, attempt: int) -> str:
    """Return the address of a repair call on a parent's and a failed kernel's code."""
    return _address(call, "repair", parent, failed, *_plan_words(plan), str(attempt))


def combine_address(call: Call, *, parents: Iterable[str], sample: int) -> str:
    """Return the address of a call that combines two kernels."""
    return _address(call, "combine", *parents, str(sample))


def _address(call: Call, *words: str) -> str:
    return content_id(call.agent, call.workload, call.machine, str(call.seed), *words)


def _plan_words(plan: Plan) -> tuple[str, str, str]:
    return plan.text, plan.item_id or "", json.dumps(plan.parameters, sort_keys=True)
