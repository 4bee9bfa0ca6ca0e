"""The registers of LOOP_CONV_WS: what its six configuring commands say, and where that puts the tiles of a loop."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.loops import CONVOLUTIONS

__all__ = ["BIAS", "INPUT", "WEIGHTS", "configure_loop", "result_row", "undilated", "weights_start"]

BIAS, INPUT, WEIGHTS = 0, 1, 2  # the machines that make loads; their operands' addresses
_OUTPUT = 4


@jit
def configure_loop(clock, loop, funct, rs1, rs2):
    """Take one configuring command over; the last one, LOOP_CONV_WS itself, starts the loop."""
    if funct == 16:
        clock["conv_out_channels"][loop] = (rs1 >> 48) & 0xFFFF
        clock["conv_in_channels"][loop] = (rs1 >> 32) & 0xFFFF
        clock["conv_in_row_dim"][loop] = (rs1 >> 16) & 0xFFFF
        clock["conv_batch_size"][loop] = rs1 & 0xFFFF
        clock["conv_stride"][loop] = (rs2 >> 48) & 0xFF
        clock["conv_out_col_dim"][loop] = (rs2 >> 32) & 0xFFFF
        clock["conv_pool_out_row_dim"][loop] = (rs2 >> 16) & 0xFFFF
        clock["conv_out_row_dim"][loop] = rs2 & 0xFFFF
    elif funct == 17:
        clock["conv_kernel_dim"][loop] = (rs1 >> 48) & 0xFFFF
        clock["conv_pool_out_col_dim"][loop] = (rs1 >> 32) & 0xFFFF
        clock["conv_pool_size"][loop] = (rs1 >> 16) & 0xFFFF
        clock["conv_pool_stride"][loop] = (rs1 >> 8) & 0xFF
        clock["conv_batches"][loop] = (rs2 >> 48) & 0xFFFF
        clock["conv_porows"][loop] = (rs2 >> 32) & 0xFFFF
        clock["conv_pocols"][loop] = (rs2 >> 16) & 0xFFFF
        clock["conv_ochs"][loop] = rs2 & 0xFFFF
    elif funct == 18:
        clock["conv_krows"][loop] = (rs1 >> 48) & 0xFFFF
        clock["conv_kcols"][loop] = (rs1 >> 32) & 0xFFFF
        clock["conv_kchs"][loop] = (rs1 >> 16) & 0xFFFF
        clock["conv_lpad"][loop] = rs1 & 0xFFFF
        clock["conv_rpad"][loop] = (rs2 >> 48) & 0xFFFF
        clock["conv_upad"][loop] = (rs2 >> 32) & 0xFFFF
        clock["conv_dpad"][loop] = (rs2 >> 24) & 0xFF
        clock["conv_plpad"][loop] = (rs2 >> 16) & 0xFF
        clock["conv_in_col_dim"][loop] = rs2 & 0xFFFF
    elif funct == 19:
        clock["conv_orows"][loop] = (rs1 >> 48) & 0xFFFF
        clock["conv_pupad"][loop] = (rs1 >> 21) & 0x7FF
        clock["conv_kernel_dilation"][loop] = rs1 & 0x3FF
        clock["conv_in_stride"][loop] = (rs2 >> 48) & 0xFFFF
        clock["conv_weight_stride"][loop] = (rs2 >> 32) & 0xFFFF
        clock["conv_out_stride"][loop] = (rs2 >> 16) & 0xFFFF
        clock["conv_ocols"][loop] = rs2 & 0xFFFF
    elif funct == 20:
        clock["conv_address"][loop, WEIGHTS] = rs1
        clock["conv_address"][loop, _OUTPUT] = rs2
    elif funct == 21:
        clock["conv_address"][loop, BIAS] = rs1
        clock["conv_address"][loop, INPUT] = rs2
    else:
        clock["conv_no_bias"][loop] = rs1 & 1
        clock["conv_wrot180"][loop] = (rs1 >> 1) & 1
        clock["conv_trans_output_1203"][loop] = (rs1 >> 2) & 1
        clock["conv_trans_weight_1203"][loop] = (rs1 >> 3) & 1
        clock["conv_trans_weight_0132"][loop] = (rs1 >> 4) & 1
        clock["conv_trans_input_3120"][loop] = (rs1 >> 5) & 1
        clock["conv_depthwise"][loop] = (rs1 >> 6) & 1
        clock["conv_pixels"][loop] = max(1, (rs1 >> 8) & 0xFF)
        clock["conv_no_pool"][loop] = rs2 & 1
        clock["conv_downsample"][loop] = (rs2 >> 1) & 1
        clock["conv_dilated"][loop] = (rs2 >> 2) & 1
        clock["conv_activation"][loop] = (rs2 >> 3) & 3
        clock["loop_configured"][CONVOLUTIONS] |= 1 << loop
        _derive(clock, loop)


@jit
def undilated(clock, loop, value):
    """Return a size of the dilated input without the zeros between its pixels."""
    dilated = clock["conv_dilated"][loop]
    return (value + dilated) >> dilated


@jit
def _derive(clock, loop):
    """Work out the sizes of the input tile and the local strides of a loop."""
    krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
    dilation = clock["conv_kernel_dilation"][loop] - 1
    rows = clock["conv_orows"][loop] * clock["conv_stride"][loop] + krows + dilation * (krows - 1) - 1
    columns = clock["conv_ocols"][loop] * clock["conv_stride"][loop] + kcols + dilation * (kcols - 1) - 1
    upad, dpad = clock["conv_upad"][loop], clock["conv_dpad"][loop]
    lpad, rpad = clock["conv_lpad"][loop], clock["conv_rpad"][loop]
    irows = undilated(clock, loop, rows - upad - dpad)
    icols = undilated(clock, loop, columns - lpad - rpad)
    clock["conv_irows_unpadded"][loop] = irows
    clock["conv_icols_unpadded"][loop] = icols
    if clock["conv_dilated"][loop]:
        rows = irows + undilated(clock, loop, upad) + undilated(clock, loop, dpad)
        columns = icols + undilated(clock, loop, lpad) + undilated(clock, loop, rpad)
    downsample = clock["conv_downsample"][loop]
    clock["conv_irows"][loop] = rows >> downsample
    clock["conv_icols"][loop] = columns >> downsample
    images = clock["conv_kchs"][loop] if clock["conv_trans_input_3120"][loop] else clock["conv_batches"][loop]
    clock["conv_input_stride"][loop] = images * (rows >> downsample) * (columns >> downsample)
    channels = clock["conv_ochs"][loop] if clock["conv_trans_weight_0132"][loop] else clock["conv_kchs"][loop]
    clock["conv_weight_rows"][loop] = krows * kcols * channels


@jit
def weights_start(clock, loop):
    """Return the first row of the weights, which end where the loop's half of the scratchpad does."""
    dim = clock["dim"]
    channels = clock["conv_kchs"][loop] if clock["conv_trans_weight_0132"][loop] else clock["conv_ochs"][loop]
    end = (loop + 1) * (clock["scratchpad_rows"] // 2)
    return end - (channels // dim + (channels % dim != 0)) * clock["conv_weight_rows"][loop]


@jit
def result_row(clock, loop, start, b, orow, ocol, och):
    """Return the accumulator row of a place of the output."""
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    images = clock["conv_batches"][loop]
    return start + (och // clock["dim"]) * images * orows * ocols + b * orows * ocols + orow * ocols + ocol
