"""C to a bare-metal RV64GC program, by the clang inside the PyPI package ``ziglang`` or by GCC.

A program is compiled freestanding against the headers in ``gemmini_sim/include`` and linked with the small runtime in
``gemmini_sim/runtime`` (start-up, console, the C library's basics) from the start of DRAM. Sources may be hostile: the
compiler runs in a folder of its own with limits and a bare environment, and reads nothing else where the kernel allows
to enforce that. Results are cached by content.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol, TypeAlias

from gemmini_sim._cache import content_key, read_cached, write_cached
from gemmini_sim._diagnostics import CompileError, Diagnostic, parse_diagnostics
from gemmini_sim._process import run_confined
from gemmini_sim.config import MachineConfig, load_config
from gemmini_sim.errors import InputError
from gemmini_sim.params_header import params_header

__all__ = ["CompileError", "CompileResult", "Compiler", "Diagnostic", "ToolchainError", "compile_c"]

Compiler: TypeAlias = Literal["zig", "gcc"]

_GCC = "riscv64-unknown-elf-gcc"
_MAX_SOURCE_BYTES = 64 << 20
_OPTIMIZE = ("-O0", "-O1", "-O2", "-O3", "-Os", "-Ofast")
_COMMON_FLAGS = (
    "-march=rv64gc",
    "-mabi=lp64d",
    "-mcmodel=medany",
    "-std=gnu17",
    "-fomit-frame-pointer",
    "-fno-stack-protector",
    "-fno-pic",
    "-fno-asynchronous-unwind-tables",
    "-fno-common",
    "-fno-math-errno",
    "-g",
    "-Wall",
    # Older Gemmini programs rely on these; newer compilers make them errors.
    "-Wno-error=implicit-function-declaration",
    "-Wno-error=implicit-int",
    "-Wno-error=int-conversion",
    "-Wno-error=incompatible-pointer-types",
)


_RUNTIME_FLAGS = (*_COMMON_FLAGS, "-O2", "-ffreestanding")


class ToolchainError(InputError):
    """The request is wrong or a compiler is missing; the text says what to do. Nothing was compiled."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CompileResult:
    """A program and what the compiler remarked; ``cached`` if it had been built before."""

    elf: bytes
    diagnostics: tuple[Diagnostic, ...]
    cached: bool

    def __repr__(self) -> str:
        remarks = "".join(f", {one}" for one in self.diagnostics)
        return f"<CompileResult: an ELF of {len(self.elf):,} bytes{remarks}>"


class _Driver(Protocol):
    """One compiler: how it is called."""

    @property
    def version(self) -> str:
        """What distinguishes its output from that of another release."""

    @property
    def readable(self) -> tuple[Path, ...]:
        """The folders that it is installed in."""

    def assembler_flags(self, prefix_map: str) -> list[str]:
        """Return what makes an assembler of its own name files like the compiler, by a map ``old=new``."""

    def compile(self, source: str, output: str, flags: Sequence[str]) -> list[str]:
        """Return the command that compiles one C or assembly file to an object."""

    def archive(self, output: str, objects: Sequence[str]) -> list[str]:
        """Return the command that makes a static library."""

    def link(self, inputs: Sequence[str], output: str, flags: Sequence[str]) -> list[str]:
        """Return the command that links a program; ``flags`` are for the linker itself."""


@dataclass(frozen=True)
class _Zig:
    """The clang, lld and llvm-ar inside the ``zig`` binary, without zig's own wrapper."""

    folder: Path

    @property
    def version(self) -> str:
        return f"ziglang {metadata.version('ziglang')}"

    @property
    def readable(self) -> tuple[Path, ...]:
        return (self.folder,)

    def assembler_flags(self, prefix_map: str) -> list[str]:  # noqa: ARG002 - clang assembles by itself
        return []

    def compile(self, source: str, output: str, flags: Sequence[str]) -> list[str]:
        own = ("--target=riscv64-unknown-elf", "-nostdinc", f"-idirafter{self.folder}/lib/include")
        quiet = ("-fno-color-diagnostics", "-ferror-limit=20")
        return [f"{self.folder}/zig", "clang", *own, *quiet, *flags, "-c", source, "-o", output]

    def archive(self, output: str, objects: Sequence[str]) -> list[str]:
        return [f"{self.folder}/zig", "ar", "rcsD", output, *objects]

    def link(self, inputs: Sequence[str], output: str, flags: Sequence[str]) -> list[str]:
        return [f"{self.folder}/zig", "ld.lld", "--color-diagnostics=never", *flags, *inputs, "-o", output]


