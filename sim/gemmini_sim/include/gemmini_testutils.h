/* What test programs for Gemmini use: products of DIM x DIM matrices on the host, comparing, printing, random numbers. */
#ifndef GEMMINI_TESTUTILS_H
#define GEMMINI_TESTUTILS_H

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemmini.h"

#ifdef BAREMETAL
#undef assert
#define assert(condition)                                                                                              \
    if (!(condition)) {                                                                                                \
        printf("Failed assertion: " #condition "\n  " __FILE__ ":%u\n", __LINE__);                                     \
        exit(1);                                                                                                       \
    }
#endif

/* C = D + A * B, with A[r][k] and B[k][c] as a and b say; sums are in the type of C. */
#define GEMMINI_HOST_MATMUL(name, bias_t, sum_t, a, b)                                                                 \
    static inline void name(elem_t A[DIM][DIM], elem_t B[DIM][DIM], bias_t D[DIM][DIM], sum_t C[DIM][DIM]) {           \
        for (size_t r = 0; r < DIM; r++)                                                                               \
            for (size_t c = 0; c < DIM; c++) {                                                                         \
                C[r][c] = D[r][c];                                                                                     \
                for (size_t k = 0; k < DIM; k++)                                                                       \
                    C[r][c] += a * b;                                                                                  \
            }                                                                                                          \
    }
/* Sums of full width, of the width of an element, and of full width with a bias of full width */
#define GEMMINI_HOST_MATMULS(suffix, a, b)                                                                             \
    GEMMINI_HOST_MATMUL(matmul##suffix, elem_t, full_t, a, b)                                                          \
    GEMMINI_HOST_MATMUL(matmul_short##suffix, elem_t, elem_t, a, b)                                                    \
    GEMMINI_HOST_MATMUL(matmul_full##suffix, full_t, full_t, a, b)

GEMMINI_HOST_MATMULS(, A[r][k], B[k][c])
GEMMINI_HOST_MATMULS(_A_transposed, A[k][r], B[k][c])
GEMMINI_HOST_MATMULS(_B_transposed, A[r][k], B[c][k])
GEMMINI_HOST_MATMULS(_AB_transposed, A[k][r], B[c][k])

static inline void matadd(full_t sum[DIM][DIM], full_t m1[DIM][DIM], full_t m2[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            sum[r][c] = m1[r][c] + m2[r][c];
}

static inline elem_t gemmini_saturate(full_t value) {
#ifdef ELEM_T_IS_FLOAT
    return value;
#else
    return value > elem_t_max ? elem_t_max : value < elem_t_min ? elem_t_min : value;
#endif
}

/* Divide by 2^shift, to the nearest, and saturate */
static inline void matshift(full_t full[DIM][DIM], elem_t out[DIM][DIM], int shift) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            out[r][c] = gemmini_saturate(ROUNDING_RIGHT_SHIFT(full[r][c], shift));
}

/* Multiply by scale, to the nearest, and saturate */
static inline void matscale(full_t full[DIM][DIM], elem_t out[DIM][DIM], acc_scale_t scale) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            out[r][c] = gemmini_saturate(ACC_SCALE(full[r][c], scale));
}

static inline void matrelu(elem_t in[DIM][DIM], elem_t out[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            out[r][c] = in[r][c] > 0 ? in[r][c] : 0;
}

static inline void transpose(elem_t in[DIM][DIM], elem_t out[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            out[c][r] = in[r][c];
}

/* 0 to 255, the same sequence in every program: the linear congruential generator of Numerical Recipes */
int rand(void) {
    static uint32_t state = 777;
    state = state * 1664525 + 1013904223;
    return state >> 24;
}

#ifdef ELEM_T_IS_FLOAT
static inline double rand_double(void) {
    const double a = rand() % 128, b = 1 + rand() % 64, c = rand() % 128, d = 1 + rand() % 64;
    return a / b - c / d;
}
#endif

/* Floats are printed as their bits. */
#ifdef ELEM_T_IS_FLOAT
#define GEMMINI_PRINT_ELEMENT(type, x) printf("%x ", type##_to_##type##_bits(x))
#else
#define GEMMINI_PRINT_ELEMENT(type, x) printf("%d ", x)
#endif

static inline void printMatrix(elem_t m[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++) {
        for (size_t c = 0; c < DIM; c++)
            GEMMINI_PRINT_ELEMENT(elem_t, m[r][c]);
        printf("\n");
    }
}

static inline void printMatrixAcc(acc_t m[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++) {
        for (size_t c = 0; c < DIM; c++)
            GEMMINI_PRINT_ELEMENT(acc_t, m[r][c]);
        printf("\n");
    }
}

/* Two NaNs are equal. */
static inline bool gemmini_same(elem_t x, elem_t y) {
#ifdef ELEM_T_IS_FLOAT
    if (elem_t_isnan(x) && elem_t_isnan(y))
        return true;
#endif
    return x == y;
}

static inline int is_equal(elem_t x[DIM][DIM], elem_t y[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            if (!gemmini_same(x[r][c], y[r][c]))
                return 0;
    return 1;
}

static inline int is_equal_transposed(elem_t x[DIM][DIM], elem_t y[DIM][DIM]) {
    for (size_t r = 0; r < DIM; r++)
        for (size_t c = 0; c < DIM; c++)
            if (!gemmini_same(x[r][c], y[c][r]))
                return 0;
    return 1;
}

#define MAT_IS_EQUAL(dim_i, dim_j, x, y) ({                                                                            \
    int mie_equal = 1;                                                                                                 \
    for (size_t mie_i = 0; mie_equal && mie_i < (dim_i); mie_i++)                                                      \
        for (size_t mie_j = 0; mie_equal && mie_j < (dim_j); mie_j++)                                                  \
            mie_equal = (x)[mie_i][mie_j] == (y)[mie_i][mie_j];                                                        \
    mie_equal; })

static inline uint64_t read_cycles(void) {
    return gemmini_rdcycle();
}

#endif
