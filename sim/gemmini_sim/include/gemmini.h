/* Gemmini for C programs: its commands and library functions under their public names, Autocomp's short names, and markers
 * of regions. */
#ifndef GEMMINI_H
#define GEMMINI_H

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemmini_params.h"

/* Library functions check their arguments and end the program with a message. */
#define GEMMINI_ASSERTIONS

#include "gemmini_commands.h"
#include "gemmini_conv.h"
#include "gemmini_counter.h"
#include "gemmini_matmul.h"
#include "gemmini_norm.h"
#include "gemmini_region.h"
#include "gemmini_resadd.h"
#ifndef GEMMINI_NO_SHORT_NAMES
#include "gemmini_short.h"
#endif

#endif
