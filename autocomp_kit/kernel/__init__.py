"""One C kernel as text: is it in the dialect, is it the same as another, what changed, change it.

A kernel is untrusted text. :func:`parse_kernel` walks its syntax tree against an allow-list before any compiler sees
it; what is not known to be harmless is refused, with the construct and the line.
"""

from autocomp_kit.kernel._dialect import DialectError, Kernel, check_dialect, parse_kernel
from autocomp_kit.kernel._edits import Edit, EditError, apply_edits, unified_diff
from autocomp_kit.kernel._normal_form import kernel_digest, normal_form

__all__ = [
    "DialectError",
    "Edit",
    "EditError",
    "Kernel",
    "apply_edits",
    "check_dialect",
    "kernel_digest",
    "normal_form",
    "parse_kernel",
    "unified_diff",
]
