/* Convolutions of any size on the accelerator (weight stationary, by the hardware loop), tiled for half of each local
 * memory, so that the loop can work on one tile while it moves the next.
 *
 * Images are NHWC and weights HWIO unless a trans_ parameter names another order; rows and columns of the output are
 * counted after pooling. A pool_stride of 0 means no pooling. */
#ifndef GEMMINI_CONV_H
#define GEMMINI_CONV_H

#include "gemmini_conv_cpu.h"
#include "gemmini_matmul.h"

/* One tile. A NULL operand is in the local memories already; a NULL output stays there. */
static inline void sp_tiled_conv(int batch_size, int in_row_dim, int in_col_dim, int in_channels, int out_channels,
                                 int out_row_dim, int out_col_dim, int pool_out_row_dim, int pool_out_col_dim,
                                 int stride, int padding, int kernel_dim, int kernel_dilation, int in_stride,
                                 int weight_stride, int out_stride, int pool_size, int pool_stride, int pool_padding,
                                 int batches, int porows, int pocols, int pochs, int krows, int kcols, int kchs,
                                 int lpad, int rpad, int upad, int dpad, int plpad, int prpad, int pupad, int pdpad,
                                 const elem_t *input, const elem_t *weights, elem_t *output, const acc_t *bias, int act,
                                 acc_scale_t scale, bool wrot180, bool trans_output_1203, bool trans_input_3120,
                                 bool trans_weight_1203, bool trans_weight_0132, bool no_bias, bool no_pool,
                                 bool downsample, bool input_dilated, bool dw, int a_spad_id, int b_spad_id) {
    (void)scale;
    if (dw)
        kchs = pochs = 1;
    const int orows = porows * pool_stride + pool_size - 1 - pupad - pdpad;
    const int ocols = pocols * pool_stride + pool_size - 1 - plpad - prpad;
    int pixels_per_row = 1;
#ifdef HAS_FIRST_LAYER_OPTIMIZATIONS
    /* With few channels, several neighbouring pixels share a scratchpad row. */
    const bool plain = !(trans_output_1203 || trans_input_3120 || trans_weight_1203 || trans_weight_0132 || wrot180
                         || downsample || input_dilated || kernel_dilation > 1);
    if (plain && kchs <= DIM)
        pixels_per_row = gemmini_least(DIM / kchs, kcols);
#endif
    gemmini_loop_conv_ws(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim,
                         pool_out_row_dim, pool_out_col_dim, stride, padding, kernel_dim, kernel_dilation, pool_size,
                         pool_stride, pool_padding, batches, porows, pocols, pochs, krows, kcols, kchs, lpad, rpad,
                         upad, dpad, plpad, prpad, pupad, pdpad, orows, ocols, weights, output, bias, input, no_bias,
                         no_pool, downsample, wrot180, input_dilated, act, trans_output_1203, trans_weight_1203,
                         trans_weight_0132, trans_input_3120, pixels_per_row, in_stride, weight_stride, out_stride, dw,
                         a_spad_id, b_spad_id);
}

/* Rows that a tile needs: of the accumulator if acc, else of the scratchpad for input and weights together */
static inline int tiled_conv_total_spad_rows(bool acc, int stride, int input_dilation, int kernel_dilation,
                                             bool downsample, bool trans_weight_0132, bool trans_input_3120,
                                             int batches, int porows, int pocols, int ochs, int krows, int kcols,
                                             int kchs, int pool_size, int pool_stride) {
    const int orows = porows * pool_stride + pool_size - 1, ocols = pocols * pool_stride + pool_size - 1;
    const int reach_rows = orows * stride + krows + (kernel_dilation - 1) * (krows - 1) - 1;
    const int reach_cols = ocols * stride + kcols + (kernel_dilation - 1) * (kcols - 1) - 1;
    /* In a dilated image every other row is stored; rounding up on both sides of it can take one more. */
    const int margin = input_dilation > 1;
    const int irows = ((int)gemmini_groups(reach_rows, input_dilation) + margin) >> downsample;
    const int icols = ((int)gemmini_groups(reach_cols, input_dilation) + margin) >> downsample;
    const int in_blocks = gemmini_groups(kchs, DIM), out_blocks = gemmini_groups(ochs, DIM);
    const int batch_blocks = gemmini_groups(batches, DIM);
    const int input = irows * icols * (trans_input_3120 ? batch_blocks * kchs : in_blocks * batches);
    const int weights = kcols * krows * (trans_weight_0132 ? in_blocks * ochs : out_blocks * kchs);
    return acc ? out_blocks * batches * orows * ocols : input + weights;
}

