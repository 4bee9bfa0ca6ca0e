/* Console output and the end of a program, through the host-target interface (HTIF). */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern volatile uint64_t tohost, fromhost;

static char line[256];
static size_t line_length;

/* System call "write" by the host: it reads four doublewords and answers through fromhost. */
int fflush(FILE *stream) {
    (void)stream;
    static volatile uint64_t call[8] __attribute__((aligned(64)));
    if (line_length == 0)
        return 0;
    call[0] = 64;
    call[1] = 1;
    call[2] = (uintptr_t)line;
    call[3] = line_length;
    __asm__ volatile("fence" : : : "memory");
    tohost = (uintptr_t)call;
    while (fromhost == 0)
        ;
    fromhost = 0;
    __asm__ volatile("fence" : : : "memory");
    line_length = 0;
    return 0;
}

int putchar(int character) {
    line[line_length++] = (char)character;
    if (character == '\n' || line_length == sizeof line)
        fflush(stdout);
    return (unsigned char)character;
}

int fputc(int character, FILE *stream) {
    (void)stream;
    return putchar(character);
}

int fputs(const char *text, FILE *stream) {
    (void)stream;
    while (*text)
        putchar(*text++);
    return 0;
}

int puts(const char *text) {
    fputs(text, stdout);
    putchar('\n');
    return 0;
}

void perror(const char *text) {
    printf("%s: error\n", text);
}

void exit(int code) {
    fflush(stdout);
    _exit(code);
}

void abort(void) {
    exit(134);
}

void gemmini_sim_assert_failed(const char *condition, const char *file, int line_number) {
    printf("%s:%d: assertion failed: %s\n", file, line_number, condition);
    abort();
}

/* Formatted output: to the console if text is NULL, else into text. */
typedef struct {
    char *text;
    size_t size, length;
} Output;

typedef struct {
    int left, zeros, plus, space, alternate;
    int width, precision;  /* precision is -1 if none is given */
} Style;

static void emit(Output *out, char character) {
    if (!out->text)
        putchar(character);
    else if (out->length + 1 < out->size)
        out->text[out->length] = character;
    out->length++;
}

static void repeat(Output *out, char character, int count) {
    while (count-- > 0)
        emit(out, character);
}

/* A sign or base prefix and the digits behind it, padded to the width */
static void emit_number(Output *out, const Style *style, const char *prefix, const char *digits, int zeros) {
    const int padding = style->width - (int)strlen(prefix) - (int)strlen(digits) - zeros;
    if (!style->left && !style->zeros)
        repeat(out, ' ', padding);
    while (*prefix)
        emit(out, *prefix++);
    repeat(out, '0', zeros);
    if (!style->left && style->zeros)
        repeat(out, '0', padding);
    while (*digits)
        emit(out, *digits++);
    if (style->left)
        repeat(out, ' ', padding);
}

