"""Numbers that the decoder and the core agree on: decoded operations, RISC-V exception causes, run statuses."""

from __future__ import annotations

__all__: list[str] = []  # a module of constants, used as ``op.ADD``

# Address 0 of the simulated DRAM, and the test bench's channel (console, exit, numbers; see htif.py).
DRAM_BASE = 0x8000_0000
CHANNEL = 0x1002_0000

# Registers: the integer ones, x[0] stays 0; one that takes integer results that are dropped; the floating-point ones,
# and one more for the use of one instruction.
DROPPED, FLOATS, SCRATCH = 32, 33, 65

# Decoded operations. A compressed instruction decodes to the operation that it abbreviates.
# fmt: off
(
    UNDECODED,  # the slot was not executed yet, or a fence.i emptied it
    ILLEGAL,
    LI,  # lui and auipc: the constant is known once decoded
    ADDI, SLTI, SLTIU, XORI, ORI, ANDI, SLLI, SRLI, SRAI, ADDIW, SLLIW, SRLIW, SRAIW,
    ADD, SUB, SLL, SLT, SLTU, XOR, SRL, SRA, OR, AND, ADDW, SUBW, SLLW, SRLW, SRAW,
    MUL, MULH, MULHSU, MULHU, DIV, DIVU, REM, REMU, MULW, DIVW, DIVUW, REMW, REMUW,
    LB, LH, LW, LD, LBU, LHU, LWU, FLW, FLD,
    SB, SH, SW, SD, FSW, FSD,
    BEQ, BNE, BLT, BGE, BLTU, BGEU, JAL, JALR,
    ATOMIC,  # imm: funct5; rm: funct3
    FENCE, FENCE_I, ECALL, EBREAK, MRET, WFI,
    CSRRW, CSRRS, CSRRC, CSRRWI, CSRRSI, CSRRCI,  # imm: CSR number; rs1: register or immediate
    FLOAT,  # imm: funct5 of OP-FP; rm, rs2 and double as encoded
    FMADD, FMSUB, FNMSUB, FNMADD,
    ROCC,  # imm: funct7
    REGION,  # imm: 2 n + 1 begins region n, 2 n + 2 ends it
) = range(87)
# fmt: on

# What an instruction that is executed outside the chain of `core.run` asks of it: to go on behind it, at the core's
# `pc`, in the handler of exceptions, or not at all.
NEXT, JUMP, RAISE, STOP = range(4)

# What `core["logging"]` says: nothing is logged, commands only, or loads and stores of the host as well.
LOG_NOTHING, LOG_COMMANDS, LOG_ALL = range(3)

# Exception causes of the privileged architecture.
CAUSE_FETCH_MISALIGNED = 0
CAUSE_FETCH_ACCESS = 1
CAUSE_ILLEGAL = 2
CAUSE_BREAKPOINT = 3
CAUSE_LOAD_MISALIGNED = 4
CAUSE_LOAD_ACCESS = 5
CAUSE_STORE_MISALIGNED = 6
CAUSE_STORE_ACCESS = 7
CAUSE_ECALL_M = 11

# Why `core.run` returned. The first group goes on when it is called again.
RUNNING = 0
CONSOLE_FULL = 1  # the console buffer needs room for `console_needed` more bytes
REGIONS_FULL = 2
TRACE_FULL = 3
LOG_FULL = 4
LIMIT = 5  # `max_instructions` are executed
EXITED = 6
TRAPPED = 7  # a trap, and the program has no handler, or the handler's first instruction traps
ACCELERATOR = 8  # a Gemmini command broke a rule; `code` says which
