"""autocomp-kit: optimise code for tensor accelerators in a notebook, and understand why it got faster."""

from typing import Any

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]

__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython's shell publishes no type
    """Give runs, traces, candidates, plans and evaluations rich displays: ``%load_ext autocomp_kit``."""
    from autocomp_kit._displays import register  # noqa: PLC0415 - the package itself imports nothing

    register(shell)


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - as above
    """Take them back: ``%unload_ext autocomp_kit``."""
    from autocomp_kit._displays import unregister  # noqa: PLC0415 - as above

    unregister(shell)
