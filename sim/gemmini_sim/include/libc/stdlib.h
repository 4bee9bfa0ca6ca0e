/* The part of the C library that freestanding programs get; see runtime/stdlib.c. */
#ifndef GEMMINI_SIM_STDLIB_H
#define GEMMINI_SIM_STDLIB_H

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX 0x7fffffff

__attribute__((noreturn)) void exit(int code);
__attribute__((noreturn)) void _exit(int code);
__attribute__((noreturn)) void abort(void);
int rand(void);
void srand(unsigned int seed);
int abs(int value);
long labs(long value);
long long llabs(long long value);
int atoi(const char *text);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

#endif
