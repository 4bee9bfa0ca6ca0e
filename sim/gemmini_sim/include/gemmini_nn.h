/* Layers of neural networks: products and convolutions by parameters, patches of images, pooling, sums. */
#ifndef GEMMINI_NN_H
#define GEMMINI_NN_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gemmini_testutils.h"

struct ConvParams {
    int batch_size;
    int in_row_dim, in_col_dim;
    int out_row_dim, out_col_dim;
    int kernel_size;
    int in_channels, out_channels;
    int in_stride, weight_stride, out_stride;
    int stride, padding;
    bool bias, depthwise;
    int n_patches, patch_size;
    acc_scale_t output_scale;
    scale_t res_scale;
    int pool_size, pool_stride, pool_padding, out_dim_pooled;
    int I, J, K;
};

struct FcParams {
    int batch_size;
    int in_features, out_features;
    acc_scale_t output_scale;
    bool bias;
    int I, J, K;
};

/* Print how often each value occurs in an array of int8, without those that do not occur */
#define GEMMINI_HISTOGRAM(array, first)                                                                                \
    for (int gh_value = -128; gh_value <= 127; gh_value++) {                                                           \
        int gh_count = 0;                                                                                              \
        for (size_t gh_i = 0; gh_i < sizeof(array) / sizeof(first); gh_i++)                                            \
            gh_count += (&(first))[gh_i] == gh_value;                                                                  \
        if (gh_count > 0)                                                                                              \
            printf("%d: %d times\n", gh_value, gh_count);                                                              \
    }
#define HIST_IMAGES(IMAGES) GEMMINI_HISTOGRAM(IMAGES, (IMAGES)[0][0][0][0])
#define HIST_MATRIX(MATRIX) GEMMINI_HISTOGRAM(MATRIX, (MATRIX)[0][0])

/* Compare a layer with the same product on the host, if asked to */
static inline void gemmini_nn_check(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t *A, const elem_t *B,
                                    const void *D, const elem_t *C, int act, acc_scale_t scale, bool repeating_bias,
                                    const char *layer_name) {
    printf("%s: CPU\n", layer_name);
    elem_t gold[dim_I][dim_J];
    matmul_cpu(false, false, dim_I, dim_J, dim_K, A, B, (const acc_t *)D, gold[0], dim_K, dim_J, dim_J, dim_J,
               MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, act, scale, 0, repeating_bias);
    for (size_t at = 0; at < dim_I * dim_J; at++)
        GEMMINI_REFUSE_IF(C[at] != gold[0][at], "Layer calculated incorrectly: %s", layer_name);
}

static inline void tiled_matmul_nn(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t A[dim_I][dim_K],
                                   const elem_t B[dim_K][dim_J], const void *D, elem_t C[dim_I][dim_J], int act,
                                   acc_scale_t scale, bool repeating_bias, size_t tile_I, size_t tile_J, size_t tile_K,
                                   enum tiled_matmul_type_t tiled_matmul_type, bool check, char *layer_name) {
    if (check)
        printf("%s: gemmini\n", layer_name);
    tiled_matmul(dim_I, dim_J, dim_K, A[0], B[0], D, C, dim_K, dim_J, dim_J, dim_J, MVIN_SCALE_IDENTITY,
                 MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, act, scale, 0, repeating_bias, tile_I, tile_J, tile_K, false,
                 false, false, false, 0, tiled_matmul_type);
    if (check)
        gemmini_nn_check(dim_I, dim_J, dim_K, A[0], B[0], D, C[0], act, scale, repeating_bias, layer_name);
}

static inline void tiled_matmul_nn_stride_auto(size_t dim_I, size_t dim_J, size_t dim_K, const size_t A_stride,
                                               const size_t B_stride, const size_t C_stride, const elem_t *A,
                                               const elem_t *B, const void *D, const elem_t *C, int act,
                                               acc_scale_t scale, bool repeating_bias,
                                               enum tiled_matmul_type_t tiled_matmul_type) {
    tiled_matmul_auto(dim_I, dim_J, dim_K, A, B, D, (elem_t *)C, A_stride, B_stride, C_stride, C_stride,
                      MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, act, scale, 0, repeating_bias,
                      false, false, false, false, 0, tiled_matmul_type);
}

static inline void tiled_matmul_nn_auto(size_t dim_I, size_t dim_J, size_t dim_K, const elem_t A[dim_I][dim_K],
                                        const elem_t B[dim_K][dim_J], const void *D, elem_t C[dim_I][dim_J], int act,
                                        acc_scale_t scale, bool repeating_bias,
                                        enum tiled_matmul_type_t tiled_matmul_type, bool check, char *layer_name) {
    if (check)
        printf("%s: gemmini\n", layer_name);
    tiled_matmul_nn_stride_auto(dim_I, dim_J, dim_K, dim_K, dim_J, dim_J, A[0], B[0], D, C[0], act, scale,
                                repeating_bias, tiled_matmul_type);
    if (check)
        gemmini_nn_check(dim_I, dim_J, dim_K, A[0], B[0], D, C[0], act, scale, repeating_bias, layer_name);
}

