"""Workloads by name: those that ship in ``data/workloads``, and a user's own YAML file.

A file of ours holds a family, a mapping from short names to workloads: ``exo.yaml`` defines ``exo/0`` to ``exo/5``.
A user's file holds one workload::

    kind: gemm
    m: 256
    n: 192
    k: 128
    scale: 0.0625
    bias: row              # none (default), row, matrix
    relu: true
    baseline: my_kernel.c  # optional; relative to this file
"""

from autocomp_kit.workloads._admm import Admm
from autocomp_kit.workloads._base import FUNCTION, Argument, Array, Arrays, Workload, WorkloadError
from autocomp_kit.workloads._conv import Conv
from autocomp_kit.workloads._gemm import Gemm
from autocomp_kit.workloads._registry import load_workload, workload_names

__all__ = [
    "FUNCTION",
    "Admm",
    "Argument",
    "Array",
    "Arrays",
    "Conv",
    "Gemm",
    "Workload",
    "WorkloadError",
    "load_workload",
    "workload_names",
]
