/* Layer normalisation and softmax of rows in the accumulator, by passes of mvout over each row.
 *
 * Bits 28:26 of the local address tell mvout to gather a statistic of the row instead of storing it. A row wider than one
 * mvout gathers over all but the last of them; the last one also finishes the statistic. NORM_STAT_IDS rows are in
 * progress at once. */
#ifndef GEMMINI_NORM_H
#define GEMMINI_NORM_H

#include "gemmini_arithmetic.h"

#ifdef HAS_NORMALIZATIONS

/* Normalise rows and move them out. block_rows is the distance between the blocks of DIM columns in local rows. */
static inline void gemmini_normalize_rows(int act, uint32_t local, size_t rows, size_t cols, elem_t *out,
                                          size_t out_stride) {
    /* {gather, finish}: sum and mean, variance and inverse deviation, or maximum, sum of exponentials; then store */
    static const uint32_t layernorm[3][2] = {{1, 2}, {3, 4}, {0, 0}}, softmax[3][2] = {{5, 5}, {6, 7}, {0, 0}};
    const size_t widest = gemmini_least(gemmini_groups(cols, DIM), MAX_BLOCK_LEN) * DIM;
    for (size_t first = 0; first < rows; first += NORM_STAT_IDS) {
        const size_t end = gemmini_least(first + NORM_STAT_IDS, rows);
        for (int pass = 0; pass < 3; pass++) {
            const uint32_t gather = act == SOFTMAX ? softmax[pass][0] : layernorm[pass][0];
            const uint32_t finish = act == SOFTMAX ? softmax[pass][1] : layernorm[pass][1];
            for (size_t row = first; row < end; row++) {
                elem_t *to = out + row * out_stride;
                uint32_t from = (local + row) | gather << 26;
                gemmini_config_norm(0, 0, act == SOFTMAX, 0, row - first, 0, 0);
                size_t left = cols;
                for (; left > widest; left -= widest, to += widest, from += widest)
                    gemmini_extended_mvout(to, from, widest, 1);
                from = (from & ~(7u << 26)) | finish << 26;
                gemmini_extended_mvout(to, from, left, 1);
            }
        }
    }
}

#endif

static inline void sp_tiled_norm(const size_t I, const size_t J, const acc_t *in, elem_t *out, size_t A_row_stride,
                                 size_t C_row_stride, int act) {
#ifdef HAS_NORMALIZATIONS
    const size_t widest = gemmini_least(gemmini_groups(J, DIM), MAX_BLOCK_LEN_ACC) * DIM;
    for (size_t i = 0; i < I; i += DIM) {
        const size_t rows = gemmini_least(I - i, DIM);
        const uint32_t local = i * gemmini_groups(J, DIM);
        for (size_t j = 0; j < J; j += widest)
            gemmini_extended_mvin(in + i * A_row_stride + j, (1u << 31) + local + j, gemmini_least(J - j, widest), rows);
        if (act == LAYERNORM || act == SOFTMAX)
            gemmini_normalize_rows(act, (3u << 30) + local, rows, J, out + i * C_row_stride, C_row_stride);
    }
#else
    (void)I, (void)J, (void)in, (void)out, (void)A_row_stride, (void)C_row_stride, (void)act;
    GEMMINI_REFUSE_IF(true, "This machine has no normalisation: compile with -DHAS_NORMALIZATIONS -DNORM_STAT_IDS=2");
#endif
}

static inline void tiled_norm(const size_t I, const size_t J, const size_t tile_I, const size_t tile_J, const acc_t *in,
                              elem_t *out, const acc_scale_t C_scale, int act, enum tiled_matmul_type_t norm_type) {
    (void)norm_type;
    gemmini_extended_config_st(J * sizeof(elem_t), act & 3, C_scale);
    gemmini_config_ex(WEIGHT_STATIONARY, 0, 0);
    gemmini_extended4_config_ld(J * sizeof(acc_t), MVIN_SCALE_IDENTITY, false, DIM, 0);
    gemmini_extended4_config_ld(J * sizeof(acc_t), MVIN_SCALE_IDENTITY, false, DIM, 1);
    if (act == SOFTMAX)
        gemmini_config_softmax(0.05);
    for (size_t i = 0; i < I; i += tile_I)
        for (size_t j = 0; j < J; j += tile_J)
            sp_tiled_norm(gemmini_least(I - i, tile_I), gemmini_least(J - j, tile_J), in + i * J + j, out + i * J + j, J,
                          J, act);
    gemmini_fence();
}

/* Rows are whole: as many of them at once as fit the accumulator */
static inline void tiled_norm_auto(const size_t I, const size_t J, const acc_t *in, elem_t *out,
                                   const acc_scale_t C_scale, int act, enum tiled_matmul_type_t norm_type) {
    size_t tile_I = I;
    while (tile_I > 1 && gemmini_groups(tile_I, DIM) * DIM * gemmini_groups(J, DIM) > ACC_ROWS)
        tile_I--;
    GEMMINI_REFUSE_IF(gemmini_groups(tile_I, DIM) * DIM * gemmini_groups(J, DIM) > ACC_ROWS,
                      "%d columns do not fit the accumulator", (int)J);
    GEMMINI_REFUSE_IF(norm_type == OS, "Normalisation has no output-stationary form");
    tiled_norm(I, J, tile_I, J, in, out, C_scale, act, norm_type);
}

#endif
