"""Looking at several words at once: which registers of the L2 have a set, which way has a line.

LLVM makes a chain of comparisons of such loops, one word after the other.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part
from gemmini_sim.engine.cycle_clock.sizes import MSHRS
from gemmini_sim.engine.cycle_clock.state import word_of

__all__ = ["LINE", "WAYS", "registers_with", "ways_with"]

WAYS = 8  # of a set that is looked at as a whole
LINE = 4  # bits of a tag below the line

_settings: Any = numba.config  # a module whose variables are made at run time
_intrinsic: Any = intrinsic  # to its type the first parameter is one for callers too
_WORD = ir.IntType(64)
_LANES = 4


def _generate(builder: Any, place: Any, value: Any, words: int, shift: int) -> Any:  # noqa: ANN401 - llvmlite's
    """Generate a mask of the words from a place on that are a value once their lowest bits are shifted out.

    Four words are one vector of AVX2, whose instruction for the mask is quicker than those that put vectors together.
    """
    vector = ir.VectorType(_WORD, _LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
    values = builder.shuffle_vector(first, first, lanes)
    mask = _WORD(0)
    for start in range(0, words, _LANES):
        part = builder.bitcast(builder.gep(place, [_WORD(start)]), vector.as_pointer())
        found = builder.load(part, align=8)
        if shift:
            found = builder.lshr(found, ir.Constant(vector, [shift] * _LANES))
        same = builder.bitcast(builder.icmp_signed("==", found, values), ir.IntType(_LANES))
        mask = builder.or_(mask, builder.shl(builder.zext(same, _WORD), _WORD(start)))
    return mask


@_intrinsic
def _registers_at_once(_context, clock, _set_index):
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - Numba's
        words = builder.bitcast(arguments[0], _WORD.as_pointer())
        return _generate(builder, builder.gep(words, [_WORD(word_of("mshr_set"))]), arguments[1], MSHRS, 0)

    return types.int64(clock, types.int64), generate


@jit_part
def _registers_one_by_one(clock, set_index):
    found = 0
    for mshr in range(MSHRS):
        found |= (clock["mshr_set"][mshr] == set_index) << mshr
    return found


@_intrinsic
def _ways_at_once(_context, tags, _set_index, _line):
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - Numba's
        first = builder.mul(arguments[1], _WORD(WAYS))
        place = builder.gep(context.make_array(tags)(context, builder, arguments[0]).data, [first])
        return _generate(builder, place, arguments[2], WAYS, LINE)

    return types.int64(tags, types.int64, types.int64), generate


@jit_part
def _ways_one_by_one(tags, set_index, line):
    found = 0
    for way in range(WAYS):
        found |= (tags[set_index, way] >> LINE == line) << way
    return found


_checked = bool(_settings.DISABLE_JIT or _settings.BOUNDSCHECK)

registers_with: Any = _registers_one_by_one if _checked else _registers_at_once
"""``registers_with(clock, set_index)``: a mask of the L2's registers, those left over too, that have a set."""

ways_with: Any = _ways_one_by_one if _checked else _ways_at_once
"""``ways_with(tags, set_index, line)``: a mask of the ways that have a line, in a cache of ``WAYS`` ways."""
