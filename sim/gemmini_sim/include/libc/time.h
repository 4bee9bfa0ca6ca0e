/* There is no clock on the bare machine but the cycle counter, see gemmini_region.h; programs include this header all the
 * same. */
#ifndef GEMMINI_SIM_TIME_H
#define GEMMINI_SIM_TIME_H

typedef long time_t;

#endif
