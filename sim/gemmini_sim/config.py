"""The one description of a machine: the C header, the function and the timing of the simulator all follow from it.

A :class:`MachineConfig` is frozen and validated. The presets are TOML files in ``gemmini_sim/presets``; a user's file
is another. Such a file names a ``base`` and overrides what differs::

    base = "int8-16"
    description = "What a quarter of the scratchpad costs"

    [scratchpad]
    kilobytes = 64

Sizes are bytes, kilobytes (1024 bytes) or entries as the field says; latencies are clock cycles. Defaults describe
the preset ``int8-16``. Structure sizes are those of Gemmini's default configuration (``GemminiConfigs.scala``);
latencies were measured on RTL.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gemmini_sim.errors import InputError

__all__ = [
    "DRAM_BASE",
    "L2",
    "Accumulator",
    "Array",
    "ConfigError",
    "Dma",
    "Features",
    "Host",
    "MachineConfig",
    "Memory",
    "Queues",
    "Scratchpad",
    "load_config",
    "preset_names",
]

DRAM_BASE = 0x8000_0000
"""Physical address of the first byte of DRAM, where every program starts."""

_MAX_FILE_BYTES = 1 << 20
_MAX_BASES = 8

Count = Annotated[int, Field(ge=1, le=4096)]
Cycles = Annotated[int, Field(ge=0, le=100_000)]


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


class ConfigError(InputError):
    """A machine description that cannot be used; the text names the file (or preset), the field and the way out.

    Attributes
    ----------
    source : str
        File or preset that was read, as the user wrote it.
    field : str or None
        Dotted name of the field, for instance ``scratchpad.banks``; ``None`` if the file as a whole is at fault.
    """

    def __init__(self, source: str, field: str | None, message: str) -> None:
        super().__init__(": ".join(part for part in (source, field, message) if part))
        self.source = source
        self.field = field


class _Group(BaseModel):
    """A frozen group of fields that rejects unknown names and does not convert types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Array(_Group):
    """The systolic array: ``dim`` x ``dim`` elements, one multiply-accumulate each per cycle.

    ``element`` is the type of scratchpad elements, ``accumulator`` of accumulator elements. ``preload_latency`` is
    from the issue of a compute to the moment its preload enters the mesh. A compute of R rows leaves its last
    result in the accumulator ``2 * dim + R`` cycles after it entered the mesh, which holds ``operations_in_flight``
    operations at once.
    """

    dim: Literal[2, 4, 8, 16, 32, 64] = 16
    element: Literal["int8", "fp32"] = "int8"
    accumulator: Literal["int32", "fp32"] = "int32"
    preload_latency: Cycles = 7
    operations_in_flight: Count = 5

    @model_validator(mode="after")
    def _one_arithmetic(self) -> Self:
        if (self.element == "fp32") != (self.accumulator == "fp32"):
            raise ValueError("element and accumulator must be int8 and int32, or both fp32")
        return self


class Scratchpad(_Group):
    """The operand memory: rows of ``dim`` elements in single-ported banks."""

    kilobytes: Annotated[int, Field(ge=1, le=65536)] = 256
    banks: Count = 4


class Accumulator(_Group):
    """The result memory: rows of ``dim`` accumulator elements in banks with one read and one write port.

    ``read_full_width`` lets mvout bring out whole accumulator elements besides scaled ones.
    """

    kilobytes: Annotated[int, Field(ge=1, le=65536)] = 64
    banks: Count = 2
    read_full_width: bool = True


class Queues(_Group):
    """How many commands each part of the accelerator holds.

    ``front`` commands wait between the host and the reservation station; the station has ``station_*`` entries
    per unit; the units' own queues hold ``load``, ``execute`` and ``store`` issued commands; ``trackers`` moves are
    in progress per direction.
    """

    front: Count = 10
    station_load: Count = 8
    station_execute: Count = 16
    station_store: Count = 4
    load: Count = 8
    execute: Count = 8
    store: Count = 2
    trackers: Count = 3


class Dma(_Group):
    """The path between local memories and L2.

    A request is at most ``request_bytes``; the bus moves ``bus_bytes`` per cycle; ``reads_in_flight`` requests wait
    for data at once.
    """

    request_bytes: Literal[16, 32, 64, 128] = 64
    bus_bytes: Literal[8, 16, 32, 64] = 16
    reads_in_flight: Count = 32


class L2(_Group):
    """The last-level cache, shared by the host and the accelerator, inclusive of the host's L1, random replacement.

    ``hit_latency`` is from a DMA request to its first data; ``misses`` is the number of lines in flight to memory.
    """

    kilobytes: Annotated[int, Field(ge=4, le=1 << 20)] = 4096
    ways: Count = 8
    line_bytes: Literal[64] = 64
    misses: Count = 10
    hit_latency: Cycles = 6


