"""The command ``autocomp-kit``; its commands are in the modules ``_cli_*.py``."""

from __future__ import annotations

from gemmini_sim.command_line import new_app, run_app

__all__ = ["app", "main"]

app = new_app(
    "autocomp_kit",
    command="autocomp-kit",
    description="Optimise kernels for the Gemmini accelerator, measured on a simulator.",
)


def main() -> None:
    """Run the command line and leave with its exit code."""
    run_app(app, command="autocomp-kit")
