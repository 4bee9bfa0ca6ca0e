"""gemmini_sim: a bit-exact, cycle-level simulator of Rocket + Gemmini programs, jitted by Numba."""

__all__ = ["__version__"]

__version__ = "0.1.0"
