/* Convolutions on the host, with the rounding of the accelerator: images NHWC, weights HWIO, biases per channel. */
#ifndef GEMMINI_CONV_CPU_H
#define GEMMINI_CONV_CPU_H

#include "gemmini_arithmetic.h"

/* One element of the output before pooling */
typedef struct {
    int batch_size, in_row_dim, in_col_dim, in_channels, out_channels;
    int stride, input_dilation, kernel_dilation, padding, kernel_dim;
    int in_stride, weight_stride;
    bool wrot180, trans_input_3120, trans_weight_1203, trans_weight_0132, depthwise;
    const elem_t *input, *weights;
    const acc_t *bias;
    int act;
    acc_scale_t scale;
} gemmini_conv_t;

static inline elem_t gemmini_conv_input(const gemmini_conv_t *conv, int batch, int row, int col, int channel) {
    if (row < 0 || row >= conv->in_row_dim || col < 0 || col >= conv->in_col_dim)
        return 0;
    if (conv->trans_input_3120)
        return conv->input[((channel * conv->in_row_dim + row) * conv->in_col_dim + col) * conv->batch_size + batch];
    return conv->input[((batch * conv->in_row_dim + row) * conv->in_col_dim + col) * conv->in_stride + channel];
}

static inline elem_t gemmini_conv_weight(const gemmini_conv_t *conv, int row, int col, int in_channel,
                                         int out_channel) {
    const int dim = conv->kernel_dim;
    if (conv->depthwise)
        return conv->weights[(out_channel * dim + row) * dim + col];
    if (conv->wrot180)
        row = dim - 1 - row, col = dim - 1 - col;
    if (conv->trans_weight_1203)
        return conv->weights[((in_channel * dim + row) * dim + col) * conv->out_channels + out_channel];
    if (conv->trans_weight_0132)
        return conv->weights[((row * dim + col) * conv->out_channels + out_channel) * conv->in_channels + in_channel];
    return conv->weights[((row * dim + col) * conv->in_channels + in_channel) * conv->weight_stride + out_channel];
}

static inline elem_t gemmini_conv_pixel(const gemmini_conv_t *conv, int batch, int out_row, int out_col, int channel) {
    acc_t sum = conv->bias == NULL ? 0 : conv->bias[channel];
    for (int krow = 0; krow < conv->kernel_dim; krow++) {
        const int row = out_row * conv->stride + krow * conv->kernel_dilation - conv->padding;
        if (row % conv->input_dilation != 0) /* between two rows of a dilated input */
            continue;
        for (int kcol = 0; kcol < conv->kernel_dim; kcol++) {
            const int col = out_col * conv->stride + kcol * conv->kernel_dilation - conv->padding;
            if (col % conv->input_dilation != 0)
                continue;
            const int first = conv->depthwise ? channel : 0, end = conv->depthwise ? channel + 1 : conv->in_channels;
            for (int k = first; k < end; k++)
                sum += gemmini_conv_weight(conv, krow, kcol, k, channel)
                       * gemmini_conv_input(conv, batch, row / conv->input_dilation, col / conv->input_dilation, k);
        }
    }
    return scale_and_sat(sum, conv->act, conv->scale, 0);
}

/* Every output with max pooling; pixels outside the unpooled image count as 0. Without pooling the window is 1 x 1. */
static inline void gemmini_conv_image(const gemmini_conv_t *conv, int out_row_dim, int out_col_dim, elem_t *output,
                                      int out_stride, bool trans_output_1203, int pool_size, int pool_stride,
                                      int pool_padding) {
    if (pool_stride == 0)
        pool_size = pool_stride = 1, pool_padding = 0;
    const int rows = (out_row_dim + 2 * pool_padding - pool_size) / pool_stride + 1;
    const int cols = (out_col_dim + 2 * pool_padding - pool_size) / pool_stride + 1;
    for (int batch = 0; batch < conv->batch_size; batch++)
        for (int row = 0; row < rows; row++)
            for (int col = 0; col < cols; col++)
                for (int channel = 0; channel < conv->out_channels; channel++) {
                    elem_t most = 0;
                    for (int window = 0; window < pool_size * pool_size; window++) {
                        const int orow = row * pool_stride + window / pool_size - pool_padding;
                        const int ocol = col * pool_stride + window % pool_size - pool_padding;
                        const bool inside = orow >= 0 && orow < out_row_dim && ocol >= 0 && ocol < out_col_dim;
                        const elem_t pixel = inside ? gemmini_conv_pixel(conv, batch, orow, ocol, channel) : 0;
                        if (window == 0 || pixel > most)
                            most = pixel;
                    }
                    if (trans_output_1203)
                        output[((row * cols + col) * conv->batch_size + batch) * conv->out_channels + channel] = most;
                    else
                        output[((batch * rows + row) * cols + col) * out_stride + channel] = most;
                }
}

