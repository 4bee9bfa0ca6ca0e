"""Optimising the engine as a whole.

Numba optimises each function together with all that it calls, and makes machine code of it, before it goes on to its
callers: what is called from five levels further up is optimised five times. Here a function that only jitted code calls
stays as it was translated, and everything is optimised once, as part of the function that Python calls. That halves
the time of a first compilation, and leaves the same code.

It rests on insides of Numba, whose version pyproject.toml therefore bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

__all__ = ["EntryCompiler", "PartCompiler"]


class _Part(JITCodeLibrary):
    """A function that has no machine code of its own, only LLVM code for those that call it."""

    def finalize(self) -> None:
        """Leave the function as it is."""
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 - Numba's interface
        """Return that there is none."""
        return 0

    @property
    def codegen(self) -> _Part:
        """Who wants to know the place of the function's environment, for ``set_env``."""
        return self

    def set_env(self, env_name: str, env: object) -> None:
        """Do without an environment, which only code needs that raises exceptions."""

    def alone(self) -> Any:  # noqa: ANN401 - llvmlite's
        """Return the function's LLVM module without what it calls."""
        return self._final_module

    def called(self) -> list[Any]:
        """Return the libraries of what the function calls."""
        return list(self._linking_libraries)


class _Entry(JITCodeLibrary):
    """A function with machine code, together with all that it calls."""

    def finalize(self) -> None:
        """Take in the code of all parts, optimise it and make machine code."""
        self._alone, self._called = self._final_module.clone(), list(self._linking_libraries)
        own = {function.name for function in self._alone.functions if not function.is_declaration}
        libraries = list(_all_called(self, set()))
        for library in libraries:
            if isinstance(library, _Part | _Entry):
                self._final_module.link_in(library.alone(), preserve=True)
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in own:
                function.linkage = "linkonce_odr"  # to be left out if it is compiled into all its callers
        self._linking_libraries = [library for library in libraries if not isinstance(library, _Part | _Entry)]
        super().finalize()

    def alone(self) -> Any:  # noqa: ANN401 - as above
        """Return the function's LLVM module without what it calls."""
        return self._alone

    def called(self) -> list[Any]:
        """Return the libraries of what the function calls."""
        return self._called


def _all_called(library: _Part | _Entry, seen: set[int]) -> Iterator[Any]:
    """Yield the libraries of all that is called, directly or not, once each; Numba's own hold what they call."""
    for called in library.called():
        if id(called) not in seen:
            seen.add(id(called))
            yield called
            if isinstance(called, _Part | _Entry):
                yield from _all_called(called, seen)


def _give_library(state: Any, kind: type) -> None:  # noqa: ANN401 - Numba's
    state.library = kind(state.targetctx.codegen(), state.func_id.func_qualname)
    state.library.enable_object_caching()


class PartCompiler(Compiler):
    """Numba's pipeline for a function that only jitted code calls."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's own passes."""
        _give_library(self.state, _Part)
        return list(super().define_pipelines())


class EntryCompiler(Compiler):
    """Numba's pipeline for a function that Python calls, or that is compiled apart."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's own passes."""
        _give_library(self.state, _Entry)
        return list(super().define_pipelines())


# Numba names the types of a function's arguments at each step of its compilation, and spells out all registers of the
# clock whenever it names a record: a fifth of the time. The name that a type keeps says the same.
_record: Any = types.Record
_record.__repr__ = lambda record: record.name
