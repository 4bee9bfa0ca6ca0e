"""How far a kernel is from the hardware's own way to do the same work.

Gemmini's LOOP_WS and LOOP_CONV_WS commands unroll a whole tile in hardware, at no cost to the host. The vendor's
library does matrix multiplications and convolutions with them.
"""

from __future__ import annotations

from gemmini_sim import MachineConfig

from autocomp_kit.evaluate import EvaluationCache, Evaluator
from autocomp_kit.workloads import Workload, WorkloadError

__all__ = ["hardware_loop_cycles"]


def hardware_loop_cycles(
    workload: Workload, machine: MachineConfig, *, cache: EvaluationCache | None = None
) -> int | None:
    """Return the cycles of the vendor's library on a workload, whose work its hardware loops do.

    Parameters
    ----------
    workload, machine
        What is computed, on what.
    cache : EvaluationCache, optional
        With one, it is simulated once for every workload and machine.

    Returns
    -------
    int or None
        ``None`` if the library has no operator for the workload, or its result is not right on this machine.
    """
    try:
        kernel = workload.library_kernel()
    except WorkloadError:
        return None
    return Evaluator(workload, machine, cache=cache, seeds=(0,), library=True).evaluate(kernel).cycles
