/* Matrix products C[I][J] = act(scale * (A[I][K] * B[K][J] + D[I][J])) of any size, tiled for the local memories.
 *
 * Strides are elements between rows. D is one row for all if repeating_bias, and scratchpad elements if low_D; C is
 * accumulator elements if full_C. Tile sizes count blocks of DIM. */
#ifndef GEMMINI_MATMUL_H
#define GEMMINI_MATMUL_H

#include "gemmini_arithmetic.h"

#define GEMMINI_UNROLL _Pragma("GCC unroll 4")

/* What is left of a block of DIM when it is the last one and padded */
static inline size_t gemmini_block_size(size_t index, size_t count, size_t pad) {
    return index + 1 == count ? DIM - pad : DIM;
}

/* Move rows x columns blocks of a matrix in, up to widest blocks with one command, to consecutive local blocks */
#define GEMMINI_MVIN_BLOCKS(mvin_command, matrix, stride, local, rows, cols, pad_rows, pad_cols, widest)               \
    for (size_t gm_row = 0; gm_row < (rows); gm_row++)                                                                 \
        for (size_t gm_col = 0; gm_col < (cols); gm_col += (widest)) {                                                 \
            const size_t gm_blocks = gemmini_least((widest), (cols) - gm_col);                                         \
            const size_t gm_pad = gm_col + gm_blocks == (cols) ? (pad_cols) : 0;                                       \
            mvin_command((matrix) + (gm_row * (stride) + gm_col) * DIM, (local) + (gm_row * (cols) + gm_col) * DIM,    \
                         gm_blocks * DIM - gm_pad, gemmini_block_size(gm_row, rows, pad_rows));                        \
        }

/* One tile, output stationary: each block of C stays in the array over all k. D != NULL marks the first tile over k. */
static inline void sp_tiled_matmul_os(const elem_t *A, const elem_t *B, const void *D, void *C, scale_t A_scale_factor,
                                      scale_t B_scale_factor, scale_acc_t D_scale_factor, size_t I, size_t J, size_t K,
                                      size_t pad_I, size_t pad_J, size_t pad_K, size_t A_row_stride,
                                      size_t B_row_stride, size_t D_row_stride, size_t C_row_stride, bool a_transpose,
                                      bool b_transpose, bool full_C, bool low_D, bool no_bias, bool repeating_bias,
                                      int act, int a_spad_id, int b_spad_id) {
    (void)a_transpose, (void)b_transpose, (void)low_D, (void)act, (void)a_spad_id, (void)b_spad_id;
    const uint32_t A_local = 0, B_local = GEMMINI_SPAD_ROWS - K * J * DIM, D_local = 1u << 31;
    const uint32_t C_local = 3u << 30 | (uint32_t)full_C << 29;
    const bool bias = D != NULL && !no_bias, overwrite = D != NULL && no_bias;

    if (bias) {
        gemmini_extended_config_ld(repeating_bias ? 0 : D_row_stride * sizeof(acc_t), D_scale_factor);
        GEMMINI_MVIN_BLOCKS(gemmini_extended_mvin, (const acc_t *)D, repeating_bias ? 0 : D_row_stride, D_local, I, J,
                            pad_I, pad_J, (size_t)MAX_BLOCK_LEN_ACC)
    }
    gemmini_extended_config_ld(B_row_stride * sizeof(elem_t), B_scale_factor);
    for (size_t j = 0; j < J; j += MAX_BLOCK_LEN) {
        const size_t blocks = gemmini_least(MAX_BLOCK_LEN, J - j);
        for (size_t k = 0; k < K; k++)
            gemmini_extended_mvin(B + (k * B_row_stride + j) * DIM, B_local + (k * J + j) * DIM,
                                  blocks * DIM - (j + blocks == J ? pad_J : 0), gemmini_block_size(k, K, pad_K));
    }
    gemmini_extended_config_ld(A_row_stride * sizeof(elem_t), A_scale_factor);
    GEMMINI_MVIN_BLOCKS(gemmini_extended_mvin, A, A_row_stride, A_local, I, K, pad_I, pad_K, (size_t)MAX_BLOCK_LEN)

    for (size_t i = 0; i < I; i++) {
        const size_t rows = gemmini_block_size(i, I, pad_I);
        for (size_t j = 0; j < J; j++) {
            const size_t cols = gemmini_block_size(j, J, pad_J);
            for (size_t k = 0; k < K; k++) {
                const uint32_t a = A_local + (i * K + k) * DIM, b = B_local + (k * J + j) * DIM;
                const uint32_t c = (C_local & ~((uint32_t)overwrite << 30)) + (i * J + j) * DIM;
                const size_t depth = gemmini_block_size(k, K, pad_K);
                gemmini_extended_preload(GARBAGE_ADDR, k + 1 == K ? c : GARBAGE_ADDR, DIM, DIM, cols, rows);
                if (k == 0) {
                    gemmini_extended_compute_preloaded(a, b, depth, rows, cols, depth);
                } else {
                    gemmini_extended_compute_accumulated(a, b, depth, rows, cols, depth);
                }
            }
        }
    }
    if (C != NULL) {
        const size_t bytes = full_C ? sizeof(acc_t) : sizeof(elem_t);
        for (size_t i = 0; i < I; i++)
            for (size_t j = 0; j < J; j++)
                gemmini_extended_mvout((int8_t *)C + (i * C_row_stride + j) * DIM * bytes, C_local + (i * J + j) * DIM,
                                       gemmini_block_size(j, J, pad_J), gemmini_block_size(i, I, pad_I));
    }
}

