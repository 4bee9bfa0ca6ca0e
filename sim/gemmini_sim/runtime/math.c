/* Mathematics, to about 1e-15 relative (float functions are rounded from double); arguments of sin, cos and tan up to 1e6. */
#include <math.h>
#include <stdint.h>

typedef union {
    double value;
    uint64_t bits;
} Double;

/* The processor's own instructions: op for double and for float */
#define UNARY(name, instruction)                                                                                       \
    double name(double x) {                                                                                            \
        double result;                                                                                                 \
        __asm__(instruction ".d %0, %1" : "=f"(result) : "f"(x));                                                      \
        return result;                                                                                                 \
    }                                                                                                                  \
    float name##f(float x) {                                                                                           \
        float result;                                                                                                  \
        __asm__(instruction ".s %0, %1" : "=f"(result) : "f"(x));                                                      \
        return result;                                                                                                 \
    }
#define BINARY(name, instruction)                                                                                      \
    double name(double x, double y) {                                                                                  \
        double result;                                                                                                 \
        __asm__(instruction ".d %0, %1, %2" : "=f"(result) : "f"(x), "f"(y));                                          \
        return result;                                                                                                 \
    }                                                                                                                  \
    float name##f(float x, float y) {                                                                                  \
        float result;                                                                                                  \
        __asm__(instruction ".s %0, %1, %2" : "=f"(result) : "f"(x), "f"(y));                                          \
        return result;                                                                                                 \
    }
/* To an integer in a rounding mode and back; larger values are integers already, or no numbers. */
#define ROUND(name, mode)                                                                                              \
    double name(double x) {                                                                                            \
        if (!(fabs(x) < 0x1p52))                                                                                       \
            return x;                                                                                                  \
        int64_t whole;                                                                                                 \
        __asm__("fcvt.l.d %0, %1, " mode : "=r"(whole) : "f"(x));                                                      \
        return copysign((double)whole, x);                                                                             \
    }                                                                                                                  \
    float name##f(float x) {                                                                                           \
        return (float)name(x);                                                                                         \
    }
#define FLOAT(name)                                                                                                    \
    float name##f(float x) {                                                                                           \
        return (float)name(x);                                                                                         \
    }

double fabs(double x) {
    return __builtin_fabs(x);
}
FLOAT(fabs)
UNARY(sqrt, "fsqrt")
BINARY(fmin, "fmin")
BINARY(fmax, "fmax")
BINARY(copysign, "fsgnj")
ROUND(trunc, "rtz")
ROUND(floor, "rdn")
ROUND(ceil, "rup")
ROUND(round, "rmm")
ROUND(rint, "dyn")
ROUND(nearbyint, "dyn")

long lround(double x) {
    return (long)round(x);
}

long lroundf(float x) {
    return (long)round(x);
}

long lrint(double x) {
    return (long)rint(x);
}

long lrintf(float x) {
    return (long)rint(x);
}

/* Subtract the divisor times powers of two, each step exactly */
double fmod(double x, double y) {
    double rest = fabs(x), divisor = fabs(y);
    if (!(rest <= __DBL_MAX__) || !(divisor > 0))
        return NAN;
    while (rest >= divisor) {
        double part = divisor;
        while (part <= rest / 2)
            part *= 2;
        rest -= part;
    }
    return copysign(rest, x);
}

float fmodf(float x, float y) {
    return (float)fmod(x, y);
}

/* Two steps, because 2^exponent itself may not be a number where the result is one */
double ldexp(double x, int exponent) {
    for (int step; exponent != 0; exponent -= step) {
        step = exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : exponent;
        const Double power = {.bits = (uint64_t)(step + 1023) << 52};
        x *= power.value;
        if (x == 0 || x != x || fabs(x) > __DBL_MAX__)
            return x;
    }
    return x;
}

float ldexpf(float x, int exponent) {
    return (float)ldexp(x, exponent);
}

double frexp(double x, int *exponent) {
    *exponent = 0;
    if (x == 0 || !(fabs(x) <= __DBL_MAX__))
        return x;
    if (fabs(x) < __DBL_MIN__) {
        x *= 0x1p54;
        *exponent = -54;
    }
    Double parts = {x};
    *exponent += (int)(parts.bits >> 52 & 2047) - 1022;
    parts.bits = (parts.bits & ~(2047ull << 52)) | 1022ull << 52;
    return parts.value;
}

/* ln 2 in two parts: the first has zeros enough at its end that a multiple of it is exact. */
static const double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;

