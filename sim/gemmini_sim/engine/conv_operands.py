"""The operands of LOOP_CONV_WS, as the program's six configuration commands and the command itself hold them."""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.commands import LOOP_CONV_CONFIG_1

__all__ = ["ACCUMULATE", "ACCUMULATOR", "CONVOLUTION", "blocks", "configure_conv", "decode", "half"]

ACCUMULATOR = 1 << 31
ACCUMULATE = 1 << 30

CONVOLUTION = np.dtype(
    [
        (name, np.int64)
        for name in (
            "batch_size",
            "in_row_dim",
            "in_col_dim",
            "in_channels",
            "out_channels",
            "in_stride",
            "weight_stride",
            "out_stride",
            "out_row_dim",
            "out_col_dim",
            "pool_out_row_dim",
            "pool_out_col_dim",
            "stride",
            "kernel_dim",
            "kernel_dilation",
            "pool_size",
            "pool_stride",
            "pool_left_pad",
            "pool_upper_pad",
            "batches",
            "porows",
            "pocols",
            "ochs",
            "krows",
            "kcols",
            "kchs",
            "orows",
            "ocols",
            "weights",
            "output",
            "bias",
            "input",
            "no_bias",
            "rotated",
            "trans_output_1203",
            "trans_weight_1203",
            "trans_weight_0132",
            "trans_input_3120",
            "depthwise",
            "max_pixels",
            "no_pool",
            "downsample",
            "dilated",
            "relu",
            "odd_row",
            "odd_col",
            "left_pad",
            "right_pad",
            "upper_pad",
            "lower_pad",
            "irows",
            "icols",
            "irows_unpadded",
            "icols_unpadded",
            "a_start",
            "b_start",
            "weight_rows",
            "bias_start",
            "output_start",
        )
    ]
)
"""The decoded operands; flags are 0 or 1."""


@jit
def configure_conv(registers, funct, rs1, rs2):
    """Remember the operands of one of the commands that describe the loop (functions 16 to 21)."""
    word = 2 * (funct - LOOP_CONV_CONFIG_1)
    registers["conv_words"][word] = rs1
    registers["conv_words"][word + 1] = rs2


@jit
def _int16(value):
    return ((value + 0x8000) & 0xFFFF) - 0x8000


@jit
def half(value, dilated):
    """Return how many stored pixels stand for ``value`` pixels: every second if the input is dilated."""
    return (value + dilated) >> dilated


@jit
def blocks(size, dim):
    """Return how many blocks of ``dim`` hold ``size`` rows or columns."""
    return (size + dim - 1) // dim


@jit
def _bits(word, low):
    return (word >> low) & 0xFFFF


