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
# # Course 3: who waits for whom?
#
# Loads, products and stores are done by three units that could all work at the same time. What keeps them from it is
# a row that one still reads and another wants to write, or a bank that two want at once. Here no kernel moves a byte more
# or less than the others; only addresses change. All cycles are **simulated**.

# %% tags=["parameters"]
machine = "int8-16"  # `gemmini-sim configs` lists the machines; the array has to be 16 x 16
guess_banks = 0  # cycles if A and B lie in different banks; 0 is no guess
guess_accumulator = 0  # cycles if the accumulator is used in two halves as well

# %%
import pandas as pd

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.traces import trace_kernel
from autocomp_kit.widgets import KernelLab, TimelineView

evaluator = Evaluator("small/2", machine)


def kernel(*, b, c):
    """Return the kernel of course 2 that loads everything once, with B at the rows ``b`` and C at the rows ``c``."""
    return f"""void solution(int8_t A[128][128], int8_t B[128][128], int8_t C[128][128]) {{
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(128, 1.0f, 16, 1);
  config_ld(128, 1.0f, 16, 2);
  config_st(128);
  for (int k = 0; k < 8; k++) {{
    for (int j = 0; j < 8; j += 4) {{
      mvin3(&B[16 * k][16 * j], {b} + 128 * k + 16 * j, 64, 16);
    }}
  }}
  for (int i = 0; i < 8; i++) {{
    for (int k = 0; k < 8; k += 4) {{
      mvin2(&A[16 * i][16 * k], 16 * k, 64, 16);
    }}
    for (int j = 0; j < 8; j++) {{
      for (int k = 0; k < 8; k++) {{
        preload({b} + 128 * k + 16 * j, ({c}) | (k ? 0x40000000 : 0), 16, 16, 16, 16);
        compute_preloaded(16 * k, 0xffffffff, 16, 16, 16, 16);
      }}
      mvout(&C[16 * i][16 * j], {c}, 16, 16);
    }}
  }}
  fence();
}}
"""


def measure(*kernels):
    """Return a table: a column per kernel, the cycles and where they went."""
    columns = {}
    for name, code in kernels:
        verdict = evaluator.evaluate(code)
        assert verdict.correct, verdict.problems
        columns[name] = {"all": verdict.cycles} | dict(evaluator.trace(code, level="summary").regions[0].stalls)
    return pd.DataFrame(columns)


# %% [markdown]
# ## Two operands, one bank
#
# The scratchpad has four banks of 4,096 rows; each can be read or written once per cycle. Here A has rows 0 to 127 and
# B rows 256 to 1,279: both in bank 0.

# %%
one_bank = kernel(b=256, c="0x80000000")
measure(("one bank", one_bank))

# %% [markdown]
# `bank_conflict`: the array wanted a row of A and a row of the next weights from the same bank.
#
# **Guess.** With B from row 4,096 on, in the next bank: how many cycles (`guess_banks`)?

# %%
two_banks = kernel(b=4096, c="0x80000000")
print(f"you said {guess_banks:,}" if guess_banks else "you made no guess")
measure(("one bank", one_bank), ("two banks", two_banks))

# %% [markdown]
# ## Results that stand in the way
#
# The largest cause left is `accumulator`: the first product of a tile overwrites rows that the store of the tile before has
# not read yet. **Guess.** Even and odd tiles now use different rows of the accumulator, in different banks
# (`guess_accumulator`).

# %%
two_halves = kernel(b=4096, c="0x80000000 + 512 * (j % 2)")
print(f"you said {guess_accumulator:,}" if guess_accumulator else "you made no guess")
measure(("one bank", one_bank), ("two banks", two_banks), ("and two halves", two_halves))

# %% [markdown]
# The same work, the same bytes, the same number of commands. Look at both on one time axis: where the store lane and the
# execute lane take turns above, they overlap below.

# %%
TimelineView(
    trace_kernel(evaluator, two_banks, name="two banks"), trace_kernel(evaluator, two_halves, name="two halves")
)

# %% [markdown]
# ## What to try
#
# - What is the largest cause of waiting now? Which addresses would have to change?
# - Rows of A: load those of the next `i` while the array works on this one (other rows for even and odd `i`).
# - What is the fewest cycles that any kernel can take? `ideal_cycles` of a verdict says it for the array; what else must
#   happen before the first and after the last product?

# %%
KernelLab(workload="small/2", machine=machine, code=two_halves)