/* In what follows, an image is rows of channels: pixel (batch, row, col) is row (batch * rows + row) * cols + col. So images
 * and the matrices that products give are the same to these helpers but for the elements from one row to the next. */

/* Depthwise convolution with ReLU on the host */
static inline void gemmini_nn_conv_dw(const elem_t *input, size_t in_stride, const elem_t *weight, const acc_t *bias,
                                      elem_t *output, size_t out_stride, size_t batch_size, size_t channels,
                                      size_t out_row_dim, size_t out_col_dim, const struct ConvParams *params) {
    const int size = params->kernel_size, in_rows = params->in_row_dim, in_cols = params->in_col_dim;
    for (size_t batch = 0; batch < batch_size; batch++)
        for (size_t channel = 0; channel < channels; channel++)
            for (size_t out_row = 0; out_row < out_row_dim; out_row++)
                for (size_t out_col = 0; out_col < out_col_dim; out_col++) {
                    acc_t sum = params->bias ? bias[channel] : 0;
                    for (int krow = 0; krow < size; krow++)
                        for (int kcol = 0; kcol < size; kcol++) {
                            const int row = (int)out_row * params->stride - params->padding + krow;
                            const int col = (int)out_col * params->stride - params->padding + kcol;
                            if (row >= 0 && row < in_rows && col >= 0 && col < in_cols)
                                sum += input[((batch * in_rows + row) * in_cols + col) * in_stride + channel]
                                       * weight[(channel * size + krow) * size + kcol];
                        }
                    const size_t at = (batch * params->out_row_dim + out_row) * params->out_col_dim + out_col;
                    output[at * out_stride + channel] =
                        scale_and_sat(sum < 0 ? 0 : sum, NO_ACTIVATION, params->output_scale, 0);
                }
}

static inline void conv_dw(size_t I, size_t J, const size_t batch_size, const size_t channels, const size_t in_row_dim,
                           const size_t in_col_dim, const size_t out_row_dim, const size_t out_col_dim,
                           const size_t kernel_size, const elem_t input[batch_size][in_row_dim][in_col_dim][channels],
                           const elem_t weight[channels][kernel_size][kernel_size], const acc_t *bias,
                           elem_t output[I][J], const struct ConvParams *params) {
    gemmini_nn_conv_dw(input[0][0][0], channels, weight[0][0], bias, output[0], J, batch_size, channels, out_row_dim,
                       out_col_dim, params);
}

static inline void conv_dw_with_col2im(size_t prev_I, size_t prev_J, size_t I, size_t J, const size_t batch_size,
                                       const size_t channels, const size_t out_row_dim, const size_t out_col_dim,
                                       const size_t kernel_size, const elem_t input[prev_I][prev_J],
                                       const elem_t weight[channels][kernel_size][kernel_size], const acc_t *bias,
                                       elem_t output[I][J], const struct ConvParams *params) {
    gemmini_nn_conv_dw(input[0], prev_J, weight[0][0], bias, output[0], J, batch_size, channels, out_row_dim,
                       out_col_dim, params);
}

/* One row of the output per patch that the kernel sees; what lies in the padding is left as it is. */
static inline void gemmini_nn_im2col(const elem_t *input, size_t in_stride, elem_t *output, size_t out_stride,
                                     const struct ConvParams *params) {
    const int size = params->kernel_size, rows = params->in_row_dim, cols = params->in_col_dim, pad = params->padding;
    size_t patch = 0;
    for (int batch = 0; batch < params->batch_size; batch++)
        for (int top = -pad; top + size <= rows + pad; top += params->stride)
            for (int left = -pad; left + size <= cols + pad; left += params->stride, patch++)
                for (int krow = 0; krow < size; krow++)
                    for (int kcol = 0; kcol < size; kcol++) {
                        const int row = top + krow, col = left + kcol;
                        if (row < 0 || row >= rows || col < 0 || col >= cols)
                            continue;
                        const elem_t *pixel = input + ((batch * rows + row) * cols + col) * in_stride;
                        elem_t *to = output + patch * out_stride + (krow * size + kcol) * params->in_channels;
                        for (int channel = 0; channel < params->in_channels; channel++)
                            to[channel] = pixel[channel];
                    }
}

static inline void im2col(size_t batch_size, size_t channels, size_t im_row_dim, size_t im_col_dim, size_t I, size_t K,
                          const elem_t input[batch_size][im_row_dim][im_col_dim][channels], elem_t output[I][K],
                          const struct ConvParams *params) {
    gemmini_nn_im2col(input[0][0][0], channels, output[0], K, params);
}

