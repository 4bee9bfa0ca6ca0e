"""Six matrix multiplications of the vendor's library on the default machine, beside cycles measured with FireSim.

The figures are those that the merlin project published for int8 GEMMs of 16 x 16 Gemmini on FireSim (U250), through
``tiled_matmul_auto`` with the hardware loop. Which memory model that bitstream had is not known; the preset's has a
fixed latency. See docs/clock.md for what the differences come from.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemmini_sim import load_config
from run import Row

from autocomp_kit.bounds import hardware_loop_cycles
from autocomp_kit.workloads import Gemm

# m, n, k and cycles on FireSim
_MEASURED = (
    (512, 512, 512, 545_744),
    (12544, 256, 64, 1_196_229),
    (12544, 64, 256, 810_687),
    (3136, 512, 128, 919_243),
    (3136, 128, 512, 863_123),
    (784, 1024, 256, 814_918),
)

# DDR3-2133 14-14-14 of four ranks on a memory clock of 1 GHz; a line is a burst of eight transfers.
_DDR3 = {
    "l2.kilobytes": 512,
    "memory.banks": 32,
    "memory.row_bytes": 8192,
    "memory.activate": 14,
    "memory.precharge": 14,
    "memory.burst": 4,
    "memory.turnaround": 8,
    "memory.write_queue": 16,
}


def measure() -> Iterator[Row]:
    """Yield our cycles, with FireSim's as reference: on the preset, with Chipyard's default L2, and with DDR3 too."""
    preset = load_config("int8-16")
    machines = {
        "": preset,
        ", L2 of 512 KB": preset.with_values({"l2.kilobytes": 512}),
        ", L2 of 512 KB, DDR3": preset.with_values(_DDR3),
    }
    for name, machine in machines.items():
        for m, n, k, measured in _MEASURED:
            workload = Gemm(name="library", kind="gemm", m=m, n=n, k=k, scale=0.0625)
            cycles = hardware_loop_cycles(workload, machine)
            if cycles is None:
                raise RuntimeError(f"{m} x {n} x {k}: the library's result is not right")
            yield Row(f"tiled_matmul_auto {m} x {n} x {k}{name}", cycles, "cycles", measured, "FireSim")
