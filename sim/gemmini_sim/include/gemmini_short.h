/* Short names of the commands, and other names that kernels and tests for Autocomp use. Define GEMMINI_NO_SHORT_NAMES to keep them away. */
#ifndef GEMMINI_SHORT_H
#define GEMMINI_SHORT_H

#include "gemmini_matmul.h"

/* Pick the form of a macro by the number of its arguments, one to four */
#define GEMMINI_PICK(a1, a2, a3, a4, form, ...) form

/* The public macros are bare blocks, which no else can follow; the short ones are proper statements. */
#define GEMMINI_STATEMENT(command)                                                                                     \
    do {                                                                                                               \
        command;                                                                                                       \
    } while (0)

#define config_ex(dataflow, act, A_stride, A_transpose, B_transpose)                                                   \
    GEMMINI_STATEMENT(gemmini_extended_config_ex(dataflow, act, 0, A_stride, A_transpose, B_transpose))

/* config_ld(stride [, scale [, block_stride]] [, id]): three arguments are stride, scale and id */
#define config_ld(...)                                                                                                 \
    GEMMINI_PICK(__VA_ARGS__, GEMMINI_CONFIG_LD4, GEMMINI_CONFIG_LD3, GEMMINI_CONFIG_LD2, GEMMINI_CONFIG_LD1, 0)       \
    (__VA_ARGS__)
#define GEMMINI_CONFIG_LD4(stride, scale, block_stride, id)                                                            \
    GEMMINI_STATEMENT(gemmini_extended4_config_ld(stride, scale, false, block_stride, id))
#define GEMMINI_CONFIG_LD3(stride, scale, id) GEMMINI_STATEMENT(gemmini_extended3_config_ld(stride, scale, false, id))
#define GEMMINI_CONFIG_LD2(stride, scale) GEMMINI_STATEMENT(gemmini_extended_config_ld(stride, scale))
#define GEMMINI_CONFIG_LD1(stride) GEMMINI_STATEMENT(gemmini_config_ld(stride))

/* config_st(stride [, scale [, act]]) */
#define config_st(...)                                                                                                 \
    GEMMINI_PICK(__VA_ARGS__, 0, GEMMINI_CONFIG_ST3, GEMMINI_CONFIG_ST2, GEMMINI_CONFIG_ST1, 0)(__VA_ARGS__)
#define GEMMINI_CONFIG_ST3(stride, scale, act) GEMMINI_STATEMENT(gemmini_extended_config_st(stride, act, scale))
#define GEMMINI_CONFIG_ST2(stride, scale) GEMMINI_STATEMENT(gemmini_extended_config_st(stride, NO_ACTIVATION, scale))
#define GEMMINI_CONFIG_ST1(stride) GEMMINI_STATEMENT(gemmini_config_st(stride))

#define mvin(dram, spad, cols, rows) GEMMINI_STATEMENT(gemmini_extended_mvin(dram, spad, cols, rows))
#define mvin2(dram, spad, cols, rows) GEMMINI_STATEMENT(gemmini_extended_mvin2(dram, spad, cols, rows))
#define mvin3(dram, spad, cols, rows) GEMMINI_STATEMENT(gemmini_extended_mvin3(dram, spad, cols, rows))
#define mvout(dram, spad, cols, rows) GEMMINI_STATEMENT(gemmini_extended_mvout(dram, spad, cols, rows))
#define preload(B, C, B_cols, B_rows, C_cols, C_rows)                                                                  \
    GEMMINI_STATEMENT(gemmini_extended_preload(B, C, B_cols, B_rows, C_cols, C_rows))
#define compute_preloaded(A, D, A_cols, A_rows, D_cols, D_rows)                                                        \
    GEMMINI_STATEMENT(gemmini_extended_compute_preloaded(A, D, A_cols, A_rows, D_cols, D_rows))
#define compute_accumulated(A, D, A_cols, A_rows, D_cols, D_rows)                                                      \
    GEMMINI_STATEMENT(gemmini_extended_compute_accumulated(A, D, A_cols, A_rows, D_cols, D_rows))
#define fence() gemmini_fence()

/* The products that Autocomp's test programs compare with: dense matrices A[I][K] (or [K][I]) and B[K][J] (or [J][K]) */
static inline void tiled_matmul_outer_eigen_bias(const void *A, const void *B, const void *D, void *C, size_t I,
                                                 size_t K, size_t J, bool A_transpose, bool B_transpose, bool sub) {
    tiled_matmul_auto(I, J, K, (const elem_t *)A, (const elem_t *)B, D, C, A_transpose ? I : K, B_transpose ? K : J, J,
                      J, MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, sub ? -1 : 1, NO_ACTIVATION, ACC_SCALE_IDENTITY, 0,
                      false, A_transpose, B_transpose, false, false, 0, WS);
}

static inline void tiled_matmul_outer_eigen(const void *A, const void *B, void *C, size_t I, size_t K, size_t J,
                                            bool A_transpose, bool B_transpose) {
    tiled_matmul_outer_eigen_bias(A, B, NULL, C, I, K, J, A_transpose, B_transpose, false);
}

#endif