@jit
def decode(registers, scratchpad, rs1, rs2):
    """Decode the configured words and the operands of LOOP_CONV_WS into ``registers["conv"]``, a CONVOLUTION."""
    c = registers["conv"]
    words = registers["conv_words"]
    shape, result, pooling, region = words[0], words[1], words[2], words[3]
    kernel, pads, output_rows, strides = words[4], words[5], words[6], words[7]
    dim = scratchpad.shape[1]
    stride = (result >> 48) & 0xFF
    kernel_dilation = output_rows & 0xFF
    krows, kcols, kchs = _bits(kernel, 48), _bits(kernel, 32), _bits(kernel, 16)
    ochs = _bits(region, 0)
    orows, ocols = _bits(output_rows, 48), _bits(strides, 0)
    left_pad, right_pad = _bits(kernel, 0), _bits(pads, 48)
    upper_pad, lower_pad = _bits(pads, 32), (pads >> 24) & 0xFF
    dilated = (rs2 >> 2) & 1
    trans_weight_0132 = (rs1 >> 4) & 1

    irows = _int16(orows * stride + _int16(krows + (kernel_dilation - 1) * (krows - 1)) - 1)
    icols = _int16(ocols * stride + _int16(kcols + (kernel_dilation - 1) * (kcols - 1)) - 1)
    irows_unpadded = _int16(irows - upper_pad - lower_pad)
    icols_unpadded = _int16(icols - left_pad - right_pad)
    if dilated:
        # Half of it, rounded up; a negative number towards zero.
        irows_unpadded = (irows_unpadded + 1 + (irows_unpadded < -1)) >> 1
        icols_unpadded = (icols_unpadded + 1 + (icols_unpadded < -1)) >> 1
        irows = _int16(irows_unpadded + half(upper_pad, dilated) + half(lower_pad, dilated))
        icols = _int16(icols_unpadded + half(left_pad, dilated) + half(right_pad, dilated))

    if trans_weight_0132:
        weight_rows = blocks(kchs, dim) * kcols * krows * ochs
    else:
        weight_rows = blocks(ochs, dim) * kcols * krows * kchs
    middle = scratchpad.shape[0] // 2
    c["batch_size"] = _bits(shape, 0)
    c["in_row_dim"] = _bits(shape, 16)
    c["in_col_dim"] = _bits(pads, 0)
    c["in_channels"] = _bits(shape, 32)
    c["out_channels"] = _bits(shape, 48)
    c["in_stride"] = _bits(strides, 48)
    c["weight_stride"] = _bits(strides, 32)
    c["out_stride"] = _bits(strides, 16)
    c["out_row_dim"] = _bits(result, 0)
    c["out_col_dim"] = _bits(result, 32)
    c["pool_out_row_dim"] = _bits(result, 16)
    c["pool_out_col_dim"] = _bits(pooling, 32)
    c["stride"] = stride
    c["kernel_dim"] = _bits(pooling, 48)
    c["kernel_dilation"] = kernel_dilation
    c["pool_size"] = _bits(pooling, 16)
    c["pool_stride"] = (pooling >> 8) & 0xFF
    c["pool_left_pad"] = (pads >> 16) & 0xFF
    c["pool_upper_pad"] = (output_rows >> 21) & 0xFF
    c["batches"] = _bits(region, 48)
    c["porows"] = _bits(region, 32)
    c["pocols"] = _bits(region, 16)
    c["ochs"] = ochs
    c["krows"] = krows
    c["kcols"] = kcols
    c["kchs"] = kchs
    c["orows"] = orows
    c["ocols"] = ocols
    c["weights"] = words[8]
    c["output"] = words[9]
    c["bias"] = words[10]
    c["input"] = words[11]
    c["no_bias"] = rs1 & 1
    c["rotated"] = (rs1 >> 1) & 1
    c["trans_output_1203"] = (rs1 >> 2) & 1
    c["trans_weight_1203"] = (rs1 >> 3) & 1
    c["trans_weight_0132"] = trans_weight_0132
    c["trans_input_3120"] = (rs1 >> 5) & 1
    c["depthwise"] = (rs1 >> 6) & 1
    c["max_pixels"] = max((rs1 >> 8) & 0xFF, 1)
    c["no_pool"] = rs2 & 1
    c["downsample"] = (rs2 >> 1) & 1
    c["dilated"] = dilated
    c["relu"] = (rs2 >> 3) & 3 != 0
    c["odd_row"] = upper_pad & 1
    c["odd_col"] = left_pad & 1
    c["left_pad"] = half(left_pad, dilated)
    c["right_pad"] = half(right_pad, dilated)
    c["upper_pad"] = half(upper_pad, dilated)
    c["lower_pad"] = half(lower_pad, dilated)
    c["irows"] = irows
    c["icols"] = icols
    c["irows_unpadded"] = irows_unpadded
    c["icols_unpadded"] = icols_unpadded
    c["a_start"] = middle if (rs1 >> 18) & 3 == 2 else 0
    c["b_start"] = (2 * middle if (rs1 >> 16) & 3 == 2 else middle) - weight_rows
    c["weight_rows"] = weight_rows
    c["bias_start"] = ACCUMULATOR | int(registers["conv_bias_row"])
    c["output_start"] = ACCUMULATOR | ACCUMULATE | int(registers["conv_output_row"])