@dataclass(frozen=True)
class _Gcc:
    """``riscv64-unknown-elf-gcc`` of the user's system, with or without a C library of its own."""

    path: Path

    @property
    def version(self) -> str:
        return _gcc_version(self.path)

    @property
    def readable(self) -> tuple[Path, ...]:
        return (self.path.resolve().parent.parent,)

    def assembler_flags(self, prefix_map: str) -> list[str]:
        return [f"-Wa,--debug-prefix-map={prefix_map}"]

    def compile(self, source: str, output: str, flags: Sequence[str]) -> list[str]:
        own = ("-fdiagnostics-color=never", "-fmax-errors=20", f"-isystem{_package_folder()}/include/gcc")
        return [str(self.path), *own, *flags, "-c", source, "-o", output]

    def archive(self, output: str, objects: Sequence[str]) -> list[str]:
        return [str(self.path).removesuffix("gcc") + "ar", "rcsD", output, *objects]

    def link(self, inputs: Sequence[str], output: str, flags: Sequence[str]) -> list[str]:
        own = [f"-Wl,{flag.replace('-z', '-z,', 1) if flag.startswith('-z') else flag}" for flag in flags]
        return [str(self.path), "-nostdlib", "-static", *own, *inputs, "-lgcc", "-o", output]


@cache
def _gcc_version(path: Path) -> str:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"{path} does not run: {error}") from None
    return said.stdout.splitlines()[0]


def _driver(compiler: str) -> _Driver:
    if compiler == "zig":
        spec = importlib.util.find_spec("ziglang")
        if spec is None or not spec.submodule_search_locations:
            raise ToolchainError("the package ziglang is not installed: pip install ziglang, or use compiler='gcc'")
        return _Zig(Path(spec.submodule_search_locations[0]))
    if compiler == "gcc":
        path = shutil.which(_GCC)
        if path is None:
            raise ToolchainError(f"{_GCC} is not on PATH: apt install gcc-riscv64-unknown-elf, or use compiler='zig'")
        return _Gcc(Path(path))
    raise ToolchainError(f"unknown compiler {compiler!r}; known: zig, gcc")


def compile_c(
    sources: str | Mapping[str, str],
    *,
    config: MachineConfig | str | Path,
    compiler: Compiler = "zig",
    optimize: str = "-O2",
    defines: Mapping[str, str | int | None] | None = None,
    include_folders: Sequence[Path] = (),
    flags: Sequence[str] = (),
    timeout: float = 60.0,
) -> CompileResult:
    """Build a program for a machine.

    Parameters
    ----------
    sources : str or mapping
        One C text, or texts by relative file name: ``.c`` and ``.S`` files are compiled and linked, all others can
        be included by them.
    config : MachineConfig, str or Path
        The machine, or what :func:`load_config` takes; it decides the contents of ``gemmini_params.h``.
    compiler : {"zig", "gcc"}
        The clang inside ``ziglang``, or ``riscv64-unknown-elf-gcc`` from ``PATH``.
    optimize : str
        One of ``-O0 -O1 -O2 -O3 -Os -Ofast``.
    defines : mapping, optional
        Preprocessor macros; ``None`` defines an empty one. ``BAREMETAL`` is 1 unless given here.
    include_folders : sequence of Path
        Searched for headers before our own.
    flags : sequence of str
        More ``-f``, ``-W`` and ``-std=`` options for the compiler. They are trusted.
    timeout : float
        Seconds for the whole build.

    Returns
    -------
    CompileResult

    Raises
    ------
    CompileError
        If the sources do not compile, or not in time.
    ToolchainError
        If the compiler is missing or an argument makes no sense.
    ConfigError
        If there is no such machine.
    """
    machine = load_config(config)
    driver = _driver(compiler)
    texts = _checked_sources({"kernel.c": sources} if isinstance(sources, str) else sources)
    if optimize not in _OPTIMIZE:
        raise ToolchainError(f"optimize must be one of {', '.join(_OPTIMIZE)}, not {optimize!r}")
    macros = {"BAREMETAL": 1, **(defines or {})}
    options = (*_COMMON_FLAGS, optimize, *_checked_flags(flags), *_define_flags(macros))
    folders = tuple(path.resolve() for path in include_folders)
    shipped = {**_shipped("include"), **_shipped("runtime")}
    texts_in_order = [part for group in (texts, shipped) for item in group.items() for part in item]
    key = content_key(_own_text(), driver.version, machine.identity, *options, *map(str, folders), *texts_in_order)
    stored = read_cached("elf", key)
    if stored is not None and (result := _unpack(stored)) is not None:
        return result
    with tempfile.TemporaryDirectory(prefix="gemmini-sim-") as name:
        build = _Build(
            folder=Path(name).resolve(),
            driver=driver,
            machine=machine,
            include_folders=folders,
            options=options,
            deadline=time.monotonic() + timeout,
        )
        result = build.run(texts)
        write_cached("elf", key, _pack(result, build.headers()))
    return result


