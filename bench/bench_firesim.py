"""Six matrix multiplications of the vendor's library on the default machine, beside cycles measured with FireSim.

The figures are those that the merlin project published for int8 GEMMs of 16 x 16 Gemmini on FireSim (U250), through
``tiled_matmul_auto`` with the hardware loop. Which memory model that bitstream had is not known; ours has a fixed
latency. See docs/clock.md for what the differences come from.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemmini_sim import load_config
from run import Row

from autocomp_kit.evaluate import Evaluator
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


def measure() -> Iterator[Row]:
    """Yield our cycles, with FireSim's as reference."""
    machine = load_config("int8-16")
    for m, n, k, cycles in _MEASURED:
        workload = Gemm(name="library", kind="gemm", m=m, n=n, k=k, scale=0.0625)
        evaluation = Evaluator(workload, machine, seeds=(0,), library=True).evaluate(workload.library_kernel())
        if evaluation.cycles is None:
            raise RuntimeError("; ".join(problem.message for problem in evaluation.problems))
        yield Row(f"tiled_matmul_auto {m} x {n} x {k}", evaluation.cycles, "cycles", cycles, "FireSim")