/* Where a tile begins in a dimension that is cut into tiles, and how much of it there is */
#define GEMMINI_FOR_TILES(start, end, step, size)                                                                      \
    for (int start = 0, size; start < (end) && (size = gemmini_least(step, (end) - start), true); start += (step))

/* How far a tile reaches beyond an image on both sides, along one axis */
typedef struct {
    int pool_before, pool_after; /* of the output before pooling */
    int start, before, after;    /* of the (dilated) input: its first row or column, and the padding */
} gemmini_reach_t;

static inline gemmini_reach_t gemmini_reach(int pout, int pouts, int pool_size, int pool_stride, int pool_padding,
                                            int out_dim, int stride, int k, int ks, int kernel_dilation, int padding,
                                            int in_dim, bool input_dilated) {
    gemmini_reach_t reach;
    const int out = pout * pool_stride - pool_padding, outs = pouts * pool_stride + pool_size - 1;
    reach.pool_before = out < 0 ? -out : 0;
    reach.pool_after = out + outs > out_dim ? out + outs - out_dim : 0;
    reach.start = (out < 0 ? 0 : out) * stride + k * kernel_dilation - padding;
    const int end = reach.start + (outs - reach.pool_before - reach.pool_after) * stride + ks
                    + (kernel_dilation - 1) * (ks - 1) - 1;
    const int dilated_dim = input_dilated ? 2 * in_dim - 1 : in_dim;
    reach.before = reach.start < 0 ? -reach.start : 0;
    reach.after = end > dilated_dim ? end - dilated_dim : 0;
    if (input_dilated) { /* begin and end on a real pixel, not on a gap between two */
        reach.before += reach.before == 0 && reach.start % 2 != 0;
        reach.after += reach.after == 0 && end % 2 != 1;
    }
    return reach;
}