class Memory(_Group):
    """DRAM and its port: ``megabytes`` from :data:`DRAM_BASE`, ``latency`` cycles to the first data of a read.

    Every read takes ``latency`` if ``banks`` is 0. Otherwise it is a DRAM of so many banks, first come first served,
    rows stay open, and ``latency`` is that of a read in an open row. Each bank has one row of ``row_bytes`` open;
    rows that follow each other are in different banks. To open a row takes ``activate`` cycles, to close the one that
    was open before, ``precharge``. Requests to a bank wait for each other, and all for the data bus, which a line
    takes for ``burst`` cycles and on which ``turnaround`` cycles pass between reads and writes. Lines to write are
    collected until there are ``write_queue`` of them, and then written row by row.
    """

    megabytes: Annotated[int, Field(ge=16, le=2048)] = 256
    bytes_per_cycle: Literal[4, 8, 16, 32, 64] = 8
    latency: Cycles = 60
    banks: Literal[0, 1, 2, 4, 8, 16, 32, 64] = 0
    row_bytes: Literal[512, 1024, 2048, 4096, 8192, 16384] = 8192
    activate: Cycles = 14
    precharge: Cycles = 14
    burst: Cycles = 4
    turnaround: Cycles = 8
    write_queue: Annotated[int, Field(ge=1, le=32)] = 16


class Host(_Group):
    """Rocket, the in-order RV64GC core that issues the commands; the defaults are Chipyard's.

    ``btb_entries`` branch targets are kept, ``return_addresses`` calls, and one direction in each of
    ``history_entries`` places; of the last ``history_length`` directions ``history_bits`` enter the place.
    The multiplier works off ``multiplier_bits`` per cycle. ``device_latency`` is of a store to a device.
    """

    icache_kilobytes: Annotated[int, Field(ge=1, le=1024)] = 16
    icache_ways: Count = 4
    dcache_kilobytes: Annotated[int, Field(ge=1, le=1024)] = 16
    dcache_ways: Count = 4
    btb_entries: Annotated[int, Field(ge=2, le=62)] = 28
    return_addresses: Annotated[int, Field(ge=1, le=32)] = 6
    history_entries: Literal[64, 128, 256, 512, 1024, 2048] = 512
    history_length: Annotated[int, Field(ge=1, le=16)] = 8
    history_bits: Annotated[int, Field(ge=1, le=6)] = 3
    multiplier_bits: Literal[1, 2, 4, 8, 16] = 8
    early_out: bool = True
    device_latency: Cycles = 9


class Features(_Group):
    """Optional parts that the C header announces, so that programs use them or leave them out.

    The simulator executes every command whatever these say.
    """

    normalizations: bool = False
    first_layer_optimizations: bool = True


