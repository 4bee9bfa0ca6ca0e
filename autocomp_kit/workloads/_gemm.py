"""The matrix product: ``C = saturate(round(scale * (A x B + D)))``, int8 in and out, int32 between."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from gemmini_sim.config import MachineConfig
from pydantic import Field, field_validator

from autocomp_kit.workloads._base import Argument, Array, Arrays, Workload
from autocomp_kit.workloads._gemm_naive import naive_gemm
from autocomp_kit.workloads._inputs import bias_vector, matmul_operands
from autocomp_kit.workloads._quantize import scale_to_int8, wrapped_int32

__all__ = ["Gemm"]

Size = Annotated[int, Field(ge=1, le=65536)]


class Gemm(Workload):
    """``C[m][n] = saturate(round(scale * (A[m][k] x B[k][n] + D)))``.

    ``bias`` says what D is: absent, one int32 per column (``row``, also written ``true``), or one per element
    (``matrix``). ``relu`` sets negative results to zero.
    """

    kind: Literal["gemm"] = "gemm"
    m: Size
    n: Size
    k: Size
    scale: Annotated[float, Field(gt=-1e30, lt=1e30)] = 1.0
    bias: Literal["none", "row", "matrix"] = "none"
    relu: bool = False

    @field_validator("bias", mode="before")
    @classmethod
    def _bias_from_bool(cls, value: object) -> object:
        return {True: "row", False: "none"}[value] if isinstance(value, bool) else value

    @field_validator("scale", mode="before")
    @classmethod
    def _scale_from_int(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """A, B, D if there is a bias, and C."""
        a = Argument(name="A", dtype="int8", shape=(self.m, self.k), role="input")
        b = Argument(name="B", dtype="int8", shape=(self.k, self.n), role="input")
        d = Argument(name="D", dtype="int32", shape=(1 if self.bias == "row" else self.m, self.n), role="input")
        c = Argument(name="C", dtype="int8", shape=(self.m, self.n), role="output")
        return (a, b, c) if self.bias == "none" else (a, b, d, c)

    @property
    def macs(self) -> int:
        """``m * n * k``."""
        return self.m * self.n * self.k

    @property
    def element(self) -> Literal["int8", "fp32"]:
        """int8."""
        return "int8"

    @property
    def constants(self) -> dict[str, int]:
        """``MAT_DIM_I``, ``MAT_DIM_J``, ``MAT_DIM_K`` and the transposes (none)."""
        return {
            "MAT_DIM_I": self.m,
            "MAT_DIM_J": self.n,
            "MAT_DIM_K": self.k,
            "A_TRANSPOSE": 0,
            "B_TRANSPOSE": 0,
        }

    @property
    def aliases(self) -> dict[str, str]:
        """``A_MATRIX_NAME`` and so on."""
        return {f"{argument.name}_MATRIX_NAME": argument.name for argument in self.arguments}

    def make_inputs(self, seed: int) -> dict[str, Array]:
        """Return A, B and D; see ``_inputs.py`` for why even and odd seeds differ in character."""
        rng = np.random.default_rng([seed, self.m, self.n, self.k])
        spread = seed % 2 == 1
        a, b = matmul_operands(rng, (self.m, self.k), (self.k, self.n), scale=self.scale, spread=spread)
        arrays: dict[str, Array] = {"A": a, "B": b}
        for argument in self.arguments:
            if argument.name == "D":
                arrays["D"] = bias_vector(rng, argument.shape, scale=self.scale, spread=spread)
        return arrays

    def reference(self, inputs: Arrays) -> dict[str, Array]:
        """Return C. The product runs in float64, which is exact: sums stay below 2**14 * 65536 = 2**30."""
        total = inputs["A"].astype(np.float64) @ inputs["B"].astype(np.float64)
        if self.bias != "none":
            total += inputs["D"]
        return {"C": scale_to_int8(wrapped_int32(total), self.scale, relu=self.relu)}

    def naive_kernel(self, machine: MachineConfig) -> str:
        """Return the kernel that reloads A and B for every block of C."""
        return naive_gemm(
            self, dim=machine.array.dim, wide=max(1, min(4, machine.dma.request_bytes // machine.array.dim))
        )

    def library_kernel(self) -> str:
        """Return one call of ``tiled_matmul_auto``, weight-stationary."""
        bias, activation = ("NULL" if self.bias == "none" else "D"), ("RELU" if self.relu else "NO_ACTIVATION")
        return f"""\
{self.signature} {{
  tiled_matmul_auto({self.m}, {self.n}, {self.k}, &A[0][0], &B[0][0], {bias}, C, {self.k}, {self.n}, {self.n}, {self.n},
                    MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, MVIN_SCALE_IDENTITY, {activation}, {self.scale!r}f, 0,
                    {"true" if self.bias == "row" else "false"}, false, false, false, false, 0, WS);
  fence();
}}
"""

    def formula(self) -> str:
        """Return the definition of C."""
        terms = f"A[{self.m}][{self.k}] x B[{self.k}][{self.n}]"
        if self.bias != "none":
            terms += " + D[0] (added to every row)" if self.bias == "row" else f" + D[{self.m}][{self.n}]"
        relu = ", then ReLU" if self.relu else ""
        return (
            f"C[{self.m}][{self.n}] = {terms}, row-major; int8 operands, sums in int32 that wraps, scaled by "
            f"{self.scale:g}, rounded half to even, saturated to int8{relu}."
        )