def _checked_sources(sources: Mapping[str, str]) -> dict[str, str]:
    if not any(_is_compiled(name) for name in sources):
        raise ToolchainError("no source to compile: give at least one file named *.c")
    for name in sources:
        path = PurePosixPath(name)
        if (
            not name
            or path.is_absolute()
            or ".." in path.parts
            or re.search(r"[\x00-\x1f:\\]", name)
            or name[0] in "-."
        ):
            raise ToolchainError(f"source name {name!r} must be a plain relative path such as kernel.c")
    if sum(map(len, sources.values())) > _MAX_SOURCE_BYTES:
        raise ToolchainError(f"more than {_MAX_SOURCE_BYTES >> 20} MB of source")
    return dict(sources)


def _is_compiled(name: str) -> bool:
    return name.endswith((".c", ".S"))


def _checked_flags(flags: Sequence[str]) -> list[str]:
    for flag in flags:
        if not re.match(r"-(f|W|std=)", flag) or re.match(r"-(fplugin|fpass-plugin|W[alp],)", flag):
            raise ToolchainError(f"flag {flag!r} is not one of -f..., -W... or -std=...")
    return list(flags)


def _define_flags(defines: Mapping[str, str | int | None]) -> list[str]:
    for name in defines:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise ToolchainError(f"{name!r} is not the name of a macro")
    return [f"-D{name}=" if value is None else f"-D{name}={value}" for name, value in defines.items()]


@cache
def _package_folder() -> Path:
    return Path(str(files("gemmini_sim")))


@cache
def _own_text() -> str:
    """Return the text of this module: another way of building must not find the old programs."""
    return Path(__file__).read_text(encoding="utf-8")


@cache
def _shipped(folder: str) -> dict[str, str]:
    """Return every file of a folder of the package by its relative name."""
    top = _package_folder() / folder
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


