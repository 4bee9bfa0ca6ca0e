"""The clock's state: one record for the registers of all units, and the arrays beside it.

Names follow the hardware's. Everything is int64, so that jitted code never mixes signed and unsigned numbers. A time
is the cycle from which something is visible: a register written in cycle t is seen in t + 1.
"""

from __future__ import annotations

import numpy as np

from gemmini_sim.config import MachineConfig

__all__ = [
    "CLOCK_DTYPE",
    "COMMAND_DTYPE",
    "EVENT_DTYPE",
    "EVENT_NAMES",
    "STALL_NAMES",
    "new_clock",
    "new_events",
    "new_tags",
    "new_trace",
]

# Sizes of the arrays inside the record: upper bounds of what a machine description may ask for.
STATION = 64  # entries of one reservation-station queue at most 62: one bit each; a ring
COMMANDS = 16  # commands between the host and the station: more than the queues hold
STAGES = 5  # command queues in front of the reservation station
UNIT_QUEUE = 64  # entries of a unit's command queue, a ring
TRACKERS = 16
TRANSACTIONS = 62  # DMA reads or writes in flight, one bit each
ROWS_IN_FLIGHT = 64  # rows between two units, rings
MESH_ROWS = 512
MESH_OPERATIONS = 16
CONTROL = 16
MSHRS = 16
WAITING = 64  # requests that wait for an MSHR of their set
RESPONSES = 32
BANKS = 64
CHANNEL_QUEUES = 4
NOTED = 64  # events of one cycle

LOAD, EXECUTE, STORE = 0, 1, 2

# Units that are stepped only in cycles for which somebody asked; SOMETHING asks for a cycle and for no unit.
(
    SOMETHING,
    CACHE,
    CHANNEL,
    EXECUTION,
    READER,
    PAIRING,
    ISSUING,
    LOADS,
    STORES,
    FRONT,
    COMPLETION,
    OUTER,
    WRITER_SIDE,
) = (1 << bit for bit in range(13))
ALL = (1 << 13) - 1

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

