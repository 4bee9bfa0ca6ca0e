"""The configuration commands: config_ex, config_ld, config_st and config_norm (function 0, rs1[1:0] says which)."""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.accelerator_state import BAD_CONFIG, NO_FAULT, STATISTICS, fault
from gemmini_sim.engine.normalization import NO_ACTIVATION, SOFTMAX

__all__ = ["configure"]

_EXECUTE, _LOAD, _STORE = 0, 1, 2
_SHIFTS = 32  # an accumulator value has as many bits


@jit
def configure(registers, rs1, rs2):
    """Execute one configuration command; return NO_FAULT or BAD_CONFIG.

    Parameters
    ----------
    registers : Registers
    rs1, rs2 : int
        The operands as int64 bit patterns.
    """
    kind = rs1 & 3
    if kind == _EXECUTE:
        return _configure_execute(registers, rs1, rs2)
    if kind == _LOAD:
        which = (rs1 >> 3) & 3
        if which == 3:
            return fault(registers, BAD_CONFIG, which, rs1)
        registers["load_stride"][which] = rs2
        registers["load_block_stride"][which] = (rs1 >> 16) & 0xFFFF
        registers["load_shrunk"][which] = (rs1 >> 2) & 1
        registers["load_pixels"][which] = max((rs1 >> 8) & 0xFF, 1)
        registers["load_scale"][which] = (rs1 >> 32) & 0xFFFF_FFFF
        return NO_FAULT
    if kind == _STORE:
        return _configure_store(registers, rs1, rs2)
    return _configure_norm(registers, rs1, rs2)


@jit
def _configure_execute(registers, rs1, rs2):
    weight_stationary = (rs1 >> 2) & 1
    a_transpose = (rs1 >> 8) & 1
    b_transpose = (rs1 >> 9) & 1
    shift = rs2 & 0xFFFF_FFFF
    # The array transposes one operand: B or D in the weight-stationary, A in the output-stationary dataflow.
    if shift >= _SHIFTS or (b_transpose and a_transpose == weight_stationary):
        return fault(registers, BAD_CONFIG, shift, rs1)
    registers["a_stride"] = (rs1 >> 16) & 0xFFFF
    registers["c_stride"] = (rs2 >> 48) & 0xFFFF
    if (rs1 >> 7) & 1:  # strides only
        return NO_FAULT
    registers["weight_stationary"] = weight_stationary
    registers["array_relu"] = (rs1 >> 3) & 3 == 1
    registers["array_shift"] = shift
    registers["a_transpose"] = a_transpose
    registers["b_transpose"] = b_transpose
    return NO_FAULT


@jit
def _configure_store(registers, rs1, rs2):
    registers["store_stride"] = rs2 & 0xFFFF_FFFF
    registers["store_scale"] = (rs2 >> 32) & 0xFFFF_FFFF
    activation = (rs1 >> 2) & 3
    # Softmax does not fit the field; it stays in force until another activation is asked for.
    if activation != NO_ACTIVATION or registers["activation"] != SOFTMAX:
        registers["activation"] = activation
    registers["pool_stride"] = (rs1 >> 4) & 3
    registers["pool_size"] = (rs1 >> 6) & 3
    registers["pool_upper_pad"] = (rs1 >> 8) & 3
    registers["pool_left_pad"] = (rs1 >> 10) & 3
    registers["pool_out_dim"] = (rs1 >> 24) & 0xFF
    registers["pool_out_rows"] = (rs1 >> 32) & 0xFF
    registers["pool_out_cols"] = (rs1 >> 40) & 0xFF
    registers["pool_rows"] = (rs1 >> 48) & 0xFF
    registers["pool_cols"] = (rs1 >> 56) & 0xFF
    return NO_FAULT


@jit
def _configure_norm(registers, rs1, rs2):
    statistic = (rs1 >> 8) & 0xFF
    if statistic >= STATISTICS:
        return fault(registers, BAD_CONFIG, statistic, rs1)
    registers["statistic"] = statistic
    if (rs1 >> 17) & 1:  # the statistic only
        return NO_FAULT
    activation = registers["activation"] | ((rs1 >> 16) & 1) << 2
    if activation > SOFTMAX:
        return fault(registers, BAD_CONFIG, activation, rs1)
    registers["activation"] = activation
    registers["gelu_qb"] = rs2 & 0xFFFF_FFFF
    registers["gelu_qc"] = (rs2 >> 32) & 0xFFFF_FFFF
    if (rs1 >> 18) & 1:
        registers["exp_qln2_inverse"] = (rs1 >> 32) & 0xFFFF_FFFF
    else:
        registers["exp_qln2"] = (rs1 >> 32) & 0xFFFF_FFFF
    return NO_FAULT