/* 2^n * e^rest with |rest| <= ln 2 / 2, the latter by its Taylor series */
double exp(double x) {
    if (x != x)
        return x;
    if (x > 710)
        return INFINITY;
    if (x < -750)
        return 0;
    const double n = rint(x * 1.44269504088896340736);
    const double rest = (x - n * ln2_high) - n * ln2_low;
    double sum = 1;
    for (int i = 14; i > 0; i--)
        sum = 1 + sum * rest / i;
    return ldexp(sum, (int)n);
}
FLOAT(exp)

double exp2(double x) {
    const double n = rint(x);
    return fabs(x) < 1100 ? ldexp(exp((x - n) * M_LN2), (int)n) : exp(x * M_LN2);
}
FLOAT(exp2)

/* n ln 2 + ln m with m about 1: ln m = 2 artanh((m - 1) / (m + 1)) */
double log(double x) {
    if (x == 0)
        return -INFINITY;
    if (!(x > 0))
        return NAN;
    if (x > __DBL_MAX__)
        return x;
    int n;
    double m = frexp(x, &n);
    if (m < 0.70710678118654752440) {
        m *= 2;
        n--;
    }
    const double s = (m - 1) / (m + 1);
    double sum = 0;
    for (int i = 23; i > 1; i -= 2)
        sum = (sum + 1.0 / i) * s * s;
    return n * ln2_high + (n * ln2_low + 2 * s * sum + 2 * s);
}
FLOAT(log)

double log2(double x) {
    return log(x) * 1.44269504088896340736;
}
FLOAT(log2)

double log10(double x) {
    return log(x) * 0.43429448190325182765;
}
FLOAT(log10)

double pow(double x, double y) {
    if (y == 0 || x == 1)
        return 1;
    if (rint(y) == y && fabs(y) < 1024) { /* whole powers by squaring */
        double result = 1, square = x;
        for (int n = (int)fabs(y); n > 0; n /= 2, square *= square)
            result = n % 2 ? result * square : result;
        return y < 0 ? 1 / result : result;
    }
    if (x < 0 && rint(y) == y)
        return fmod(y, 2) == 0 ? pow(-x, y) : -pow(-x, y);
    return x == 0 ? (y > 0 ? 0 : INFINITY) : exp(y * log(x));
}

float powf(float x, float y) {
    return (float)pow(x, y);
}

/* sin(rest + quarter * pi / 2) with |rest| <= pi / 4, by the Taylor series of sine or cosine */
static double sine(double x, int quarter) {
    const double n = rint(x * 0.63661977236758134308);
    /* pi / 2 in three parts of 33 bits */
    const double rest = ((x - n * 0x1.921fb544p0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69;
    quarter += (int)(int64_t)n;
    double sum = 1;
    for (int i = quarter % 2 ? 18 : 19; i > 1; i -= 2)
        sum = 1 - sum * rest * rest / (i * (i - 1));
    sum = quarter % 2 ? sum : sum * rest;
    return quarter & 2 ? -sum : sum;
}

double sin(double x) {
    return fabs(x) <= 0x1p30 ? sine(x, 0) : NAN;
}
FLOAT(sin)

double cos(double x) {
    return fabs(x) <= 0x1p30 ? sine(x, 1) : NAN;
}
FLOAT(cos)

double tan(double x) {
    return sin(x) / cos(x);
}
FLOAT(tan)

/* Euler's series, quick for |x| <= tan(pi / 8) */
double atan(double x) {
    const double size = fabs(x);
    if (size > 2.41421356237309504880)
        return copysign(M_PI_2 - atan(1 / size), x);
    if (size > 0.41421356237309504880)
        return copysign(M_PI_2 / 2 + atan((size - 1) / (size + 1)), x);
    const double z = x * x / (1 + x * x);
    double sum = 1;
    for (int i = 20; i > 0; i--)
        sum = 1 + sum * z * (2 * i) / (2 * i + 1);
    return sum * x / (1 + x * x);
}
FLOAT(atan)

double tanh(double x) {
    const double size = fabs(x);
    if (size > 22)
        return copysign(1, x);
    if (size > 0.5)
        return copysign(1 - 2 / (exp(2 * size) + 1), x);
    double fraction = 17; /* Lambert's continued fraction */
    for (int i = 15; i > 0; i -= 2)
        fraction = i + x * x / fraction;
    return x / fraction;
}
FLOAT(tanh)

/* 2 / sqrt(pi) * e^(-x^2) * (x + 2 x^3 / 3 + 4 x^5 / 15 + ...): every term has the same sign */
double erf(double x) {
    if (!(fabs(x) < 6))
        return x != x ? x : copysign(1, x);
    double term = x, sum = x;
    for (int i = 1; fabs(term) > fabs(sum) * 0x1p-56; i++) {
        term *= 2 * x * x / (2 * i + 1);
        sum += term;
    }
    return 1.12837916709551257390 * exp(-x * x) * sum;
}
FLOAT(erf)
