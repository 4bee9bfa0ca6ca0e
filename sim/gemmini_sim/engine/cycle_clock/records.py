"""What the clock writes down: events, rows of the command trace, causes of lost cycles."""

from __future__ import annotations

import numpy as np

__all__ = [
    "ACCUMULATOR_CAUSE",
    "ALLOC",
    "ARRAY",
    "AXI_AR",
    "AXI_AW",
    "AXI_RLAST",
    "BANK",
    "BUSY_FALL",
    "BUSY_RISE",
    "CMD_FIRE",
    "COMMAND_DTYPE",
    "COMPLETE",
    "COMPLETE_ON_ISSUE",
    "CONFIGURATION",
    "DMA_ACK",
    "DMA_DATA",
    "DMA_GET",
    "DMA_PUT",
    "DRAIN",
    "EVENT_DTYPE",
    "EVENT_NAMES",
    "FENCE",
    "FENCE_COMMIT",
    "HEAD_OF_LINE",
    "HOST",
    "HOST_LATE",
    "ISSUE",
    "LOADING",
    "MESH",
    "MESH_REQ",
    "MESH_RESP_LAST",
    "PRELOADING",
    "RDCYCLE",
    "ROCC_COMMIT",
    "STALL_NAMES",
    "STORE_TAIL",
]

EVENT_NAMES = (
    "cmd_fire",
    "alloc",
    "issue",
    "complete",
    "complete_on_issue",
    "mesh_req",
    "mesh_resp_last",
    "dma_get",
    "dma_data",
    "dma_put",
    "dma_ack",
    "axi_ar",
    "axi_aw",
    "axi_rlast",
    "busy_rise",
    "busy_fall",
    "rocc_commit",
    "fence_commit",
    "rdcycle",
)
(
    CMD_FIRE,
    ALLOC,
    ISSUE,
    COMPLETE,
    COMPLETE_ON_ISSUE,
    MESH_REQ,
    MESH_RESP_LAST,
    DMA_GET,
    DMA_DATA,
    DMA_PUT,
    DMA_ACK,
    AXI_AR,
    AXI_AW,
    AXI_RLAST,
    BUSY_RISE,
    BUSY_FALL,
    ROCC_COMMIT,
    FENCE_COMMIT,
    RDCYCLE,
) = range(len(EVENT_NAMES))

STALL_NAMES = (
    "array",
    "preload",
    "bank_conflict",
    "mesh",
    "load",
    "head_of_line",
    "accumulator",
    "config",
    "host_late",
    "drain",
    "store_tail",
    "fence",
    "host",
)
(
    ARRAY,
    PRELOADING,
    BANK,
    MESH,
    LOADING,
    HEAD_OF_LINE,
    ACCUMULATOR_CAUSE,
    CONFIGURATION,
    HOST_LATE,
    DRAIN,
    STORE_TAIL,
    FENCE,
    HOST,
) = range(len(STALL_NAMES))

COMMAND_DTYPE = np.dtype(
    [
        ("pc", "u8"),
        ("rs1", "u8"),
        ("rs2", "u8"),
        ("funct", "i4"),
        ("unit", "i4"),
        ("ready", "i8"),  # when the host could have committed it, had there been room in the queue
        ("commit", "i8"),
        ("allocate", "i8"),
        ("issue", "i8"),
        ("start", "i8"),
        ("complete", "i8"),
        ("lost", "i8"),  # cycles in which the array did nothing because of this command
        ("bank_conflict", "i8"),  # those of them in which a row of its operands found its bank in use
    ],
    align=True,
)

EVENT_DTYPE = np.dtype(
    [("cycle", "i8"), ("kind", "i8"), ("number", "i8"), ("address", "i8"), ("size", "i8")],
    align=True,
)