/* With a given tile, convolution and depthwise alike; depthwise has kchs = pochs = 1 and its own weight order. */
static inline void gemmini_conv_outer(int batch_size, int in_row_dim, int in_col_dim, int in_channels,
                                      int out_channels, int out_row_dim, int out_col_dim, int stride,
                                      int input_dilation, int kernel_dilation, int padding, int kernel_dim,
                                      int in_stride, int weight_stride, int out_stride, bool wrot180,
                                      bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                                      bool trans_weight_0132, int batches, int porows, int pocols, int pochs, int krows,
                                      int kcols, int kchs, const elem_t *input, const elem_t *weights,
                                      const acc_t *bias, elem_t *output, int act, acc_scale_t scale, int pool_size,
                                      int pool_stride, int pool_padding, bool dw) {
    const bool no_pool = pool_stride == 0, input_dilated = input_dilation == 2;
    if (no_pool)
        pool_size = pool_stride = 1, pool_padding = 0;
    /* A 1 x 1 kernel of stride 2 reads every other pixel only: let the mvins skip the rest. */
    const bool downsample = !dw && stride == 2 && kernel_dim == 1 && in_row_dim % 2 == 0 && in_col_dim % 2 == 0
                            && padding == 0 && no_pool && input_dilation == 1 && !trans_input_3120;
#ifdef GEMMINI_ASSERTIONS
    const int spad_rows =
        tiled_conv_total_spad_rows(false, stride, input_dilation, kernel_dilation, downsample, trans_weight_0132,
                                   trans_input_3120, batches, porows, pocols, pochs, krows, kcols, kchs, pool_size,
                                   pool_stride);
    const int acc_rows =
        tiled_conv_total_spad_rows(true, stride, input_dilation, kernel_dilation, downsample, trans_weight_0132,
                                   trans_input_3120, batches, porows, pocols, pochs, krows, kcols, kchs, pool_size,
                                   pool_stride);
    GEMMINI_REFUSE_IF(trans_weight_1203 && trans_weight_0132, "Weights can have one transposition only");
    GEMMINI_REFUSE_IF(spad_rows > BANK_NUM * BANK_ROWS / 2, "The tile does not fit the scratchpad: %d rows", spad_rows);
    GEMMINI_REFUSE_IF(acc_rows > ACC_ROWS / 2, "The tile does not fit the accumulator: %d rows", acc_rows);
    GEMMINI_REFUSE_IF(kernel_dim <= padding, "The padding must be smaller than the kernel");
    GEMMINI_REFUSE_IF(input_dilation > 2, "Input dilations beyond 2 run on the CPU only");
    GEMMINI_REFUSE_IF(input_dilation > 1 && stride > 1, "A dilated input needs stride 1");
    GEMMINI_REFUSE_IF(trans_output_1203 && !no_pool, "A transposed output cannot be pooled");
    GEMMINI_REFUSE_IF(trans_input_3120 && trans_weight_0132, "Input and weights cannot both be transposed");
#endif
    gemmini_extended_config_st((trans_output_1203 ? batch_size * out_channels : out_stride) * sizeof(elem_t), act,
                               scale);
    gemmini_extended3_config_ex(WEIGHT_STATIONARY, 0, 0, 0, input_dilation, stride >> downsample, trans_input_3120,
                                trans_weight_0132, false);

    const int pool_out_row_dim = (out_row_dim + 2 * pool_padding - pool_size) / pool_stride + 1;
    const int pool_out_col_dim = (out_col_dim + 2 * pool_padding - pool_size) / pool_stride + 1;
    /* An operand that needs at most two tiles keeps its own halves of the scratchpad (ids 1 and 2) and is moved in once. */
    const int kernel_tiles = ceil_divide_int(kernel_dim, krows) * ceil_divide_int(kernel_dim, kcols)
                             * ceil_divide_int(in_channels, kchs);
    const int image_tiles = ceil_divide_int(batch_size, batches) * ceil_divide_int(pool_out_row_dim, porows)
                            * ceil_divide_int(pool_out_col_dim, pocols);
    const bool reuse_weights = !dw && kernel_tiles * ceil_divide_int(out_channels, pochs) <= 2;
    const bool reuse_input = !dw && kernel_tiles * image_tiles <= 2;
    const int channel_end = dw ? 1 : in_channels;

    GEMMINI_FOR_TILES(b, batch_size, batches, b_size)
    GEMMINI_FOR_TILES(porow, pool_out_row_dim, porows, porow_size)
    GEMMINI_FOR_TILES(pocol, pool_out_col_dim, pocols, pocol_size)
    GEMMINI_FOR_TILES(poch, out_channels, pochs, poch_size)
    GEMMINI_FOR_TILES(krow, kernel_dim, krows, krow_size)
    GEMMINI_FOR_TILES(kcol, kernel_dim, kcols, kcol_size)
    GEMMINI_FOR_TILES(kch, channel_end, kchs, kch_size) {
        const gemmini_reach_t down =
            gemmini_reach(porow, porow_size, pool_size, pool_stride, pool_padding, out_row_dim, stride, krow, krow_size,
                          kernel_dilation, padding, in_row_dim, input_dilated);
        const gemmini_reach_t across =
            gemmini_reach(pocol, pocol_size, pool_size, pool_stride, pool_padding, out_col_dim, stride, kcol, kcol_size,
                          kernel_dilation, padding, in_col_dim, input_dilated);
        const bool first = krow == 0 && kcol == 0 && kch == 0;
        const bool last = krow + krow_size == kernel_dim && kcol + kcol_size == kernel_dim
                          && kch + kch_size == channel_end;

        const int irow = (down.start + down.before) >> input_dilated;
        const int icol = (across.start + across.before) >> input_dilated;
        const elem_t *in = input + ((b * in_row_dim + irow) * in_col_dim + icol) * in_stride + (dw ? poch : kch);
        if (trans_input_3120)
            in = input + ((kch * in_row_dim + irow) * in_col_dim + icol) * batch_size + b;
        const int wrow = wrot180 ? kernel_dim - krow - krow_size : krow;
        const int wcol = wrot180 ? kernel_dim - kcol - kcol_size : kcol;
        const elem_t *weight = weights + ((wrow * kernel_dim + wcol) * in_channels + kch) * weight_stride + poch;
        if (dw)
            weight = weights + (poch * kernel_dim + krow) * kernel_dim + kcol;
        else if (trans_weight_1203)
            weight = weights + ((kch * kernel_dim + wrow) * kernel_dim + wcol) * out_channels + poch;
        else if (trans_weight_0132)
            weight = weights + ((wrow * kernel_dim + wcol) * out_channels + poch) * in_channels + kch;
        elem_t *out = output + ((b * pool_out_row_dim + porow) * pool_out_col_dim + pocol) * out_stride + poch;
        if (trans_output_1203)
            out = output + ((porow * pool_out_col_dim + pocol) * batch_size + b) * out_channels + poch;
        if (reuse_weights && (pocol > 0 || porow > 0 || b > 0))
            weight = NULL;
        if (reuse_input && poch > 0)
            in = NULL;
        const int input_id = !reuse_input ? 0 : first && b + porow + pocol == 0 ? 1 : 2;
        const int weights_id = !reuse_weights ? 0 : first && poch == 0 ? 1 : 2;
        /* Without a bias, any address but NULL asks for zeros to begin with. */
        const acc_t *start = bias == NULL ? (const acc_t *)1 : bias + poch;
        sp_tiled_conv(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim,
                      pool_out_row_dim, pool_out_col_dim, stride, padding, kernel_dim, kernel_dilation, in_stride,
                      weight_stride, out_stride, pool_size, pool_stride, pool_padding, b_size, porow_size, pocol_size,
                      poch_size, krow_size, kcol_size, kch_size, across.before, across.after, down.before, down.after,
                      across.pool_before, across.pool_after, down.pool_before, down.pool_after, in, weight,
                      last ? out : NULL, first ? start : NULL, act, scale, wrot180, trans_output_1203, trans_input_3120,
                      trans_weight_1203, trans_weight_0132, bias == NULL, no_pool, downsample, input_dilated, dw,
                      input_id, weights_id);
    }
}