/* One tile, weight stationary, by the hardware loop. D != NULL marks the first tile over k: it does not accumulate. */
static inline void sp_tiled_matmul_ws(const elem_t *A, const elem_t *B, const void *D, void *C, scale_t A_scale_factor,
                                      scale_t B_scale_factor, scale_acc_t D_scale_factor, size_t I, size_t J, size_t K,
                                      size_t pad_I, size_t pad_J, size_t pad_K, size_t A_row_stride,
                                      size_t B_row_stride, size_t D_row_stride, size_t C_row_stride, bool a_transpose,
                                      bool b_transpose, bool full_C, bool low_D, bool no_bias, bool repeating_bias,
                                      int act, int a_spad_id, int b_spad_id) {
    (void)A_scale_factor, (void)B_scale_factor, (void)D_scale_factor;
    gemmini_loop_ws(I, J, K, pad_I, pad_J, pad_K, A, B, no_bias ? NULL : D, C, A_row_stride, B_row_stride,
                    repeating_bias ? 0 : D_row_stride, C_row_stride, a_transpose, b_transpose, full_C, low_D,
                    !no_bias || D == NULL, act, a_spad_id, b_spad_id, false);
}

/* Configure the accelerator and run over all tiles; k is innermost, and the last tile over k moves C out. */
static inline void tiled_matmul_outer(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t *A, const elem_t *B,
                                      const void *D, void *C, size_t stride_A, size_t stride_B, size_t stride_D,
                                      size_t stride_C, scale_t A_scale_factor, scale_t B_scale_factor,
                                      scale_acc_t D_scale_factor, size_t tile_I, size_t tile_J, size_t tile_K, int act,
                                      acc_scale_t scale, acc_scale_t bert_scale, bool repeating_bias, bool a_transpose,
                                      bool b_transpose, bool full_C, bool low_D, uint8_t weightA, int dataflow) {
    (void)weightA;
    const size_t blocks_I = gemmini_groups(dim_I, DIM), blocks_J = gemmini_groups(dim_J, DIM);
    const size_t blocks_K = gemmini_groups(dim_K, DIM);
    const size_t tiles_I = gemmini_groups(blocks_I, tile_I), tiles_J = gemmini_groups(blocks_J, tile_J);
    const size_t tiles_K = gemmini_groups(blocks_K, tile_K);
    const bool no_bias = D == NULL;
    const size_t D_bytes = low_D ? sizeof(elem_t) : sizeof(acc_t), C_bytes = full_C ? sizeof(acc_t) : sizeof(elem_t);

    gemmini_extended_config_ex(dataflow, act & 3, 0, 1, a_transpose, b_transpose);
    gemmini_extended_config_st(stride_C * C_bytes, act & 3, scale);
    gemmini_extended3_config_ld(stride_A * sizeof(elem_t), A_scale_factor, false, 0);
    gemmini_extended3_config_ld(stride_B * sizeof(elem_t), B_scale_factor, false, 1);
    gemmini_extended3_config_ld(repeating_bias ? 0 : stride_D * D_bytes, D_scale_factor, low_D, 2);
    if (act == IGELU) {
        const acc_scale_t sqrt_2 = 1.41421356237;
        const acc_scale_t erf_scale = -0.2888 * ((bert_scale * bert_scale) / 2);
        const acc_t qb = -1.769 / (bert_scale / sqrt_2), qc = 1.0 / erf_scale;
        gemmini_config_norm(0, 0, 0, 0, 0, qb, qc);
    } else if (act == SOFTMAX) {
        gemmini_config_softmax(bert_scale);
    }

    /* An operand that needs at most two tiles keeps its own halves of the scratchpad (ids 1 and 2) and is moved in once.
     * NULL tells the hardware loop that it is there already. */
    const bool reuse_A = dataflow == WEIGHT_STATIONARY && tiles_I * tiles_K <= 2;
    const bool reuse_B = dataflow == WEIGHT_STATIONARY && tiles_J * tiles_K <= 2;
    for (size_t i = 0; i < tiles_I; i++) {
        const size_t row = i * tile_I * DIM, I = gemmini_least(tile_I, blocks_I - i * tile_I);
        for (size_t j = 0; j < tiles_J; j++) {
            const size_t col = j * tile_J * DIM, J = gemmini_least(tile_J, blocks_J - j * tile_J);
            for (size_t k = 0; k < tiles_K; k++) {
                const size_t depth = k * tile_K * DIM, K = gemmini_least(tile_K, blocks_K - k * tile_K);
                const elem_t *a = A + (a_transpose ? depth * stride_A + row : row * stride_A + depth);
                const elem_t *b = B + (b_transpose ? col * stride_B + depth : depth * stride_B + col);
                const void *d = NULL;
                if (k == 0) /* without a bias, any address but NULL */
                    d = no_bias ? (const void *)1
                                : (const int8_t *)D + ((repeating_bias ? 0 : row) * stride_D + col) * D_bytes;
                void *c = k + 1 == tiles_K ? (int8_t *)C + (row * stride_C + col) * C_bytes : NULL;
                if (reuse_A && j > 0)
                    a = NULL;
                if (reuse_B && i > 0)
                    b = NULL;
                (dataflow == OUTPUT_STATIONARY ? sp_tiled_matmul_os : sp_tiled_matmul_ws)(
                    a, b, d, c, A_scale_factor, B_scale_factor, D_scale_factor, I, J, K,
                    i + 1 == tiles_I ? blocks_I * DIM - dim_I : 0, j + 1 == tiles_J ? blocks_J * DIM - dim_J : 0,
                    k + 1 == tiles_K ? blocks_K * DIM - dim_K : 0, stride_A, stride_B, stride_D, stride_C, a_transpose,
                    b_transpose, full_C, low_D, no_bias, repeating_bias, act, !reuse_A ? 0 : i + k == 0 ? 1 : 2,
                    !reuse_B ? 0 : j + k == 0 ? 1 : 2);
            }
        }
    }
    gemmini_fence();
}

