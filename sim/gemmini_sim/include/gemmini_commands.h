/* Gemmini's commands, one macro each, with the names and argument orders of its public C interface.
 *
 * A local address is 32 bits: a row of the scratchpad, or with bit 31 of the accumulator; there, bit 30 adds to what is
 * in the row and bit 29 reads whole accumulator elements. Every operand may be an integer or a pointer. */
#ifndef GEMMINI_COMMANDS_H
#define GEMMINI_COMMANDS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gemmini_params.h"
#include "rocc-software/src/xcustom.h"

/* Function codes */
#define k_CONFIG 0
#define k_MVIN2 1
#define k_MVIN 2
#define k_MVOUT 3
#define k_COMPUTE_PRELOADED 4
#define k_COMPUTE_ACCUMULATE 5
#define k_PRELOAD 6
#define k_FLUSH 7
#define k_LOOP_WS 8
#define k_LOOP_WS_CONFIG_BOUNDS 9
#define k_LOOP_WS_CONFIG_ADDRS_AB 10
#define k_LOOP_WS_CONFIG_ADDRS_DC 11
#define k_LOOP_WS_CONFIG_STRIDES_AB 12
#define k_LOOP_WS_CONFIG_STRIDES_DC 13
#define k_MVIN3 14
#define k_LOOP_CONV_WS 15
#define k_LOOP_CONV_WS_CONFIG_1 16
#define k_LOOP_CONV_WS_CONFIG_2 17
#define k_LOOP_CONV_WS_CONFIG_3 18
#define k_LOOP_CONV_WS_CONFIG_4 19
#define k_LOOP_CONV_WS_CONFIG_5 20
#define k_LOOP_CONV_WS_CONFIG_6 21
#define k_COUNTER 126

/* What k_CONFIG configures */
#define CONFIG_EX 0
#define CONFIG_LD 1
#define CONFIG_ST 2
#define CONFIG_BERT 3

#define OUTPUT_STATIONARY 0
#define WEIGHT_STATIONARY 1

#define NO_ACTIVATION 0
#define RELU 1
#define LAYERNORM 2
#define IGELU 3
#define SOFTMAX 4

/* An operand that is not there: zeros, or keep the weights that are in the array */
#define GARBAGE_ADDR ((uint32_t)(-1))

#define ROCC_INSTRUCTION_RS1_RS2(x, rs1, rs2, funct) ROCC_INSTRUCTION_0_R_R(x, rs1, rs2, funct)

/* The bits of a value and back: x_to_x_bits and x_bits_to_x */
#define GEMMINI_BITS(type)                                                                                             \
    static inline type##_bits type##_to_##type##_bits(type value) {                                                    \
        union { type value; type##_bits bits; } both = {value};                                                        \
        return both.bits;                                                                                              \
    }                                                                                                                  \
    static inline type type##_bits_to_##type(type##_bits bits) {                                                       \
        union { type##_bits bits; type value; } both = {bits};                                                         \
        return both.value;                                                                                             \
    }

GEMMINI_BITS(scale_t)
GEMMINI_BITS(scale_acc_t)
GEMMINI_BITS(acc_scale_t)
#ifdef ELEM_T_IS_FLOAT
GEMMINI_BITS(elem_t)
GEMMINI_BITS(acc_t)

/* By their bits, so that -ffast-math does not decide that there are no such values */
static inline bool elem_t_isnan(elem_t value) {
    return (elem_t_to_elem_t_bits(value) & 0x7fffffff) > 0x7f800000;
}

static inline bool acc_t_isnan(acc_t value) {
    return (acc_t_to_acc_t_bits(value) & 0x7fffffff) > 0x7f800000;
}
#endif

/* One 64-bit operand: a local address with the size of the block there */
#define GEMMINI_BLOCK(address, cols, rows)                                                                             \
    ((uint64_t)(rows) << (ADDR_LEN + 16) | (uint64_t)(cols) << ADDR_LEN | (uint32_t)(address))
#define GEMMINI_COMMAND(rs1, rs2, funct) ROCC_INSTRUCTION_RS1_RS2(XCUSTOM_ACC, rs1, rs2, funct)

/* Moves between DRAM and a local memory. mvin, mvin2 and mvin3 differ in which config_ld they obey (id 0, 1, 2). */
#define gemmini_extended_mvin(dram_addr, spad_addr, cols, rows)                                                        \
    GEMMINI_COMMAND(dram_addr, GEMMINI_BLOCK(spad_addr, cols, rows), k_MVIN)
#define gemmini_extended_mvin2(dram_addr, spad_addr, cols, rows)                                                       \
    GEMMINI_COMMAND(dram_addr, GEMMINI_BLOCK(spad_addr, cols, rows), k_MVIN2)