static inline void tiled_conv(int batch_size, int in_row_dim, int in_col_dim, int in_channels, int out_channels,
                              int out_row_dim, int out_col_dim, int stride, int input_dilation, int kernel_dilation,
                              int padding, int kernel_dim, int in_stride, int weight_stride, int out_stride,
                              bool wrot180, bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                              bool trans_weight_0132, int batches, int porows, int pocols, int pochs, int krows,
                              int kcols, int kchs, const elem_t *input, const elem_t *weights, const acc_t *bias,
                              elem_t *output, int act, acc_scale_t scale, int pool_size, int pool_stride,
                              int pool_padding, enum tiled_matmul_type_t tiled_conv_type) {
    GEMMINI_REFUSE_IF(tiled_conv_type == OS, "Convolutions have no output-stationary form");
    if (tiled_conv_type == CPU)
        conv_cpu(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim, stride,
                 input_dilation, kernel_dilation, padding, kernel_dim, in_stride, weight_stride, out_stride, wrot180,
                 trans_output_1203, trans_input_3120, trans_weight_1203, trans_weight_0132, input, weights, bias,
                 output, act, scale, pool_size, pool_stride, pool_padding);
    else
        gemmini_conv_outer(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim,
                           stride, input_dilation, kernel_dilation, padding, kernel_dim, in_stride, weight_stride,
                           out_stride, wrot180, trans_output_1203, trans_input_3120, trans_weight_1203,
                           trans_weight_0132, batches, porows, pocols, pochs, krows, kcols, kchs, input, weights, bias,
                           output, act, scale, pool_size, pool_stride, pool_padding, false);
}

