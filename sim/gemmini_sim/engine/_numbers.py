"""One function for two number systems: the type of the first argument decides which Python text is compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numba.extending import overload

from gemmini_sim.engine._jit import PART

__all__ = ["by_number"]


def by_number(
    integer: Callable[..., Any], floating: Callable[..., Any], *, int32: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """Return a function for jitted code that is ``integer`` or ``floating`` by the type of its first argument.

    Parameters
    ----------
    integer, floating : callable
        Plain functions with the same parameter names.
    int32 : callable, optional
        Taken instead of ``integer`` if the first argument is exactly an int32.

    Notes
    -----
    Without JIT the same choice is made on every call.
    """
    wide = int32 or integer

    def choose(*arguments: object) -> object:
        if isinstance(arguments[0], np.int32):
            return wide(*arguments)
        return (integer if isinstance(arguments[0], (int, np.integer)) else floating)(*arguments)

    def typed(*arguments: object) -> Callable[..., Any]:
        if arguments[0] == types.int32:
            return wide
        return integer if isinstance(arguments[0], types.Integer) else floating

    # Numba checks that the chosen function and the one that chooses have the same parameters.
    cast("Any", typed).__signature__ = inspect.signature(integer)
    overload(choose, jit_options=PART)(typed)
    return choose
