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

/* %f, %e and %g with at most 17 digits after the point; the last digits of long numbers are not exact. */
static void emit_float(Output *out, Style style, double value, char form) {
    char buffer[352];
    const char upper = form >= 'A' && form <= 'Z';
    const int negative = __builtin_signbit(value) != 0;
    double size = negative ? -value : value;
    form = (char)(form | 0x20);
    if (size != size || size > __DBL_MAX__) {
        style.zeros = 0;
        emit_number(out, &style, sign_of(&style, negative), size != size ? "nan" : "inf", 0);
        return;
    }
    int places = style.precision < 0 ? 6 : style.precision > 17 ? 17 : style.precision;
    int exponent = 0;
    if (form != 'f' && size != 0) {
        for (; size >= 10; exponent++)
            size /= 10;
        for (; size < 1; exponent--)
            size *= 10;
    }
    int trim = 0;
    if (form == 'g') {
        const int significant = places == 0 ? 1 : places;
        double limit = 10;
        for (int i = 1; i < significant; i++)
            limit *= 10;
        double shown = size;
        for (int i = 1; i < significant; i++)
            shown *= 10;
        if (shown + 0.5 >= limit) {  /* rounding adds a digit */
            size /= 10;
            exponent++;
        }
        trim = !style.alternate;
        if (exponent < -4 || exponent >= significant) {
            form = 'e';
            places = significant - 1;
        } else {
            form = 'f';
            places = significant - 1 - exponent;
            for (; exponent > 0; exponent--)
                size *= 10;
            for (; exponent < 0; exponent++)
                size /= 10;
        }
    }
    double half = 0.5;
    for (int i = 0; i < places; i++)
        half /= 10;
    size += half;
    if (form == 'e' && size >= 10) {
        size /= 10;
        exponent++;
    }
    int extra = 0;  /* digits of the whole part beyond what a 64-bit integer holds */
    while (size >= 1e18) {
        size /= 10;
        extra++;
    }
    uint64_t whole = (uint64_t)size;
    double rest = size - (double)whole;
    char *digits = digits_of(whole, 10, 0, buffer + 20);
    char *end = buffer + 20;
    for (; extra > 0 && end < buffer + 330; extra--)
        *end++ = '0';
    if (places > 0 || style.alternate)
        *end++ = '.';
    for (int i = 0; i < places; i++) {
        rest *= 10;
        const int digit = (int)rest;
        *end++ = (char)('0' + digit);
        rest -= digit;
    }
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
    emit_number(out, &style, sign_of(&style, negative), digits, 0);
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
