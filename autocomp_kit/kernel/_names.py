"""The names of the dialect: what a kernel may call, and what it may not redefine."""

from __future__ import annotations

__all__ = ["COMMANDS", "CONSTANTS", "HARNESS", "LIBRARY", "words"]


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_SHORT_COMMANDS = """
    config_ex config_ld config_st mvin mvin2 mvin3 mvout preload compute_preloaded compute_accumulated fence
"""

_PUBLIC_COMMANDS = """
    gemmini_config_ex gemmini_extended_config_ex gemmini_extended2_config_ex gemmini_extended3_config_ex
    gemmini_config_ld gemmini_extended_config_ld gemmini_extended2_config_ld gemmini_extended3_config_ld
    gemmini_extended4_config_ld gemmini_extended5_config_ld
    gemmini_config_st gemmini_extended_config_st gemmini_extended2_config_st gemmini_config_norm
    gemmini_mvin gemmini_mvin2 gemmini_mvin3 gemmini_block_mvin
    gemmini_extended_mvin gemmini_extended_mvin2 gemmini_extended_mvin3
    gemmini_mvout gemmini_extended_mvout
    gemmini_preload gemmini_preload_zeros gemmini_extended_preload
    gemmini_compute_preloaded gemmini_compute_accumulated
    gemmini_extended_compute_preloaded gemmini_extended_compute_accumulated
    gemmini_loop_ws gemmini_loop_conv_ws
    gemmini_flush gemmini_fence
"""

COMMANDS = words(_SHORT_COMMANDS + _PUBLIC_COMMANDS)
"""Functions and macros that issue accelerator commands, hardware loops included."""

LIBRARY = words(
    """
    tiled_matmul_auto tiled_matmul tiled_conv_auto tiled_conv tiled_conv_dw_auto tiled_conv_dw
    tiled_conv_stride_auto tiled_conv_downsample tiled_resadd_auto tiled_resadd tiled_resadd_stride_auto
    tiled_norm_auto tiled_norm tiled_global_average_auto tiled_global_average sp_tiled_matmul_ws sp_tiled_matmul_os
    sp_tiled_conv
    """
)
"""Whole operators of the vendor's C library, refused unless the caller asks: a search is about explicit code."""

CONSTANTS = words(
    """
    WEIGHT_STATIONARY OUTPUT_STATIONARY WS OS NO_ACTIVATION RELU LAYERNORM IGELU SOFTMAX DIM ADDR_LEN BANK_NUM
    BANK_ROWS ACC_ROWS MAX_BYTES MAX_BLOCK_LEN MAX_BLOCK_LEN_ACC GARBAGE_ADDR MVIN_SCALE_IDENTITY ACC_SCALE_IDENTITY
    NULL true false bool elem_t acc_t full_t scale_t scale_acc_t acc_scale_t elem_t_max elem_t_min
    """
)
"""Constants and types of the header."""

HARNESS = words(
    """
    main _start tohost fromhost exit abort
    """
)
"""Names of the program around the kernel."""
