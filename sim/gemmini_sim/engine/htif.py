"""How a program talks to the world: the tohost / fromhost doublewords, and the test bench's channel.

``tohost`` is what spike offers (the host-target interface): an odd value ends the run, a device number in the top byte
writes a console character, anything else is the address of a system call's arguments. The channel is one doubleword
at 0x10020000 whose top byte says what a store means. Both write to one console.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.engine import opcodes as op
from gemmini_sim.engine._jit import jit_part as jit

__all__ = ["answer_tohost", "is_channel", "store_channel"]

_DEVICE_SYSCALL = 0
_DEVICE_CONSOLE = 1
_SYS_WRITE = 64
_SYS_EXIT = 93
_NO_SYSTEM_CALL = -38  # -ENOSYS
_BAD_ADDRESS = -14  # -EFAULT


@jit
def is_channel(address):
    """Tell whether an address is in the channel's page, of which all but the first doubleword ignores stores."""
    return op.CHANNEL <= address < op.CHANNEL + 0x1000


@jit
def _room(core, console, count):
    """Tell whether the console takes ``count`` more bytes; if not, note how many are needed and the status."""
    if core["console_length"] + count <= console.shape[0]:
        return True
    core["needed"] = core["console_length"] + count - console.shape[0]
    core["status"] = op.CONSOLE_FULL
    return False


@jit
def _put(core, console, character):
    console[core["console_length"]] = character & 0xFF
    core["console_length"] += 1


@jit
def _put_number(core, console, number):
    """Print a decimal number; the caller has made room."""
    divisor = np.int64(1)
    while number // divisor >= 10:
        divisor *= 10
    while divisor > 0:
        _put(core, console, 48 + number // divisor % 10)
        divisor //= 10


@jit
def _exit(core, code):
    core["exit_code"] = code
    core["status"] = op.EXITED


@jit
def store_channel(core, console, address, value):
    """Carry out a store to the channel's page; return False, with ``status`` set, if the run has to stop."""
    kind = (value >> 56) & 0xFF
    if address != op.CHANNEL:
        return True
    if kind == 0:
        if not _room(core, console, 1):
            return False
        _put(core, console, value)
    elif kind == 1:
        _exit(core, value & 0xFF)
        return False
    elif kind == 2:
        if not _room(core, console, 15):  # 48 bits have at most 15 digits
            return False
        _put_number(core, console, value & 0xFFFF_FFFF_FFFF)
    return True


@jit
def answer_tohost(core, memory, words, console):
    """Answer what the program has just stored to tohost; return False, with ``status`` set, if the run has to stop.

    ``memory`` and ``words`` are the DRAM as uint8 and as int64. The answer is there before the next instruction, where
    spike lets the program wait.
    """
    request = words[core["tohost"]]
    if request == 0:
        return True
    device = (request >> 56) & 0xFF
    command = (request >> 48) & 0xFF
    payload = request & 0xFFFF_FFFF_FFFF
    if device == _DEVICE_SYSCALL and payload & 1 == 1:
        _exit(core, payload >> 1)
        return False
    if device == _DEVICE_SYSCALL:
        if not _system_call(core, memory, words, console, payload - op.DRAM_BASE):
            return False
        _answer(core, words, 1)
    elif device == _DEVICE_CONSOLE and command == 1:
        if not _room(core, console, 1):
            return False
        _put(core, console, payload)
        _answer(core, words, (device << 56) | (command << 48))
    # A console read waits for a key that nobody presses.
    words[core["tohost"]] = 0
    return True


@jit
def _answer(core, words, value):
    if core["fromhost"] >= 0:
        words[core["fromhost"]] = value


@jit
def _system_call(core, memory, words, console, offset):
    """Execute the system call whose number and arguments are the doublewords at a DRAM offset."""
    if offset < 0 or offset & 7 != 0 or offset + 64 > memory.shape[0]:
        core["cause"] = op.CAUSE_STORE_ACCESS
        core["value"] = offset + op.DRAM_BASE
        core["status"] = op.TRAPPED
        return False
    first = offset >> 3
    number = words[first]
    if number == _SYS_EXIT:
        _exit(core, words[first + 1])
        return False
    if number == _SYS_WRITE:
        start = words[first + 2] - op.DRAM_BASE
        count = words[first + 3]
        if start < 0 or count < 0 or start > memory.shape[0] or count > memory.shape[0] - start:
            words[first] = _BAD_ADDRESS
            return True
        if not _room(core, console, count):
            return False
        for i in range(count):
            _put(core, console, memory[start + i])
        words[first] = count
    else:
        words[first] = _NO_SYSTEM_CALL
    return True
