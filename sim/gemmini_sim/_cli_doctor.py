"""``gemmini-sim doctor``: does everything that the simulator needs work here, and if not, what to do."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from importlib import metadata

import typer

from gemmini_sim._cache import cache_folder
from gemmini_sim.toolchain import CompileError, ToolchainError, compile_c

__all__ = ["register"]

_HELLO = '#include <stdio.h>\nint main(void) { printf("hello\\n"); return 7; }\n'


class _UnwellError(Exception):
    """A check that failed: what is wrong, and what to do."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(f"{problem}\n      {way_out}")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor")(_doctor)


def _doctor() -> None:
    """Check the installation.

    Python, Numba, the compilers, the cache folder, a compilation and a run.
    """
    checks: dict[str, Callable[[], str]] = {
        "Python": _check_python,
        "Numba": _check_numba,
        "cache folder": _check_cache,
        "compiler zig": _check_zig,
        "compiler gcc (optional)": _check_gcc,
        "a run": _check_run,
    }
    failed = False
    for name, check in checks.items():
        try:
            typer.echo(f"ok    {name}: {check()}")
        except _UnwellError as problem:
            optional = "(optional)" in name
            failed = failed or not optional
            typer.echo(f"{'--' if optional else 'FAIL':5} {name}: {problem}")
    if failed:
        raise typer.Exit(1)


def _check_python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - the point is to find an interpreter that is too old
        raise _UnwellError(version, "install Python 3.11 or later")
    return version


def _check_numba() -> str:
    try:
        import numba  # noqa: F401, PLC0415 - slow, and its absence is what we look for
    except ImportError as error:
        raise _UnwellError(str(error), "pip install numba, with a NumPy that it supports") from None
    return f"{metadata.version('numba')} with NumPy {metadata.version('numpy')}"


def _check_cache() -> str:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _UnwellError(f"{folder}: {error.strerror}", "set XDG_CACHE_HOME to a folder that you own") from None
    return str(folder)


def _check_zig() -> str:
    _compile_hello("zig", "pip install --force-reinstall ziglang")
    return f"ziglang {metadata.version('ziglang')} compiles"


def _check_gcc() -> str:
    _compile_hello("gcc", "only needed for --compiler gcc")
    return "riscv64-unknown-elf-gcc compiles"


def _compile_hello(compiler: str, way_out: str) -> bytes:
    """Compile a small program; a failure says the way out."""
    try:
        return compile_c(_HELLO, config="int8-16", compiler="gcc" if compiler == "gcc" else "zig").elf
    except (CompileError, ToolchainError) as error:
        raise _UnwellError(str(error), way_out) from None


def _check_run() -> str:
    elf = _compile_hello("zig", "see the compiler above")
    try:
        from gemmini_sim.simulate import simulate  # noqa: PLC0415 - Numba takes a while to import

        result = simulate(elf)
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the doctor reports it
        raise _UnwellError(f"{type(error).__name__}: {error}", "report this as a defect of gemmini-sim") from None
    if (result.status, result.exit_code, result.console) != ("exited", 7, "hello\n"):
        raise _UnwellError(f"got {result.status}, {result.exit_code}, {result.console!r}", "report this as a defect")
    return f"{result.instret} instructions in {result.cycles} simulated cycles"
