# Start-up and exit of a program on the bare machine.
#
# Nothing is cleared: memory is zero at reset, and .bss may already hold inputs that the simulator wrote there.
# mtvec stays zero: the simulator ends a program that takes a trap without a handler, and says where.
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    li   t0, 0x1e000            # mstatus.FS and .XS: floating point and the accelerator are on
    csrs mstatus, t0
    csrw fcsr, zero
    .option push
    .option norelax
    la   gp, __global_pointer$
    .option pop
    la   sp, __stack_top
    li   a0, 0                  # argc
    la   a1, empty_arguments    # argv
    call main
    call exit                   # flushes the console, then _exit
    .size _start, . - _start

# void _exit(int code): tell the host through HTIF and wait for the end.
    .section .text._exit, "ax", @progbits
    .globl _exit
    .type _exit, @function
_exit:
    fence
    slli a0, a0, 32             # the code is a C int: drop what is above it
    srli a0, a0, 31
    ori  a0, a0, 1
    la   t0, tohost
1:  sd   a0, 0(t0)
    j    1b
    .size _exit, . - _exit

    .section .rodata.arguments, "a", @progbits
    .balign 8
empty_arguments:
    .dword 0

    .section .htif, "aw", @progbits
    .balign 64
    .globl tohost
    .type tohost, @object
    .size tohost, 8
tohost:
    .dword 0
    .balign 64
    .globl fromhost
    .type fromhost, @object
    .size fromhost, 8
fromhost:
    .dword 0
    .balign 64