CLOCK_DTYPE = np.dtype(
    [
        # --- machine description
        ("dim", "i8"),
        ("element_bytes", "i8"),
        ("accumulator_bytes", "i8"),
        ("scratchpad_rows", "i8"),
        ("bank_shift", "i8"),
        ("banks", "i8"),
        ("accumulator_rows", "i8"),
        ("accumulator_bank_rows", "i8"),
        ("accumulator_bank_shift", "i8"),
        ("dim_shift", "i8"),
        ("row_shift", "i8"),
        ("wide_row_shift", "i8"),
        ("bus_shift", "i8"),
        ("address_mask", "i8"),
        ("station_entries", "i8", (3,)),
        ("queue_entries", "i8", (3,)),
        ("trackers", "i8"),
        ("bus_bytes", "i8"),
        ("request_bytes", "i8"),
        ("line_bytes", "i8"),
        ("line_shift", "i8"),
        ("reads_in_flight", "i8"),
        ("read_delay", "i8"),
        ("scale_latency", "i8"),
        ("mvin_scale_latency", "i8"),
        ("mvin_scale_units", "i8"),
        ("mesh_latency", "i8"),
        ("tag_queue", "i8"),
        ("mshrs", "i8"),
        ("sets", "i8"),
        ("ways", "i8"),
        ("memory_beats", "i8"),
        ("memory_bytes", "i8"),
        ("dram_latency", "i8"),
        ("write_latency", "i8"),
        ("tracing", "i8"),
        # --- time
        ("now", "i8"),
        ("ready", "i8"),
        ("coming", "i8"),
        ("wake", "i8"),
        ("due_results", "i8"),
        ("due_mesh", "i8"),
        ("due_rows", "i8"),
        ("due_responses", "i8"),
        ("freed", "i8"),
        ("was_busy", "i8"),
        ("hung", "i8"),
        # --- commands on their way to the reservation station
        ("commands_free", "i8"),
        ("command_count", "i8"),
        ("command_funct", "i8", (COMMANDS,)),
        ("command_rs1", "i8", (COMMANDS,)),
        ("command_rs2", "i8", (COMMANDS,)),
        ("command_row", "i8", (COMMANDS,)),
        ("command_from", "i8", (COMMANDS,)),
        ("stage_command", "i8", (STAGES, 2)),
        ("stage_time", "i8", (STAGES, 2)),
        ("stage_head", "i8", (STAGES,)),
        ("stage_count", "i8", (STAGES,)),
        ("stage_pop", "i8", (STAGES,)),
        ("front_count", "i8"),
        # --- reservation station: [queue][entry]
        ("entry_valid", "i8", (3,)),
        ("entry_freed", "i8", (3,)),
        ("entry_funct", "i8", (3, STATION)),
        ("entry_rs1", "i8", (3, STATION)),
        ("entry_rs2", "i8", (3, STATION)),
        ("entry_row", "i8", (3, STATION)),
        ("entry_begun", "i8", (3, STATION)),
        ("entry_time", "i8", (3, STATION)),
        ("entry_wait", "i8", (3, STATION)),
        ("entry_users", "i8", (3, STATION, 3)),
        ("entry_operands", "i8", (3, STATION)),
        ("entry_start", "i8", (3, STATION, 2)),
        ("entry_end", "i8", (3, STATION, 2)),
        ("entry_wraps", "i8", (3, STATION, 2)),
        ("entry_memory", "i8", (3, STATION, 2)),
        ("entry_from", "i8", (3, STATION)),
        ("entry_blocker", "i8", (3, STATION)),
        ("unissued", "i8", (3, STATION)),
        ("unissued_head", "i8", (3,)),
        ("unissued_count", "i8", (3,)),
        ("station_count", "i8"),
        ("solitary_preload", "i8"),
        ("station_a_stride", "i8"),
        ("station_c_stride", "i8"),
        ("station_a_transpose", "i8"),
        ("station_pooling", "i8"),
        ("station_block_stride", "i8", (3,)),
        ("station_pixel_repeats", "i8", (3,)),
        # --- LOOP_WS: two loops, five machines (A, B, D, computes, C), then where the computes find A and B
        ("made_funct", "i8"),
        ("made_rs1", "i8"),
        ("made_rs2", "i8"),
        ("made_row", "i8"),
        ("matmul_configured", "i8"),
        ("matmul_head", "i8"),
        ("matmul_resadd", "i8"),
        ("matmul_skip", "i8"),
        ("matmul_max_i", "i8", (2,)),
        ("matmul_max_j", "i8", (2,)),
        ("matmul_max_k", "i8", (2,)),
        ("matmul_pad_i", "i8", (2,)),
        ("matmul_pad_j", "i8", (2,)),
        ("matmul_pad_k", "i8", (2,)),
        ("matmul_accumulate", "i8", (2,)),
        ("matmul_full_c", "i8", (2,)),
        ("matmul_low_d", "i8", (2,)),
        ("matmul_activation", "i8", (2,)),
        ("matmul_a_half", "i8", (2,)),
        ("matmul_b_half", "i8", (2,)),
        ("matmul_a_transpose", "i8", (2,)),
        ("matmul_b_transpose", "i8", (2,)),
        ("matmul_row", "i8", (2,)),
        ("matmul_started", "i8", (2,)),
        ("matmul_completed_units", "i8", (2,)),
        ("matmul_address", "i8", (2, 5)),
        ("matmul_stride", "i8", (2, 5)),
        ("matmul_loop", "i8", (5,)),
        ("matmul_state", "i8", (5,)),
        ("matmul_unit_resadd", "i8", (5,)),
        ("matmul_i", "i8", (5,)),
        ("matmul_j", "i8", (5,)),
        ("matmul_k", "i8", (5,)),
        ("matmul_half", "i8", (5,)),
        ("matmul_start", "i8", (7,)),
        ("matmul_used", "i8", (3,)),
        ("matmul_completed", "i8", (3,)),
        ("matmul_norm_row", "i8"),
        ("matmul_norm_pass", "i8"),
        ("matmul_norm_statistic", "i8"),
        # --- LOOP_CONV_WS: two loops; five machines (bias, input, weights, computes, stores) with a pipeline each
        ("conv_configured", "i8"),
        ("conv_head", "i8"),
        ("conv_new_weights", "i8"),
        ("conv_used", "i8", (3,)),
        ("conv_completed", "i8", (3,)),
        ("conv_address", "i8", (2, 5)),
        ("conv_out_channels", "i8", (2,)),
        ("conv_in_channels", "i8", (2,)),
        ("conv_in_row_dim", "i8", (2,)),
        ("conv_batch_size", "i8", (2,)),
        ("conv_stride", "i8", (2,)),
        ("conv_out_col_dim", "i8", (2,)),
        ("conv_pool_out_row_dim", "i8", (2,)),
        ("conv_out_row_dim", "i8", (2,)),
        ("conv_kernel_dim", "i8", (2,)),
        ("conv_pool_out_col_dim", "i8", (2,)),
        ("conv_pool_size", "i8", (2,)),
        ("conv_pool_stride", "i8", (2,)),
        ("conv_batches", "i8", (2,)),
        ("conv_porows", "i8", (2,)),
        ("conv_pocols", "i8", (2,)),
        ("conv_ochs", "i8", (2,)),
        ("conv_krows", "i8", (2,)),
        ("conv_kcols", "i8", (2,)),
        ("conv_kchs", "i8", (2,)),
        ("conv_lpad", "i8", (2,)),
        ("conv_rpad", "i8", (2,)),
        ("conv_upad", "i8", (2,)),
        ("conv_dpad", "i8", (2,)),
        ("conv_plpad", "i8", (2,)),
        ("conv_in_col_dim", "i8", (2,)),
        ("conv_orows", "i8", (2,)),
        ("conv_pupad", "i8", (2,)),
        ("conv_kernel_dilation", "i8", (2,)),
        ("conv_in_stride", "i8", (2,)),
        ("conv_weight_stride", "i8", (2,)),
        ("conv_out_stride", "i8", (2,)),
        ("conv_ocols", "i8", (2,)),
        ("conv_no_bias", "i8", (2,)),
        ("conv_wrot180", "i8", (2,)),
        ("conv_trans_output_1203", "i8", (2,)),
        ("conv_trans_weight_1203", "i8", (2,)),
        ("conv_trans_weight_0132", "i8", (2,)),
        ("conv_trans_input_3120", "i8", (2,)),
        ("conv_depthwise", "i8", (2,)),
        ("conv_pixels", "i8", (2,)),
        ("conv_no_pool", "i8", (2,)),
        ("conv_downsample", "i8", (2,)),
        ("conv_dilated", "i8", (2,)),
        ("conv_activation", "i8", (2,)),
        ("conv_irows", "i8", (2,)),
        ("conv_icols", "i8", (2,)),
        ("conv_irows_unpadded", "i8", (2,)),
        ("conv_icols_unpadded", "i8", (2,)),
        ("conv_input_stride", "i8", (2,)),
        ("conv_weight_rows", "i8", (2,)),
        ("conv_row", "i8", (2,)),
        ("conv_started", "i8", (2,)),
        ("conv_done", "i8", (2,)),
        ("conv_loop", "i8", (5,)),
        ("conv_state", "i8", (5,)),
        ("conv_b", "i8", (5,)),
        ("conv_orow", "i8", (5,)),
        ("conv_ocol", "i8", (5,)),
        ("conv_och", "i8", (5,)),
        ("conv_krow", "i8", (5,)),
        ("conv_kcol", "i8", (5,)),
        ("conv_kch", "i8", (5,)),
        ("conv_start", "i8", (5,)),
        ("conv_half", "i8", (5,)),
        ("conv_pipe_head", "i8", (5,)),
        ("conv_pipe_count", "i8", (5,)),
        ("conv_pipe_funct", "i8", (5, 2)),
        ("conv_pipe_rs1", "i8", (5, 2)),
        ("conv_pipe_rs2", "i8", (5, 2)),
        ("conv_pipe_time", "i8", (5, 2)),
        ("conv_pipe_row", "i8", (5, 2)),
        # --- the units' command queues
        ("queue_entry", "i8", (3, UNIT_QUEUE)),
        ("queue_funct", "i8", (3, UNIT_QUEUE)),
        ("queue_rs1", "i8", (3, UNIT_QUEUE)),
        ("queue_rs2", "i8", (3, UNIT_QUEUE)),
        ("queue_time", "i8", (3, UNIT_QUEUE)),
        ("queue_head", "i8", (3,)),
        ("queue_count", "i8", (3,)),
        ("queue_pop", "i8", (3,)),
        # --- load controller
        ("load_stride", "i8", (3,)),
        ("load_scale", "i8", (3,)),
        ("load_shrunk", "i8", (3,)),
        ("load_block_stride", "i8", (3,)),
        ("load_pixel_repeats", "i8", (3,)),
        ("load_state", "i8"),
        ("load_row", "i8"),
        ("load_tracker", "i8"),
        ("tracker_busy", "i8"),
        ("tracker_freed", "i8"),
        ("tracker_entry", "i8", (TRACKERS,)),
        ("tracker_left", "i8", (TRACKERS,)),
        ("tracker_rows", "i8", (TRACKERS,)),
        ("tracker_row_bytes", "i8", (TRACKERS,)),
        ("tracker_wide", "i8", (TRACKERS,)),
        ("tracker_accumulator", "i8", (TRACKERS,)),
        ("tracker_accumulate", "i8", (TRACKERS,)),
        ("tracker_block_stride", "i8", (TRACKERS,)),
        ("tracker_repeats", "i8", (TRACKERS,)),
        ("tracker_pixel_repeats", "i8", (TRACKERS,)),
        ("tracker_scaled", "i8", (TRACKERS,)),
        ("tracker_columns", "i8", (TRACKERS,)),
        ("trackers_done", "i8"),
        ("tracker_done_time", "i8", (TRACKERS,)),
        # --- row requests waiting for the reader
        ("row_address", "i8", (ROWS_IN_FLIGHT,)),
        ("row_local", "i8", (ROWS_IN_FLIGHT,)),
        ("row_tracker", "i8", (ROWS_IN_FLIGHT,)),
        ("row_time", "i8", (ROWS_IN_FLIGHT,)),
        ("row_head", "i8"),
        ("row_count", "i8"),
        # --- zero writer
        ("zero_valid", "i8"),
        ("zero_time", "i8"),
        ("zero_local", "i8"),
        ("zero_tracker", "i8"),
        ("zero_column", "i8"),
        ("zero_pixel_valid", "i8"),
        ("zero_pixel_time", "i8"),
        ("zero_pixel_local", "i8"),
        ("zero_pixel_last", "i8"),
        ("zero_pixel_tracker", "i8"),
        ("zero_pixel_left", "i8"),
        # --- reader
        ("reader_valid", "i8"),
        ("reader_time", "i8"),
        ("reader_address", "i8"),
        ("reader_local", "i8"),
        ("reader_tracker", "i8"),
        ("reader_requested", "i8"),
        ("reader_lookup", "i8"),
        ("reader_lookup_valid", "i8"),
        ("reader_translated", "i8"),
        ("reader_translated_valid", "i8"),
        ("reader_page", "i8"),
        ("reader_asks", "i8"),
        ("writer_page", "i8"),
        ("writer_asks", "i8"),
        ("writer_stall", "i8"),
        ("translator_last", "i8"),
        ("translator_takes", "i8"),
        ("read_busy", "i8"),
        ("read_freed", "i8"),
        ("read_local", "i8", (TRANSACTIONS,)),
        ("read_offset", "i8", (TRANSACTIONS,)),
        ("read_bytes", "i8", (TRANSACTIONS,)),
        ("read_shift", "i8", (TRANSACTIONS,)),
        ("read_size", "i8", (TRANSACTIONS,)),
        ("read_tracker", "i8", (TRANSACTIONS,)),
        # --- beat merger
        ("merger_valid", "i8"),
        ("merger_tracker", "i8"),
        ("merger_path", "i8"),
        ("merger_local", "i8"),
        ("merger_offset", "i8"),
        ("merger_bytes", "i8"),
        ("merger_shift", "i8"),
        ("merger_size", "i8"),
        ("merger_beats", "i8"),
        ("merger_sent", "i8"),
        # --- rows on their way to the memories: 0 scaled path, 1 accumulator-width path
        ("arrive_local", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_tracker", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_bytes", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_repeats", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_pixels", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_time", "i8", (2, ROWS_IN_FLIGHT)),
        ("arrive_head", "i8", (2,)),
        ("arrive_count", "i8", (2,)),
        ("scale_free", "i8"),
        # --- memories: the cycle of the last write or read of a bank, and what it was
        ("bank_write", "i8", (BANKS,)),
        ("bank_read", "i8", (BANKS,)),
        ("bank_stored", "i8", (BANKS,)),
        ("accumulator_write", "i8", (BANKS,)),
        ("accumulator_adds", "i8", (BANKS,)),
        ("accumulator_row_1", "i8", (BANKS,)),
        ("accumulator_time_1", "i8", (BANKS,)),
        ("accumulator_row_2", "i8", (BANKS,)),
        ("accumulator_time_2", "i8", (BANKS,)),
        # --- store controller
        ("store_stride", "i8"),
        ("store_pool_stride", "i8"),
        ("store_pool_size", "i8"),
        ("store_pool_out_dim", "i8"),
        ("store_porows", "i8"),
        ("store_pocols", "i8"),
        ("store_orows", "i8"),
        ("store_ocols", "i8"),
        ("store_upad", "i8"),
        ("store_lpad", "i8"),
        ("store_state", "i8"),
        ("store_row", "i8"),
        ("store_block", "i8"),
        ("store_porow", "i8"),
        ("store_pocol", "i8"),
        ("store_wrow", "i8"),
        ("store_wcol", "i8"),
        ("store_tracker", "i8"),
        ("store_only", "i8"),
        ("store_tracker_busy", "i8"),
        ("store_tracker_freed", "i8"),
        ("store_tracker_entry", "i8", (TRACKERS,)),
        ("store_tracker_left", "i8", (TRACKERS,)),
        ("store_trackers_done", "i8"),
        ("store_done_time", "i8", (TRACKERS,)),
        # --- rows to store, in order: issue < scale < norm < dispatch are ranges of one sequence
        ("out_address", "i8", (ROWS_IN_FLIGHT,)),
        ("out_local", "i8", (ROWS_IN_FLIGHT,)),
        ("out_kind", "i8", (ROWS_IN_FLIGHT,)),
        ("out_bytes", "i8", (ROWS_IN_FLIGHT,)),
        ("out_last", "i8", (ROWS_IN_FLIGHT,)),
        ("out_tracker", "i8", (ROWS_IN_FLIGHT,)),
        ("out_time", "i8", (ROWS_IN_FLIGHT,)),
        ("out_data", "i8", (ROWS_IN_FLIGHT,)),
        ("out_issue", "i8"),
        ("out_scale", "i8"),
        ("out_norm", "i8"),
        ("out_dispatch", "i8"),
        ("out_end", "i8"),
        ("out_scale_pop", "i8"),
        ("out_norm_pop", "i8"),
        ("out_dispatch_pop", "i8"),
        # --- writer
        ("writer_state", "i8"),
        ("writer_time", "i8"),
        ("writer_address", "i8"),
        ("writer_bytes", "i8"),
        ("writer_sent", "i8"),
        ("writer_beats_left", "i8"),
        ("writer_packet", "i8"),
        ("writer_lookup", "i8"),
        ("writer_lookup_valid", "i8"),
        ("writer_translated", "i8"),
        ("writer_translated_valid", "i8"),
        ("write_busy", "i8"),
        ("write_freed", "i8"),
        # --- TileLink A: queues 0 reader, 1 writer, 2 joint, 3 tile crossing; then a one-entry buffer at the L2
        ("channel_packet", "i8", (CHANNEL_QUEUES, 2)),
        ("channel_time", "i8", (CHANNEL_QUEUES, 2)),
        ("channel_head", "i8", (CHANNEL_QUEUES,)),
        ("channel_count", "i8", (CHANNEL_QUEUES,)),
        ("channel_pop", "i8", (CHANNEL_QUEUES,)),
        ("channel_mask", "i8"),
        ("channel_beats", "i8"),
        ("door_packet", "i8"),
        ("door_valid", "i8"),
        ("system_mask", "i8"),
        ("system_beats", "i8"),
        # --- TileLink D towards the accelerator
        ("response_source", "i8", (RESPONSES,)),
        ("response_last", "i8", (RESPONSES,)),
        ("response_time", "i8", (RESPONSES,)),
        ("response_pop", "i8", (RESPONSES,)),
        ("response_pushed", "i8"),
        ("response_popped", "i8"),
        # --- execute controller
        ("unroll_entry", "i8", (2,)),
        ("unroll_funct", "i8", (2,)),
        ("unroll_rs1", "i8", (2,)),
        ("unroll_rs2", "i8", (2,)),
        ("unroll_head", "i8"),
        ("unroll_count", "i8"),
        ("unroll_time", "i8", (2,)),
        ("unroll_pop", "i8"),
        ("unroll_state", "i8"),
        ("unroll_transpose", "i8"),
        ("execute_funct", "i8", (UNIT_QUEUE,)),
        ("execute_rs1", "i8", (UNIT_QUEUE,)),
        ("execute_rs2", "i8", (UNIT_QUEUE,)),
        ("execute_entry", "i8", (UNIT_QUEUE,)),
        ("execute_time", "i8", (UNIT_QUEUE,)),
        ("execute_head", "i8"),
        ("execute_count", "i8"),
        ("execute_pop", "i8"),
        ("execute_popped", "i8"),
        ("execute_state", "i8"),
        ("execute_kind", "i8"),
        ("execute_a_transpose", "i8"),
        ("execute_b_transpose", "i8"),
        ("execute_output_stationary", "i8"),
        ("execute_a_stride", "i8"),
        ("execute_c_stride", "i8"),
        ("a_counter", "i8"),
        ("b_counter", "i8"),
        ("d_counter", "i8"),
        ("a_started", "i8"),
        ("b_started", "i8"),
        ("d_started", "i8"),
        ("a_offset", "i8"),
        ("op_rows", "i8"),
        ("op_a_start", "i8"),
        ("op_b_start", "i8"),
        ("op_d_start", "i8"),
        ("op_a_address", "i8"),
        ("op_b_address", "i8"),
        ("op_d_address", "i8"),
        ("op_a_garbage", "i8"),
        ("op_b_garbage", "i8"),
        ("op_d_garbage", "i8"),
        ("op_a_accumulator", "i8"),
        ("op_b_accumulator", "i8"),
        ("op_d_accumulator", "i8"),
        ("op_a_rows", "i8"),
        ("op_b_rows", "i8"),
        ("op_d_rows", "i8"),
        ("op_c_address", "i8"),
        ("op_c_rows", "i8"),
        ("op_c_entry", "i8"),
        ("pending_complete", "i8", (2,)),
        ("pending_time", "i8", (2,)),
        # --- what goes into the mesh, row by row
        ("control_fires", "i8", (CONTROL,)),
        ("control_time", "i8", (CONTROL,)),
        ("control_first", "i8", (CONTROL,)),
        ("control_rows", "i8", (CONTROL,)),
        ("control_c_address", "i8", (CONTROL,)),
        ("control_c_rows", "i8", (CONTROL,)),
        ("control_entry", "i8", (CONTROL,)),
        ("control_head", "i8"),
        ("control_count", "i8"),
        # --- mesh
        ("mesh_valid", "i8"),
        ("mesh_time", "i8"),
        ("mesh_flush", "i8"),
        ("mesh_rows", "i8"),
        ("mesh_fired", "i8"),
        ("mesh_written", "i8"),
        ("mesh_written_time", "i8"),
        ("mesh_operation", "i8"),
        ("mesh_tags", "i8"),
        ("mesh_totals", "i8"),
        ("mesh_in_progress", "i8"),
        ("mesh_ready", "i8"),
        ("mesh_tags_freed", "i8"),
        ("mesh_totals_freed", "i8"),
        ("mesh_progress_freed", "i8"),
        ("tag_address", "i8", (MESH_OPERATIONS,)),
        ("tag_rows", "i8", (MESH_OPERATIONS,)),
        ("tag_entry", "i8", (MESH_OPERATIONS,)),
        ("tag_held", "i8", (MESH_OPERATIONS,)),
        ("result_time", "i8", (MESH_ROWS,)),
        ("result_operation", "i8", (MESH_ROWS,)),
        ("result_last", "i8", (MESH_ROWS,)),
        ("result_flush", "i8", (MESH_ROWS,)),
        ("result_head", "i8"),
        ("result_count", "i8"),
        ("output_counter", "i8"),
        # --- L2
        ("lfsr", "i8"),
        ("mshr_valid", "i8"),
        ("mshr_freed", "i8"),
        ("mshr_want_a", "i8"),
        ("mshr_want", "i8"),
        ("mshr_want_c", "i8"),
        ("mshr_want_d", "i8"),
        ("mshr_want_b", "i8"),
        ("mshr_want_write", "i8"),
        ("mshr_wake", "i8", (16,)),
        ("mshr_ready", "i8"),
        ("mshr_robin", "i8"),
        ("mshr_line", "i8", (MSHRS,)),
        ("mshr_way", "i8", (MSHRS,)),
        ("mshr_set", "i8", (MSHRS,)),
        ("mshr_packet", "i8", (MSHRS,)),
        ("mshr_state", "i8", (MSHRS,)),
        ("mshr_victim", "i8", (MSHRS,)),
        ("mshr_waits", "i8", (MSHRS,)),
        ("waiting_packet", "i8", (WAITING,)),
        ("waiting_next", "i8", (WAITING,)),
        ("waiting_free", "i8"),
        ("waiting_count", "i8"),
        ("waiting_first", "i8", (MSHRS,)),
        ("waiting_final", "i8", (MSHRS,)),
        ("offered", "i8"),
        ("offered_to", "i8"),
        ("directory_write", "i8"),
        ("directory_write_time", "i8"),
        ("directory_read", "i8"),
        ("put_beats", "i8"),
        # SourceD: the response that is being read out
        ("source_valid", "i8"),
        ("source_packet", "i8"),
        ("source_mshr", "i8"),
        ("source_beat", "i8"),
        ("source_beats", "i8"),
        ("source_first_beat", "i8"),
        ("source_reads", "i8"),
        ("update_time", "i8", (8,)),
        ("update_banks", "i8", (8,)),
        ("update_head", "i8"),
        ("update_count", "i8"),
        # SourceC: the line that is being written back
        ("release_valid", "i8"),
        ("release_mshr", "i8"),
        ("release_beat", "i8"),
        ("release_fill", "i8"),
        ("release_queue", "i8", (32,)),
        ("release_queue_time", "i8", (32,)),
        ("release_head", "i8"),
        # probes of the host's first-level cache
        ("probe_time", "i8", (MSHRS,)),
        ("probes", "i8"),
        ("probe_free", "i8"),
        # --- memory port
        ("acquire_queue", "i8", (4,)),
        ("acquire_time", "i8", (4,)),
        ("acquire_head", "i8"),
        ("acquire_count", "i8"),
        ("acquire_pop", "i8"),
        ("port_beats", "i8"),
        ("read_mshr", "i8", (MSHRS,)),
        ("read_time", "i8", (MSHRS,)),
        ("read_head", "i8"),
        ("read_count", "i8"),
        ("read_beat", "i8"),
        ("write_mshr", "i8", (MSHRS,)),
        ("write_time", "i8", (MSHRS,)),
        ("write_head", "i8"),
        ("write_count", "i8"),
        ("write_delay", "i8"),
        ("clean_mshr", "i8", (2,)),
        ("clean_time", "i8", (2,)),
        ("clean_head", "i8"),
        ("clean_count", "i8"),
        ("clean_pop", "i8"),
        ("sink_kind", "i8", (2,)),
        ("sink_mshr", "i8", (2,)),
        ("sink_beat", "i8", (2,)),
        ("sink_time", "i8", (2,)),
        ("sink_head", "i8"),
        ("sink_count", "i8"),
        ("sink_pop", "i8"),
        ("sink_expects", "i8"),
        ("banks_used", "i8"),
        # --- the host's line
        ("host_packet", "i8"),
        ("host_valid", "i8"),
        ("host_time", "i8"),
        ("host_done", "i8"),
        ("host_beats", "i8"),
        ("host_release_line", "i8"),  # a line that the host gives back, -1 if none, and when it arrives
        ("host_release_time", "i8"),
        ("grant_ack_time", "i8"),
        ("grant_ack_mshr", "i8"),
        ("probe_count", "i8"),
        ("probe_line", "i8", (64,)),
        # --- where the cycles went (stalls.py)
        ("stalls", "i8", (len(STALL_NAMES),)),
        ("fed", "i8"),  # what the array got in this cycle, -1 for nothing
        ("last_cause", "i8"),
        ("blamed", "i8"),  # trace row of the command that a cycle is lost to, -1 for none
        ("last_blamed", "i8"),
        ("waits_for", "i8"),  # load entry that the next execute command waits for, -1 for none
        ("fencing", "i8"),  # whether the host waits at a fence
        ("front_blocked", "i8"),  # queue of the station that is full for the first command in front of it, -1 for none
        ("blocked_by_others", "i8"),  # cycles in which loads could not enter because of another queue
        ("entering_since", "i8"),
        ("command_blocked", "i8", (COMMANDS,)),  # the count above when a command was given
        ("entry_held", "i8", (STATION,)),  # how long a load stood behind others in front of the station
        # --- counts
        ("misses", "i8"),
        ("reads", "i8"),
        ("writes", "i8"),
        ("array_rows", "i8"),
        ("trace_count", "i8"),
        ("noted", "i8"),
        ("noted_cycle", "i8", (NOTED,)),
        ("noted_kind", "i8", (NOTED,)),
        ("noted_number", "i8", (NOTED,)),
        ("noted_address", "i8", (NOTED,)),
        ("noted_size", "i8", (NOTED,)),
        ("noted_row", "i8", (NOTED,)),
        ("event_count", "i8"),
    ],
    align=True,
)

COMMAND_DTYPE = np.dtype(
    [
        ("pc", "u8"),
        ("rs1", "u8"),
        ("rs2", "u8"),
        ("funct", "i4"),
        ("unit", "i4"),
        ("commit", "i8"),
        ("allocate", "i8"),
        ("issue", "i8"),
        ("start", "i8"),
        ("complete", "i8"),
        ("lost", "i8"),
    ],
    align=True,
)

EVENT_DTYPE = np.dtype(
    [("cycle", "i8"), ("kind", "i8"), ("number", "i8"), ("address", "i8"), ("size", "i8")],
    align=True,
)


def new_clock(config: MachineConfig, *, tracing: bool = False) -> np.ndarray:
    """Return the clock's record (a structured array of length 1) for a machine description.

    Raises
    ------
    ValueError
        If a queue of the description is longer than the clock's bit masks and rings.
    """
    queues = config.queues
    for name, value, limit in (
        ("queues.station_load", queues.station_load, STATION),
        ("queues.station_execute", queues.station_execute, STATION),
        ("queues.station_store", queues.station_store, STATION),
        ("queues.load", queues.load, UNIT_QUEUE),
        ("queues.execute", queues.execute, UNIT_QUEUE),
        ("queues.store", queues.store, UNIT_QUEUE),
        ("queues.trackers", queues.trackers, TRACKERS),
        ("dma.reads_in_flight", config.dma.reads_in_flight, TRANSACTIONS),
        ("scratchpad.banks", config.scratchpad.banks, BANKS),
        ("accumulator.banks", config.accumulator.banks, BANKS),
        ("l2.misses", config.l2.misses, MSHRS),
    ):
        if value > limit:
            raise ValueError(f"{name}: the clock holds at most {limit}, not {value}")
    clock = np.zeros(1, CLOCK_DTYPE)
    state = clock[0]
    state["dim"] = config.array.dim
    state["element_bytes"] = config.element_bytes
    state["accumulator_bytes"] = config.accumulator_bytes
    state["scratchpad_rows"] = config.scratchpad_rows
    state["bank_shift"] = config.scratchpad_bank_rows.bit_length() - 1
    state["banks"] = config.scratchpad.banks
    state["accumulator_rows"] = config.accumulator_rows
    state["accumulator_bank_rows"] = config.accumulator_bank_rows
    state["accumulator_bank_shift"] = config.accumulator_bank_rows.bit_length() - 1
    state["dim_shift"] = config.array.dim.bit_length() - 1
    state["row_shift"] = (config.array.dim * config.element_bytes).bit_length() - 1
    state["wide_row_shift"] = (config.array.dim * config.accumulator_bytes).bit_length() - 1
    state["bus_shift"] = config.dma.bus_bytes.bit_length() - 1
    state["commands_free"] = (1 << COMMANDS) - 1
    state["address_mask"] = max(config.scratchpad_rows, config.accumulator_rows) - 1
    state["station_entries"] = (queues.station_load, queues.station_execute, queues.station_store)
    state["queue_entries"] = (queues.load, queues.execute, queues.store)
    state["trackers"] = queues.trackers
    state["bus_bytes"] = config.dma.bus_bytes
    state["request_bytes"] = config.dma.request_bytes
    state["line_bytes"] = config.l2.line_bytes
    state["line_shift"] = config.l2.line_bytes.bit_length() - 1
    state["reads_in_flight"] = config.dma.reads_in_flight
    state["read_delay"] = 4
    state["scale_latency"] = 8
    state["mvin_scale_latency"] = 4
    state["mvin_scale_units"] = 4
    state["mesh_latency"] = 2 * config.array.dim
    state["tag_queue"] = config.array.operations_in_flight + 1
    state["mshrs"] = config.l2.misses
    state["ways"] = config.l2.ways
    state["sets"] = config.l2.kilobytes * 1024 // (config.l2.ways * config.l2.line_bytes)
    state["memory_bytes"] = config.memory.bytes_per_cycle
    state["memory_beats"] = config.l2.line_bytes // config.memory.bytes_per_cycle
    state["dram_latency"] = config.memory.latency
    state["write_latency"] = 8
    state["tracing"] = tracing
    for never in ("wake", "due_results", "due_mesh", "due_rows", "due_responses"):
        state[never] = 1 << 62
    # registers that a program may rely on before it configures them
    state["load_block_stride"] = state["station_block_stride"] = config.array.dim
    state["load_pixel_repeats"] = 1
    state["load_scale"] = 0x3F800000
    state["execute_a_stride"] = state["execute_c_stride"] = 1
    state["station_a_stride"] = state["station_c_stride"] = 1
    for never in ("bank_write", "bank_read", "accumulator_write", "accumulator_adds", "stage_pop", "queue_pop"):
        state[never] = -10
    for never in ("accumulator_time_1", "accumulator_time_2", "channel_pop", "pending_complete", "waiting_first"):
        state[never] = -10
    for never in ("unroll_pop", "execute_pop", "out_scale_pop", "out_norm_pop", "out_dispatch_pop"):
        state[never] = -10
    for never in ("acquire_pop", "clean_pop", "sink_pop", "directory_read", "offered", "offered_to"):
        state[never] = -10
    state["grant_ack_time"] = -1
    state["host_release_line"] = -1
    state["reader_page"] = state["writer_page"] = -1
    state["mshr_robin"] = -1
    state["fed"] = state["front_blocked"] = state["blamed"] = state["last_blamed"] = state["waits_for"] = -1
    state["last_cause"] = HOST
    state["lfsr"] = 1
    state["waiting_next"] = np.arange(1, WAITING + 1)
    return clock


def new_tags(config: MachineConfig) -> np.ndarray:
    """Return the empty tag array of the L2, int64 [sets, ways]; -1 marks an empty way."""
    sets = config.l2.kilobytes * 1024 // (config.l2.ways * config.l2.line_bytes)
    return np.full((sets, config.l2.ways), -1, np.int64)


def new_trace(rows: int) -> np.ndarray:
    """Return an empty command trace with room for ``rows`` commands."""
    return np.zeros(rows, COMMAND_DTYPE)


def new_events(rows: int) -> np.ndarray:
    """Return an empty event log with room for ``rows`` events."""
    return np.zeros(rows, EVENT_DTYPE)