static inline void tiled_conv_dw(int batch_size, int in_row_dim, int in_col_dim, int channels, int out_row_dim,
                                 int out_col_dim, int stride, int padding, int kernel_dim, int batches, int porows,
                                 int pocols, int krows, int kcols, const elem_t *input, const elem_t *weights,
                                 const acc_t *bias, elem_t *output, int act, acc_scale_t scale, int pool_size,
                                 int pool_stride, int pool_padding, enum tiled_matmul_type_t tiled_conv_type) {
    GEMMINI_REFUSE_IF(tiled_conv_type == OS, "Convolutions have no output-stationary form");
    if (tiled_conv_type == CPU)
        conv_dw_cpu(batch_size, in_row_dim, in_col_dim, channels, out_row_dim, out_col_dim, stride, padding, kernel_dim,
                    input, weights, bias, output, act, scale, pool_size, pool_stride, pool_padding);
    else
        gemmini_conv_outer(batch_size, in_row_dim, in_col_dim, channels, channels, out_row_dim, out_col_dim, stride, 1,
                           1, padding, kernel_dim, channels, 1, channels, false, false, false, false, false, batches,
                           porows, pocols, 1, krows, kcols, 1, input, weights, bias, output, act, scale, pool_size,
                           pool_stride, pool_padding, true);
}

/* A tile of a convolution as seven sizes, in the order of tiled_conv's parameters */
enum { GEMMINI_BATCHES, GEMMINI_POROWS, GEMMINI_POCOLS, GEMMINI_POCHS, GEMMINI_KROWS, GEMMINI_KCOLS, GEMMINI_KCHS };

typedef struct {
    int size[7];
} gemmini_conv_tile_t;

typedef struct {
    int stride, input_dilation, kernel_dilation, pool_size, pool_stride;
    bool downsample, trans_weight_0132, trans_input_3120;
} gemmini_conv_shape_t;

static inline bool gemmini_conv_fits(const gemmini_conv_shape_t *s, const gemmini_conv_tile_t *tile) {
    const int *t = tile->size;
    int rows[2];
    for (int acc = 0; acc < 2; acc++)
        rows[acc] = tiled_conv_total_spad_rows(acc, s->stride, s->input_dilation, s->kernel_dilation, s->downsample,
                                               s->trans_weight_0132, s->trans_input_3120, t[0], t[1], t[2], t[3], t[4],
                                               t[5], t[6], s->pool_size, s->pool_stride);
    return rows[0] <= BANK_NUM * BANK_ROWS / 2 && rows[1] <= ACC_ROWS / 2;
}

/* Enlarge one size by one if it still fits */
static inline bool gemmini_conv_grow(const gemmini_conv_shape_t *shape, const gemmini_conv_tile_t *whole,
                                     gemmini_conv_tile_t *tile, int which) {
    gemmini_conv_tile_t larger = *tile;
    larger.size[which]++;
    if (larger.size[which] > whole->size[which] || !gemmini_conv_fits(shape, &larger))
        return false;
    *tile = larger;
    return true;
}

/* From the whole convolution, take from the largest size until the tile fits: channels by blocks of DIM, and of the output
 * columns, which fill the array, the last DIM only after the rows. Then grow the columns, then all sizes in turn. */