static inline void im2col_with_col2im(size_t prev_I, size_t prev_J, size_t next_I, size_t next_K,
                                      const elem_t input[prev_I][prev_J], elem_t output[next_I][next_K],
                                      const struct ConvParams *params) {
    gemmini_nn_im2col(input[0], prev_J, output[0], next_K, params);
}

/* C = A_scale * A + B, saturated */
static inline void vecadd(size_t len, const elem_t *A, const elem_t *B, elem_t *C, scale_t A_shift) {
    for (size_t i = 0; i < len; i++)
        C[i] = gemmini_saturate(MVIN_SCALE(A[i], A_shift) + B[i]);
}

static inline void gemmini_nn_resadd(const elem_t *A, size_t A_stride, const elem_t *B, size_t B_stride, elem_t *C,
                                     size_t C_stride, bool relu, const struct ConvParams *params) {
    const size_t pixels = (size_t)params->batch_size * params->out_dim_pooled * params->out_dim_pooled;
    for (size_t at = 0; at < pixels; at++)
        for (int channel = 0; channel < params->out_channels; channel++) {
            const acc_t sum =
                MVIN_SCALE(A[at * A_stride + channel], params->res_scale) + B[at * B_stride + channel];
            C[at * C_stride + channel] = relu && sum < 0 ? 0 : gemmini_saturate(sum);
        }
}

static inline void resadd1(const size_t batch_size, const size_t channels, const size_t im_dim,
                           const elem_t A[batch_size][im_dim][im_dim][channels],
                           const elem_t B[batch_size][im_dim][im_dim][channels],
                           elem_t C[batch_size][im_dim][im_dim][channels], bool relu, const struct ConvParams *params) {
    gemmini_nn_resadd(A[0][0][0], channels, B[0][0][0], channels, C[0][0][0], channels, relu, params);
}

static inline void resadd2(const size_t I, const size_t J, const size_t batch_size, const size_t channels,
                           const size_t im_dim, const elem_t A[I][J],
                           const elem_t B[batch_size][im_dim][im_dim][channels],
                           elem_t C[batch_size][im_dim][im_dim][channels], bool relu, const struct ConvParams *params) {
    gemmini_nn_resadd(A[0], J, B[0][0][0], channels, C[0][0][0], channels, relu, params);
}

static inline void resadd3(const size_t I, const size_t J, const elem_t A[I][J], const elem_t B[I][J], elem_t C[I][J],
                           bool relu, const struct ConvParams *params) {
    gemmini_nn_resadd(A[0], J, B[0], J, C[0], J, relu, params);
}

/* Maximum over a window; what lies in the padding counts as 0. */
static inline void gemmini_nn_pool(const elem_t *input, size_t in_stride, int in_rows, int in_cols, elem_t *output,
                                   size_t batch_size, size_t channels, size_t out_row_dim, size_t out_col_dim,
                                   const struct ConvParams *params) {
    for (size_t batch = 0; batch < batch_size; batch++)
        for (size_t out_row = 0; out_row < out_row_dim; out_row++)
            for (size_t out_col = 0; out_col < out_col_dim; out_col++)
                for (size_t channel = 0; channel < channels; channel++) {
                    elem_t most = elem_t_min;
                    for (int window = 0; window < params->pool_size * params->pool_size; window++) {
                        const int row = (int)out_row * params->pool_stride - params->pool_padding
                                        + window / params->pool_size;
                        const int col = (int)out_col * params->pool_stride - params->pool_padding
                                        + window % params->pool_size;
                        const bool inside = row >= 0 && row < in_rows && col >= 0 && col < in_cols;
                        const elem_t pixel =
                            inside ? input[((batch * in_rows + row) * in_cols + col) * in_stride + channel] : 0;
                        most = pixel > most ? pixel : most;
                    }
                    output[((batch * out_row_dim + out_row) * out_col_dim + out_col) * channels + channel] = most;
                }
}

static inline void pool(size_t batch_size, size_t channels, size_t in_row_dim, size_t in_col_dim, size_t out_row_dim,
                        size_t out_col_dim, elem_t input[batch_size][in_row_dim][in_col_dim][channels],
                        elem_t output[batch_size][out_row_dim][out_col_dim][channels],
                        const struct ConvParams *params) {
    gemmini_nn_pool(input[0][0][0], channels, in_row_dim, in_col_dim, output[0][0][0], batch_size, channels,
                    out_row_dim, out_col_dim, params);
}

static inline void pool_with_col2im(size_t I, size_t J, size_t batch_size, size_t channels, size_t out_row_dim,
                                    size_t out_col_dim, elem_t input[I][J],
                                    elem_t output[batch_size][out_row_dim][out_col_dim][channels],
                                    const struct ConvParams *params) {
    gemmini_nn_pool(input[0], J, params->out_row_dim, params->out_col_dim, output[0][0][0], batch_size, channels,
                    out_row_dim, out_col_dim, params);
}

#endif
