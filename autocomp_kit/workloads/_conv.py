"""The convolution of a neural network layer, channels last, int8 in and out, int32 between."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from gemmini_sim.config import MachineConfig
from pydantic import Field, field_validator

from autocomp_kit.workloads._base import Argument, Array, Arrays, Workload
from autocomp_kit.workloads._conv_naive import naive_conv
from autocomp_kit.workloads._inputs import bias_vector, matmul_operands
from autocomp_kit.workloads._quantize import scale_to_int8, wrapped_int32

__all__ = ["Conv"]

Size = Annotated[int, Field(ge=1, le=4096)]


class Conv(Workload):
    """``output[n][p][q][k] = saturate(round(scale * (bias[k] + total)))`` over a square window of the input.

    ``total`` is the sum of ``inp[n][p * stride + r][q * stride + s][c] * weights[r][s][c][k]`` over r, s and c.
    ``rows`` and ``columns`` are those of the output; the input array contains its padding already.
    """

    kind: Literal["conv"] = "conv"
    batch: Size = 1
    rows: Size
    columns: Size
    in_channels: Size
    out_channels: Size
    window: Annotated[int, Field(ge=1, le=16)] = 3
    stride: Annotated[int, Field(ge=1, le=8)] = 1
    scale: Annotated[float, Field(gt=-1e30, lt=1e30)] = 1.0
    relu: bool = False

    @field_validator("scale", mode="before")
    @classmethod
    def _scale_from_int(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @property
    def in_rows(self) -> int:
        """Rows of the padded input."""
        return (self.rows - 1) * self.stride + self.window

    @property
    def in_columns(self) -> int:
        """Columns of the padded input."""
        return (self.columns - 1) * self.stride + self.window

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """inp, weights, bias and output."""
        n, c, k, window = self.batch, self.in_channels, self.out_channels, self.window
        return (
            Argument(name="inp", dtype="int8", shape=(n, self.in_rows, self.in_columns, c), role="input"),
            Argument(name="weights", dtype="int8", shape=(window, window, c, k), role="input"),
            Argument(name="bias", dtype="int32", shape=(1, k), role="input"),
            Argument(name="output", dtype="int8", shape=(n, self.rows, self.columns, k), role="output"),
        )

    @property
    def macs(self) -> int:
        """One per output element, input channel and weight position."""
        return self.batch * self.rows * self.columns * self.out_channels * self.in_channels * self.window**2

    @property
    def element(self) -> Literal["int8", "fp32"]:
        """int8."""
        return "int8"

    @property
    def constants(self) -> dict[str, int]:
        """Sizes by the names of the public convolution tests."""
        return {
            "N": self.batch,
            "P": self.rows,
            "Q": self.columns,
            "C": self.in_channels,
            "K": self.out_channels,
            "R": self.window,
            "S": self.window,
            "STRIDE": self.stride,
            "INP_ROWS": self.in_rows,
            "INP_COLS": self.in_columns,
        }

    @property
    def aliases(self) -> dict[str, str]:
        """``INP_MATRIX_NAME`` and so on."""
        names = {"INP": "inp", "WEIGHT": "weights", "BIAS": "bias", "OUTPUT": "output"}
        return {f"{alias}_MATRIX_NAME": name for alias, name in names.items()}

    def make_inputs(self, seed: int) -> dict[str, Array]:
        """Return inp, weights and bias; the weights are the right operand of a product as deep as a window."""
        rng = np.random.default_rng([seed, self.batch, self.rows, self.columns, self.in_channels, self.out_channels])
        spread = seed % 2 == 1
        inp, weights, bias, _ = self.arguments
        pixels, depth = inp.shape[0] * inp.shape[1] * inp.shape[2], self.window**2 * self.in_channels
        left, right = matmul_operands(
            rng, (pixels, self.in_channels), (depth, self.out_channels), scale=self.scale, spread=spread
        )
        return {
            "inp": left.reshape(inp.shape),
            "weights": right.reshape(weights.shape),
            "bias": bias_vector(rng, bias.shape, scale=self.scale, spread=spread),
        }

    def reference(self, inputs: Arrays) -> dict[str, Array]:
        """Return output: one exact float64 product per weight position."""
        inp, weights = inputs["inp"].astype(np.float64), inputs["weights"].astype(np.float64)
        height, width = (self.rows - 1) * self.stride + 1, (self.columns - 1) * self.stride + 1
        total = np.tile(inputs["bias"].astype(np.float64), (self.batch * self.rows * self.columns, 1))
        for r in range(self.window):
            for s in range(self.window):
                pixels = inp[:, r : r + height : self.stride, s : s + width : self.stride]
                total += pixels.reshape(-1, self.in_channels) @ weights[r, s]
        shape = (self.batch, self.rows, self.columns, self.out_channels)
        return {"output": scale_to_int8(wrapped_int32(total), self.scale, relu=self.relu).reshape(shape)}

    def naive_kernel(self, machine: MachineConfig) -> str:
        """Return the kernel that reloads weights and pixels for every block of the output."""
        return naive_conv(
            self, dim=machine.array.dim, wide=max(1, min(4, machine.dma.request_bytes // machine.array.dim))
        )

    def library_kernel(self) -> str:
        """Return one call of ``tiled_conv_auto``, weight-stationary."""
        return f"""\
{self.signature} {{
  tiled_conv_auto({self.batch}, {self.in_rows}, {self.in_columns}, {self.in_channels}, {self.out_channels},
                  {self.rows}, {self.columns}, {self.stride}, 1, 1, 0, {self.window}, false, false, false, false, false,
                  &inp[0][0][0][0], &weights[0][0][0][0], &bias[0][0], &output[0][0][0][0],
                  {"RELU" if self.relu else "NO_ACTIVATION"}, {self.scale!r}f, 0, 0, 0, WS);
  fence();
}}
"""

    def formula(self) -> str:
        """Return the definition of output."""
        relu = ", then ReLU" if self.relu else ""
        return (
            f"output[n][p][q][k] = bias[0][k] + sum over r, s < {self.window} and c < {self.in_channels} of "
            f"inp[n][p * {self.stride} + r][q * {self.stride} + s][c] * weights[r][s][c][k]; inp contains its padding "
            f"already; int8 operands, sums in int32 that wraps, scaled by {self.scale:g}, rounded half to even, "
            f"saturated to int8{relu}."
        )
