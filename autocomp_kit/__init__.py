"""autocomp-kit: optimise code for tensor accelerators in a notebook, and understand why it got faster."""

__all__ = ["__version__"]

__version__ = "0.1.0"
