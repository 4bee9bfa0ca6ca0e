"""The program around a kernel: its arrays, where they lie in simulated memory, and the region that is measured.

Every array lies in a zone of its own, between two guards::

    __zone_C:  guard | C | padding to a cache line | guard

The host writes whole zones before a run and reads whole zones after it. Guards hold random bytes, outputs hold bytes
that differ from the reference in every place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autocomp_kit.kernel import Kernel
from autocomp_kit.workloads import FUNCTION, Argument, Arrays, Workload

__all__ = ["GUARD_BYTES", "KERNEL_FILE", "Zone", "harness_sources", "zones"]

KERNEL_FILE = "kernel.c"
GUARD_BYTES = 4096
_LINE_BYTES = 64

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Zone:
    """Where one argument lies: symbol ``__zone_A`` holds a guard, the array from ``GUARD_BYTES`` on, and a guard."""

    argument: Argument

    @property
    def symbol(self) -> str:
        """Name of the C array that is the whole zone."""
        return f"__zone_{self.argument.name}"

    @property
    def nbytes(self) -> int:
        """Bytes of the whole zone."""
        return 2 * GUARD_BYTES + -(-self.argument.nbytes // _LINE_BYTES) * _LINE_BYTES

    @property
    def array(self) -> slice:
        """The bytes of the zone that are the array."""
        return slice(GUARD_BYTES, GUARD_BYTES + self.argument.nbytes)

    def image(self, contents: Bytes, rng: np.random.Generator) -> Bytes:
        """Return the zone with the array's bytes in place and random bytes around."""
        zone = rng.integers(0, 256, self.nbytes, dtype=np.uint8)
        zone[self.array] = contents
        return zone

    def extract(self, zone: Bytes) -> np.ndarray[Any, Any]:
        """Return the array that lies in a zone's bytes."""
        return zone[self.array].view(self.argument.dtype).reshape(self.argument.shape)


def zones(workload: Workload) -> tuple[Zone, ...]:
    """Return the zone of every argument, in order."""
    return tuple(Zone(argument) for argument in workload.arguments)


def images(workload: Workload, inputs: Arrays, expected: Arrays, seed: int) -> dict[str, Bytes]:
    """Return what every zone holds before a run: inputs, and bytes that differ from the reference for the rest."""
    rng = np.random.default_rng([seed, workload.macs % 2**32])
    out = {}
    for zone in zones(workload):
        argument = zone.argument
        if argument.role == "input":
            contents = inputs[argument.name]
        else:
            right = np.ascontiguousarray(expected[argument.name])
            poison = right.view(np.uint8) + rng.integers(1, 256, right.view(np.uint8).shape, dtype=np.uint8)
            contents = poison.view(argument.dtype)
            if argument.role == "inout":
                given = ~np.isnan(inputs[argument.name])
                contents[given] = inputs[argument.name][given]
        out[zone.symbol] = zone.image(np.ascontiguousarray(contents).view(np.uint8).ravel(), rng)
    return out


def harness_sources(workload: Workload, kernel: Kernel) -> dict[str, str]:
    """Return the files of the program, by name."""
    return {
        "harness.h": _header(workload),
        "main.c": _main(workload),
        KERNEL_FILE: f'#include "harness.h"\n#line 1 "{KERNEL_FILE}"\n{kernel.compilable}',
    }


def _header(workload: Workload) -> str:
    """Return what a kernel sees: Gemmini, and the names of sizes and arrays that public programs use."""
    lines = ["#include <gemmini.h>"]
    if workload.constants:
        # Not macros: a kernel may use the same names for its own variables.
        lines.append("enum { " + ", ".join(f"{name} = {value}" for name, value in workload.constants.items()) + " };")
    lines += [f"#define {alias} {name}" for alias, name in workload.aliases.items()]
    lines += workload.helpers.values()
    return "\n".join(lines) + "\n"


def _main(workload: Workload) -> str:
    pointers = ", ".join("void *" for _ in workload.arguments)
    arguments = ", ".join(f"__zone_{argument.name} + {GUARD_BYTES}" for argument in workload.arguments)
    arrays = "\n".join(
        f"uint8_t {zone.symbol}[{zone.nbytes}] __attribute__((aligned({GUARD_BYTES})));" for zone in zones(workload)
    )
    return f"""#include <gemmini.h>

{arrays}

/* Nonzero: another program has used the accelerator before and left its rows and its configuration behind. */
volatile uint32_t __spoil = 0;
uint8_t __leftovers[DIM * DIM * 4] __attribute__((aligned(64)));

static void spoil_accelerator(void) {{
    gemmini_extended_config_ex(OUTPUT_STATIONARY, RELU, 0, 3, false, false);
    gemmini_extended_config_st(1, RELU, 0.25);
    for (int id = 0; id < 3; id++) {{
        gemmini_extended3_config_ld(DIM * sizeof(elem_t), MVIN_SCALE_IDENTITY, false, id);
    }}
    for (uint32_t row = 0; row < BANK_NUM * BANK_ROWS; row += DIM) {{
        gemmini_mvin(__leftovers, row);
    }}
    gemmini_extended3_config_ld(DIM * sizeof(acc_t), MVIN_SCALE_IDENTITY, false, 0);
    for (uint32_t row = 0; row < ACC_ROWS; row += DIM) {{
        gemmini_mvin(__leftovers, (1u << 31) | row);
    }}
    gemmini_fence();
}}

void {FUNCTION}({pointers});
void _exit(int code) __attribute__((noreturn));

int main(void) {{
    if (__spoil) {{
        spoil_accelerator();
    }}
    gemmini_region_begin(0);
    {FUNCTION}({arguments});
    gemmini_region_begin(1);
    gemmini_fence();
    gemmini_region_end(1);
    gemmini_region_end(0);
    _exit(0); /* not through the stack, which the kernel could have changed */
}}
"""
