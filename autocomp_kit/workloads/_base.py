"""What every kind of workload has in common; the kinds are in ``_gemm.py`` and its neighbours."""

from __future__ import annotations

import functools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from gemmini_sim.config import MachineConfig
from pydantic import BaseModel, ConfigDict, Field

from autocomp_kit.errors import InputError
from autocomp_kit.records import content_id

__all__ = ["FUNCTION", "Argument", "Array", "Arrays", "Workload", "WorkloadError"]

FUNCTION = "solution"
"""The C function that every kernel defines."""

Array = np.ndarray[Any, Any]
"""Any NumPy array."""

Arrays = Mapping[str, Array]
"""Arrays by argument name, each of its argument's shape and dtype."""

_C_TYPES = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}


class WorkloadError(InputError):
    """A workload that cannot be used; the text names the file, the field and the way out."""


class Argument(BaseModel):
    """One parameter of the kernel, in C order: a row-major array.

    A kernel may read an ``input`` only, fills an ``output``, and completes an ``inout``, part of which is given.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    dtype: Literal["int8", "int32", "float32"]
    shape: tuple[int, ...]
    role: Literal["input", "output", "inout"]

    @property
    def c_type(self) -> str:
        """C type of one element, such as ``int8_t``."""
        return _C_TYPES[self.dtype]

    @property
    def c_declaration(self) -> str:
        """The parameter as C writes it, such as ``int8_t A[512][512]``."""
        return f"{self.c_type} {self.name}" + "".join(f"[{size}]" for size in self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


class Workload(BaseModel, ABC):
    """A problem that kernels solve: what goes in, what must come out, and how much arithmetic that is.

    A kind of workload is a subclass that says which fields describe it, its ``arguments``, its ``macs`` and its
    NumPy ``reference``. Instances are frozen; ``name`` and ``title`` are for people and do not enter
    :attr:`identity`. ``baseline`` is the kernel that a search starts from, written for machines of ``baseline_dim``
    (any machine if there is none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: str
    title: str = ""
    baseline: Path | None = None
    baseline_dim: int | None = None

    @property
    @abstractmethod
    def arguments(self) -> tuple[Argument, ...]:
        """The kernel's parameters in order."""

    @property
    @abstractmethod
    def macs(self) -> int:
        """Multiply-accumulates of the problem, whatever a kernel does to solve it."""

    @property
    @abstractmethod
    def element(self) -> Literal["int8", "fp32"]:
        """Element type of the machines that can run it."""

    @property
    def constants(self) -> dict[str, int]:
        """Integer constants that kernels may use, by the names that public Gemmini test programs give them."""
        return {}

    @property
    def aliases(self) -> dict[str, str]:
        """Further names of the arguments, as public Gemmini test programs write them."""
        return {}

    @property
    def helpers(self) -> dict[str, str]:
        """C functions that kernels may call besides Gemmini's commands, by name, as public test programs have them."""
        return {}

    @abstractmethod
    def make_inputs(self, seed: int) -> dict[str, Array]:
        """Return the input arrays of one seed; equal seeds give equal arrays, even and odd seeds differ in character.

        The elements of an ``inout`` that a kernel has to fill are NaN.
        """

    @abstractmethod
    def reference(self, inputs: Arrays) -> dict[str, Array]:
        """Return what every output array must be, computed with NumPy on the host."""

    @abstractmethod
    def naive_kernel(self, machine: MachineConfig) -> str:
        """Return a plain kernel for any machine that can run the workload."""

    def library_kernel(self) -> str:
        """Return the kernel that leaves everything to one operator of the vendor's C library, to compare with.

        Raises
        ------
        WorkloadError
            If the library has no such operator.
        """
        raise WorkloadError(f"workload {self.name}: the vendor's library has no operator for it")

    @abstractmethod
    def formula(self) -> str:
        """Return one or two sentences that define the outputs, for a prompt."""

    def mismatches(self, output: Argument, got: Array, expected: Array) -> Array:
        """Return a boolean array of ``output.shape`` that marks wrong elements; exact unless a kind says otherwise."""
        if got.shape != output.shape:
            raise ValueError(f"{output.name} has shape {got.shape}, not {output.shape}")
        wrong: Array = got != expected
        return wrong

    @property
    def inputs(self) -> tuple[Argument, ...]:
        """The arguments with given contents."""
        return tuple(argument for argument in self.arguments if argument.role != "output")

    @property
    def outputs(self) -> tuple[Argument, ...]:
        """The arguments that a kernel must fill or complete."""
        return tuple(argument for argument in self.arguments if argument.role != "input")

    @property
    def signature(self) -> str:
        """The kernel's C signature without the body."""
        return f"void {FUNCTION}({', '.join(argument.c_declaration for argument in self.arguments)})"

    @functools.cached_property
    def identity(self) -> str:
        """A 16-digit name of all that decides a verdict: kind, sizes, numbers."""
        values = self.model_dump(mode="json", exclude={"name", "title", "baseline", "baseline_dim"})
        return content_id(json.dumps(values, sort_keys=True))

    def ideal_cycles(self, machine: MachineConfig) -> int:
        """Return the cycles in which an array that never waits does ``macs``: one per cycle and processing element."""
        return -(-self.macs // (machine.array.dim * machine.array.dim))

    def baseline_code(self, machine: MachineConfig) -> str:
        """Return the kernel a search starts from: the file that the workload names, if it is for such a machine.

        Without a file, and on machines of another DIM than the file's, it is :meth:`naive_kernel`.

        Raises
        ------
        WorkloadError
            If the file cannot be read, or the machine has another element type.
        """
        self.check_machine(machine)
        if self.baseline is None or self.baseline_dim not in {None, machine.array.dim}:
            return self.naive_kernel(machine)
        try:
            return self.baseline.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WorkloadError(f"workload {self.name}: baseline: cannot read {self.baseline}: {error}") from error

    def check_machine(self, machine: MachineConfig) -> None:
        """Raise :class:`WorkloadError` if the machine computes in another element type."""
        if machine.array.element != self.element:
            raise WorkloadError(
                f"workload {self.name} needs an {self.element} machine, but {machine.name} is {machine.array.element}; "
                "see `gemmini-sim configs`"
            )

    def describe(self) -> str:
        """Return a few lines of text that tell a model (or a person) what the kernel must compute."""
        lines = [f"Workload {self.name}" + (f": {self.title}" if self.title else ""), self.formula()]
        lines += [f"Signature: {self.signature}", f"{self.macs:,} multiply-accumulates."]
        return "\n".join(lines)
