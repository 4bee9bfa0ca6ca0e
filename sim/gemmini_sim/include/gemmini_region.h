/* Regions of interest and counters of the host.
 *
 * A region marker is an instruction without effect (a hint), n = 0 to 1000 a constant. The simulator records the cycle
 * at each and charges nothing for it; any other machine ignores it. */
#ifndef GEMMINI_REGION_H
#define GEMMINI_REGION_H

#include <stdint.h>

#define gemmini_region_begin(n) __asm__ volatile("slti x0, x0, %0" : : "i"(2 * (n) + 1) : "memory")
#define gemmini_region_end(n) __asm__ volatile("slti x0, x0, %0" : : "i"(2 * (n) + 2) : "memory")

static inline uint64_t gemmini_rdcycle(void) {
    uint64_t value;
    __asm__ volatile("rdcycle %0" : "=r"(value) : : "memory");
    return value;
}

static inline uint64_t gemmini_rdinstret(void) {
    uint64_t value;
    __asm__ volatile("rdinstret %0" : "=r"(value) : : "memory");
    return value;
}

#endif
