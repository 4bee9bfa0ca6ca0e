"""The command ``gemmini-sim``; its commands are in the modules ``_cli_*.py``."""

from __future__ import annotations

from gemmini_sim.command_line import new_app, run_app

__all__ = ["app", "main"]

app = new_app(
    "gemmini_sim",
    command="gemmini-sim",
    description="Simulate Rocket + Gemmini programs: what they compute, and in how many cycles.",
)


def main() -> None:
    """Run the command line and leave with its exit code."""
    run_app(app, command="gemmini-sim")
