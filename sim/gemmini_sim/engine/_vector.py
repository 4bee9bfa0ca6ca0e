"""Two vector operations that LLVM does not find by itself in what Numba makes of a loop.

Nothing tells LLVM that two of our arrays never overlap, so short loops that read one and write another stay scalar.
And it does not see the instruction that multiplies pairs of int16 and adds both products, for which AVX2 is the place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from gemmini_sim.engine._jit import jit_part

__all__ = ["copy_eight", "pairwise_product"]

_settings: Any = numba.config  # a module whose variables are made at run time
_intrinsic: Any = intrinsic  # to its type the first parameter is one for callers too

_INT16, _INT32, _INDEX = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_LANES = 8  # of int32 in a register of AVX2


def _is_checked() -> bool:
    """Return whether every index is to be looked at: by NumPy without JIT, or by Numba."""
    return bool(_settings.DISABLE_JIT or _settings.BOUNDSCHECK)


def _has_pairwise_product() -> bool:
    if _is_checked() or _settings.CPU_NAME is not None or _settings.CPU_FEATURES is not None:
        return False
    return bool(llvm.get_host_cpu_features().get("avx2"))


def _place(context: Any, builder: Any, kind: Any, array: Any, number: Any) -> Any:  # noqa: ANN401 - Numba's objects
    """Return a pointer to an element of a contiguous array, counted in the order of memory."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [number])


def _load(builder: Any, place: Any, element: Any, lanes: int) -> Any:  # noqa: ANN401 - as above
    vector = ir.VectorType(element, lanes)
    return builder.load(builder.bitcast(place, vector.as_pointer()), align=1)


def _store(builder: Any, vector: Any, place: Any) -> None:  # noqa: ANN401 - as above
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=1)


@jit_part
def _copy_eight_checked(destination, start, source, first):
    to = destination.reshape(destination.size)
    origin = source.reshape(source.size)
    for i in range(8):
        to[start + i] = origin[first + i]


@_intrinsic
def _copy_eight_at_once(_context, destination, start, source, first):
    def generate(context: Any, builder: Any, _signature: object, arguments: Any) -> object:  # noqa: ANN401 - as above
        place = _place(context, builder, destination, arguments[0], arguments[1])
        origin = _place(context, builder, source, arguments[2], arguments[3])
        element, wider = context.get_data_type(source.dtype), context.get_data_type(destination.dtype)
        vector = _load(builder, origin, element, 8)
        if wider != element:
            vector = builder.sext(vector, ir.VectorType(wider, 8))
        _store(builder, vector, place)
        return context.get_dummy_value()

    return types.void(destination, start, source, first), generate


copy_eight: Any = _copy_eight_checked if _is_checked() else _copy_eight_at_once
"""``copy_eight(destination, start, source, first)``: copy eight elements, integers into a wider type if need be.

Elements of both arrays are counted in the order of memory. They must exist: only NumPy and NUMBA_BOUNDSCHECK look.
"""


def pairwise_product(dim: int) -> Callable[..., None] | None:
    """Return ``sums += left @ right`` for blocks of ``dim`` columns, or None if the processor has no instruction.

    The function takes (left, right, sums, first, rows): int16 blocks [rows, dim] and [dim, dim] from the start of the
    first two arrays, and int32 sums from element ``first`` of the third, counted in the order of memory. Sums wrap.
    """
    if not _has_pairwise_product() or dim % _LANES:
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> object:  # noqa: ANN401 - as above
        starts = [_INDEX(0), _INDEX(0), arguments[3]]
        left, right, sums = map(partial(_place, context, builder), signature.args[:3], arguments[:3], starts)
        _generate_product(builder, dim, left, right, sums, arguments[4])
        return context.get_dummy_value()

    @_intrinsic
    def product(_context, left, right, sums, first, rows):
        return types.void(left, right, sums, first, rows), generate

    @jit_part
    def call(left, right, sums, first, rows):
        product(left, right, sums, first, rows)

    return cast("Callable[..., None]", call)


def _generate_product(builder: Any, dim: int, left: Any, right: Any, sums: Any, rows: Any) -> None:  # noqa: ANN401
    """Generate code that adds rows k and k + 1 of ``right`` at a time, times two neighbours in a row of ``left``."""
    totals_type, pairs_type = ir.VectorType(_INT32, _LANES), ir.VectorType(_INT16, 2 * _LANES)
    multiply_add = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(totals_type, [pairs_type, pairs_type]), "llvm.x86.avx2.pmadd.wd"
    )
    in_turn = ir.Constant(ir.VectorType(_INT32, 2 * _LANES), [lane // 2 + lane % 2 * _LANES for lane in range(16)])
    undefined, only_first = ir.Constant(totals_type, ir.Undefined), ir.Constant(totals_type, [0] * _LANES)
    columns = range(0, dim, _LANES)

    def load_right(k: int, j: int) -> object:
        return _load(builder, builder.gep(right, [_INDEX(k * dim + j)]), _INT16, _LANES)

    factors = {
        (k, j): builder.shuffle_vector(load_right(k, j), load_right(k + 1, j), in_turn)
        for k in range(0, dim, 2)
        for j in columns
    }

    def add_products(row: Any, count: int) -> None:  # noqa: ANN401 - as above
        starts = [builder.mul(builder.add(row, _INDEX(i)), _INDEX(dim)) for i in range(count)]
        places = {(i, j): builder.gep(sums, [builder.add(starts[i], _INDEX(j))]) for i in range(count) for j in columns}
        totals = {key: _load(builder, place, _INT32, _LANES) for key, place in places.items()}
        for k in range(0, dim, 2):
            for i in range(count):
                pair = builder.bitcast(builder.gep(left, [builder.add(starts[i], _INDEX(k))]), _INT32.as_pointer())
                first = builder.insert_element(undefined, builder.load(pair, align=1), _INT32(0))
                pairs = builder.bitcast(builder.shuffle_vector(first, undefined, only_first), pairs_type)
                for j in columns:
                    totals[i, j] = builder.add(totals[i, j], builder.call(multiply_add, [pairs, factors[k, j]]))
        for key, place in places.items():
            _store(builder, totals[key], place)

    together = 8 * _LANES // dim  # rows whose totals stay in eight of the sixteen registers
    whole = builder.sub(rows, builder.urem(rows, _INDEX(together)))
    with cgutils.for_range_slice(builder, _INDEX(0), whole, _INDEX(together), _INDEX) as (row, _):
        add_products(row, together)
    with cgutils.for_range_slice(builder, whole, rows, _INDEX(1), _INDEX) as (row, _):
        add_products(row, 1)
