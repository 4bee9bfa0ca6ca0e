"""The exception family that stands for a user's mistake rather than for a defect of ours."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """What the user gave cannot be used; the message names the file, field or option and the way out.

    The command line prints the message without a traceback and exits with code 2. Modules derive their own named
    errors from it.
    """
