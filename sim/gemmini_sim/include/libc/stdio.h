/* Console output; see runtime/console.c. Every stream is the console. */
#ifndef GEMMINI_SIM_STDIO_H
#define GEMMINI_SIM_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define EOF (-1)

typedef struct gemmini_sim_stream FILE;
#define stdin ((FILE *)0)
#define stdout ((FILE *)1)
#define stderr ((FILE *)2)

int putchar(int character);
int puts(const char *text);
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int vprintf(const char *format, va_list arguments);
int snprintf(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *text, size_t size, const char *format, va_list arguments);
int sprintf(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fprintf(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fputs(const char *text, FILE *stream);
int fputc(int character, FILE *stream);
int fflush(FILE *stream);
void perror(const char *text);

#define putc(character, stream) fputc(character, stream)

#endif