static char *digits_of(uint64_t value, unsigned base, int upper, char *end) {
    *end = 0;
    do {
        const unsigned digit = (unsigned)(value % base);
        *--end = (char)(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
        value /= base;
    } while (value);
    return end;
}

static void emit_integer(Output *out, Style style, uint64_t value, const char *prefix, unsigned base, int upper) {
    char buffer[68];
    const char *digits = digits_of(value, base, upper, buffer + sizeof buffer - 1);
    if (style.precision == 0 && value == 0)
        digits = "";
    const int missing = style.precision - (int)strlen(digits);
    if (style.precision >= 0)
        style.zeros = 0;
    emit_number(out, &style, prefix, digits, missing > 0 ? missing : 0);
}

static const char *sign_of(const Style *style, int negative) {
    return negative ? "-" : style->plus ? "+" : style->space ? " " : "";
}

/* The exact decimal digits of a double: 0, its whole part, and as much of its fraction as asked for */
enum { FRACTION_WORDS = 34, WORDS = 67, MOST_PLACES = 40, DIGITS = 720 };
typedef struct {
    char digit[DIGITS];
    int count, point, first; /* digits, digits before the point, first digit that is not 0 (or -1) */
} Decimal;

/* Take the digits of a fixed-point number apart until enough places, or places from the first nonzero digit on, are there,
 * and one more to round by; that one is made odd if there is still a rest, so that it is no tie. */
static void take_digits(Decimal *d, double value, int places, int significant) {
    union {
        double value;
        uint64_t bits;
    } parts = {value};
    uint32_t word[WORDS] = {0};
    const int exponent = (int)(parts.bits >> 52 & 2047);
    const uint64_t mantissa = (parts.bits & ((1ull << 52) - 1)) | (exponent ? 1ull << 52 : 0);
    const int lowest = 32 * FRACTION_WORDS + (exponent ? exponent : 1) - 1075;
    for (int bit = 0; bit < 53; bit++)
        if (mantissa >> bit & 1)
            word[(lowest + bit) / 32] |= 1u << (lowest + bit) % 32;

    char whole[312];
    int length = 0;
    for (int top = WORDS - 1; top >= FRACTION_WORDS || length == 0;) {
        uint64_t rest = 0;
        for (int i = top; i >= FRACTION_WORDS; i--) {
            rest = rest << 32 | word[i];
            word[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        whole[length++] = (char)('0' + rest);
        while (top >= FRACTION_WORDS && word[top] == 0)
            top--;
    }
    d->digit[0] = '0';
    d->point = 1 + length;
    for (int i = 0; i < length; i++)
        d->digit[1 + i] = whole[length - 1 - i];
    d->count = d->point;
    d->first = -1;
    for (int i = 0; i < d->count && d->first < 0; i++)
        d->first = d->digit[i] != '0' ? i : -1;
    int bottom = 0;
    while (d->count < DIGITS) {
        while (bottom < FRACTION_WORDS && word[bottom] == 0)
            bottom++;
        const int wanted = !significant ? d->point + places : d->first < 0 ? DIGITS : d->first + places;
        if (d->count > wanted || (bottom == FRACTION_WORDS && (!significant || d->first < 0)))
            break;
        uint64_t carry = 0;
        for (int i = bottom; i < FRACTION_WORDS; i++) {
            carry += (uint64_t)word[i] * 10;
            word[i] = (uint32_t)carry;
            carry >>= 32;
        }
        if (carry && d->first < 0)
            d->first = d->count;
        d->digit[d->count++] = (char)('0' + carry);
    }
    while (d->count < DIGITS && d->count <= d->point + places)
        d->digit[d->count++] = '0';
    if (bottom < FRACTION_WORDS && d->digit[d->count - 1] % 5 == '0' % 5)
        d->digit[d->count - 1]++;
}

/* Round half to even so that keep digits are left */
static void round_digits(Decimal *d, int keep) {
    int up = 0;
    if (keep < d->count) {
        int rest = 0;
        for (int i = keep + 1; i < d->count; i++)
            rest |= d->digit[i] != '0';
        up = d->digit[keep] > '5' || (d->digit[keep] == '5' && (rest || d->digit[keep - 1] % 2));
        d->count = keep;
    }
    for (int i = keep - 1; up && i >= 0; i--) {
        up = d->digit[i] == '9';
        d->digit[i] = up ? '0' : (char)(d->digit[i] + 1);
        if (!up && i < d->first)
            d->first = i;
    }
}

/* %f, %e and %g, exact to the last digit, with at most 40 places */
static void emit_float(Output *out, Style style, double value, char form) {
    const int upper = form <= 'Z', negative = __builtin_signbit(value) != 0;
    const double size = negative ? -value : value;
    form = (char)(form | 0x20);
    if (size != size || size > __DBL_MAX__) {
        style.zeros = 0;
        emit_number(out, &style, sign_of(&style, negative), size != size ? "nan" : "inf", 0);
        return;
    }
    int places = style.precision < 0 ? 6 : style.precision > MOST_PLACES ? MOST_PLACES : style.precision;
    if (form == 'g' && places == 0)
        places = 1;
    Decimal d;
    take_digits(&d, size, places + (form == 'e'), form != 'f');
    const int trim = form == 'g' && !style.alternate;
    if (form == 'f') {
        round_digits(&d, d.point + places);
    } else {
        d.first = d.first < 0 ? d.point - 1 : d.first;
        round_digits(&d, d.first + places + (form == 'e'));
    }
    const int exponent = form == 'f' ? 0 : d.point - 1 - d.first;
    if (form == 'g') {
        form = exponent < -4 || exponent >= places ? 'e' : 'f';
        places = form == 'e' ? places - 1 : places - 1 - exponent;
    }
    char text[DIGITS + 8];
    char *end = text;
    int start = 0; /* with the point behind the first digit that is not 0, or where it is */
    if (form == 'e')
        start = d.first;
    else
        while (start < d.point - 1 && d.digit[start] == '0')
            start++;
    const int point = form == 'e' ? start + 1 : d.point;
    for (int i = start; i < point; i++)
        *end++ = i < d.count ? d.digit[i] : '0';
    if (places > 0 || style.alternate)
        *end++ = '.';
    for (int i = point; i < point + places; i++)
        *end++ = i < d.count ? d.digit[i] : '0';
    if (trim && places > 0) {
        while (end[-1] == '0')
            end--;
        if (end[-1] == '.')
            end--;
    }
    if (form == 'e') {
        const int power = exponent < 0 ? -exponent : exponent;
        *end++ = upper ? 'E' : 'e';
        *end++ = exponent < 0 ? '-' : '+';
        if (power >= 100)
            *end++ = (char)('0' + power / 100);
        *end++ = (char)('0' + power / 10 % 10);
        *end++ = (char)('0' + power % 10);
    }
    *end = 0;
    emit_number(out, &style, sign_of(&style, negative), text, 0);
}

static void format_into(Output *out, const char *format, va_list arguments) {
    for (; *format; format++) {
        if (*format != '%') {
            emit(out, *format);
            continue;
        }
        Style style = {.precision = -1};
        for (format++;; format++) {
            if (*format == '-')
                style.left = 1;
            else if (*format == '0')
                style.zeros = 1;
            else if (*format == '+')
                style.plus = 1;
            else if (*format == ' ')
                style.space = 1;
            else if (*format == '#')
                style.alternate = 1;
            else
                break;
        }
        if (*format == '*') {
            style.width = va_arg(arguments, int);
            if (style.width < 0) {
                style.left = 1;
                style.width = -style.width;
            }
            format++;
        } else {
            for (; *format >= '0' && *format <= '9'; format++)
                style.width = style.width * 10 + *format - '0';
        }
        if (*format == '.') {
            format++;
            style.precision = 0;
            if (*format == '*') {
                style.precision = va_arg(arguments, int);
                format++;
            }
            for (; *format >= '0' && *format <= '9'; format++)
                style.precision = style.precision * 10 + *format - '0';
        }
        int bytes = 4;
        for (;; format++) {
            if (*format == 'l' || *format == 'z' || *format == 'j' || *format == 't')
                bytes = 8;
            else if (*format == 'h')
                bytes = bytes == 2 ? 1 : 2;
            else
                break;
        }
        char one[2] = {0};
        switch (*format) {
        case 'd':
        case 'i': {
            int64_t value = bytes == 8 ? va_arg(arguments, int64_t) : va_arg(arguments, int);
            value = bytes == 2 ? (int16_t)value : bytes == 1 ? (int8_t)value : value;
            const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
            emit_integer(out, style, size, sign_of(&style, value < 0), 10, 0);
            break;
        }
        case 'u':
        case 'x':
        case 'X':
        case 'o': {
            uint64_t value = bytes == 8 ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned int);
            value = bytes == 2 ? (uint16_t)value : bytes == 1 ? (uint8_t)value : value;
            const unsigned base = *format == 'u' ? 10 : *format == 'o' ? 8 : 16;
            const char *prefix = !style.alternate || !value || base == 10 ? "" : base == 8 ? "0" : *format == 'X' ? "0X" : "0x";
            emit_integer(out, style, value, prefix, base, *format == 'X');
            break;
        }
        case 'p':
            emit_integer(out, style, (uintptr_t)va_arg(arguments, void *), "0x", 16, 0);
            break;
        case 'c':
            one[0] = (char)va_arg(arguments, int);
            style.zeros = 0;
            if (one[0])
                emit_number(out, &style, "", one, 0);
            else
                emit(out, 0);
            break;
        case 's': {
            const char *text = va_arg(arguments, const char *);
            text = text ? text : "(null)";
            const size_t shown = style.precision < 0 ? strlen(text) : strnlen(text, (size_t)style.precision);
            const int padding = style.width - (int)shown;
            if (!style.left)
                repeat(out, ' ', padding);
            for (size_t i = 0; i < shown; i++)
                emit(out, text[i]);
            if (style.left)
                repeat(out, ' ', padding);
            break;
        }
        case 'f':
        case 'F':
        case 'e':
        case 'E':
        case 'g':
        case 'G':
            emit_float(out, style, va_arg(arguments, double), *format);
            break;
        case 0:
            return;
        default:  /* "%%", and what we do not know as it stands */
            emit(out, *format);
        }
    }
}

int vsnprintf(char *text, size_t size, const char *format, va_list arguments) {
    char nowhere[1];
    Output out = {text ? text : nowhere, text ? size : 1, 0};
    format_into(&out, format, arguments);
    if (out.size > 0)
        out.text[out.length < out.size ? out.length : out.size - 1] = 0;
    return (int)out.length;
}

int vprintf(const char *format, va_list arguments) {
    Output out = {0};
    format_into(&out, format, arguments);
    return (int)out.length;
}

int printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vprintf(format, arguments);
    va_end(arguments);
    return length;
}

int fprintf(FILE *stream, const char *format, ...) {
    (void)stream;
    va_list arguments;
    va_start(arguments, format);
    const int length = vprintf(format, arguments);
    va_end(arguments);
    return length;
}

int snprintf(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return length;
}

int sprintf(char *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, (size_t)-1 >> 1, format, arguments);
    va_end(arguments);
    return length;
}
