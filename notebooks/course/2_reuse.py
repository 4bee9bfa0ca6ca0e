# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Course 2: what does it cost to load everything again?
#
# A product of two 128 x 128 matrices is 8 x 8 x 8 products of tiles. Each tile of A meets 8 tiles of B, and the other
# way round. Whoever loads a tile whenever it is needed loads it 8 times. All cycles are **simulated**.

# %% tags=["parameters"]
machine = "int8-16"  # `gemmini-sim configs` lists the machines; the array has to be 16 x 16
guess_bytes = 0  # bytes of A that the first kernel loads; 0 is no guess
guess_resident = 0  # cycles if A and B are loaded once

# %%
import pandas as pd
from gemmini_sim.trace_tables import command_table

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.traces import trace_kernel
from autocomp_kit.widgets import KernelLab, ScratchpadView

evaluator = Evaluator("small/2", machine)


def kernel(body):
    """Return a whole kernel: configuration, body, fence."""
    return f"""void solution(int8_t A[128][128], int8_t B[128][128], int8_t C[128][128]) {{
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(128, 1.0f, 16, 1);  // mvin2 loads A
  config_ld(128, 1.0f, 16, 2);  // mvin3 loads B
  config_st(128);
{body}  fence();
}}
"""


def measure(*kernels):
    """Return a table of kernels: cycles, share of the array, and how often and how much the operands were loaded."""
    rows = []
    for name, code in kernels:
        verdict = evaluator.evaluate(code)
        assert verdict.correct, verdict.problems
        row = {"kernel": name, "cycles": verdict.cycles, "array used": f"{verdict.utilization:.0%}"}
        commands = command_table(evaluator.trace(code).trace)
        for operand, load in (("A", "mvin2"), ("B", "mvin3")):
            loads = commands[commands["name"] == load]
            row |= {f"loads of {operand}": len(loads), f"bytes of {operand}": (loads["rows"] * loads["columns"]).sum()}
        rows.append(row)
    return pd.DataFrame(rows).set_index("kernel")


# %% [markdown]
# ## Every tile whenever it is needed
#
# A lies from row 0, B from row 4096: another bank, so that the array can read both at once (course 3).
# `0xc0000000` adds to the accumulator, `0x80000000` overwrites what is there.

# %%
again = kernel("""
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 8; j++) {
      for (int k = 0; k < 8; k++) {
        mvin2(&A[16 * i][16 * k], 16 * k, 16, 16);
        mvin3(&B[16 * k][16 * j], 4096 + 16 * k, 16, 16);
        preload(4096 + 16 * k, k ? 0xc0000000 : 0x80000000, 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }
      mvout(&C[16 * i][16 * j], 0x80000000, 16, 16);
    }
""")

# %% [markdown]
# **Guess.** A has 16,384 bytes. How many bytes of A does this kernel load (`guess_bytes`)?

# %%
table = measure(("again", again))
print(f"you said {guess_bytes:,}" if guess_bytes else "you made no guess")
table

# %% [markdown]
# Each colour below is how often the same data have been loaded into the scratchpad. Move the cursor along the time axis.

# %%
ScratchpadView(trace_kernel(evaluator, again, name="again"), colour="reload")

# %% [markdown]
# ## A row of A stays
#
# The tiles of A do not change with `j`. Their loads move out of that loop.

# %%
row_stays = kernel("""
  for (int i = 0; i < 8; i++) {
    for (int k = 0; k < 8; k++)
      mvin2(&A[16 * i][16 * k], 16 * k, 16, 16);
    for (int j = 0; j < 8; j++) {
      for (int k = 0; k < 8; k++) {
        mvin3(&B[16 * k][16 * j], 4096 + 16 * k, 16, 16);
        preload(4096 + 16 * k, k ? 0xc0000000 : 0x80000000, 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }
      mvout(&C[16 * i][16 * j], 0x80000000, 16, 16);
    }
  }
""")
measure(("again", again), ("row of A stays", row_stays))

# %% [markdown]
# ## All of B stays
#
# **Guess.** B has 128 x 128 bytes; a row of the scratchpad holds 16. How many of its 16,384 rows does it take? If B is
# loaded once, before all loops, how many cycles are left (`guess_resident`)?

# %%
all_stay = kernel("""
  for (int k = 0; k < 8; k++)
    for (int j = 0; j < 8; j++)
      mvin3(&B[16 * k][16 * j], 4096 + 128 * k + 16 * j, 16, 16);
  for (int i = 0; i < 8; i++) {
    for (int k = 0; k < 8; k++)
      mvin2(&A[16 * i][16 * k], 16 * k, 16, 16);
    for (int j = 0; j < 8; j++) {
      for (int k = 0; k < 8; k++) {
        preload(4096 + 128 * k + 16 * j, k ? 0xc0000000 : 0x80000000, 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }
      mvout(&C[16 * i][16 * j], 0x80000000, 16, 16);
    }
  }
""")
print(f"you said {guess_resident:,}" if guess_resident else "you made no guess")
measure(("again", again), ("row of A stays", row_stays), ("all stay", all_stay))

# %% [markdown]
# ## Fewer, wider loads
#
# A load can move 64 columns, four tiles side by side, in one command. The bytes are the same. Does it help?

# %%
wide = kernel("""
  for (int k = 0; k < 8; k++)
    for (int j = 0; j < 8; j += 4)
      mvin3(&B[16 * k][16 * j], 4096 + 128 * k + 16 * j, 64, 16);
  for (int i = 0; i < 8; i++) {
    for (int k = 0; k < 8; k += 4)
      mvin2(&A[16 * i][16 * k], 16 * k, 64, 16);
    for (int j = 0; j < 8; j++) {
      for (int k = 0; k < 8; k++) {
        preload(4096 + 128 * k + 16 * j, k ? 0xc0000000 : 0x80000000, 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }
      mvout(&C[16 * i][16 * j], 0x80000000, 16, 16);
    }
  }
""")
measure(("all stay", all_stay), ("and wide", wide))

# %%
ScratchpadView(trace_kernel(evaluator, wide, name="wide"), colour="reload")

# %% [markdown]
# ## What to try
#
# - The array is still idle half of the time, although every byte is loaded once. What does it wait for? (Course 3.)
# - Let A stay and load B again instead. Is it the same? Why does the hardware see a difference between A and B?
# - How large may a matrix be until it does not fit any more? What would you do then?

# %%
KernelLab(workload="small/2", machine=machine, code=wide)
