"""The ``jit`` decorator of all engine code, and the cache of machine code that can never be stale.

Numba notices an edit of the file that defines a function, but not of the files whose functions it calls. So the
cache folder is named by a hash of every source file of the engine and of all else that decides the machine code:
editing one engine file gives a new, empty folder. For that to hold, engine modules take constants only from each
other, never from the rest of gemmini_sim.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from gemmini_sim.engine._whole import EntryCompiler, PartCompiler

__all__ = ["PART", "bit_length", "cache_folder", "is_compiled", "jit", "jit_apart", "jit_inline", "jit_part", "link"]
__all__ += ["seldom"]

F = TypeVar("F", bound=Callable[..., object])

_settings: Any = numba.config  # a module whose variables are made at run time

# Without reference counts of arrays: the engine allocates nothing, and counting takes 6 % of a run.
_ALL: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_FROM_JITTED_CODE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # not from Python
_ENTRY: dict[str, Any] = {"pipeline_class": EntryCompiler}
_APART = {**_FROM_JITTED_CODE, **_ENTRY}
PART: Any = {**_FROM_JITTED_CODE, "pipeline_class": PartCompiler}
"""Numba's options for a function that only jitted code calls."""

_KEEP_FOLDERS = 4
_KEEP_SECONDS = 24 * 3600  # a younger folder may belong to a process that is still running

# Numba has no argument for the cache folder, only a global that it reads while it decorates a function.
_decorating = threading.Lock()


def jit(function: F) -> F:
    """Compile a function with Numba on its first call, cached on disk; the GIL is released while it runs.

    Division follows NumPy (no exception on zero). ``NUMBA_DISABLE_JIT=1`` and ``NUMBA_BOUNDSCHECK=1`` have their usual
    meaning. Where no cache folder can be written, every process compiles anew.
    """
    return _compile(function, _ENTRY)


def jit_part(function: F) -> F:
    """Compile a function that only jitted code calls: it becomes a part of the machine code of its callers."""
    return _compile(function, PART)


def jit_inline(function: F) -> F:
    """Compile a function into each of its callers: like :func:`jit_part`, for what runs per instruction or cycle."""
    return _compile(function, {**PART, "forceinline": True})


def _type_seldom(_context):
    def generate(context, builder, _signature, _arguments):
        builder.function.attributes.update(("noinline", "cold"))
        return context.get_dummy_value()

    return numba.void(), generate


seldom: Any = (lambda: None) if _settings.DISABLE_JIT else intrinsic(_type_seldom)
"""Called by a jitted function, keeps that out of its callers, and lets these have their registers for all else."""


def _type_bit_length(_context, _value):
    def generate(_context, builder, _signature, arguments):
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(zeros.type, 64), zeros)

    return numba.int64(numba.uint64), generate


bit_length: Any = (lambda value: int(value).bit_length()) if _settings.DISABLE_JIT else intrinsic(_type_bit_length)
"""The number of bits of an unsigned 64-bit number without its leading zeros."""


def jit_apart(symbol: str, signature: Callable[[], tuple[object, ...]]) -> Callable[[F], F]:
    """Compile a function of six arguments and no result on its own, once, and not again in each of its callers.

    The callers find its address in a place of this process that ``symbol`` names; :func:`link` fills it in and has to
    be called before they run. ``signature`` returns the Numba types of the arguments.
    """

    def decorate(function: F) -> F:
        if _settings.DISABLE_JIT:
            return function
        types = signature()
        address = ctypes.c_void_p()
        llvm.add_symbol(symbol, ctypes.addressof(address))
        _apart.append((_compile(function, _APART), types, address))
        return cast("F", _caller(symbol, types))

    return decorate


def _caller(symbol: str, types: tuple[object, ...]) -> object:
    """Return a function for jitted code that calls the function at an address, as Numba calls its own."""

    def generate(context: Any, builder: Any, _signature: object, arguments: object) -> object:  # noqa: ANN401 - Numba's
        convention = context.call_conv
        pointer = convention.get_function_type(numba.void, types).as_pointer()
        place = builder.module.globals.get(symbol) or ir.GlobalVariable(builder.module, pointer, symbol)
        status, _ = convention.call_function(builder, builder.load(place), numba.void, types, arguments)
        with cgutils.if_unlikely(builder, status.is_error):  # never, unless bounds are checked
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    @intrinsic
    def call(_context, clock, tags, trace, events, cycle, goal):  # noqa: ARG001 - types
        return numba.void(*types), generate

    return call


def link() -> None:
    """Compile (or load) the functions that are compiled apart, and tell their callers where they are."""
    for function, types, address in _apart:
        if address.value is None:
            compiled = function.get_compile_result(numba.void(*types))
            address.value = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


_apart: list[tuple[Any, tuple[object, ...], ctypes.c_void_p]] = []


def _compile(function: F, options: dict[str, Any]) -> F:
    folder = cache_folder()
    with _decorating:
        previous = _settings.CACHE_DIR
        _settings.CACHE_DIR = "" if folder is None else str(folder)
        try:
            kept = folder is not None and options["pipeline_class"] is EntryCompiler
            return cast("F", numba.njit(cache=kept, **_ALL, **options)(function))
        finally:
            _settings.CACHE_DIR = previous


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder that holds this engine's machine code, or ``None`` if it cannot be written."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gemmini-sim" / "jit"
    folder = base / _engine_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    _prune(base)
    return folder


def is_compiled(name: str) -> bool:
    """Return whether the cache holds machine code of the engine function ``name``, as in ``"core.run"``."""
    folder = cache_folder()
    return folder is not None and any(folder.glob(f"*/{name}-*.nbc"))


def _engine_hash() -> str:
    decides = (
        sys.implementation.cache_tag,
        numba.__version__,
        np.__version__,
        str(_settings.BOUNDSCHECK),
        str(_settings.OPT),
    )
    digest = hashlib.sha256(repr(decides).encode())
    engine = Path(__file__).parent
    for source in sorted(engine.rglob("*.py")):
        text = source.read_bytes()
        digest.update(f"{source.relative_to(engine)} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()[:20]


def _prune(base: Path) -> None:
    """Remove the folders of former engines, except the few used last."""
    with contextlib.suppress(OSError):  # another process may be pruning as well
        folders = sorted(base.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[_KEEP_FOLDERS:]:
            if time.time() - folder.stat().st_mtime > _KEEP_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
