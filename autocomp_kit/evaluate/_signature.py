"""Whether a kernel's ``solution`` has the workload's parameters, and what to do with one that cannot be parsed."""

from __future__ import annotations

import re

from autocomp_kit.kernel import Kernel
from autocomp_kit.records import CodeProblem
from autocomp_kit.workloads import Argument, Workload

__all__ = ["parameter_problems", "with_signature_of"]

_SAME_TYPES = {
    "int8": frozenset({"int8_t", "elem_t", "signed char"}),
    "int32": frozenset({"int32_t", "acc_t", "int", "signed int"}),
    "float32": frozenset({"float", "elem_t", "acc_t"}),
}
_HEAD = re.compile(r"\bvoid\s+solution\s*\([^{;]*\)\s*\{")
_IGNORED = re.compile(r"\b(const|restrict|volatile|register|static|__restrict(__)?)\b")


def parameter_problems(kernel: Kernel, workload: Workload) -> tuple[CodeProblem, ...]:
    """Return how the parameters differ from the workload's; names are free, ``T *x`` is as good as ``T x[4][4]``."""
    expected = workload.arguments
    if len(kernel.parameters) != len(expected):
        return (_problem(f"solution has {len(kernel.parameters)} parameters", workload),)
    problems = []
    for text, argument in zip(kernel.parameters, expected, strict=True):
        plain = " ".join(_IGNORED.sub(" ", text).split())
        kind = re.match(r"(signed char|signed int|\w+)", plain)
        sizes = [size.strip() for size in re.findall(r"\[([^\]]*)\]", plain)]
        if kind is None or kind.group() not in _SAME_TYPES[argument.dtype]:
            problems.append(_problem(f"parameter `{text}` has another type", workload))
        elif "*" not in plain and "[" not in plain:
            problems.append(_problem(f"parameter `{text}` is no array", workload))
        elif "*" not in plain and not _sizes_fit(sizes, argument):
            problems.append(_problem(f"parameter `{text}` has another shape", workload))
    return tuple(problems)


def _sizes_fit(sizes: list[str], argument: Argument) -> bool:
    """Compare the sizes that are plain numbers; a flat array is fine."""
    if len(sizes) != len(argument.shape):
        return len(sizes) == 1
    return all(not size.isdigit() or int(size) == wanted for size, wanted in zip(sizes, argument.shape, strict=True))


def _problem(message: str, workload: Workload) -> CodeProblem:
    return CodeProblem(kind="signature", message=f"{message}; the workload needs `{workload.signature}`")


def with_signature_of(workload: Workload, code: str) -> str | None:
    """Return a text whose ``solution`` has the workload's own signature and nothing before it, or ``None``.

    Autocomp's harness takes only the body of a kernel, and published kernels have signatures that are no C. Lines
    keep their numbers.
    """
    head = _HEAD.search(code)
    if head is None:
        return None
    return "\n" * code.count("\n", 0, head.end()) + f"{workload.signature} {{" + code[head.end() :]
