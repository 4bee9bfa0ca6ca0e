"""Files that can be made again, by content, under ``$XDG_CACHE_HOME/gemmini-sim``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "content_key", "read_cached", "write_cached"]


def cache_folder() -> Path:
    """Return the folder of this program's caches; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gemmini-sim"


def content_key(*parts: str | bytes) -> str:
    """Return a hexadecimal name of some texts: SHA-256 over their lengths and contents."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def read_cached(kind: str, key: str) -> bytes | None:
    """Return what was stored under a key, or ``None``."""
    try:
        return (cache_folder() / kind / key[:2] / key).read_bytes()
    except OSError:
        return None


def write_cached(kind: str, key: str, data: bytes) -> None:
    """Store bytes under a key, atomically; a cache that cannot be written is no error."""
    target = cache_folder() / kind / key[:2] / key
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            try:
                file.write(data)
                file.close()
                Path(file.name).replace(target)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
