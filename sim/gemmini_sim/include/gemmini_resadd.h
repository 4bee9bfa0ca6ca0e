/* Sums of matrices, C = act(C_scale * (A_scale * A + B_scale * B)), and averages over images. */
#ifndef GEMMINI_RESADD_H
#define GEMMINI_RESADD_H

#include "gemmini_arithmetic.h"

static inline void resadd_cpu(const size_t I, const size_t J, const size_t stride, const scale_t A_scale,
                              const scale_t B_scale, const acc_scale_t C_scale, const elem_t *A, const elem_t *B,
                              elem_t *C, bool relu) {
    for (size_t i = 0; i < I; i++) {
        for (size_t j = 0; j < J; j++) {
            const size_t at = i * stride + j;
            const acc_t sum = MVIN_SCALE(A[at], A_scale) + MVIN_SCALE(B[at], B_scale);
            C[at] = scale_and_sat(sum, relu ? RELU : NO_ACTIVATION, C_scale, 0);
        }
    }
}

/* One tile, by the hardware loop; I and J count elements */
static inline void sp_tiled_resadd(const size_t I, const size_t J, const scale_t A_scale, const scale_t B_scale,
                                   const elem_t *A, const elem_t *B, elem_t *C, size_t A_row_stride,
                                   size_t B_row_stride, size_t C_row_stride, bool relu) {
    (void)A_scale, (void)B_scale;
    const size_t blocks_I = gemmini_groups(I, DIM), blocks_J = gemmini_groups(J, DIM);
    gemmini_loop_ws(blocks_I, blocks_J, 0, blocks_I * DIM - I, blocks_J * DIM - J, 0, A, B, NULL, C, A_row_stride,
                    B_row_stride, 0, C_row_stride, false, false, false, false, false, relu, 0, 0, true);
}

static inline void tiled_resadd(const size_t I, const size_t J, const size_t stride, const size_t tile_I,
                                const size_t tile_J, const scale_t A_scale, const scale_t B_scale,
                                const acc_scale_t C_scale, const elem_t *A, const elem_t *B, elem_t *C, bool relu,
                                enum tiled_matmul_type_t matadd_type) {
    (void)matadd_type;
    gemmini_extended_config_st(stride * sizeof(elem_t), relu ? RELU : NO_ACTIVATION, C_scale);
    gemmini_config_ex(WEIGHT_STATIONARY, 0, 0);
    gemmini_extended4_config_ld(stride * sizeof(elem_t), A_scale, true, DIM, 0);
    gemmini_extended4_config_ld(stride * sizeof(elem_t), B_scale, true, DIM, 1);
    for (size_t i = 0; i < I; i += tile_I) {
        for (size_t j = 0; j < J; j += tile_J) {
            const size_t at = i * stride + j;
            sp_tiled_resadd(gemmini_least(tile_I, I - i), gemmini_least(tile_J, J - j), A_scale, B_scale, A + at, B + at,
                            C + at, stride, stride, stride, relu);
        }
    }
    gemmini_fence();
}

/* With a tile that fits half the accumulator: halve the rows, or take a block of columns off, whichever is more of. */
static inline void tiled_resadd_stride_auto(const size_t I, const size_t J, const scale_t A_scale,
                                            const scale_t B_scale, const acc_scale_t C_scale, const size_t stride,
                                            const elem_t *A, const elem_t *B, elem_t *C, bool relu,
                                            enum tiled_matmul_type_t matadd_type) {
    if (matadd_type == CPU) {
        resadd_cpu(I, J, stride, A_scale, B_scale, C_scale, A, B, C, relu);
        return;
    }
    GEMMINI_REFUSE_IF(matadd_type != WS, "Sums have no output-stationary form");
    size_t tile_I = I, tile_J = J;
    while (gemmini_groups(tile_I, DIM) * DIM * gemmini_groups(tile_J, DIM) > ACC_ROWS / 2) {
        if (tile_I >= tile_J || tile_J <= DIM)
            tile_I /= 2;
        else
            tile_J -= DIM;
    }
    tiled_resadd(I, J, stride, tile_I, tile_J, A_scale, B_scale, C_scale, A, B, C, relu, matadd_type);
}

static inline void tiled_resadd_auto(const size_t I, const size_t J, const scale_t A_scale, const scale_t B_scale,
                                     const acc_scale_t C_scale, const elem_t *A, const elem_t *B, elem_t *C, bool relu,
                                     enum tiled_matmul_type_t matadd_type) {
    tiled_resadd_stride_auto(I, J, A_scale, B_scale, C_scale, J, A, B, C, relu, matadd_type);
}

/* Averages over the dim x dim pixels of each channel (NHWC) */
static inline void global_average_cpu(const elem_t *input, elem_t *output, int batches, int channels, int dim) {
    const int count = dim * dim;
    for (int batch = 0; batch < batches; batch++) {
        for (int channel = 0; channel < channels; channel++) {
            acc_t sum = 0;
            for (int pixel = 0; pixel < count; pixel++)
                sum += input[(batch * count + pixel) * channels + channel];
#ifdef ELEM_T_IS_FLOAT
            output[batch * channels + channel] = sum / count;
#else
            output[batch * channels + channel] = (sum + count / 2) / count;
#endif
        }
    }
}

/* One image, some of its channels: accumulate every pixel on one row per block of channels */
static inline void sp_tiled_global_average(const elem_t *input, elem_t *output, int batches, int channels, int dim,
                                           int channel_tile_size) {
    (void)batches;
    const int widest = gemmini_least(gemmini_groups(channel_tile_size, DIM), MAX_BLOCK_LEN) * DIM;
    for (int channel = 0; channel < channel_tile_size; channel += widest)
        for (int pixel = 0; pixel < dim * dim; pixel++)
            gemmini_extended_mvin(input + pixel * channels + channel,
                                  (1u << 31 | (uint32_t)(pixel > 0) << 30) + channel / DIM,
                                  gemmini_least(channel_tile_size - channel, widest), 1);
    for (int channel = 0; channel < channel_tile_size; channel += DIM)
        gemmini_extended_mvout(output + channel, (1u << 31) + channel / DIM,
                               gemmini_least(channel_tile_size - channel, DIM), 1);
}

static inline void tiled_global_average(const elem_t *input, elem_t *output, int batches, int channels, int dim,
                                        int channel_tile_size) {
    gemmini_extended4_config_ld(DIM * sizeof(elem_t), MVIN_SCALE_IDENTITY, true, 1, 0);
    gemmini_config_ex(OUTPUT_STATIONARY, NO_ACTIVATION, 0);
    gemmini_extended_config_st(0, NO_ACTIVATION, 1.0 / (dim * dim));
    for (int batch = 0; batch < batches; batch++)
        for (int channel = 0; channel < channels; channel += channel_tile_size)
            sp_tiled_global_average(input + batch * dim * dim * channels + channel, output + batch * channels + channel,
                                    batches, channels, dim, gemmini_least(channel_tile_size, channels - channel));
}

static inline void tiled_global_average_auto(const elem_t *input, elem_t *output, int batches, int channels, int dim,
                                             enum tiled_matmul_type_t type) {
    if (type == CPU)
        global_average_cpu(input, output, batches, channels, dim);
    else
        tiled_global_average(input, output, batches, channels, dim, gemmini_least(channels, (size_t)ACC_ROWS * DIM));
}

#endif
