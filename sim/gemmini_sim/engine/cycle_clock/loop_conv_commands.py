"""The commands of LOOP_CONV_WS: loads of bias, input and weights, preloads and computes, stores or pooling, in order.

Each machine has a pipeline of two commands behind it, where products that addresses need are worked out.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.loop_conv_registers import (
    BIAS,
    INPUT,
    WEIGHTS,
    result_row,
    undilated,
    weights_start,
)
from gemmini_sim.engine.cycle_clock.loops import (
    ACCUMULATE,
    ACCUMULATOR,
    CONVOLUTIONS,
    EX,
    GARBAGE,
    IDLE,
    ST,
    following,
    pack_tile,
)

__all__ = ["CONFIG", "RUN", "put_command"]

CONFIG, RUN, _COMPUTE, _POOL, _POOL_END = 1, 2, 3, 4, 5
_F32_ONE = 0x3F800000
_KEEP_SCALE = 0xFFFFFFFF


@jit
def _push(clock, unit, funct, rs1, rs2):
    slot = (clock["conv_pipe_head"][unit] + clock["conv_pipe_count"][unit]) & 1
    clock["conv_pipe_funct"][unit, slot] = funct
    clock["conv_pipe_rs1"][unit, slot] = rs1
    clock["conv_pipe_rs2"][unit, slot] = rs2
    clock["conv_pipe_time"][unit, slot] = clock["now"] + 2
    clock["conv_pipe_row"][unit, slot] = clock["loop_row"][CONVOLUTIONS, clock["loop_of"][CONVOLUTIONS, unit]]
    clock["conv_pipe_count"][unit] += 1


@jit
def _config_load(clock, unit, state_id, block_stride, pixels, stride):
    rs1 = _F32_ONE << 32 | (block_stride & 0xFFFF) << 16 | pixels << 8 | state_id << 3 | 1
    _push(clock, unit, 0, rs1, stride)


@jit
def _bias(clock):
    loop = clock["loop_of"][CONVOLUTIONS, BIAS]
    dim = clock["dim"]
    b, orow, ocol, och = (
        clock["conv_b"][BIAS],
        clock["conv_orow"][BIAS],
        clock["conv_ocol"][BIAS],
        clock["conv_och"][BIAS],
    )
    ochs, ocols = clock["conv_ochs"][loop], clock["conv_ocols"][loop]
    images, orows = clock["conv_batches"][loop], clock["conv_orows"][loop]
    if clock["conv_state"][BIAS] == CONFIG:
        _config_load(clock, BIAS, 2, images * orows * ocols, 1, 0)
        clock["conv_state"][BIAS] = RUN
        return
    longest = max(1, clock["request_bytes"] // (dim * clock["accumulator_bytes"])) * dim
    step = min(ochs, longest)
    address = 0
    if not clock["conv_no_bias"][loop]:
        address = clock["conv_address"][loop, BIAS] + och * clock["accumulator_bytes"]
    local = result_row(clock, loop, clock["conv_start"][BIAS], b, orow, ocol, och) | ACCUMULATOR
    _push(clock, BIAS, 14, address, pack_tile(local, min(step, ochs - och), min(dim, ocols - ocol)))
    och = following(och, step, ochs, 0, True)
    ocol = following(ocol, dim, ocols, 0, och == 0)
    orow = following(orow, 1, orows, 0, ocol == 0 and och == 0)
    b = following(b, 1, images, 0, orow == 0 and ocol == 0 and och == 0)
    clock["conv_b"][BIAS], clock["conv_orow"][BIAS], clock["conv_ocol"][BIAS], clock["conv_och"][BIAS] = (
        b,
        orow,
        ocol,
        och,
    )
    if b == 0 and orow == 0 and ocol == 0 and och == 0:
        clock["conv_state"][BIAS] = IDLE


@jit
def _input(clock):
    loop = clock["loop_of"][CONVOLUTIONS, INPUT]
    dim = clock["dim"]
    element = clock["element_bytes"]
    turned = clock["conv_trans_input_3120"][loop]
    downsample = clock["conv_downsample"][loop]
    images, channels = clock["conv_batches"][loop], clock["conv_kchs"][loop]
    stride = (clock["conv_batch_size"][loop] if turned else clock["conv_in_stride"][loop]) * element
    if clock["conv_state"][INPUT] == CONFIG:
        _config_load(
            clock, INPUT, 0, clock["conv_input_stride"][loop], clock["conv_pixels"][loop], stride << downsample
        )
        clock["conv_state"][INPUT] = RUN
        return
    b, irow, icol, ich = (
        clock["conv_b"][INPUT],
        clock["conv_orow"][INPUT],
        clock["conv_ocol"][INPUT],
        clock["conv_och"][INPUT],
    )
    irows, icols = clock["conv_irows_unpadded"][loop], clock["conv_icols_unpadded"][loop]
    up, down = undilated(clock, loop, clock["conv_upad"][loop]), undilated(clock, loop, clock["conv_dpad"][loop])
    left, right = undilated(clock, loop, clock["conv_lpad"][loop]), undilated(clock, loop, clock["conv_rpad"][loop])
    longest = max(1, clock["request_bytes"] // (dim * element)) * dim
    step = min(images if turned else channels, longest)
    row, column = (irow + up) >> downsample, (icol + left) >> downsample
    width, height = clock["conv_icols"][loop], clock["conv_irows"][loop]
    plane_row, plane_column = clock["conv_in_row_dim"][loop], clock["conv_in_col_dim"][loop]
    start = clock["conv_start"][INPUT]
    if turned:
        offset = ((ich * plane_column * plane_row + irow * plane_column + icol) * images + b) * element
        local = start + (b // dim) * clock["conv_input_stride"][loop] + (ich * height + row) * width + column
        columns = min(step, images - b)
    else:
        offset = (
            (b * plane_row * plane_column + irow * plane_column + icol) * clock["conv_in_stride"][loop] + ich
        ) * element
        local = start + (ich // dim) * clock["conv_input_stride"][loop] + (b * height + row) * width + column
        columns = min(step, channels - ich)
    if icol < 0:
        pixels = min(dim, -icol)
    elif icol >= icols:
        pixels = min(dim, icols + right - icol)
    else:
        pixels = min(dim << downsample, icols - icol)
    zeros = irow < 0 or irow >= irows or icol < 0 or icol >= icols
    address = 0 if zeros else clock["conv_address"][loop, INPUT] + (offset & 0xFFFFFFFF)
    _push(clock, INPUT, 2, address, pack_tile(local, columns, pixels >> downsample))
    ich = following(ich, 1 if turned else step, channels, 0, True)
    icol = following(icol, pixels, icols + right, -left, ich == 0)
    irow = following(irow, 1 << downsample, irows + down, -up, icol == -left and ich == 0)
    b = following(b, step if turned else 1, images, 0, irow == -up and icol == -left and ich == 0)
    clock["conv_b"][INPUT], clock["conv_orow"][INPUT] = b, irow
    clock["conv_ocol"][INPUT], clock["conv_och"][INPUT] = icol, ich
    if b == 0 and irow == -up and icol == -left and ich == 0:
        clock["conv_state"][INPUT] = IDLE


@jit
def _weights(clock):
    loop = clock["loop_of"][CONVOLUTIONS, WEIGHTS]
    dim = clock["dim"]
    element = clock["element_bytes"]
    turned = clock["conv_trans_weight_0132"][loop]
    kernel = clock["conv_kernel_dim"][loop]
    ochs, kchs = clock["conv_ochs"][loop], clock["conv_kchs"][loop]
    outs, ins = clock["conv_out_channels"][loop], clock["conv_in_channels"][loop]
    krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
    stride = clock["conv_weight_stride"][loop]
    if clock["conv_depthwise"][loop]:
        stride = 1
    elif clock["conv_trans_weight_1203"][loop]:
        stride = kernel * kernel * outs
    elif turned:
        stride = ins
    if clock["conv_state"][WEIGHTS] == CONFIG:
        _config_load(clock, WEIGHTS, 1, clock["conv_weight_rows"][loop], 1, stride * element)
        clock["conv_state"][WEIGHTS] = RUN
        return
    och, krow, kcol, kch = (
        clock["conv_och"][WEIGHTS],
        clock["conv_krow"][WEIGHTS],
        clock["conv_kcol"][WEIGHTS],
        clock["conv_kch"][WEIGHTS],
    )
    longest = max(1, clock["request_bytes"] // (dim * element)) * dim
    step = min(kchs if turned else ochs, longest)
    if clock["conv_depthwise"][loop]:
        offset = krow * kernel + kcol
    elif clock["conv_trans_weight_1203"][loop]:
        offset = (kch * kernel * kernel + krow * kernel + kcol) * outs + och
    elif turned:
        offset = (krow * kernel * outs + kcol * outs + och) * ins + kch
    else:
        offset = (krow * kernel * ins + kcol * ins + kch) * clock["conv_weight_stride"][loop] + och
    address = clock["conv_address"][loop, WEIGHTS] + ((offset * element) & 0xFFFFFFFF)
    if turned:
        local = ((kch // dim * krows + krow) * kcols + kcol) * ochs + och
        columns, rows = min(step, kchs - kch), min(dim, ochs - och)
    else:
        local = ((och // dim * krows + krow) * kcols + kcol) * kchs + kch
        columns, rows = min(step, ochs - och), min(dim, kchs - kch)
    _push(clock, WEIGHTS, 1, address, pack_tile(weights_start(clock, loop) + local, columns, rows))
    kch = following(kch, step if turned else dim, kchs, 0, True)
    kcol = following(kcol, 1, kcols, 0, kch == 0)
    krow = following(krow, 1, krows, 0, kcol == 0 and kch == 0)
    och = following(och, dim if turned else step, ochs, 0, krow == 0 and kcol == 0 and kch == 0)
    clock["conv_och"][WEIGHTS], clock["conv_krow"][WEIGHTS] = och, krow
    clock["conv_kcol"][WEIGHTS], clock["conv_kch"][WEIGHTS] = kcol, kch
    if och == 0 and krow == 0 and kcol == 0 and kch == 0:
        clock["conv_state"][WEIGHTS] = IDLE


@jit
def _skips(clock, loop):
    """Return whether the current place of a dilated input holds nothing."""
    if not clock["conv_dilated"][loop] or clock["conv_state"][EX] == CONFIG:
        return False
    dilation = clock["conv_kernel_dilation"][loop]
    row = clock["conv_krow"][EX] * dilation + clock["conv_orow"][EX] - clock["conv_upad"][loop]
    column = clock["conv_kcol"][EX] * dilation + clock["conv_ocol"][EX] - clock["conv_lpad"][loop]
    return (row & 1) == 1 or (column & 1) == 1


@jit
def _execute(clock, room):
    loop = clock["loop_of"][CONVOLUTIONS, EX]
    dim = clock["dim"]
    skips = _skips(clock, loop)
    if not skips and not room:
        return
    state = clock["conv_state"][EX]
    turned = clock["conv_trans_input_3120"][loop]
    if state == CONFIG:
        stride = clock["conv_irows"][loop] * clock["conv_icols"][loop] << (2 * clock["conv_downsample"][loop])
        result_stride = clock["conv_orows"][loop] * clock["conv_ocols"][loop]
        _push(clock, EX, 0, (stride & 0xFFFF) << 16 | 1 << 7, (result_stride & 0xFFFF) << 48)
        clock["conv_state"][EX] = RUN
        return
    b, orow, ocol, och = clock["conv_b"][EX], clock["conv_orow"][EX], clock["conv_ocol"][EX], clock["conv_och"][EX]
    krow, kcol, kch = clock["conv_krow"][EX], clock["conv_kcol"][EX], clock["conv_kch"][EX]
    images, ochs, kchs = clock["conv_batches"][loop], clock["conv_ochs"][loop], clock["conv_kchs"][loop]
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
    dilated = clock["conv_dilated"][loop]
    if not skips:
        pixels = min(clock["conv_pixels"][loop], kcols - kcol)
        rows = min(dim, images - b) if turned else undilated(clock, loop, min(dim << dilated, ocols - ocol))
        columns = min(dim, ochs - och)
        depth = pixels * min(dim, kchs - kch)
        if state == RUN:
            _push_preload(clock, loop, b, orow, ocol, och, krow, kcol, kch, rows, columns, depth)
            clock["conv_state"][EX] = _COMPUTE
            return
        _push_compute(clock, loop, b, orow, ocol, krow, kcol, kch, rows, columns, depth)
        clock["conv_new_weights"] = 0
    elif state == RUN:
        clock["conv_state"][EX] = _COMPUTE
        return
    step = 1 if skips or turned else dim << dilated
    ocol = following(ocol, step, ocols, 0, True)
    orow = following(orow, 1, orows, 0, ocol == 0)
    b = following(b, dim if turned else 1, images, 0, orow == 0 and ocol == 0)
    over = b == 0 and orow == 0 and ocol == 0
    kch = following(kch, dim, kchs, 0, over)
    kcol = following(kcol, clock["conv_pixels"][loop], kcols, 0, over and kch == 0)
    krow = following(krow, 1, krows, 0, over and kch == 0 and kcol == 0)
    och = following(och, dim, ochs, 0, over and kch == 0 and kcol == 0 and krow == 0)
    clock["conv_b"][EX], clock["conv_orow"][EX], clock["conv_ocol"][EX], clock["conv_och"][EX] = b, orow, ocol, och
    clock["conv_krow"][EX], clock["conv_kcol"][EX], clock["conv_kch"][EX] = krow, kcol, kch
    if over:
        clock["conv_new_weights"] = 1
    done = over and och == 0 and krow == 0 and kcol == 0 and kch == 0
    clock["conv_state"][EX] = IDLE if done else RUN


@jit
def _push_preload(clock, loop, b, orow, ocol, och, krow, kcol, kch, rows, columns, depth):
    dim = clock["dim"]
    weights = GARBAGE
    if clock["conv_new_weights"]:
        krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
        if clock["conv_wrot180"][loop]:
            krow, kcol = krows - krow - 1, kcols - kcol - 1
        if clock["conv_trans_weight_0132"][loop]:
            local = ((kch // dim * krows + krow) * kcols + kcol) * clock["conv_ochs"][loop] + och
        else:
            local = ((och // dim * krows + krow) * kcols + kcol) * clock["conv_kchs"][loop] + kch
        weights = weights_start(clock, loop) + local
    result = result_row(clock, loop, clock["conv_start"][EX], b, orow, ocol, och) | ACCUMULATOR | ACCUMULATE
    _push(clock, EX, 6, pack_tile(weights, columns, depth), pack_tile(result, columns, rows))


@jit
def _push_compute(clock, loop, b, orow, ocol, krow, kcol, kch, rows, columns, depth):
    dim = clock["dim"]
    downsample = clock["conv_downsample"][loop]
    stride, dilation = clock["conv_stride"][loop], clock["conv_kernel_dilation"][loop]
    row = undilated(clock, loop, orow * stride + krow * dilation) >> downsample
    column = undilated(clock, loop, ocol * stride + kcol * dilation) >> downsample
    width, height = clock["conv_icols"][loop], clock["conv_irows"][loop]
    block, plane = (b, kch) if clock["conv_trans_input_3120"][loop] else (kch, b)
    local = loop * (clock["scratchpad_rows"] // 2) + (block // dim) * clock["conv_input_stride"][loop]
    local += (plane * height + row) * width + column
    funct = 4 if clock["conv_new_weights"] else 5
    _push(clock, EX, funct, pack_tile(local, depth, rows), pack_tile(GARBAGE, columns, rows))


@jit
def _store(clock):
    loop = clock["loop_of"][CONVOLUTIONS, ST]
    dim = clock["dim"]
    element = clock["element_bytes"]
    state = clock["conv_state"][ST]
    b, orow, ocol, och = clock["conv_b"][ST], clock["conv_orow"][ST], clock["conv_ocol"][ST], clock["conv_och"][ST]
    images, ochs = clock["conv_batches"][loop], clock["conv_ochs"][loop]
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    columns = min(dim, ochs - och)
    address = clock["conv_address"][loop, ST]
    if state in (CONFIG, _POOL_END):
        rs1 = clock["conv_activation"][loop] << 2 | 2
        if state == CONFIG:
            rs1 |= ocols << 56 | orows << 48 | clock["conv_pocols"][loop] << 40 | clock["conv_porows"][loop] << 32
            rs1 |= clock["conv_pool_out_col_dim"][loop] << 24 | clock["conv_plpad"][loop] << 10
            rs1 |= clock["conv_pupad"][loop] << 8 | clock["conv_pool_size"][loop] << 6
            rs1 |= clock["conv_pool_stride"][loop] << 4
        _push(clock, ST, 0, rs1, _KEEP_SCALE << 32 | clock["conv_out_stride"][loop] * element)
        clock["conv_state"][ST] = _POOL if state == CONFIG else IDLE
        return
    start = clock["conv_start"][ST]
    if state == _POOL:
        plane = clock["conv_pool_out_col_dim"][loop] * clock["conv_pool_out_row_dim"][loop]
        address += (b * plane * clock["conv_out_stride"][loop] + och) * element
        local = result_row(clock, loop, start, b, 0, 0, och) | ACCUMULATOR
        _push(clock, ST, 3, address, pack_tile(local, columns, 0))
        och = following(och, dim, ochs, 0, True)
        b = following(b, 1, images, 0, och == 0)
        if b == 0 and och == 0:
            clock["conv_state"][ST] = _POOL_END
    else:
        out_rows, out_columns = clock["conv_out_row_dim"][loop], clock["conv_out_col_dim"][loop]
        if clock["conv_trans_output_1203"][loop]:
            place = (orow * out_columns + ocol) * clock["conv_batch_size"][loop] + b
            offset = place * clock["conv_out_channels"][loop] + och
        else:
            place = (b * out_rows + orow) * out_columns + ocol
            offset = place * clock["conv_out_stride"][loop] + och
        local = result_row(clock, loop, start, b, orow, ocol, och) | ACCUMULATOR
        _push(
            clock, ST, 3, address + ((offset * element) & 0xFFFFFFFF), pack_tile(local, columns, min(dim, ocols - ocol))
        )
        och = following(och, dim, ochs, 0, True)
        ocol = following(ocol, dim, ocols, 0, och == 0)
        orow = following(orow, 1, orows, 0, ocol == 0 and och == 0)
        b = following(b, 1, images, 0, orow == 0 and ocol == 0 and och == 0)
        if b == 0 and orow == 0 and ocol == 0 and och == 0:
            clock["conv_state"][ST] = IDLE
    clock["conv_b"][ST], clock["conv_orow"][ST], clock["conv_ocol"][ST], clock["conv_och"][ST] = b, orow, ocol, och


@jit
def put_command(clock, unit, room):
    """Let a machine put its next command into its pipeline, if that has room."""
    if unit == EX:
        _execute(clock, room)
    elif not room:
        return
    elif unit == ST:
        _store(clock)
    elif unit == BIAS:
        _bias(clock)
    elif unit == INPUT:
        _input(clock)
    else:
        _weights(clock)