static inline void conv_cpu(int batch_size, int in_row_dim, int in_col_dim, int in_channels, int out_channels,
                            int out_row_dim, int out_col_dim, int stride, int input_dilation, int kernel_dilation,
                            int padding, int kernel_dim, int in_stride, int weight_stride, int out_stride, bool wrot180,
                            bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                            bool trans_weight_0132, const elem_t *input, const elem_t *weights, const acc_t *bias,
                            elem_t *output, int act, acc_scale_t scale, int pool_size, int pool_stride,
                            int pool_padding) {
    const gemmini_conv_t conv = {
        .batch_size = batch_size,
        .in_row_dim = in_row_dim,
        .in_col_dim = in_col_dim,
        .in_channels = in_channels,
        .out_channels = out_channels,
        .stride = stride,
        .input_dilation = input_dilation,
        .kernel_dilation = kernel_dilation,
        .padding = padding,
        .kernel_dim = kernel_dim,
        .in_stride = in_stride,
        .weight_stride = weight_stride,
        .wrot180 = wrot180,
        .trans_input_3120 = trans_input_3120,
        .trans_weight_1203 = trans_weight_1203,
        .trans_weight_0132 = trans_weight_0132,
        .input = input,
        .weights = weights,
        .bias = bias,
        .act = act,
        .scale = scale,
    };
    gemmini_conv_image(&conv, out_row_dim, out_col_dim, output, out_stride, trans_output_1203, pool_size, pool_stride,
                       pool_padding);
}

/* Each channel by itself; weights are [channel][row][column]. */
static inline void conv_dw_cpu(int batch_size, int in_row_dim, int in_col_dim, int channels, int out_row_dim,
                               int out_col_dim, int stride, int padding, int kernel_dim, const elem_t *input,
                               const elem_t *weights, const acc_t *bias, elem_t *output, int act, acc_scale_t scale,
                               int pool_size, int pool_stride, int pool_padding) {
    const gemmini_conv_t conv = {
        .batch_size = batch_size,
        .in_row_dim = in_row_dim,
        .in_col_dim = in_col_dim,
        .in_channels = channels,
        .out_channels = channels,
        .stride = stride,
        .input_dilation = 1,
        .kernel_dilation = 1,
        .padding = padding,
        .kernel_dim = kernel_dim,
        .in_stride = channels,
        .depthwise = true,
        .input = input,
        .weights = weights,
        .bias = bias,
        .act = act,
        .scale = scale,
    };
    gemmini_conv_image(&conv, out_row_dim, out_col_dim, output, channels, false, pool_size, pool_stride, pool_padding);
}

static inline void conv_cpu_without_pool(int batch_size, int in_row_dim, int in_col_dim, int in_channels,
                                         int out_channels, int out_row_dim, int out_col_dim, int stride,
                                         int input_dilation, int kernel_dilation, int padding, int kernel_dim,
                                         int in_stride, int weight_stride, int out_stride, bool wrot180,
                                         bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                                         bool trans_weight_0132, const elem_t *input, const elem_t *weights,
                                         const acc_t *bias, elem_t *output, int act, acc_scale_t scale) {
    conv_cpu(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim, stride,
             input_dilation, kernel_dilation, padding, kernel_dim, in_stride, weight_stride, out_stride, wrot180,
             trans_output_1203, trans_input_3120, trans_weight_1203, trans_weight_0132, input, weights, bias, output,
             act, scale, 0, 0, 0);
}

static inline void conv_dw_cpu_without_pool(int batch_size, int in_row_dim, int in_col_dim, int channels,
                                            int out_row_dim, int out_col_dim, int stride, int padding, int kernel_dim,
                                            const elem_t *input, const elem_t *weights, const acc_t *bias,
                                            elem_t *output, int act, acc_scale_t scale) {
    conv_dw_cpu(batch_size, in_row_dim, in_col_dim, channels, out_row_dim, out_col_dim, stride, padding, kernel_dim,
                input, weights, bias, output, act, scale, 0, 0, 0);
}

#endif
