/* The part of the C library that freestanding programs get; see runtime/string.c. */
#ifndef GEMMINI_SIM_STRING_H
#define GEMMINI_SIM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t count);
void *memmove(void *destination, const void *source, size_t count);
void *memset(void *destination, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t count);
char *strcpy(char *restrict destination, const char *restrict source);
char *strncpy(char *restrict destination, const char *restrict source, size_t count);
char *strcat(char *restrict destination, const char *restrict source);
char *strchr(const char *text, int character);
char *strstr(const char *text, const char *part);

#endif