#define gemmini_extended_mvin3(dram_addr, spad_addr, cols, rows)                                                       \
    GEMMINI_COMMAND(dram_addr, GEMMINI_BLOCK(spad_addr, cols, rows), k_MVIN3)
#define gemmini_block_mvin(dram_addr, spad_addr, len) gemmini_extended_mvin(dram_addr, spad_addr, (len) * DIM, DIM)
#define gemmini_mvin(dram_addr, spad_addr) gemmini_extended_mvin(dram_addr, spad_addr, DIM, DIM)
#define gemmini_extended_mvout(dram_addr, spad_addr, cols, rows)                                                       \
    GEMMINI_COMMAND(dram_addr, GEMMINI_BLOCK(spad_addr, cols, rows), k_MVOUT)
#define gemmini_mvout(dram_addr, spad_addr) gemmini_extended_mvout(dram_addr, spad_addr, DIM, DIM)

/* preload: BD goes into the array (weights, or in output-stationary mode the bias), C is where the results will go.
 * compute: A runs through it; BD is the bias, or in output-stationary mode the second operand. */
#define gemmini_extended_preload(BD, C, BD_cols, BD_rows, C_cols, C_rows)                                              \
    GEMMINI_COMMAND(GEMMINI_BLOCK(BD, BD_cols, BD_rows), GEMMINI_BLOCK(C, C_cols, C_rows), k_PRELOAD)
#define gemmini_preload(BD, C) gemmini_extended_preload(BD, C, DIM, DIM, DIM, DIM)
#define gemmini_preload_zeros(C) gemmini_preload(GARBAGE_ADDR, C)
#define gemmini_extended_compute_preloaded(A, BD, A_cols, A_rows, BD_cols, BD_rows)                                    \
    GEMMINI_COMMAND(GEMMINI_BLOCK(A, A_cols, A_rows), GEMMINI_BLOCK(BD, BD_cols, BD_rows), k_COMPUTE_PRELOADED)
#define gemmini_extended_compute_accumulated(A, BD, A_cols, A_rows, BD_cols, BD_rows)                                  \
    GEMMINI_COMMAND(GEMMINI_BLOCK(A, A_cols, A_rows), GEMMINI_BLOCK(BD, BD_cols, BD_rows), k_COMPUTE_ACCUMULATE)
#define gemmini_compute_preloaded(A, BD) gemmini_extended_compute_preloaded(A, BD, DIM, DIM, DIM, DIM)
#define gemmini_compute_accumulated(A, BD) gemmini_extended_compute_accumulated(A, BD, DIM, DIM, DIM, DIM)

/* config_ex: the array. Strides are in local rows between the rows of an operand. */
#define gemmini_extended3_config_ex(dataflow, sys_act, sys_shift, sys_acc_scale, C_stride, A_stride, A_transpose,      \
                                    B_transpose, set_only_strides)                                                     \
    GEMMINI_COMMAND((uint64_t)acc_scale_t_to_acc_scale_t_bits((acc_scale_t)(sys_acc_scale)) << 32                      \
                        | (uint64_t)(A_stride) << 16 | (uint64_t)(B_transpose) << 9 | (uint64_t)(A_transpose) << 8     \
                        | (uint64_t)(set_only_strides) << 7 | (uint64_t)(sys_act) << 3 | (uint64_t)(dataflow) << 2     \
                        | CONFIG_EX,                                                                                   \
                    (uint64_t)(C_stride) << 48 | (uint32_t)(sys_shift), k_CONFIG)
#define gemmini_extended2_config_ex(dataflow, sys_act, sys_shift, A_stride, A_transpose, B_transpose)                  \
    gemmini_extended3_config_ex(dataflow, sys_act, sys_shift, ACC_SCALE_IDENTITY, 1, A_stride, A_transpose,            \
                                B_transpose, false)
#define gemmini_extended_config_ex(dataflow, sys_act, sys_shift, A_stride, A_transpose, B_transpose)                   \
    gemmini_extended2_config_ex(dataflow, sys_act, sys_shift, A_stride, A_transpose, B_transpose)
#define gemmini_config_ex(dataflow, sys_act, sys_shift)                                                                \
    gemmini_extended_config_ex(dataflow, sys_act, sys_shift, 1, 0, 0)

/* config_ld: one of the three kinds of mvin. stride is bytes between rows in DRAM, block_mvin_stride local rows between
 * the blocks of a move wider than DIM, shrunk moves scratchpad elements into the accumulator. */
