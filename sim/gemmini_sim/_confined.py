"""Started as a script of its own: give up what a compiler does not need, then become the compiler.

One argument: JSON with ``argv``, ``limits`` (names of ``resource`` limits and their values), ``readable`` and
``writable`` folders. Where the kernel has Landlock, nothing outside these folders can be opened afterwards; elsewhere
the limits alone hold. This runs under ``python -I -S``, so it imports the standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Iterable

__all__: list[str] = []

# Landlock, <linux/landlock.h>: the numbers are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_ALL_OF_ABI_1 = (1 << 13) - 1
_PR_SET_NO_NEW_PRIVS = 38


class _RulesetAttribute(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _hide_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    attribute = _RulesetAttribute(_ALL_OF_ABI_1)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attribute), ctypes.sizeof(attribute), 0)
    if ruleset < 0:  # no Landlock in this kernel
        return
    for paths, access in ((readable, _EXECUTE | _READ_FILE | _READ_DIR), (writable, _ALL_OF_ABI_1)):
        for path in paths:
            try:
                folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue  # it is not there, so nobody needs it
            rule = _PathBeneath(access, folder)
            libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
            os.close(folder)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _main() -> None:
    order = json.loads(sys.argv[1])
    for name, value in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    _hide_files(order["readable"], order["writable"])
    os.execv(order["argv"][0], order["argv"])  # noqa: S606 - a list of arguments is what we want, not a shell


if __name__ == "__main__":
    _main()
