"""Asking the computer for the tags of a set of the L2 before they are looked at: they seldom are in its first cache."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["prefetch_set"]


def _generate_prefetch(context, builder, signature, arguments):
    array_type = signature.args[0]
    tags = context.make_array(array_type)(context, builder, arguments[0])
    strides = cgutils.unpack_tuple(builder, tags.strides, 2)
    byte = ir.IntType(8).as_pointer()
    place = builder.gep(builder.bitcast(tags.data, byte), [builder.mul(arguments[1], strides[0])])
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(prefetch, [place, number(0), number(3), number(1)])
    return context.get_dummy_value()


prefetch_set: Any = intrinsic(lambda _context, tags, set_index: (types.void(tags, set_index), _generate_prefetch))
