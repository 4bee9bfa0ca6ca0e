"""Is a kernel right, and how fast is it: compile, simulate, compare with the NumPy reference on the host side.

Nothing of the check runs inside the simulated program: inputs are written into simulated memory before the start,
outputs are poisoned there, and after the run everything is read back and compared. So nothing that a kernel prints,
stores or returns can forge a verdict, and the check costs no cycles.
"""

from autocomp_kit.evaluate._cache import EvaluationCache, FileCache, MemoryCache
from autocomp_kit.evaluate._evaluator import Evaluator

__all__ = ["EvaluationCache", "Evaluator", "FileCache", "MemoryCache"]
