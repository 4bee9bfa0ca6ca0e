"""``python -m autocomp_kit`` is the command ``autocomp-kit``."""

from autocomp_kit.cli import main

main()