@dataclass(frozen=True, kw_only=True)
class _Build:
    """One program being built in ``folder``.

    The compiler works in ``folder/source``, so that the names in its messages and in the line table are the
    caller's; objects go beside it.
    """

    folder: Path
    driver: _Driver
    machine: MachineConfig
    include_folders: tuple[Path, ...]
    options: tuple[str, ...]
    deadline: float

    def run(self, texts: Mapping[str, str]) -> CompileResult:
        """Compile the sources and link them with the runtime."""
        self._write_inputs(texts)
        said: list[Diagnostic] = []
        objects: list[str] = []
        for name in texts:
            if _is_compiled(name):
                objects.append(f"../{len(objects)}.o")
                said += self._compile(name, objects[-1], self.options)
        if not any(item.severity == "error" for item in said):
            (self.folder / "runtime.a").write_bytes(self._runtime())
            said += self._link(objects)
        if any(item.severity == "error" for item in said):
            raise CompileError(tuple(said))
        elf = (self.folder / "program.elf").read_bytes()
        return CompileResult(elf=elf, diagnostics=tuple(said), cached=False)

    def headers(self) -> dict[str, str]:
        """Return the headers from the caller's include folders that the build read, with their SHA-256."""
        found = {}
        for path in self._dependencies():
            if any(path.is_relative_to(folder) for folder in self.include_folders):
                found[str(path)] = content_key(path.read_bytes())
        return found

    def _write_inputs(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            path = self.folder / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
        machine = self.folder / "machine" / "include"
        machine.mkdir(parents=True)
        (machine / "gemmini_params.h").write_text(params_header(self.machine))

    def _include_flags(self) -> list[str]:
        package = _package_folder()
        ours = ("../machine/include", "../machine", package / "include", package, package / "include" / "libc")
        return ["-I.", *(f"-I{path}" for path in self.include_folders), *(f"-isystem{path}" for path in ours)]

    def _compile(self, source: str, output: str, options: Sequence[str]) -> list[Diagnostic]:
        # The line table says kernel.c, wherever it was built.
        maps = [f"{_package_folder()}=gemmini_sim", f"{self.folder / 'source'}=."]
        flags = [*options, *self._include_flags(), *(f"-ffile-prefix-map={item}" for item in maps)]
        flags += [flag for item in maps for flag in self.driver.assembler_flags(item)]
        said = self._step(self.driver.compile(source, output, [*flags, "-MD", "-MF", f"{output}.d"]))
        for path in self._dependencies():
            if self._shown_as(str(path)) is None:
                message = f"{source} includes {path}, which is neither among the sources nor in an include folder"
                raise CompileError((Diagnostic(severity="error", message=message),))
        return said

    def _link(self, objects: Sequence[str]) -> list[Diagnostic]:
        script = _package_folder() / "runtime" / "link.ld"
        flags = [
            f"--script={script}",
            f"--defsym=__memory_bytes={self.machine.memory_bytes}",
            "--undefined=_start",
            "-zmax-page-size=4096",
            "--discard-locals",
        ]
        return self._step(self.driver.link([*objects, "../runtime.a"], "../program.elf", flags))

    def _runtime(self) -> bytes:
        """Return the runtime as a static library; a member is linked only where a program lacks its functions."""
        shipped = {**_shipped("runtime"), **_shipped("include")}
        parts = [part for item in shipped.items() for part in item]
        key = content_key(_own_text(), self.driver.version, *parts)
        library = read_cached("runtime", key)
        if library is not None:
            return library
        objects: list[str] = []
        for name in _shipped("runtime"):
            if _is_compiled(name):
                objects.append(f"../runtime-{Path(name).stem}.o")
                said = self._compile(str(_package_folder() / "runtime" / name), objects[-1], _RUNTIME_FLAGS)
                self._expect_no_error(said)
        self._expect_no_error(self._step(self.driver.archive("../runtime.a", objects)))
        library = (self.folder / "runtime.a").read_bytes()
        write_cached("runtime", key, library)
        return library

    def _expect_no_error(self, said: Sequence[Diagnostic]) -> None:
        errors = [str(item) for item in said if item.severity == "error"]
        if errors:
            raise ToolchainError(f"{self.driver.version} cannot build our own runtime: {'; '.join(errors)}")

    def _step(self, command: list[str]) -> list[Diagnostic]:
        """Run one command; a failure without a message of its own gets one."""
        left = self.deadline - time.monotonic()
        finished = run_confined(
            command,
            folder=self.folder / "source",
            writable=self.folder,
            readable=[*self.driver.readable, _package_folder(), *self.include_folders],
            timeout=max(left, 0.1),
        )
        if finished.timed_out:
            message = "the compiler did not finish in time: simplify the source or give it more seconds"
            raise CompileError((Diagnostic(severity="error", message=message),))
        said = list(parse_diagnostics(finished.output, shown_as=self._shown_as))
        if finished.status and not any(item.severity == "error" for item in said):
            message = finished.output.strip().replace(str(self.folder), "")[-2000:] or f"status {finished.status}"
            said.append(Diagnostic(severity="error", message=f"the compiler failed: {message}"))
        return said

    def _shown_as(self, name: str) -> str | None:
        """Return the name under which a file is reported, or ``None`` if the program has no business with it."""
        if name.startswith("<"):  # <inline asm>, <command line>
            return name
        source = self.folder / "source"
        path = Path(os.path.normpath(source / name))
        for folder, prefix in (
            (source, ""),
            (self.folder / "machine", ""),
            (self.folder, ""),
            (_package_folder(), "gemmini_sim/"),
            *((folder, f"{folder}/") for folder in (*self.include_folders, *self.driver.readable)),
        ):
            if path.is_relative_to(folder):
                return f"{prefix}{path.relative_to(folder)}"
        return None

    def _dependencies(self) -> Iterator[Path]:
        """Yield every file that the compiler read, from the make rules that it wrote."""
        for rules in sorted(self.folder.glob("*.o.d")):
            text = rules.read_text(errors="surrogateescape").replace("\\\n", " ").partition(": ")[2]
            for name in re.findall(r"(?:[^\s\\]|\\.)+", text):
                yield Path(os.path.normpath(self.folder / "source" / re.sub(r"\\(.)", r"\1", name)))


def _pack(result: CompileResult, headers: Mapping[str, str]) -> bytes:
    """Put a result into one file: a line of JSON, then the program."""
    head = {"diagnostics": [asdict(item) for item in result.diagnostics], "headers": dict(headers)}
    return json.dumps(head).encode() + b"\n" + result.elf


def _unpack(data: bytes) -> CompileResult | None:
    """Read a file of :func:`_pack`; ``None`` if a header has changed since, or the file is not whole."""
    line, _, elf = data.partition(b"\n")
    try:
        head = json.loads(line)
        for name, key in head["headers"].items():
            if content_key(Path(name).read_bytes()) != key:
                return None
        diagnostics = tuple(Diagnostic(**item) for item in head["diagnostics"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return None
    return CompileResult(elf=elf, diagnostics=diagnostics, cached=True)
