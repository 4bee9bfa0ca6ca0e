"""``gemmini-sim compile``: C files to a program that the simulator runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gemmini_sim.errors import InputError
from gemmini_sim.toolchain import CompileError, Compiler, Diagnostic, compile_c

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("compile")(_compile)


def _compile(
    *,
    files: Annotated[list[Path], typer.Argument(metavar="FILE.c...", help="C or assembly sources.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="ELF", help="The program to write.")],
    config: Annotated[str, typer.Option(help="Name of a machine or a TOML file.")] = "int8-16",
    compiler: Annotated[Compiler, typer.Option(help="zig comes with the package; gcc is the system's.")] = "zig",
    optimize: Annotated[str, typer.Option("-O", "--optimize", help="-O0 to -O3, -Os or -Ofast.")] = "-O2",
    define: Annotated[list[str] | None, typer.Option("-D", metavar="NAME[=VALUE]", help="Define a macro.")] = None,
    include: Annotated[list[Path] | None, typer.Option("-I", metavar="DIR", help="Search headers here first.")] = None,
    flag: Annotated[
        list[str] | None, typer.Option(metavar="FLAG", help="Another -f, -W or -std= option, as --flag=-ffast-math.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Give up after this long.")] = 120.0,
) -> None:
    """Compile C files for the bare machine and link them.

    The folders of the files themselves are searched for headers too.
    """
    sources = _read_sources(files)
    folders = [*(include or []), *dict.fromkeys(path.parent for path in files)]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"-I {folder}: no such folder")
    try:
        result = compile_c(
            {name: text for name, (_, text) in sources.items()},
            config=config,
            compiler=compiler,
            optimize=optimize if optimize.startswith("-O") else f"-O{optimize}",
            defines=_parse_defines(define or []),
            include_folders=folders,
            flags=flag or [],
            timeout=timeout,
        )
    except CompileError as error:
        _show(error.diagnostics, {name: path for name, (path, _) in sources.items()})
        raise typer.Exit(1) from None
    _show(result.diagnostics, {name: path for name, (path, _) in sources.items()})
    try:
        output.write_bytes(result.elf)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror}") from None


def _read_sources(files: Sequence[Path]) -> dict[str, tuple[Path, str]]:
    """Read files under names that are relative to the folder that holds them all."""
    top = Path(os.path.commonpath([path.resolve().parent for path in files]))
    sources = {}
    for path in files:
        try:
            text = path.read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        sources[str(path.resolve().relative_to(top))] = (path, text)
    return sources


def _parse_defines(defines: Sequence[str]) -> dict[str, str]:
    # Like a compiler's -D: a name without a value is 1.
    return {name: value if equals else "1" for name, equals, value in (item.partition("=") for item in defines)}


def _show(diagnostics: Sequence[Diagnostic], paths: dict[str, Path]) -> None:
    for item in diagnostics:
        shown = replace(item, file=str(paths[item.file])) if item.file in paths else item
        typer.echo(str(shown), err=True)