#define gemmini_extended5_config_ld(stride, scale, shrunk, block_mvin_stride, pixel_repeats, id)                       \
    GEMMINI_COMMAND((uint64_t)scale_t_to_scale_t_bits(scale) << 32 | (uint64_t)(block_mvin_stride) << 16               \
                        | (uint64_t)(pixel_repeats) << 8 | (uint64_t)(id) << 3 | (uint64_t)(shrunk) << 2 | CONFIG_LD,  \
                    stride, k_CONFIG)
#define gemmini_extended4_config_ld(stride, scale, shrunk, block_mvin_stride, id)                                      \
    gemmini_extended5_config_ld(stride, scale, shrunk, block_mvin_stride, 1, id)
#define gemmini_extended3_config_ld(stride, scale, shrunk, id)                                                         \
    gemmini_extended4_config_ld(stride, scale, shrunk, DIM, id)
#define gemmini_extended2_config_ld(stride, scale, shrunk) gemmini_extended3_config_ld(stride, scale, shrunk, 0)
#define gemmini_extended_config_ld(stride, scale) gemmini_extended2_config_ld(stride, scale, false)
#define gemmini_config_ld(stride) gemmini_extended_config_ld(stride, MVIN_SCALE_IDENTITY)

/* config_st: mvout. stride is bytes between rows in DRAM; a pool_stride other than 0 makes mvout pool. */
#define gemmini_extended2_config_st(stride, acc_act, acc_scale, pool_stride, pool_size, pool_out_dim, porows, pocols,  \
                                    orows, ocols, upad, lpad)                                                          \
    GEMMINI_COMMAND((uint64_t)(ocols) << 56 | (uint64_t)(orows) << 48 | (uint64_t)(pocols) << 40                       \
                        | (uint64_t)(porows) << 32 | (uint64_t)(pool_out_dim) << 24 | (uint64_t)(lpad) << 10           \
                        | (uint64_t)(upad) << 8 | (uint64_t)(pool_size) << 6 | (uint64_t)(pool_stride) << 4            \
                        | (uint64_t)(acc_act) << 2 | CONFIG_ST,                                                        \
                    (uint64_t)acc_scale_t_to_acc_scale_t_bits((acc_scale_t)(acc_scale)) << 32 | (uint32_t)(stride),    \
                    k_CONFIG)
#define gemmini_extended_config_st(stride, acc_act, acc_scale)                                                         \
    gemmini_extended2_config_st(stride, acc_act, acc_scale, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define gemmini_config_st(stride) gemmini_extended_config_st(stride, NO_ACTIVATION, ACC_SCALE_IDENTITY)

/* config_norm: the constants of the integer GELU, exponential and normalisation */
#define gemmini_config_norm(q_const, q_const_type, set_stats_id_only, act_msb, stat_id, igelu_qb, igelu_qc)            \
    GEMMINI_COMMAND((uint64_t)(uint32_t)(q_const) << 32 | (uint64_t)((q_const_type) & 1) << 18                         \
                        | (uint64_t)((set_stats_id_only) & 1) << 17 | (uint64_t)((act_msb) & 1) << 16                  \
                        | (uint64_t)(stat_id) << 8 | CONFIG_BERT,                                                      \
                    (uint64_t)(uint32_t)(igelu_qc) << 32 | (uint32_t)(igelu_qb), k_CONFIG)

#define gemmini_flush(skip) GEMMINI_COMMAND(skip, 0, k_FLUSH)

/* Wait until every command before it has finished */
#define gemmini_fence() __asm__ volatile("fence" : : : "memory")

/* A whole weight-stationary matrix product C = A * B + D, unrolled by the hardware. I, J and K count blocks of DIM. */
#define gemmini_loop_ws(I, J, K, pad_I, pad_J, pad_K, A, B, D, C, A_stride, B_stride, D_stride, C_stride, A_transpose, \
                        B_transpose, full_C, low_D, ex_accumulate, act, a_spad_id, b_spad_id, is_resadd)               \
    {                                                                                                                  \
        GEMMINI_COMMAND((uint64_t)(pad_K) << 32 | (uint64_t)(pad_J) << 16 | (uint64_t)(pad_I),                         \
                        (uint64_t)(K) << 32 | (uint64_t)(J) << 16 | (uint64_t)(I), k_LOOP_WS_CONFIG_BOUNDS)            \
        GEMMINI_COMMAND(A, B, k_LOOP_WS_CONFIG_ADDRS_AB)                                                               \
        GEMMINI_COMMAND(D, C, k_LOOP_WS_CONFIG_ADDRS_DC)                                                               \
        GEMMINI_COMMAND(A_stride, B_stride, k_LOOP_WS_CONFIG_STRIDES_AB)                                               \
        GEMMINI_COMMAND(D_stride, C_stride, k_LOOP_WS_CONFIG_STRIDES_DC)                                               \
        GEMMINI_COMMAND((uint64_t)(a_spad_id) << 18 | (uint64_t)(b_spad_id) << 16 | (uint64_t)(act) << 8               \
                            | (uint64_t)(low_D) << 2 | (uint64_t)(full_C) << 1 | (uint64_t)(ex_accumulate),            \
                        (uint64_t)(is_resadd) << 2 | (uint64_t)(B_transpose) << 1 | (uint64_t)(A_transpose),           \
                        k_LOOP_WS)                                                                                     \
    }

