/* Custom instructions for accelerators behind Rocket's RoCC port, as C macros.
 *
 * x is the custom opcode (0 to 3), func7 the function code; both must be constants. R is a register operand or result,
 * 0 is none. A memory clobber keeps loads and stores of C objects on their side of the command: the accelerator reads
 * and writes memory behind the compiler's back. */
#ifndef XCUSTOM_H
#define XCUSTOM_H

#include <stdint.h>

#define XCUSTOM_OPCODE(x) ((x) == 0 ? 0x0b : (x) == 1 ? 0x2b : (x) == 2 ? 0x5b : 0x7b)

#define ROCC_INSTRUCTION_0_R_R(x, rs1, rs2, func7)                                                                     \
    {                                                                                                                  \
        __asm__ volatile(".insn r %0, 3, %1, x0, %z2, %z3"                                                             \
                         :                                                                                             \
                         : "i"(XCUSTOM_OPCODE(x)), "i"(func7), "rJ"((uint64_t)(rs1)), "rJ"((uint64_t)(rs2))            \
                         : "memory");                                                                                  \
    }

#define ROCC_INSTRUCTION_R_R_R(x, rd, rs1, rs2, func7)                                                                 \
    {                                                                                                                  \
        uint64_t rocc_result;                                                                                          \
        __asm__ volatile(".insn r %1, 7, %2, %0, %z3, %z4"                                                             \
                         : "=r"(rocc_result)                                                                           \
                         : "i"(XCUSTOM_OPCODE(x)), "i"(func7), "rJ"((uint64_t)(rs1)), "rJ"((uint64_t)(rs2))            \
                         : "memory");                                                                                  \
        (rd) = rocc_result;                                                                                            \
    }

#define ROCC_INSTRUCTION_R_R_0(x, rd, rs1, func7)                                                                      \
    {                                                                                                                  \
        uint64_t rocc_result;                                                                                          \
        __asm__ volatile(".insn r %1, 6, %2, %0, %z3, x0"                                                              \
                         : "=r"(rocc_result)                                                                           \
                         : "i"(XCUSTOM_OPCODE(x)), "i"(func7), "rJ"((uint64_t)(rs1))                                   \
                         : "memory");                                                                                  \
        (rd) = rocc_result;                                                                                            \
    }

#define ROCC_INSTRUCTION_R_0_0(x, rd, func7)                                                                           \
    {                                                                                                                  \
        uint64_t rocc_result;                                                                                          \
        __asm__ volatile(".insn r %1, 4, %2, %0, x0, x0"                                                               \
                         : "=r"(rocc_result)                                                                           \
                         : "i"(XCUSTOM_OPCODE(x)), "i"(func7)                                                          \
                         : "memory");                                                                                  \
        (rd) = rocc_result;                                                                                            \
    }

#define ROCC_INSTRUCTION_0_R_0(x, rs1, func7)                                                                          \
    {                                                                                                                  \
        __asm__ volatile(".insn r %0, 2, %1, x0, %z2, x0"                                                              \
                         :                                                                                             \
                         : "i"(XCUSTOM_OPCODE(x)), "i"(func7), "rJ"((uint64_t)(rs1))                                   \
                         : "memory");                                                                                  \
    }

#define ROCC_INSTRUCTION_0_0_0(x, func7)                                                                               \
    {                                                                                                                  \
        __asm__ volatile(".insn r %0, 0, %1, x0, x0, x0" : : "i"(XCUSTOM_OPCODE(x)), "i"(func7) : "memory");           \
    }

#define ROCC_INSTRUCTION(x, rd, rs1, rs2, func7) ROCC_INSTRUCTION_R_R_R(x, rd, rs1, rs2, func7)
#define ROCC_INSTRUCTION_D(x, rd, func7) ROCC_INSTRUCTION_R_0_0(x, rd, func7)
#define ROCC_INSTRUCTION_DS(x, rd, rs1, func7) ROCC_INSTRUCTION_R_R_0(x, rd, rs1, func7)
#define ROCC_INSTRUCTION_DSS(x, rd, rs1, rs2, func7) ROCC_INSTRUCTION_R_R_R(x, rd, rs1, rs2, func7)
#define ROCC_INSTRUCTION_S(x, rs1, func7) ROCC_INSTRUCTION_0_R_0(x, rs1, func7)
#define ROCC_INSTRUCTION_SS(x, rs1, rs2, func7) ROCC_INSTRUCTION_0_R_R(x, rs1, rs2, func7)

#endif