static inline gemmini_conv_tile_t gemmini_conv_tile(const gemmini_conv_shape_t *shape,
                                                    const gemmini_conv_tile_t *whole) {
    gemmini_conv_tile_t tile = *whole;
    int *size = tile.size;
    while (!gemmini_conv_fits(shape, &tile)) {
        int largest = -1;
        for (int i = 0; i < 7; i++) {
            const bool keep = i == GEMMINI_POCOLS && size[i] <= DIM && size[GEMMINI_POROWS] > 1;
            if (!keep && (largest < 0 || size[i] > size[largest]))
                largest = i;
        }
        GEMMINI_REFUSE_IF(size[largest] <= 1, "No tile of this convolution fits the local memories");
        if (largest == GEMMINI_POCHS || largest == GEMMINI_KCHS)
            size[largest] = size[largest] <= DIM ? 1 : (size[largest] - 1) / DIM * DIM;
        else
            size[largest]--;
    }
    while (gemmini_conv_grow(shape, whole, &tile, GEMMINI_POCOLS)) {
    }
    for (bool grown = true; grown;) {
        grown = false;
        for (int i = 0; i < 7; i++)
            grown |= gemmini_conv_grow(shape, whole, &tile, i);
    }
    return tile;
}

/* The tile is found automatically; strides are elements between neighbouring pixels or weights. */
static inline void tiled_conv_stride_auto(int batch_size, int in_row_dim, int in_col_dim, int in_channels,
                                          int out_channels, int out_row_dim, int out_col_dim, int stride,
                                          int input_dilation, int kernel_dilation, int padding, int kernel_dim,
                                          int in_stride, int weight_stride, int out_stride, bool wrot180,
                                          bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                                          bool trans_weight_0132, const elem_t *input, const elem_t *weights,
                                          const acc_t *bias, elem_t *output, int act, acc_scale_t scale, int pool_size,
                                          int pool_stride, int pool_padding,
                                          enum tiled_matmul_type_t tiled_conv_type) {
    const bool no_pool = pool_stride == 0;
    const int size = no_pool ? 1 : pool_size, step = no_pool ? 1 : pool_stride, pad = no_pool ? 0 : pool_padding;
    const gemmini_conv_tile_t whole = {{batch_size, (out_row_dim + 2 * pad - size) / step + 1,
                                        (out_col_dim + 2 * pad - size) / step + 1, out_channels, kernel_dim, kernel_dim,
                                        in_channels}};
    const gemmini_conv_shape_t shape = {
        .stride = stride,
        .input_dilation = input_dilation,
        .kernel_dilation = kernel_dilation,
        .pool_size = size,
        .pool_stride = step,
        .downsample = stride == 2 && kernel_dim == 1 && padding == 0 && no_pool && in_row_dim % 2 == 0
                      && in_col_dim % 2 == 0,
        .trans_weight_0132 = trans_weight_0132,
        .trans_input_3120 = trans_input_3120,
    };
    const gemmini_conv_tile_t tile = gemmini_conv_tile(&shape, &whole);
    const int *t = tile.size;
#if defined(PRINT_TILE) && PRINT_TILE
    printf("batches = %d\norows = %d\nocols = %d\nochs = %d\nkrows = %d\nkcols = %d\nkchs = %d\n", t[0], t[1], t[2],
           t[3], t[4], t[5], t[6]);
#endif
    tiled_conv(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim, stride,
               input_dilation, kernel_dilation, padding, kernel_dim, in_stride, weight_stride, out_stride, wrot180,
               trans_output_1203, trans_input_3120, trans_weight_1203, trans_weight_0132, t[0], t[1], t[2], t[3], t[4],
               t[5], t[6], input, weights, bias, output, act, scale, pool_size, pool_stride, pool_padding,
               tiled_conv_type);
}