/* Normalise a row of sums as the hardware does, in place; returns the scale for its results */
static inline acc_scale_t gemmini_normalize_cpu(acc_t *row, size_t count, int act, acc_scale_t scale,
                                                acc_scale_t bert_scale) {
    if (act == LAYERNORM) {
        acc_t sum = 0, squares = 0;
        for (size_t j = 0; j < count; j++)
            sum += row[j];
        const acc_t mean = sum / (acc_t)count;
        for (size_t j = 0; j < count; j++)
            squares += (row[j] - mean) * (row[j] - mean);
        const acc_t variance = squares / (acc_t)count;
        const acc_t deviation = variance == 0 ? 1 : int_sqrt(variance);
        for (size_t j = 0; j < count; j++)
            row[j] = ROUND_NEAR_EVEN((double)(row[j] - mean) / deviation);
        return scale;
    }
    const gemmini_exponential_t e = gemmini_exponential(bert_scale);
    acc_t most = row[0], sum = 0;
    for (size_t j = 1; j < count; j++)
        most = row[j] > most ? row[j] : most;
    for (size_t j = 0; j < count; j++) {
        const acc_t q = row[j] - most;
        const int halvings = (int)(-q * e.qln2_inv) >> 16;
        const acc_t rest = q + halvings * e.qln2;
        row[j] = (int)((rest + e.qb) * (rest + e.qb) + e.qc) >> halvings;
        sum += row[j];
    }
    return 127.f / (float)sum;
}

