"""Where the files are that come with the package: workloads, menus, prompts, recorded runs."""

from __future__ import annotations

from pathlib import Path

__all__ = ["data_folder"]


def data_folder(*parts: str) -> Path:
    """Return the path of a folder or file under ``data/``, in the installed package or in a checkout."""
    package = Path(__file__).parent
    installed = package / "_data"
    return (installed if installed.is_dir() else package.parent / "data").joinpath(*parts)