static inline void tiled_conv_auto(int batch_size, int in_row_dim, int in_col_dim, int in_channels, int out_channels,
                                   int out_row_dim, int out_col_dim, int stride, int input_dilation,
                                   int kernel_dilation, int padding, int kernel_dim, bool wrot180,
                                   bool trans_output_1203, bool trans_input_3120, bool trans_weight_1203,
                                   bool trans_weight_0132, const elem_t *input, const elem_t *weights,
                                   const acc_t *bias, elem_t *output, int act, acc_scale_t scale, int pool_size,
                                   int pool_stride, int pool_padding, enum tiled_matmul_type_t tiled_conv_type) {
    tiled_conv_stride_auto(batch_size, in_row_dim, in_col_dim, in_channels, out_channels, out_row_dim, out_col_dim,
                           stride, input_dilation, kernel_dilation, padding, kernel_dim, in_channels, out_channels,
                           out_channels, wrot180, trans_output_1203, trans_input_3120, trans_weight_1203,
                           trans_weight_0132, input, weights, bias, output, act, scale, pool_size, pool_stride,
                           pool_padding, tiled_conv_type);
}

static inline void tiled_conv_dw_auto(int batch_size, int in_row_dim, int in_col_dim, int channels, int out_row_dim,
                                      int out_col_dim, int stride, int padding, int kernel_dim, elem_t *input,
                                      elem_t *weights, acc_t *bias, elem_t *output, int act, acc_scale_t scale,
                                      int pool_size, int pool_stride, int pool_padding,
                                      enum tiled_matmul_type_t tiled_conv_type) {
    const bool no_pool = pool_stride == 0;
    const int size = no_pool ? 1 : pool_size, step = no_pool ? 1 : pool_stride, pad = no_pool ? 0 : pool_padding;
    const gemmini_conv_tile_t whole = {{batch_size, (out_row_dim + 2 * pad - size) / step + 1,
                                        (out_col_dim + 2 * pad - size) / step + 1, 1, kernel_dim, kernel_dim, 1}};
    const gemmini_conv_shape_t shape = {
        .stride = stride, .input_dilation = 1, .kernel_dilation = 1, .pool_size = size, .pool_stride = step};
    const gemmini_conv_tile_t tile = gemmini_conv_tile(&shape, &whole);
    const int *t = tile.size;
    tiled_conv_dw(batch_size, in_row_dim, in_col_dim, channels, out_row_dim, out_col_dim, stride, padding, kernel_dim,
                  t[GEMMINI_BATCHES], t[GEMMINI_POROWS], t[GEMMINI_POCOLS], t[GEMMINI_KROWS], t[GEMMINI_KCOLS], input,
                  weights, bias, output, act, scale, pool_size, pool_stride, pool_padding, tiled_conv_type);
}

/* A 1 x 1 convolution of stride 2 without padding, as one matrix product per row of a square image */
static inline void tiled_conv_downsample(int batch_size, int in_row_dim, int in_col_dim, int in_channels,
                                         int out_channels, int out_row_dim, int out_col_dim, int in_stride,
                                         int weight_stride, int out_stride, const elem_t *input, const elem_t *weights,
                                         const acc_t *bias, elem_t *output, int act, acc_scale_t scale,
                                         enum tiled_matmul_type_t tiled_conv_type) {
    GEMMINI_REFUSE_IF(in_row_dim != in_col_dim || out_row_dim != out_col_dim, "Downsampling needs square images");
    for (int b = 0; b < batch_size; b++)
        for (int irow = 0; irow < in_row_dim; irow += 2)
            tiled_matmul_auto(in_col_dim / 2, out_channels, in_channels,
                              input + (b * in_row_dim + irow) * in_col_dim * in_stride, weights, bias,
                              output + (b * out_row_dim + irow / 2) * out_col_dim * out_stride, in_stride * 2,
                              weight_stride, out_stride, out_stride, MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY,
                              MVIN_SCALE_IDENTITY, act, scale, 0, true, false, false, false, false, 0, tiled_conv_type);
}

#endif
