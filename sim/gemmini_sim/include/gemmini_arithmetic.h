/* What the library functions share: sizes in blocks of DIM, and Gemmini's activations on the host.
 *
 * The integer approximations of GELU and of the exponential are those of I-BERT (Kim et al., 2021). */
#ifndef GEMMINI_ARITHMETIC_H
#define GEMMINI_ARITHMETIC_H

#include <stdio.h>
#include <stdlib.h>

#include "gemmini_commands.h"

/* Refuse what the hardware cannot do, in words */
#define GEMMINI_REFUSE_IF(condition, ...)                                                                              \
    do {                                                                                                               \
        if (condition) {                                                                                               \
            printf(__VA_ARGS__);                                                                                       \
            printf("\n");                                                                                              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum tiled_matmul_type_t { OS, WS, CPU };

#define GEMMINI_SPAD_ROWS ((size_t)BANK_NUM * BANK_ROWS)

static inline size_t gemmini_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* How many groups of a size hold a count of things */
static inline size_t gemmini_groups(size_t count, size_t size) {
    return (count + size - 1) / size;
}

static inline int ceil_divide_int(int a, int b) {
    return a < b ? 1 : (a + b - 1) / b;
}

/* The largest r with r * r <= n, by Newton's method from above */
static inline acc_t int_sqrt(acc_t n) {
    if (n == 0)
        return 0;
    int bits = 0;
    for (acc_t rest = n; rest > 0; rest /= 2)
        bits++;
    acc_t root = 1 << (bits + 1) / 2;
    for (;;) {
        const acc_t next = (root + n / root) / 2;
        if (next >= root)
            return root;
        root = next;
    }
}

/* iGELU of a value with the scale bert_scale: x * (erf(x / sqrt 2) + 1) with erf as a parabola */
static inline acc_t gemmini_igelu(acc_t x, acc_scale_t bert_scale) {
    const acc_scale_t sqrt_2 = 1.41421356237;
    const acc_scale_t erf_scale = -0.2888 * (bert_scale / sqrt_2) * (bert_scale / sqrt_2);
    const acc_t one = 1 / erf_scale;
    const acc_t qb = -1.769 / (bert_scale / sqrt_2);
    const acc_t qc = 1.0 / (-0.2888 * (bert_scale / sqrt_2) * (bert_scale / sqrt_2));
    const acc_t size = x < 0 ? -x : x;
    const acc_t clipped = size > -qb ? -qb : size;
    const acc_t parabola = (clipped + qb) * (clipped + qb) + qc;
    return x * ((x < 0 ? -parabola : parabola) + one);
}

/* The constants of the integer exponential for inputs with the scale bert_scale */
typedef struct {
    acc_t qln2, qln2_inv, qb, qc;
} gemmini_exponential_t;

static inline gemmini_exponential_t gemmini_exponential(acc_scale_t bert_scale) {
    const scale_t a = 0.3585, b = 1.353, c = 0.344;
    gemmini_exponential_t constants;
    constants.qln2 = (int)(0.693147 / bert_scale);
    constants.qln2_inv = 65536 / constants.qln2;
    constants.qb = b / bert_scale;
    constants.qc = c / (a * bert_scale * bert_scale);
    return constants;
}

/* Give the accelerator the constants that its softmax needs */
static inline void gemmini_config_softmax(acc_scale_t bert_scale) {
    const gemmini_exponential_t e = gemmini_exponential(bert_scale);
    gemmini_config_norm(e.qln2, 0, 0, 1, 0, e.qb, e.qc);
    gemmini_config_norm(e.qln2_inv, 1, 0, 1, 0, e.qb, e.qc);
}

/* What mvout does with an accumulator element: activation, scale, saturation */
static inline elem_t scale_and_sat(acc_t x, int act, acc_scale_t scale, acc_scale_t bert_scale) {
    if (act == IGELU)
        x = gemmini_igelu(x, bert_scale);
    x = ACC_SCALE(x, scale);
    x = x > elem_t_max ? elem_t_max : x < elem_t_min ? elem_t_min : x;
    return act == RELU && x < 0 ? 0 : x;
}

#ifdef HAS_MVIN_SCALE
#define GEMMINI_SCALE(x, scale) MVIN_SCALE((x), (scale))
#else
#define GEMMINI_SCALE(x, scale) (x)
#endif
#ifdef HAS_MVIN_ACC_SCALE
#define GEMMINI_ACC_SCALE(x, scale) MVIN_SCALE_ACC((x), (scale))
#else
#define GEMMINI_ACC_SCALE(x, scale) (x)
#endif

#endif