class MachineConfig(_Group):
    """A machine: the host, the accelerator and the memory system.

    ``name`` and ``description`` are for people and do not enter :attr:`identity`.
    """

    name: str = "int8-16"
    description: str = ""
    array: Array = Array()
    scratchpad: Scratchpad = Scratchpad()
    accumulator: Accumulator = Accumulator()
    queues: Queues = Queues()
    dma: Dma = Dma()
    l2: L2 = L2()
    memory: Memory = Memory()
    host: Host = Host()
    features: Features = Features()

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        for name, rows in (
            ("scratchpad", self.scratchpad_bank_rows),
            ("accumulator", self.accumulator_bank_rows),
        ):
            if not _is_power_of_two(rows) or rows % self.array.dim:
                raise ValueError(
                    f"{name}: its size gives {rows} rows per bank; a bank needs a power of two of at least "
                    f"array.dim = {self.array.dim} rows"
                )
        if self.scratchpad_rows > 1 << 26 or self.accumulator_rows > 1 << 26:
            raise ValueError("scratchpad: more rows than a local address can name")
        for name, kilobytes, ways in (
            ("l2", self.l2.kilobytes, self.l2.ways),
            ("host.icache", self.host.icache_kilobytes, self.host.icache_ways),
            ("host.dcache", self.host.dcache_kilobytes, self.host.dcache_ways),
        ):
            sets, rest = divmod(kilobytes * 1024, ways * self.l2.line_bytes)
            if rest or not _is_power_of_two(sets):
                raise ValueError(f"{name}: {kilobytes} KB in {ways} ways is not a power of two of sets")
        if self.dma.request_bytes > self.l2.line_bytes:
            raise ValueError(f"dma: a request of {self.dma.request_bytes} bytes is longer than an L2 line")
        if self.dma.bus_bytes > self.dma.request_bytes:
            raise ValueError(f"dma: the bus is wider than a request of {self.dma.request_bytes} bytes")
        return self

    @property
    def element_bytes(self) -> int:
        """Bytes of one scratchpad element."""
        return 1 if self.array.element == "int8" else 4

    @property
    def accumulator_bytes(self) -> int:
        """Bytes of one accumulator element."""
        return 4

    @property
    def scratchpad_rows(self) -> int:
        """Rows of the scratchpad, all banks together."""
        return self.scratchpad.kilobytes * 1024 // (self.array.dim * self.element_bytes)

    @property
    def scratchpad_bank_rows(self) -> int:
        """Rows of one scratchpad bank."""
        return self.scratchpad_rows // self.scratchpad.banks

    @property
    def accumulator_rows(self) -> int:
        """Rows of the accumulator, all banks together."""
        return self.accumulator.kilobytes * 1024 // (self.array.dim * self.accumulator_bytes)

    @property
    def accumulator_bank_rows(self) -> int:
        """Rows of one accumulator bank."""
        return self.accumulator_rows // self.accumulator.banks

    @property
    def memory_bytes(self) -> int:
        """Bytes of DRAM."""
        return self.memory.megabytes << 20

    @property
    def identity(self) -> str:
        """A 16-digit hexadecimal name of all that matters for results: equal machines have equal identities."""
        text = json.dumps(self.model_dump(mode="json", exclude={"name", "description"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def with_values(self, values: Mapping[str, Any], *, source: str = "override") -> MachineConfig:
        """Return a copy with some fields changed.

        Parameters
        ----------
        values : mapping
            Dotted field names and their new values, for instance ``{"memory.latency": 20}``.
        source : str
            Who asked, for the text of an error (a file name or a command-line option).

        Raises
        ------
        ConfigError
            If a field is unknown or a value does not fit.
        """
        tree = self.model_dump()
        for dotted, value in values.items():
            *groups, field = dotted.split(".")
            node = tree
            for depth, group in enumerate(groups):
                child = node.get(group)
                if not isinstance(child, dict):
                    raise ConfigError(source, ".".join(groups[: depth + 1]), _unknown_field(group, node))
                node = child
            if field not in node:
                raise ConfigError(source, dotted, _unknown_field(field, node))
            node[field] = value
        return _validate(tree, source)


def _unknown_field(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known))}"
    return f"unknown field; {hint}"


def _validate(tree: Mapping[str, Any], source: str) -> MachineConfig:
    try:
        return MachineConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(source, ".".join(map(str, first["loc"])) or None, _explain(first)) from None


def _explain(problem: ErrorDetails) -> str:
    """Turn one pydantic error into a sentence about the field."""
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    text = str(problem["msg"])
    return f"{text[0].lower()}{text[1:]}, not {problem['input']!r}"


def _merge(base: dict[str, Any], changes: Mapping[str, Any], source: str, prefix: str = "") -> None:
    """Write a file's tables over a base description, field by field."""
    for name, value in changes.items():
        dotted = f"{prefix}{name}"
        if name not in base:
            raise ConfigError(source, dotted, _unknown_field(name, base))
        if isinstance(base[name], dict):
            if not isinstance(value, dict):
                raise ConfigError(source, dotted, f"must be a table [{dotted}], not {value!r}")
            _merge(base[name], value, source, f"{dotted}.")
        else:
            base[name] = value


def _presets_folder() -> Path:
    return Path(str(files("gemmini_sim"))) / "presets"


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the machines that come with the package, the default first."""
    names = sorted(path.stem for path in _presets_folder().glob("*.toml"))
    return ("int8-16", *(name for name in names if name != "int8-16"))


def load_config(name_or_path: str | Path | MachineConfig) -> MachineConfig:
    """Return the machine of a preset name or of a TOML file.

    Parameters
    ----------
    name_or_path : str, Path or MachineConfig
        A name of :func:`preset_names`, the path of a TOML file, or a machine, which is returned as it is.

    Returns
    -------
    MachineConfig
        Its ``name`` is the preset's name or the file's stem unless the file gives one.

    Raises
    ------
    ConfigError
        If there is no such preset or file, or the file has an unknown field or a bad value.
    """
    if isinstance(name_or_path, MachineConfig):
        return name_or_path
    if name_or_path in preset_names():
        return _load_preset(str(name_or_path))
    tree = _read_tree(str(name_or_path), Path(), ())
    return _validate(tree, str(name_or_path))


@cache
def _load_preset(name: str) -> MachineConfig:
    return _validate(_read_tree(name, Path(), ()), name)


def _read_tree(name: str, folder: Path, chain: tuple[str, ...]) -> dict[str, Any]:
    """Read a preset or file with its bases into one nested dictionary of every field."""
    preset = name in preset_names()
    path = _presets_folder() / f"{name}.toml" if preset else folder / name
    if str(path) in chain or len(chain) >= _MAX_BASES:
        raise ConfigError(name, "base", f"the bases form a circle or a chain of more than {_MAX_BASES} files")
    own = _read_toml(name, path)
    base = own.pop("base", None)
    if base is None:
        tree = MachineConfig().model_dump()
    elif base in preset_names() or (isinstance(base, str) and (path.parent / base).is_file()):
        tree = _read_tree(base, path.parent, (*chain, str(path)))
    else:
        presets = ", ".join(preset_names())
        raise ConfigError(name, "base", f"must be a preset ({presets}) or a file beside this one, not {base!r}")
    tree["name"] = path.stem
    _merge(tree, own, name)
    return tree


def _read_toml(name: str, path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ConfigError(name, None, "larger than 1 MB; a machine description has a few hundred bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = f"presets are {', '.join(preset_names())}; a file needs its full name"
        raise ConfigError(name, None, f"neither a preset nor a readable file ({error.strerror}); {hint}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(name, None, f"not a TOML file: {error}") from None
