"""One TileLink A message, packed into an integer so that queues pass it on in one store.

Bits 0-1 say what it is, 2-5 the logarithm of its size in bytes, 6 whether every byte of it is written, 7 whether it is
the host's, 8-15 who waits for the answer, 16 whether the host wants to write; the address starts at bit 20.
"""

from __future__ import annotations

from gemmini_sim.engine._jit import jit_part as jit
from gemmini_sim.engine.cycle_clock.journal import real_address

__all__ = [
    "ACQUIRE",
    "GET",
    "PUT",
    "PUT_BEAT",
    "host_packet",
    "is_full",
    "is_host",
    "pack",
    "packet_address",
    "packet_kind",
    "packet_size",
    "packet_source",
    "wants_write",
    "widest_window",
]

GET, PUT, PUT_BEAT, ACQUIRE = 0, 1, 2, 3


@jit
def pack(kind, size, full, source, address):
    """Pack a message of the accelerator; ``size`` is in bytes, a power of two."""
    lg_size = 0
    while (1 << lg_size) < size:
        lg_size += 1
    return kind | lg_size << 2 | full << 6 | source << 8 | address << 20


@jit
def host_packet(kind, write, line_shift, address):
    """Pack a request of the host for a whole line."""
    return kind | line_shift << 2 | 1 << 7 | write << 16 | (address >> line_shift << line_shift) << 20


@jit
def packet_kind(packet):
    """Return GET, PUT, PUT_BEAT (a later beat of a put) or ACQUIRE."""
    return packet & 3


@jit
def packet_size(packet):
    """Return the size in bytes."""
    return 1 << ((packet >> 2) & 15)


@jit
def is_full(packet):
    """Return 1 if every byte of a put is written."""
    return (packet >> 6) & 1


@jit
def is_host(packet):
    """Return 1 if the host asks."""
    return (packet >> 7) & 1


@jit
def packet_source(packet):
    """Return the transaction that waits for the answer."""
    return (packet >> 8) & 255


@jit
def wants_write(packet):
    """Return 1 if the host asks for permission to write."""
    return (packet >> 16) & 1


@jit
def packet_address(packet):
    """Return the byte address, without the tag of the command that asked."""
    return real_address(packet >> 20)


@jit
def widest_window(clock, address, left):
    """Return the size of the aligned window with most of the ``left`` bytes at an address, and how many those are."""
    best, most = 0, 0
    width = clock["bus_bytes"]
    while width <= clock["request_bytes"]:
        useful = min(width - (address & (width - 1)), left)
        if useful > most:
            best, most = width, useful
        width *= 2
    return best, most