/* Every element on the host, with the rounding of the accelerator */
static inline void matmul_cpu(bool transA, bool transB, size_t DIM_I, size_t DIM_J, size_t DIM_K, const elem_t *A,
                              const elem_t *B, const acc_t *D, elem_t *C, size_t stride_A, size_t stride_B,
                              size_t stride_D, size_t stride_C, scale_t A_scale_factor, scale_t B_scale_factor,
                              scale_acc_t D_scale_factor, int act, acc_scale_t scale, acc_scale_t bert_scale,
                              bool repeating_bias) {
    enum { ROWS = 4, COLS = 4, WIDEST_NORMALIZED = 1024 };
    const bool normalize = act == LAYERNORM || act == SOFTMAX;
    const size_t A_i = transA ? 1 : stride_A, A_k = transA ? stride_A : 1;
    const size_t B_k = transB ? 1 : stride_B, B_j = transB ? stride_B : 1;
    static acc_t row[WIDEST_NORMALIZED];
    GEMMINI_REFUSE_IF(normalize && DIM_J > WIDEST_NORMALIZED, "More than %d columns to normalize", WIDEST_NORMALIZED);

    /* Blocks of 4 x 4 sums stay in registers; at the edges, and where rows are normalised, they are 1 x 1. */
    const bool blocked = !normalize && DIM_I % ROWS == 0 && DIM_J % COLS == 0;
    const size_t rows = blocked ? ROWS : 1, cols = blocked ? COLS : 1;
    for (size_t i = 0; i < DIM_I; i += rows) {
        for (size_t j = 0; j < DIM_J; j += cols) {
            acc_t sums[ROWS][COLS];
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < cols; c++)
                    sums[r][c] = D == NULL ? 0
                                           : GEMMINI_ACC_SCALE(D[(repeating_bias ? 0 : i + r) * stride_D + j + c],
                                                               D_scale_factor);
            if (blocked) {
                for (size_t k = 0; k < DIM_K; k++) {
                    acc_t b[COLS];
                    GEMMINI_UNROLL
                    for (size_t c = 0; c < COLS; c++)
                        b[c] = GEMMINI_SCALE(B[k * B_k + (j + c) * B_j], B_scale_factor);
                    GEMMINI_UNROLL
                    for (size_t r = 0; r < ROWS; r++) {
                        const acc_t a = GEMMINI_SCALE(A[(i + r) * A_i + k * A_k], A_scale_factor);
                        GEMMINI_UNROLL
                        for (size_t c = 0; c < COLS; c++)
                            sums[r][c] += a * b[c];
                    }
                }
            } else {
                for (size_t k = 0; k < DIM_K; k++)
                    sums[0][0] += GEMMINI_SCALE(A[i * A_i + k * A_k], A_scale_factor)
                                  * GEMMINI_SCALE(B[k * B_k + j * B_j], B_scale_factor);
            }
            if (normalize) {
                row[j] = sums[0][0];
                continue;
            }
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < cols; c++)
                    C[(i + r) * stride_C + j + c] = scale_and_sat(sums[r][c], act, scale, bert_scale);
        }
        if (normalize) {
            const acc_scale_t row_scale = gemmini_normalize_cpu(row, DIM_J, act, scale, bert_scale);
            for (size_t j = 0; j < DIM_J; j++)
                C[i * stride_C + j] = scale_and_sat(row[j], act, row_scale, bert_scale);
        }
    }
}

static inline size_t tiled_matmul_total_spad_rows(size_t I, size_t J, size_t K) {
    return (I * K + K * J) * DIM;
}

static inline size_t tiled_matmul_total_acc_rows(size_t I, size_t J) {
    return I * J * DIM;
}

/* With given tile sizes */
static inline void tiled_matmul(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t *A, const elem_t *B,
                                const void *D, void *C, size_t stride_A, size_t stride_B, size_t stride_D,
                                size_t stride_C, scale_t A_scale_factor, scale_t B_scale_factor,
                                scale_acc_t D_scale_factor, int act, acc_scale_t scale, acc_scale_t bert_scale,
                                bool repeating_bias, size_t tile_I, size_t tile_J, size_t tile_K, bool transpose_A,
                                bool transpose_B, bool full_C, bool low_D, uint8_t weightA,
                                enum tiled_matmul_type_t tiled_matmul_type) {
#ifdef GEMMINI_ASSERTIONS
    const size_t share = tiled_matmul_type == WS ? 2 : 1;
    GEMMINI_REFUSE_IF(tile_I == 0 || tile_J == 0 || tile_K == 0, "Tile sizes must be positive");
    GEMMINI_REFUSE_IF(tile_I > gemmini_groups(dim_I, DIM) || tile_J > gemmini_groups(dim_J, DIM)
                          || tile_K > gemmini_groups(dim_K, DIM),
                      "The tile is larger than the matrices: %d x %d x %d blocks", (int)tile_I, (int)tile_J, (int)tile_K);
    GEMMINI_REFUSE_IF(tile_I > 65535 || tile_J > 65535 || tile_K > 65535, "Tile sizes must be less than 65536");
    GEMMINI_REFUSE_IF(tiled_matmul_total_spad_rows(tile_I, tile_J, tile_K) > GEMMINI_SPAD_ROWS / share,
                      "The tiles of A and B do not fit the scratchpad");
    GEMMINI_REFUSE_IF(tiled_matmul_total_acc_rows(tile_I, tile_J) > ACC_ROWS / share,
                      "The tile of C does not fit the accumulator");
    GEMMINI_REFUSE_IF(tiled_matmul_type == OS && (transpose_A || transpose_B), "OS products cannot transpose");
    GEMMINI_REFUSE_IF(tiled_matmul_type == WS && transpose_A && transpose_B, "WS products cannot transpose both");
    if ((tiled_matmul_type == CPU && (full_C || low_D)) || (tiled_matmul_type == OS && low_D))
        printf("Not implemented: full_C=%d, low_D=%d\n", full_C, low_D);
    if ((act == LAYERNORM || act == SOFTMAX) && (tiled_matmul_type == OS || tile_J * DIM < dim_J))
        printf("Normalization needs a WS product with whole rows in the accumulator\n");
#endif
    if (tiled_matmul_type == CPU) {
        matmul_cpu(transpose_A, transpose_B, dim_I, dim_J, dim_K, A, B, (const acc_t *)D, (elem_t *)C, stride_A,
                   stride_B, stride_D, stride_C, A_scale_factor, B_scale_factor, D_scale_factor, act, scale, bert_scale,
                   repeating_bias);
    } else {
        tiled_matmul_outer(dim_I, dim_J, dim_K, A, B, D, C, stride_A, stride_B, stride_D, stride_C, A_scale_factor,
                           B_scale_factor, D_scale_factor, tile_I, tile_J, tile_K, act, scale, bert_scale,
                           repeating_bias, transpose_A, transpose_B, full_C, low_D, weightA, (int)tiled_matmul_type);
    }
}

