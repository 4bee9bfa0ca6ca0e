/* Memory and string functions, also those that a compiler calls on its own. */
#include <stdint.h>
#include <string.h>

#ifndef __clang__
/* or GCC would make memcpy of the loop in memcpy */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* A pointer to doublewords that may overlap objects of any type */
typedef uint64_t __attribute__((may_alias)) doubleword;

static int aligned(const void *first, const void *second) {
    return (((uintptr_t)first | (uintptr_t)second) & 7) == 0;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t count) {
    char *to = destination;
    const char *from = source;
    if (aligned(to, from)) {
        for (; count >= 32; count -= 32, to += 32, from += 32) {
            const uint64_t a = ((const doubleword *)from)[0], b = ((const doubleword *)from)[1];
            const uint64_t c = ((const doubleword *)from)[2], d = ((const doubleword *)from)[3];
            ((doubleword *)to)[0] = a, ((doubleword *)to)[1] = b, ((doubleword *)to)[2] = c, ((doubleword *)to)[3] = d;
        }
        for (; count >= 8; count -= 8, to += 8, from += 8)
            *(doubleword *)to = *(const doubleword *)from;
    }
    while (count-- > 0)
        *to++ = *from++;
    return destination;
}

void *memmove(void *destination, const void *source, size_t count) {
    char *to = destination;
    const char *from = source;
    if (to <= from || to >= from + count)
        return memcpy(destination, source, count);
    while (count-- > 0)
        to[count] = from[count];
    return destination;
}

void *memset(void *destination, int value, size_t count) {
    unsigned char *to = destination;
    if (aligned(to, to)) {
        const uint64_t pattern = 0x0101010101010101u * (unsigned char)value;
        for (; count >= 32; count -= 32, to += 32)
            ((doubleword *)to)[0] = ((doubleword *)to)[1] = ((doubleword *)to)[2] = ((doubleword *)to)[3] = pattern;
        for (; count >= 8; count -= 8, to += 8)
            *(doubleword *)to = pattern;
    }
    while (count-- > 0)
        *to++ = (unsigned char)value;
    return destination;
}

int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *a = left, *b = right;
    for (; count > 0; count--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

size_t strnlen(const char *text, size_t limit) {
    size_t length = 0;
    while (length < limit && text[length])
        length++;
    return length;
}

int strcmp(const char *left, const char *right) {
    return strncmp(left, right, SIZE_MAX);
}

int strncmp(const char *left, const char *right, size_t count) {
    for (; count > 0; count--, left++, right++)
        if (*left != *right || !*left)
            return (unsigned char)*left - (unsigned char)*right;
    return 0;
}

char *strcpy(char *restrict destination, const char *restrict source) {
    return memcpy(destination, source, strlen(source) + 1);
}

char *strncpy(char *restrict destination, const char *restrict source, size_t count) {
    const size_t length = strnlen(source, count);
    memset(destination + length, 0, count - length);
    return memcpy(destination, source, length);
}

char *strcat(char *restrict destination, const char *restrict source) {
    strcpy(destination + strlen(destination), source);
    return destination;
}

char *strchr(const char *text, int character) {
    for (;; text++) {
        if (*text == (char)character)
            return (char *)text;
        if (!*text)
            return NULL;
    }
}

char *strstr(const char *text, const char *part) {
    const size_t length = strlen(part);
    for (; *text || !length; text++)
        if (strncmp(text, part, length) == 0)
            return (char *)text;
    return NULL;
}
