"""The three steps of a model-predictive controller's solver (ADMM, as in TinyMPC): small fp32 matrix-vector work."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from gemmini_sim.config import MachineConfig
from pydantic import Field

from autocomp_kit.workloads._admm_naive import naive_admm
from autocomp_kit.workloads._base import Argument, Array, Arrays, Workload

__all__ = ["Admm"]

_TOLERANCE = 1e-5

_ADD_MATRIX = """\
static inline void add_matrix(const void *a, const void *b, void *out, int rows, int columns) {
  for (int i = 0; i < rows * columns; i++) ((float *) out)[i] = ((const float *) a)[i] + ((const float *) b)[i];
}"""
_NEGATE_MATRIX = """\
static inline void negate_matrix(const void *in, void *out, int rows, int columns) {
  for (int i = 0; i < rows * columns; i++) ((float *) out)[i] = -((const float *) in)[i];
}"""

Size = Annotated[int, Field(ge=1, le=256)]


class Admm(Workload):
    """One of three steps, with ``states`` and ``inputs`` of the controlled system and ``horizon`` time steps.

    ``input``: one control input from one state. ``forward``: all inputs and states of the horizon. ``backward``: the
    linear terms of the value function, from the last time step to the first.
    """

    kind: Literal["admm"] = "admm"
    step: Literal["input", "forward", "backward"]
    states: Size = 12
    inputs_count: Size = 4
    horizon: Annotated[int, Field(ge=2, le=256)] = 10

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arrays of the step, by their names in the public tests."""
        n, m, steps = self.states, self.inputs_count, self.horizon
        shapes: dict[str, tuple[int, ...]]
        if self.step == "input":
            shapes = {"Kinf": (n, m), "x_i": (n, 1), "d_i": (m, 1), "u_i": (m, 1)}
            filled, completed = "u_i", ""
        elif self.step == "forward":
            shapes = {
                "Adyn": (n, n),
                "Bdyn": (n, m),
                "Kinf": (m, n),
                "x": (steps + 1, n, 1),
                "d": (steps, m, 1),
                "u": (steps, m, 1),
            }
            filled, completed = "u", "x"
        else:
            shapes = {
                "Bdyn": (n, m),
                "Quu_inv": (m, m),
                "Kinf": (m, n),
                "AmBKt": (n, n),
                "p": (steps, n, 1),
                "d": (steps - 1, m, 1),
                "r": (steps, m, 1),
                "q": (steps, n, 1),
            }
            filled, completed = "d", "p"
        roles: dict[str, Literal["output", "inout"]] = {filled: "output", completed: "inout"}
        return tuple(
            Argument(name=name, dtype="float32", shape=shape, role=roles.get(name, "input"))
            for name, shape in shapes.items()
        )

    @property
    def macs(self) -> int:
        """Those of all matrix-vector products."""
        n, m = self.states, self.inputs_count
        if self.step == "input":
            return n * m
        if self.step == "forward":
            return self.horizon * (n * m + n * n + n * m)
        return (self.horizon - 1) * (n * m + m * m + n * m + n * n)

    @property
    def element(self) -> Literal["int8", "fp32"]:
        """fp32."""
        return "fp32"

    @property
    def constants(self) -> dict[str, int]:
        """``NHORIZON``."""
        return {} if self.step == "input" else {"NHORIZON": self.horizon}

    @property
    def helpers(self) -> dict[str, str]:
        """``add_matrix`` and ``negate_matrix``, which work on the host."""
        return {"add_matrix": _ADD_MATRIX, "negate_matrix": _NEGATE_MATRIX}

    def make_inputs(self, seed: int) -> dict[str, Array]:
        """Return integers -1, 0, 1, whose results are exact in any order of summation, or normal numbers."""
        rng = np.random.default_rng([seed, self.states, self.inputs_count, self.horizon])
        arrays: dict[str, Array] = {}
        for argument in self.inputs:
            shape = argument.shape
            exact = rng.integers(-1, 2, shape) * (rng.random(shape) < 3 / 8)
            real = rng.normal(0.0, 1.0 / np.sqrt(shape[-1]), shape)
            arrays[argument.name] = (real if seed % 2 else exact).astype(np.float32)
        if self.step == "forward":
            arrays["x"][1:] = np.nan
        elif self.step == "backward":
            arrays["p"][:-1] = np.nan
        return arrays

    def reference(self, inputs: Arrays) -> dict[str, Array]:
        """Return the outputs, computed in float64."""
        exact = {name: array.astype(np.float64) for name, array in inputs.items()}
        results = {"input": _input, "forward": _forward, "backward": _backward}[self.step](exact)
        return {name: array.astype(np.float32) for name, array in results.items()}

    def mismatches(self, output: Argument, got: Array, expected: Array) -> Array:
        """Return what differs by more than 1e-5 of the largest element: kernels may sum in any order."""
        if got.shape != output.shape:
            raise ValueError(f"{output.name} has shape {got.shape}, not {output.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            close = np.abs(got.astype(np.float64) - expected) <= _TOLERANCE * max(1.0, float(np.abs(expected).max()))
        wrong: Array = ~close
        return wrong

    def naive_kernel(self, machine: MachineConfig) -> str:  # noqa: ARG002 - it says DIM where others write a number
        """Return the kernel that loads every matrix for every product and does all additions on the host."""
        return naive_admm(self)

    def formula(self) -> str:
        """Return the definition of the outputs."""
        if self.step == "input":
            return "u_i = -(transpose(Kinf) x_i) - d_i, in float32."
        if self.step == "forward":
            return (
                f"For i = 0 .. {self.horizon - 1}: u[i] = -(Kinf x[i]) - d[i]; x[i+1] = Adyn x[i] + Bdyn u[i], in "
                "float32; x[0] is given."
            )
        return (
            f"For i = {self.horizon - 2} down to 0: d[i] = transpose(Quu_inv) (transpose(Bdyn) p[i+1] + r[i]); "
            f"p[i] = q[i] + AmBKt p[i+1] - transpose(Kinf) r[i], in float32; p[{self.horizon - 1}] is given."
        )


def _input(given: Arrays) -> dict[str, Array]:
    return {"u_i": -(given["Kinf"].T @ given["x_i"]) - given["d_i"]}


def _forward(given: Arrays) -> dict[str, Array]:
    x, u = given["x"].copy(), np.zeros_like(given["d"])
    for i in range(len(u)):
        u[i] = -(given["Kinf"] @ x[i]) - given["d"][i]
        x[i + 1] = given["Adyn"] @ x[i] + given["Bdyn"] @ u[i]
    return {"x": x, "u": u}


def _backward(given: Arrays) -> dict[str, Array]:
    p, r = given["p"].copy(), given["r"]
    d = np.zeros((len(p) - 1, *r.shape[1:]))
    for i in reversed(range(len(d))):
        d[i] = given["Quu_inv"].T @ (given["Bdyn"].T @ p[i + 1] + r[i])
        p[i] = given["q"][i] + given["AmBKt"] @ p[i + 1] - given["Kinf"].T @ r[i]
    return {"p": p, "d": d}
