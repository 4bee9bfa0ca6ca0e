/* Gemmini for C programs: the public names of its interface, Autocomp's short names, and markers of regions. */
#ifndef GEMMINI_H
#define GEMMINI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemmini_params.h"

#include "gemmini_commands.h"
#include "gemmini_region.h"
#ifndef GEMMINI_NO_SHORT_NAMES
#include "gemmini_short.h"
#endif

#endif
