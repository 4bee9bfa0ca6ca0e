/* Numbers and a heap that only grows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 1;

/* Knuth's MMIX linear congruential generator: the upper half of the state, without its top bit */
int rand(void) {
    random_state = random_state * 6364136223846793005u + 1;
    return (int)(random_state >> 32 & RAND_MAX);
}

void srand(unsigned int seed) {
    random_state = seed;
}

int abs(int value) {
    return value < 0 ? -value : value;
}

long labs(long value) {
    return value < 0 ? -value : value;
}

long long llabs(long long value) {
    return value < 0 ? -value : value;
}

int atoi(const char *text) {
    unsigned int value = 0;
    while (*text == ' ' || (*text >= '\t' && *text <= '\r'))
        text++;
    const int negative = *text == '-';
    if (negative || *text == '+')
        text++;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned int)(*text - '0');
    return negative ? -(int)value : (int)value;
}

/* Blocks are 16 bytes aligned behind a header with their size; free gives nothing back. */
extern char __heap_start[], __heap_end[];
static char *heap_next = __heap_start;

void *malloc(size_t size) {
    if (size > (size_t)(__heap_end - heap_next))
        return NULL;
    const size_t room = ((size + 15) & ~(size_t)15) + 16;
    if (room > (size_t)(__heap_end - heap_next))
        return NULL;
    *(size_t *)heap_next = size;
    char *block = heap_next + 16;
    heap_next += room;
    return block;
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *block = malloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

void *realloc(void *block, size_t size) {
    const size_t old = block ? *(size_t *)((char *)block - 16) : 0;
    void *fresh = malloc(size);
    return fresh ? memcpy(fresh, block, old < size ? old : size) : NULL;
}

void free(void *block) {
    (void)block;
}
