/* GCC expects a C library to bring this header; it has what is needed itself. */
#include <stdint-gcc.h>
