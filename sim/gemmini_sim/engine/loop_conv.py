"""LOOP_CONV_WS: a convolution from and to DRAM, unrolled into moves and computes.

A local row is a pixel; its columns are channels (with ``trans_input_3120`` the images of the batch). Input pixels lie
from scratchpad row 0 on, padding included; weights before the end of the half; bias and output in the accumulator,
in the other half with every loop. Sizes that end in ``chs`` are channels, ``k`` is the kernel, ``o`` the output before
pooling, ``p`` after. A null DRAM address skips that operand's moves.

The loop configures loads itself and overwrites what the program configured: bias is load 2, input 0, weights 1.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import BAD_CONFIG, BAD_LOOP, GARBAGE, NO_FAULT, fault
from gemmini_sim.engine.commands import (
    COMPUTE_ACCUMULATED,
    COMPUTE_PRELOADED,
    CONFIG,
    MVIN,
    MVIN2,
    MVIN3,
    MVOUT,
    PRELOAD,
    append,
    block,
)
from gemmini_sim.engine.conv_operands import ACCUMULATOR, blocks, decode, half

__all__ = ["start_conv", "unroll_conv"]

_SCALE_ONE = 0x3F80_0000 << 32
_REQUEST_BYTES = 64
_MAX_PAD = 0x1FFF
_MARGIN = 4


@jit
def _does_not_fit(registers, scratchpad, accumulator, c):
    """Return NO_FAULT, or BAD_LOOP for sizes that are beyond any local memory: nothing is unrolled for those.

    What is a little too large is found by the move or the compute that leaves memory.
    """
    dim = scratchpad.shape[1]
    # Without a kernel or an output there may be less than no input; nothing is multiplied then.
    products = c["weight_rows"] * c["batches"] * c["orows"] * c["ocols"]
    if products > 0 and min(c["irows"], c["icols"]) < 0:
        return fault(registers, BAD_LOOP, min(c["irows"], c["icols"]), 0)
    if max(c["left_pad"], c["right_pad"], c["upper_pad"]) > _MAX_PAD:
        return fault(registers, BAD_LOOP, max(c["left_pad"], c["right_pad"], c["upper_pad"]), 0)
    pixels = (
        c["batches"]
        * ((c["irows"] + c["downsample"]) >> c["downsample"])
        * ((c["icols"] + c["downsample"]) >> c["downsample"])
    )
    images = pixels * blocks(c["kchs"], dim)
    if c["trans_input_3120"]:
        images = pixels // max(c["batches"], 1) * c["kchs"] * blocks(c["batches"], dim)
    if images > _MARGIN * scratchpad.shape[0]:
        return fault(registers, BAD_LOOP, images, 0)
    if c["b_start"] < 0:
        return fault(registers, BAD_LOOP, c["weight_rows"], 0)
    results = c["batches"] * c["orows"] * c["ocols"] * blocks(c["ochs"], dim)
    if results > _MARGIN * accumulator.shape[0]:
        return fault(registers, BAD_LOOP, results, ACCUMULATOR)
    return NO_FAULT


@jit
def start_conv(registers, scratchpad, accumulator, rs1, rs2):
    """Decode the operands of LOOP_CONV_WS; return NO_FAULT or a fault code."""
    c = registers["conv"]
    decode(registers, scratchpad, rs1, rs2)
    if c["dilated"] and c["stride"] != 1:
        return fault(registers, BAD_CONFIG, c["stride"], rs1)
    code = _does_not_fit(registers, scratchpad, accumulator, c)
    if code == NO_FAULT:
        middle = accumulator.shape[0] // 2
        if c["bias"] != 0:
            registers["conv_bias_row"] = middle - registers["conv_bias_row"]
        if c["output"] != 0:
            registers["conv_output_row"] = middle - registers["conv_output_row"]
    return code


@jit
def unroll_conv(registers, scratchpad, accumulator):
    """Append the commands that the decoded LOOP_CONV_WS stands for."""
    c = registers["conv"]
    dim = scratchpad.shape[1]
    size = scratchpad.itemsize
    if c["bias"] != 0:
        _load_bias(registers, c, dim, accumulator.itemsize)
    if c["input"] != 0:
        _load_input(registers, c, dim, size)
    if c["weights"] != 0:
        _load_weights(registers, c, dim, size)
    _multiply(registers, c, dim)
    if c["output"] != 0:
        if c["no_pool"]:
            _store(registers, c, dim, size)
        else:
            _store_pooled(registers, c, dim, size)


@jit
def _configure_load(registers, which, stride, block_stride, pixels):
    append(registers, CONFIG, _SCALE_ONE | block_stride << 16 | pixels << 8 | which << 3 | 1, stride)


@jit
def _load_bias(registers, c, dim, size):
    """Load the bias of every output channel to all output pixels: rows of stride 0."""
    rows, cols, ochs = c["orows"], c["ocols"], c["ochs"]
    _configure_load(registers, np.int64(2), np.int64(0), c["batches"] * rows * cols, np.int64(1))
    if cols * ochs == 0:
        return
    step = min(ochs, max(_REQUEST_BYTES // (dim * size), 1) * dim)
    for image in range(c["batches"]):
        for orow in range(rows):
            for ocol in range(0, cols, dim):
                for och in range(0, ochs, step):
                    pixel = ((och // dim * c["batches"] + image) * rows + orow) * cols + ocol
                    target = block(c["bias_start"] + pixel, min(cols - ocol, dim), min(ochs - och, step))
                    append(registers, MVIN3, 0 if c["no_bias"] else c["bias"] + och * size, target)


@jit
def _load_input(registers, c, dim, size):
    """Load the input pixels that the output region needs; those in the padding as zeros."""
    swapped = c["trans_input_3120"] != 0
    batches, chs, downsample = c["batches"], c["kchs"], c["downsample"]
    rows, cols = c["irows"] >> downsample, c["icols"] >> downsample
    stride = (c["batch_size"] if swapped else c["in_stride"]) * size << downsample
    block_rows = (chs if swapped else batches) * rows * cols
    _configure_load(registers, np.int64(0), stride, block_rows, c["max_pixels"])
    step = min(batches if swapped else chs, max(_REQUEST_BYTES // (dim * size), 1) * dim)
    last_row, last_col = c["irows_unpadded"], c["icols_unpadded"]
    if step == 0 or chs == 0 or c["left_pad"] + last_col + c["right_pad"] <= 0:
        return
    for image in range(0, batches, step if swapped else 1):
        for irow in range(-c["upper_pad"], last_row + c["lower_pad"], 1 << downsample):
            icol = -c["left_pad"]
            while icol < last_col + c["right_pad"]:
                # A move covers pixels of the image or pixels of the padding, never both.
                if icol < 0:
                    width = min(-icol, dim)
                elif icol < last_col:
                    width = min(last_col - icol, dim << downsample)
                else:
                    width = min(last_col + c["right_pad"] - icol, dim)
                outside = irow < 0 or irow >= last_row or icol < 0 or icol >= last_col
                pixel = ((irow + c["upper_pad"]) >> downsample) * cols + ((icol + c["left_pad"]) >> downsample)
                for channel in range(0, chs, 1 if swapped else step):
                    if swapped:
                        local = image // dim * block_rows + channel * rows * cols + pixel
                        position = (channel * c["in_row_dim"] + irow) * c["in_col_dim"] + icol
                        element = position * c["batch_size"] + image
                        width_channels = min(batches - image, step)
                    else:
                        local = channel // dim * block_rows + image * rows * cols + pixel
                        position = (image * c["in_row_dim"] + irow) * c["in_col_dim"] + icol
                        element = position * c["in_stride"] + channel
                        width_channels = min(chs - channel, step)
                    target = block(c["a_start"] + local, width >> downsample, width_channels)
                    append(registers, MVIN, 0 if outside else c["input"] + element * size, target)
                icol += width


@jit
def _load_weights(registers, c, dim, size):
    """Load the weights: rows are input channels and columns output channels, or swapped with trans_weight_0132."""
    swapped = c["trans_weight_0132"] != 0
    kernel, in_channels, out_channels = c["kernel_dim"], c["in_channels"], c["out_channels"]
    if c["depthwise"]:
        stride = 1
    elif c["trans_weight_1203"]:
        stride = kernel * kernel * out_channels
    elif swapped:
        stride = in_channels
    else:
        stride = c["weight_stride"]
    taps = c["krows"] * c["kcols"]
    rows, cols = (c["ochs"], c["kchs"]) if swapped else (c["kchs"], c["ochs"])
    _configure_load(registers, np.int64(1), stride * size, taps * rows, np.int64(1))
    if c["weight_rows"] == 0:
        return
    step = min(cols, max(_REQUEST_BYTES // (dim * size), 1) * dim)
    for och in range(0, c["ochs"], dim if swapped else step):
        for krow in range(c["krows"]):
            for kcol in range(c["kcols"]):
                for kch in range(0, c["kchs"], step if swapped else dim):
                    if c["depthwise"]:
                        element = krow * kernel + kcol
                    elif c["trans_weight_1203"]:
                        element = ((kch * kernel + krow) * kernel + kcol) * out_channels + och
                    elif swapped:
                        element = ((krow * kernel + kcol) * out_channels + och) * in_channels + kch
                    else:
                        element = ((krow * kernel + kcol) * in_channels + kch) * c["weight_stride"] + och
                    row, col = (och, kch) if swapped else (kch, och)
                    local = c["b_start"] + (col // dim * taps + krow * c["kcols"] + kcol) * rows + row
                    target = block(local, min(rows - row, dim), min(cols - col, step))
                    append(registers, MVIN2, c["weights"] + element * size, target)


@jit
def _multiply(registers, c, dim):
    pixels = c["orows"] * c["ocols"]
    if c["trans_input_3120"]:
        strides_only = (c["irows"] * c["icols"] & 0xFFFF) << 16 | 1 << 7
        append(registers, CONFIG, strides_only, (pixels & 0xFFFF) << 48)
    if c["weight_rows"] == 0 or c["batches"] * pixels == 0:
        return
    for och in range(0, c["ochs"], dim):
        for krow in range(c["krows"]):
            for kcol in range(0, c["kcols"], c["max_pixels"]):
                for kch in range(0, c["kchs"], dim):
                    _multiply_tap(registers, c, dim, och, krow, kcol, kch)


@jit
def _multiply_tap(registers, c, dim, och, krow, kcol, kch):
    """Multiply all pixels with one block of weights, which is loaded into the array once."""
    swapped = c["trans_input_3120"] != 0
    batches, chs, dilated, downsample = c["batches"], c["kchs"], c["dilated"], c["downsample"]
    rows, cols = c["irows"] >> downsample, c["icols"] >> downsample
    channels = min(chs - kch, dim) * (min(c["kcols"] - kcol, c["max_pixels"]) & 0xFF)
    outputs = min(c["ochs"] - och, dim)
    taps = c["krows"] * c["kcols"]
    tap = krow * c["kcols"] + kcol
    if c["rotated"]:
        tap = taps - 1 - tap
    if c["trans_weight_0132"]:
        weights = c["b_start"] + (kch // dim * taps + tap) * c["ochs"] + och
    else:
        weights = c["b_start"] + (och // dim * taps + tap) * chs + kch
    # Row and column of the first input pixel, in a dilated image.
    first_row, first_col = krow * c["kernel_dilation"], kcol * c["kernel_dilation"]
    fresh = True
    for image in range(0, batches, dim if swapped else 1):
        for orow in range(c["orows"]):
            # Of a dilated image only every second pixel is there; the others are zero and add nothing.
            if dilated and (first_row + orow + c["odd_row"]) & 1:
                continue
            ocol = 0
            while ocol < c["ocols"]:
                if dilated and (first_col + ocol + c["odd_col"]) & 1:
                    ocol += 1
                    continue
                irow = (half(orow * c["stride"] + first_row, dilated) & 0xFFFF) >> downsample
                icol = (half(ocol * c["stride"] + first_col, dilated) & 0xFFFF) >> downsample
                if swapped:
                    pixels = min(batches - image, dim)
                    plane = image // dim * chs + kch
                else:
                    pixels = half(min(c["ocols"] - ocol, dim << dilated), dilated)
                    plane = kch // dim * batches + image
                left = c["a_start"] + (plane * rows + irow) * cols + icol
                result = ((och // dim * batches + image) * c["orows"] + orow) * c["ocols"] + ocol
                preloaded = block(weights if fresh else GARBAGE, channels, outputs)
                append(registers, PRELOAD, preloaded, block(c["output_start"] + result, pixels, outputs))
                funct = COMPUTE_PRELOADED if fresh else COMPUTE_ACCUMULATED
                append(registers, funct, block(left, pixels, channels), block(GARBAGE, pixels, outputs))
                fresh = False
                ocol += 1 if swapped else dim << dilated


@jit
def _store(registers, c, dim, size):
    rows, cols, ochs = c["orows"], c["ocols"], c["ochs"]
    if cols * ochs == 0:
        return
    for image in range(c["batches"]):
        for orow in range(rows):
            for ocol in range(0, cols, dim):
                for och in range(0, ochs, dim):
                    if c["trans_output_1203"]:
                        element = ((orow * c["out_col_dim"] + ocol) * c["batch_size"] + image) * c["out_channels"]
                    else:
                        element = ((image * c["out_row_dim"] + orow) * c["out_col_dim"] + ocol) * c["out_stride"]
                    pixel = ((och // dim * c["batches"] + image) * rows + orow) * cols + ocol
                    source = block(c["output_start"] + pixel, min(cols - ocol, dim), min(ochs - och, dim))
                    append(registers, MVOUT, c["output"] + (element + och) * size, source)


@jit
def _store_pooled(registers, c, dim, size):
    """Store the maxima of pooling windows; the store configuration that is left behind has pooling off."""
    activation = c["relu"] << 2 | 2
    rs2 = registers["store_scale"] << 32 | c["out_stride"] * size
    windows = c["pool_left_pad"] << 10 | c["pool_upper_pad"] << 8 | c["pool_size"] << 6 | c["pool_stride"] << 4
    extents = c["ocols"] << 56 | c["orows"] << 48 | c["pocols"] << 40 | c["porows"] << 32 | c["pool_out_col_dim"] << 24
    append(registers, CONFIG, activation | windows | extents, rs2)
    for image in range(c["batches"]):
        for och in range(0, c["ochs"], dim):
            local = c["output_start"] + (och // dim * c["batches"] + image) * c["orows"] * c["ocols"]
            element = image * c["pool_out_row_dim"] * c["pool_out_col_dim"] * c["out_stride"] + och
            append(registers, MVOUT, c["output"] + element * size, block(local, np.int64(0), min(c["ochs"] - och, dim)))
    append(registers, CONFIG, activation, rs2)