/* A tile of a weight-stationary convolution, unrolled by the hardware */
#define gemmini_loop_conv_ws(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim,  \
                             pool_out_row_dim, pool_out_col_dim, stride, padding, kernel_dim, kernel_dilation,         \
                             pool_size, pool_stride, pool_padding, batches, porows, pocols, pochs, krows, kcols, kchs, \
                             lpad, rpad, upad, dpad, plpad, prpad, pupad, pdpad, orows, ocols, weights, output, bias,  \
                             input, no_bias, no_pool, downsample, wrot180, input_dilated, activation,                  \
                             trans_output_1203, trans_weight_1203, trans_weight_0132, trans_input_3120,                \
                             max_pixels_per_row, in_stride, weight_stride, out_stride, dw, a_spad_id, b_spad_id)       \
    {                                                                                                                  \
        GEMMINI_COMMAND((uint64_t)(out_channels) << 48 | (uint64_t)(in_channels) << 32 | (uint64_t)(in_row_dim) << 16  \
                            | (uint64_t)(batch_size),                                                                  \
                        (uint64_t)(padding) << 56 | (uint64_t)(stride) << 48 | (uint64_t)(out_col_dim) << 32           \
                            | (uint64_t)(pool_out_row_dim) << 16 | (uint64_t)(out_row_dim),                            \
                        k_LOOP_CONV_WS_CONFIG_1)                                                                       \
        GEMMINI_COMMAND((uint64_t)(kernel_dim) << 48 | (uint64_t)(pool_out_col_dim) << 32 | (uint64_t)(pool_size) << 16\
                            | (uint64_t)(pool_stride) << 8 | (uint64_t)(pool_padding),                                 \
                        (uint64_t)(batches) << 48 | (uint64_t)(porows) << 32 | (uint64_t)(pocols) << 16                \
                            | (uint64_t)(pochs),                                                                       \
                        k_LOOP_CONV_WS_CONFIG_2)                                                                       \
        GEMMINI_COMMAND((uint64_t)(krows) << 48 | (uint64_t)(kcols) << 32 | (uint64_t)(kchs) << 16 | (uint64_t)(lpad), \
                        (uint64_t)(rpad) << 48 | (uint64_t)(upad) << 32 | (uint64_t)(dpad) << 24                       \
                            | (uint64_t)(plpad) << 16 | (uint64_t)(in_col_dim),                                        \
                        k_LOOP_CONV_WS_CONFIG_3)                                                                       \
        GEMMINI_COMMAND((uint64_t)(orows) << 48 | (uint64_t)(prpad) << 32 | (uint64_t)(pupad) << 21                    \
                            | (uint64_t)(pdpad) << 10 | (uint64_t)(kernel_dilation),                                   \
                        (uint64_t)(in_stride) << 48 | (uint64_t)(weight_stride) << 32 | (uint64_t)(out_stride) << 16   \
                            | (uint64_t)(ocols),                                                                       \
                        k_LOOP_CONV_WS_CONFIG_4)                                                                       \
        GEMMINI_COMMAND(weights, output, k_LOOP_CONV_WS_CONFIG_5)                                                      \
        GEMMINI_COMMAND(bias, input, k_LOOP_CONV_WS_CONFIG_6)                                                          \
        GEMMINI_COMMAND((uint64_t)(a_spad_id) << 18 | (uint64_t)(b_spad_id) << 16 | (uint64_t)(max_pixels_per_row) << 8\
                            | (uint64_t)(dw) << 6 | (uint64_t)(trans_input_3120) << 5                                  \
                            | (uint64_t)(trans_weight_0132) << 4 | (uint64_t)(trans_weight_1203) << 3                  \
                            | (uint64_t)(trans_output_1203) << 2 | (uint64_t)(wrot180) << 1 | (uint64_t)(no_bias),     \
                        (uint64_t)(activation) << 3 | (uint64_t)(input_dilated) << 2 | (uint64_t)(downsample) << 1     \
                            | (uint64_t)(no_pool),                                                                     \
                        k_LOOP_CONV_WS)                                                                                \
    }

#endif
