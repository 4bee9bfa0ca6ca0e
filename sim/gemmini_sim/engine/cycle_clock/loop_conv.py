"""The unroller of LOOP_CONV_WS: five machines, each with a two-stage pipeline behind it, and two loops at a time.

Per cycle one command leaves: a store first, then a compute, a load of the bias, of weights, of the input. Computes of a
loop begin when all its loads are out; the loads of the next loop wait until then. The machines of one loop work from
the bounds given by LOOP_CONV_WS_CONFIG_1 to 6; those are kept per loop, as the hardware's registers.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.sizes import FRONT

__all__ = ["conv_step"]

BIAS, INPUT, WEIGHTS, EX, ST = 0, 1, 2, 3, 4
_IDLE, _CONFIG, _RUN, _COMPUTE, _POOL, _POOL_END = 0, 1, 2, 3, 4, 5
_LOAD, _EXECUTE, _STORE = 0, 1, 2
_GARBAGE = 0xFFFFFFFF
_ACCUMULATOR, _ACCUMULATE = 1 << 31, 1 << 30
_F32_ONE = 0x3F800000
_KEEP_SCALE = 0xFFFFFFFF


@jit
def _following(value, step, limit, first, enabled):
    """Advance an iterator; it returns to its first value at its limit."""
    if not enabled:
        return value
    return first if value + step > limit - 1 else value + step


@jit
def _pack(local, columns, rows):
    return rows << 48 | columns << 32 | (local & 0xFFFFFFFF)


@jit
def _configure(clock, loop, funct, rs1, rs2):
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
        clock["conv_address"][loop, ST] = rs2
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
        clock["conv_configured"] |= 1 << loop
        _derive(clock, loop)


@jit
def _undilated(clock, loop, value):
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
    irows = _undilated(clock, loop, rows - upad - dpad)
    icols = _undilated(clock, loop, columns - lpad - rpad)
    clock["conv_irows_unpadded"][loop] = irows
    clock["conv_icols_unpadded"][loop] = icols
    if clock["conv_dilated"][loop]:
        rows = irows + _undilated(clock, loop, upad) + _undilated(clock, loop, dpad)
        columns = icols + _undilated(clock, loop, lpad) + _undilated(clock, loop, rpad)
    downsample = clock["conv_downsample"][loop]
    clock["conv_irows"][loop] = rows >> downsample
    clock["conv_icols"][loop] = columns >> downsample
    images = clock["conv_kchs"][loop] if clock["conv_trans_input_3120"][loop] else clock["conv_batches"][loop]
    clock["conv_input_stride"][loop] = images * (rows >> downsample) * (columns >> downsample)
    channels = clock["conv_ochs"][loop] if clock["conv_trans_weight_0132"][loop] else clock["conv_kchs"][loop]
    clock["conv_weight_rows"][loop] = krows * kcols * channels


@jit
def _weights_start(clock, loop):
    dim = clock["dim"]
    channels = clock["conv_kchs"][loop] if clock["conv_trans_weight_0132"][loop] else clock["conv_ochs"][loop]
    end = (loop + 1) * (clock["scratchpad_rows"] // 2)
    return end - (channels // dim + (channels % dim != 0)) * clock["conv_weight_rows"][loop]


@jit
def _result_row(clock, loop, start, b, orow, ocol, och):
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    images = clock["conv_batches"][loop]
    return start + (och // clock["dim"]) * images * orows * ocols + b * orows * ocols + orow * ocols + ocol


# --- the machines: what the current command is, and how to go on


@jit
def _push(clock, unit, funct, rs1, rs2):
    slot = (clock["conv_pipe_head"][unit] + clock["conv_pipe_count"][unit]) & 1
    clock["conv_pipe_funct"][unit, slot] = funct
    clock["conv_pipe_rs1"][unit, slot] = rs1
    clock["conv_pipe_rs2"][unit, slot] = rs2
    clock["conv_pipe_time"][unit, slot] = clock["now"] + 2
    clock["conv_pipe_row"][unit, slot] = clock["conv_row"][clock["conv_loop"][unit]]
    clock["conv_pipe_count"][unit] += 1


@jit
def _config_load(clock, unit, state_id, block_stride, pixels, stride):
    rs1 = _F32_ONE << 32 | (block_stride & 0xFFFF) << 16 | pixels << 8 | state_id << 3 | 1
    _push(clock, unit, 0, rs1, stride)


@jit
def _bias(clock):
    loop = clock["conv_loop"][BIAS]
    dim = clock["dim"]
    b, orow, ocol, och = (
        clock["conv_b"][BIAS],
        clock["conv_orow"][BIAS],
        clock["conv_ocol"][BIAS],
        clock["conv_och"][BIAS],
    )
    ochs, ocols = clock["conv_ochs"][loop], clock["conv_ocols"][loop]
    images, orows = clock["conv_batches"][loop], clock["conv_orows"][loop]
    if clock["conv_state"][BIAS] == _CONFIG:
        _config_load(clock, BIAS, 2, images * orows * ocols, 1, 0)
        clock["conv_state"][BIAS] = _RUN
        return
    longest = max(1, clock["request_bytes"] // (dim * clock["accumulator_bytes"])) * dim
    step = min(ochs, longest)
    address = 0
    if not clock["conv_no_bias"][loop]:
        address = clock["conv_address"][loop, BIAS] + och * clock["accumulator_bytes"]
    local = _result_row(clock, loop, clock["conv_start"][BIAS], b, orow, ocol, och) | _ACCUMULATOR
    _push(clock, BIAS, 14, address, _pack(local, min(step, ochs - och), min(dim, ocols - ocol)))
    och = _following(och, step, ochs, 0, True)
    ocol = _following(ocol, dim, ocols, 0, och == 0)
    orow = _following(orow, 1, orows, 0, ocol == 0 and och == 0)
    b = _following(b, 1, images, 0, orow == 0 and ocol == 0 and och == 0)
    clock["conv_b"][BIAS], clock["conv_orow"][BIAS], clock["conv_ocol"][BIAS], clock["conv_och"][BIAS] = (
        b,
        orow,
        ocol,
        och,
    )
    if b == 0 and orow == 0 and ocol == 0 and och == 0:
        clock["conv_state"][BIAS] = _IDLE


@jit
def _input(clock):
    loop = clock["conv_loop"][INPUT]
    dim = clock["dim"]
    element = clock["element_bytes"]
    turned = clock["conv_trans_input_3120"][loop]
    downsample = clock["conv_downsample"][loop]
    images, channels = clock["conv_batches"][loop], clock["conv_kchs"][loop]
    stride = (clock["conv_batch_size"][loop] if turned else clock["conv_in_stride"][loop]) * element
    if clock["conv_state"][INPUT] == _CONFIG:
        _config_load(
            clock, INPUT, 0, clock["conv_input_stride"][loop], clock["conv_pixels"][loop], stride << downsample
        )
        clock["conv_state"][INPUT] = _RUN
        return
    b, irow, icol, ich = (
        clock["conv_b"][INPUT],
        clock["conv_orow"][INPUT],
        clock["conv_ocol"][INPUT],
        clock["conv_och"][INPUT],
    )
    irows, icols = clock["conv_irows_unpadded"][loop], clock["conv_icols_unpadded"][loop]
    up, down = _undilated(clock, loop, clock["conv_upad"][loop]), _undilated(clock, loop, clock["conv_dpad"][loop])
    left, right = _undilated(clock, loop, clock["conv_lpad"][loop]), _undilated(clock, loop, clock["conv_rpad"][loop])
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
    _push(clock, INPUT, 2, address, _pack(local, columns, pixels >> downsample))
    ich = _following(ich, 1 if turned else step, channels, 0, True)
    icol = _following(icol, pixels, icols + right, -left, ich == 0)
    irow = _following(irow, 1 << downsample, irows + down, -up, icol == -left and ich == 0)
    b = _following(b, step if turned else 1, images, 0, irow == -up and icol == -left and ich == 0)
    clock["conv_b"][INPUT], clock["conv_orow"][INPUT] = b, irow
    clock["conv_ocol"][INPUT], clock["conv_och"][INPUT] = icol, ich
    if b == 0 and irow == -up and icol == -left and ich == 0:
        clock["conv_state"][INPUT] = _IDLE


@jit
def _weights(clock):
    loop = clock["conv_loop"][WEIGHTS]
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
    if clock["conv_state"][WEIGHTS] == _CONFIG:
        _config_load(clock, WEIGHTS, 1, clock["conv_weight_rows"][loop], 1, stride * element)
        clock["conv_state"][WEIGHTS] = _RUN
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
    _push(clock, WEIGHTS, 1, address, _pack(_weights_start(clock, loop) + local, columns, rows))
    kch = _following(kch, step if turned else dim, kchs, 0, True)
    kcol = _following(kcol, 1, kcols, 0, kch == 0)
    krow = _following(krow, 1, krows, 0, kcol == 0 and kch == 0)
    och = _following(och, dim if turned else step, ochs, 0, krow == 0 and kcol == 0 and kch == 0)
    clock["conv_och"][WEIGHTS], clock["conv_krow"][WEIGHTS] = och, krow
    clock["conv_kcol"][WEIGHTS], clock["conv_kch"][WEIGHTS] = kcol, kch
    if och == 0 and krow == 0 and kcol == 0 and kch == 0:
        clock["conv_state"][WEIGHTS] = _IDLE


@jit
def _skips(clock, loop):
    """Return whether the current place of a dilated input holds nothing."""
    if not clock["conv_dilated"][loop] or clock["conv_state"][EX] == _CONFIG:
        return False
    dilation = clock["conv_kernel_dilation"][loop]
    row = clock["conv_krow"][EX] * dilation + clock["conv_orow"][EX] - clock["conv_upad"][loop]
    column = clock["conv_kcol"][EX] * dilation + clock["conv_ocol"][EX] - clock["conv_lpad"][loop]
    return (row & 1) == 1 or (column & 1) == 1


@jit
def _execute(clock, room):
    loop = clock["conv_loop"][EX]
    dim = clock["dim"]
    skips = _skips(clock, loop)
    if not skips and not room:
        return
    state = clock["conv_state"][EX]
    turned = clock["conv_trans_input_3120"][loop]
    if state == _CONFIG:
        stride = clock["conv_irows"][loop] * clock["conv_icols"][loop] << (2 * clock["conv_downsample"][loop])
        result_stride = clock["conv_orows"][loop] * clock["conv_ocols"][loop]
        _push(clock, EX, 0, (stride & 0xFFFF) << 16 | 1 << 7, (result_stride & 0xFFFF) << 48)
        clock["conv_state"][EX] = _RUN
        return
    b, orow, ocol, och = clock["conv_b"][EX], clock["conv_orow"][EX], clock["conv_ocol"][EX], clock["conv_och"][EX]
    krow, kcol, kch = clock["conv_krow"][EX], clock["conv_kcol"][EX], clock["conv_kch"][EX]
    images, ochs, kchs = clock["conv_batches"][loop], clock["conv_ochs"][loop], clock["conv_kchs"][loop]
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
    dilated = clock["conv_dilated"][loop]
    if not skips:
        pixels = min(clock["conv_pixels"][loop], kcols - kcol)
        rows = min(dim, images - b) if turned else _undilated(clock, loop, min(dim << dilated, ocols - ocol))
        columns = min(dim, ochs - och)
        depth = pixels * min(dim, kchs - kch)
        if state == _RUN:
            _push_preload(clock, loop, b, orow, ocol, och, krow, kcol, kch, rows, columns, depth)
            clock["conv_state"][EX] = _COMPUTE
            return
        _push_compute(clock, loop, b, orow, ocol, krow, kcol, kch, rows, columns, depth)
        clock["conv_new_weights"] = 0
    elif state == _RUN:
        clock["conv_state"][EX] = _COMPUTE
        return
    step = 1 if skips or turned else dim << dilated
    ocol = _following(ocol, step, ocols, 0, True)
    orow = _following(orow, 1, orows, 0, ocol == 0)
    b = _following(b, dim if turned else 1, images, 0, orow == 0 and ocol == 0)
    over = b == 0 and orow == 0 and ocol == 0
    kch = _following(kch, dim, kchs, 0, over)
    kcol = _following(kcol, clock["conv_pixels"][loop], kcols, 0, over and kch == 0)
    krow = _following(krow, 1, krows, 0, over and kch == 0 and kcol == 0)
    och = _following(och, dim, ochs, 0, over and kch == 0 and kcol == 0 and krow == 0)
    clock["conv_b"][EX], clock["conv_orow"][EX], clock["conv_ocol"][EX], clock["conv_och"][EX] = b, orow, ocol, och
    clock["conv_krow"][EX], clock["conv_kcol"][EX], clock["conv_kch"][EX] = krow, kcol, kch
    if over:
        clock["conv_new_weights"] = 1
    done = over and och == 0 and krow == 0 and kcol == 0 and kch == 0
    clock["conv_state"][EX] = _IDLE if done else _RUN


@jit
def _push_preload(clock, loop, b, orow, ocol, och, krow, kcol, kch, rows, columns, depth):
    dim = clock["dim"]
    weights = _GARBAGE
    if clock["conv_new_weights"]:
        krows, kcols = clock["conv_krows"][loop], clock["conv_kcols"][loop]
        if clock["conv_wrot180"][loop]:
            krow, kcol = krows - krow - 1, kcols - kcol - 1
        if clock["conv_trans_weight_0132"][loop]:
            local = ((kch // dim * krows + krow) * kcols + kcol) * clock["conv_ochs"][loop] + och
        else:
            local = ((och // dim * krows + krow) * kcols + kcol) * clock["conv_kchs"][loop] + kch
        weights = _weights_start(clock, loop) + local
    result = _result_row(clock, loop, clock["conv_start"][EX], b, orow, ocol, och) | _ACCUMULATOR | _ACCUMULATE
    _push(clock, EX, 6, _pack(weights, columns, depth), _pack(result, columns, rows))


@jit
def _push_compute(clock, loop, b, orow, ocol, krow, kcol, kch, rows, columns, depth):
    dim = clock["dim"]
    downsample = clock["conv_downsample"][loop]
    stride, dilation = clock["conv_stride"][loop], clock["conv_kernel_dilation"][loop]
    row = _undilated(clock, loop, orow * stride + krow * dilation) >> downsample
    column = _undilated(clock, loop, ocol * stride + kcol * dilation) >> downsample
    width, height = clock["conv_icols"][loop], clock["conv_irows"][loop]
    block, plane = (b, kch) if clock["conv_trans_input_3120"][loop] else (kch, b)
    local = loop * (clock["scratchpad_rows"] // 2) + (block // dim) * clock["conv_input_stride"][loop]
    local += (plane * height + row) * width + column
    funct = 4 if clock["conv_new_weights"] else 5
    _push(clock, EX, funct, _pack(local, depth, rows), _pack(_GARBAGE, columns, rows))


@jit
def _store(clock):
    loop = clock["conv_loop"][ST]
    dim = clock["dim"]
    element = clock["element_bytes"]
    state = clock["conv_state"][ST]
    b, orow, ocol, och = clock["conv_b"][ST], clock["conv_orow"][ST], clock["conv_ocol"][ST], clock["conv_och"][ST]
    images, ochs = clock["conv_batches"][loop], clock["conv_ochs"][loop]
    orows, ocols = clock["conv_orows"][loop], clock["conv_ocols"][loop]
    columns = min(dim, ochs - och)
    address = clock["conv_address"][loop, ST]
    if state in (_CONFIG, _POOL_END):
        rs1 = clock["conv_activation"][loop] << 2 | 2
        if state == _CONFIG:
            rs1 |= ocols << 56 | orows << 48 | clock["conv_pocols"][loop] << 40 | clock["conv_porows"][loop] << 32
            rs1 |= clock["conv_pool_out_col_dim"][loop] << 24 | clock["conv_plpad"][loop] << 10
            rs1 |= clock["conv_pupad"][loop] << 8 | clock["conv_pool_size"][loop] << 6
            rs1 |= clock["conv_pool_stride"][loop] << 4
        _push(clock, ST, 0, rs1, _KEEP_SCALE << 32 | clock["conv_out_stride"][loop] * element)
        clock["conv_state"][ST] = _POOL if state == _CONFIG else _IDLE
        return
    start = clock["conv_start"][ST]
    if state == _POOL:
        plane = clock["conv_pool_out_col_dim"][loop] * clock["conv_pool_out_row_dim"][loop]
        address += (b * plane * clock["conv_out_stride"][loop] + och) * element
        local = _result_row(clock, loop, start, b, 0, 0, och) | _ACCUMULATOR
        _push(clock, ST, 3, address, _pack(local, columns, 0))
        och = _following(och, dim, ochs, 0, True)
        b = _following(b, 1, images, 0, och == 0)
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
        local = _result_row(clock, loop, start, b, orow, ocol, och) | _ACCUMULATOR
        _push(clock, ST, 3, address + ((offset * element) & 0xFFFFFFFF), _pack(local, columns, min(dim, ocols - ocol)))
        och = _following(och, dim, ochs, 0, True)
        ocol = _following(ocol, dim, ocols, 0, och == 0)
        orow = _following(orow, 1, orows, 0, ocol == 0 and och == 0)
        b = _following(b, 1, images, 0, orow == 0 and ocol == 0 and och == 0)
        if b == 0 and orow == 0 and ocol == 0 and och == 0:
            clock["conv_state"][ST] = _IDLE
    clock["conv_b"][ST], clock["conv_orow"][ST], clock["conv_ocol"][ST], clock["conv_och"][ST] = b, orow, ocol, och


# --- the whole


@jit
def _is_idle(clock, unit):
    return clock["conv_state"][unit] == _IDLE and clock["conv_pipe_count"][unit] == 0


@jit
def _done_for(clock, unit, loop):
    """Return whether a machine has nothing more to do for a loop."""
    return clock["conv_loop"][unit] != loop or _is_idle(clock, unit)


@jit
def _generate(clock, unit, room):
    """Let a machine put its next command into its pipeline."""
    loop = clock["conv_loop"][unit]
    if unit != EX and clock["conv_address"][loop, unit] == 0:
        clock["conv_state"][unit] = _IDLE
        return
    if unit == EX:
        if _done_for(clock, INPUT, loop) and _done_for(clock, WEIGHTS, loop) and _done_for(clock, BIAS, loop):
            _execute(clock, room)
        return
    if not room:
        return
    if unit == ST:
        if _done_for(clock, EX, loop):
            _store(clock)
        return
    other = clock["conv_loop"][EX]
    begun = (clock["conv_started"][other] >> EX) & 1 and not (clock["conv_done"][other] >> EX) & 1
    if begun and loop != other and clock["conv_done"][other] & 7 != 7:
        return  # the computes of the loop before still wait for their loads
    if unit == BIAS:
        _bias(clock)
    elif unit == INPUT:
        _input(clock)
    else:
        _weights(clock)


@jit
def _start_unit(clock, unit, loop):
    """Let a machine begin with a loop."""
    clock["conv_loop"][unit] = loop
    clock["conv_started"][loop] |= 1 << unit
    clock["conv_b"][unit] = clock["conv_orow"][unit] = clock["conv_ocol"][unit] = clock["conv_och"][unit] = 0
    clock["conv_krow"][unit] = clock["conv_kcol"][unit] = clock["conv_kch"][unit] = 0
    clock["conv_state"][unit] = _CONFIG
    if unit == INPUT:
        clock["conv_start"][INPUT] = loop * (clock["scratchpad_rows"] // 2)
        clock["conv_orow"][INPUT] = -_undilated(clock, loop, clock["conv_upad"][loop])
        clock["conv_ocol"][INPUT] = -_undilated(clock, loop, clock["conv_lpad"][loop])
    elif unit != WEIGHTS:
        clock["conv_start"][unit] = clock["conv_half"][unit]
        if clock["conv_address"][loop, ST] != 0:
            clock["conv_half"][unit] = clock["accumulator_rows"] // 2 - clock["conv_half"][unit]
    if unit == EX:
        clock["conv_new_weights"] = 1
        clock["conv_state"][EX] = _CONFIG if clock["conv_trans_input_3120"][loop] else _RUN
    elif unit == ST and clock["conv_no_pool"][loop]:
        clock["conv_state"][ST] = _RUN


@jit
def _arbitrate(clock):
    """Return the machine whose command leaves, or -1."""
    now = clock["now"]
    for unit in (ST, EX, BIAS, WEIGHTS, INPUT):
        if clock["conv_pipe_count"][unit] == 0:
            continue
        if clock["conv_pipe_time"][unit, clock["conv_pipe_head"][unit]] > now:
            continue
        queue = _STORE if unit == ST else (_EXECUTE if unit == EX else _LOAD)
        if clock["conv_used"][queue] < clock["station_entries"][queue]:
            return unit
    return -1


@jit
def conv_step(clock, command, room):
    """Advance the unroller by one cycle (see matmul_step for the result)."""
    result = 0
    head = clock["conv_head"]
    configured = clock["conv_configured"]
    clock["coming"] |= FRONT
    idle = 0
    for unit in range(5):
        if _is_idle(clock, unit):
            idle |= 1 << unit
    completed = clock["conv_done"][head]
    starts = 0
    for unit in range(5):
        if not (idle >> unit) & 1:
            continue
        loop = head ^ 1 if (clock["conv_started"][head] >> unit) & 1 else head
        started = clock["conv_started"][loop]
        may = (configured >> loop) & 1 and not (started >> unit) & 1
        if unit == EX:
            may = may and started & 7 == 7
        elif unit == ST:
            may = may and (started >> EX) & 1
        if may:
            starts |= 1 << (unit * 2 + loop)
    done_0, done_1 = 0, 0
    for unit in range(5):
        loop = clock["conv_loop"][unit]
        if (idle >> unit) & 1 and (clock["conv_started"][loop] >> unit) & 1:
            if loop:
                done_1 |= 1 << unit
            else:
                done_0 |= 1 << unit
    leaves = -1
    if configured:
        unit = _arbitrate(clock)
        if unit >= 0 and room:
            slot = clock["conv_pipe_head"][unit]
            clock["made_funct"] = clock["conv_pipe_funct"][unit, slot]
            clock["made_rs1"] = clock["conv_pipe_rs1"][unit, slot]
            clock["made_rs2"] = clock["conv_pipe_rs2"][unit, slot]
            clock["made_row"] = clock["conv_pipe_row"][unit, slot]
            queue = _STORE if unit == ST else (_EXECUTE if unit == EX else _LOAD)
            clock["conv_used"][queue] += 1
            leaves = unit
            result |= 2
        # who waits for whom is decided on the state before this cycle: the last in the chain first
        for place in range(5):
            unit = 4 - place
            if clock["conv_state"][unit] != _IDLE:
                _generate(clock, unit, clock["conv_pipe_count"][unit] < 2 or leaves == unit)
        if leaves >= 0:
            clock["conv_pipe_head"][leaves] ^= 1
            clock["conv_pipe_count"][leaves] -= 1
    for queue in range(3):
        clock["conv_used"][queue] -= clock["conv_completed"][queue]
        clock["conv_completed"][queue] = 0
    clock["conv_done"][0] |= done_0
    clock["conv_done"][1] |= done_1
    if command >= 0:
        funct = clock["command_funct"][command]
        if 15 <= funct <= 21:
            target = head ^ 1 if (configured >> head) & 1 else head
            if not (configured >> target) & 1:
                _configure(clock, target, funct, clock["command_rs1"][command], clock["command_rs2"][command])
                clock["conv_row"][target] = clock["command_row"][command]
                result |= 1
    for unit in range(5):
        for loop in range(2):
            if (starts >> (unit * 2 + loop)) & 1:
                _start_unit(clock, unit, loop)
    if completed == 31:
        clock["conv_configured"] &= ~(1 << head)
        clock["conv_started"][head] = 0
        clock["conv_done"][head] = 0
        clock["conv_head"] = head ^ 1
    return result