/* With tile sizes that fill the local memories, or their halves where tiles are double-buffered (WS): from a square tile of C
 * with as much of k as fits, grow J, I and K in turn by one block while that still fits. */
static inline void tiled_matmul_auto(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t *A, const elem_t *B,
                                     const void *D, void *C, size_t stride_A, size_t stride_B, size_t stride_D,
                                     size_t stride_C, scale_t A_scale_factor, scale_t B_scale_factor,
                                     scale_acc_t D_scale_factor, int act, acc_scale_t scale, acc_scale_t bert_scale,
                                     bool repeating_bias, bool transpose_A, bool transpose_B, bool full_C, bool low_D,
                                     uint8_t weightA, enum tiled_matmul_type_t tiled_matmul_type) {
    const size_t share = tiled_matmul_type == WS ? 2 : 1;
    const size_t spad_rows = GEMMINI_SPAD_ROWS / share, acc_rows = ACC_ROWS / share;
    const size_t most_I = gemmini_groups(dim_I, DIM), most_J = gemmini_groups(dim_J, DIM);
    const size_t most_K = gemmini_groups(dim_K, DIM);
    size_t square = 1;
    while ((square + 1) * (square + 1) * DIM <= acc_rows)
        square++;

    size_t tile_I = gemmini_least(most_I, square), tile_J = gemmini_least(most_J, square);
    size_t tile_K = gemmini_least(most_K, spad_rows / 2 / DIM / square);
    if (act == LAYERNORM || act == SOFTMAX)
        tile_I = 1, tile_J = most_J, tile_K = 1;
    for (bool grown = true; grown;) {
        grown = false;
        if (tile_J < most_J && tiled_matmul_total_acc_rows(tile_I, tile_J + 1) <= acc_rows
            && tiled_matmul_total_spad_rows(tile_I, tile_J + 1, tile_K) <= spad_rows)
            tile_J++, grown = true;
        if (tile_I < most_I && tiled_matmul_total_acc_rows(tile_I + 1, tile_J) <= acc_rows
            && tiled_matmul_total_spad_rows(tile_I + 1, tile_J, tile_K) <= spad_rows)
            tile_I++, grown = true;
        if (tile_K < most_K && tiled_matmul_total_spad_rows(tile_I, tile_J, tile_K + 1) <= spad_rows)
            tile_K++, grown = true;
    }
#if defined(PRINT_TILE) && PRINT_TILE
    printf("tile_I: %d\ntile_J: %d\ntile_K: %d\n", (int)tile_I, (int)tile_J, (int)tile_K);
    exit(EXIT_SUCCESS);
#endif
    tiled_matmul(dim_I, dim_J, dim_K, A, B, D, C, stride_A, stride_B, stride_D, stride_C, A_scale_factor,
                 B_scale_factor, D_scale_factor, act, scale, bert_scale, repeating_bias, tile_I, tile_J, tile_K,
                 transpose_A, transpose_B, full_C, low_D, weightA, tiled_matmul_type);
}

#endif
