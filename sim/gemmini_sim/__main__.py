"""``python -m gemmini_sim`` is the command ``gemmini-sim``."""

from gemmini_sim.cli import main

main()
