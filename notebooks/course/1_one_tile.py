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
# # Course 1: how long does one product of two tiles take?
#
# Gemmini multiplies 16 x 16 tiles. Six commands make one product: two loads (`mvin`), the weights into the array
# (`preload`), the product (`compute`), a store (`mvout`), and a `fence` at which the host waits for the end. Below you guess
# before you measure. A guess that is wrong teaches more than one that is right. All cycles are **simulated**.

# %% tags=["parameters"]
machine = "int8-16"  # `gemmini-sim configs` lists the machines; the array has to be 16 x 16
guess_one = 0  # cycles of one product; 0 is no guess
guess_ten = 0  # cycles of ten products in a row
guess_slow = 0  # cycles of one product if memory answers twice as late

# %%
import pandas as pd
from gemmini_sim import load_config

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.traces import trace_kernel
from autocomp_kit.widgets import KernelLab, TimelineView

configuration = load_config(machine)
evaluator = Evaluator("small/1", configuration)  # C = A B, one tile each, checked against NumPy


def reveal(what, guess, cycles):
    """Print what was measured, beside the guess."""
    said = f"; you said {guess:,}, which is {guess / cycles:.2f} times as many" if guess else "; you made no guess"
    print(f"{what}: {cycles:,} cycles (simulated){said}")


# %% [markdown]
# ## One product
#
# Local addresses count rows: A goes to rows 0 to 15 of the scratchpad, B to rows 16 to 31. `0x80000000` is row 0 of the
# accumulator.

# %%
one = """void solution(int8_t A[16][16], int8_t B[16][16], int8_t C[16][16]) {
  config_ex(WEIGHT_STATIONARY, NO_ACTIVATION, 1, false, false);
  config_ld(16, 1.0f, 16, 0);  // 16 bytes from one row of the matrix to the next
  config_st(16);
  mvin(A, 0, 16, 16);
  mvin(B, 16, 16, 16);
  preload(16, 0x80000000, 16, 16, 16, 16);
  compute_preloaded(0, 0xffffffff, 16, 16, 16, 16);
  mvout(C, 0x80000000, 16, 16);
  fence();
}
"""

# %% [markdown]
# **Guess.** The array takes in one row of A per cycle, so the product itself takes 16 cycles. How many does the whole
# kernel take? Write your number into `guess_one` above (or here), then run the next cell.

# %%
verdict = evaluator.evaluate(one)
assert verdict.correct
reveal("one product", guess_one, verdict.cycles)

# %% [markdown]
# Where did they go? Each cycle has one cause: what the array did, or what it waited for.

# %%
stalls = evaluator.trace(one, level="summary").regions[0].stalls
pd.Series(stalls, name="cycles").sort_values(ascending=False).to_frame()

# %% [markdown]
# `host`: the accelerator had nothing to do, because the host fetched its instructions from memory for the first time.
# `load` and `store_tail`: data were on their way in and out. See it happen: click on a bar, or on a line of the code.

# %%
TimelineView(trace_kernel(evaluator, one, name="one product"))

# %% [markdown]
# ## Memory twice as slow
#
# **Guess.** Memory now takes so many cycles to answer:

# %%
print(configuration.memory.latency)
slow = Evaluator("small/1", configuration.with_values({"memory.latency": 2 * configuration.memory.latency}))

# %% [markdown]
# With twice that, how many cycles does the product take (`guess_slow`)? It loads two tiles, stores one, and fetches its
# instructions: which of these waits happen one after the other, and which at the same time?

# %%
waited = slow.evaluate(one).cycles
reveal("one product, slow memory", guess_slow, waited)
extra = (waited - verdict.cycles) / configuration.memory.latency
print(f"{extra:.1f} answers of memory were waited for, one after the other")

# %% [markdown]
# ## Ten in a row
#
# **Guess.** The same product ten times, without a fence in between: how many cycles (`guess_ten`)?

# %%
ten = one.replace("  mvin(A", "  for (int turn = 0; turn < 10; turn++) {\n  mvin(A").replace("  fence", "  }\n  fence")
measured = evaluator.evaluate(ten).cycles
reveal("ten products", guess_ten, measured)
print(f"each one after the first: {(measured - verdict.cycles) / 9:.0f} cycles")

# %%
TimelineView(trace_kernel(evaluator, ten, name="ten products"))

# %% [markdown]
# The later ones are cheaper: code and data are in the caches, and the load of the next product need not wait for the
# store of this one. They still take far more than 16 cycles. What does each one wait for?

# %% [markdown]
# ## What to try
#
# - Put a `fence();` at the end of each turn. How much does it cost, and why?
# - Let odd turns use other rows of the scratchpad and of the accumulator (`32 * (turn % 2)`). Guess first.
# - In the lab below, Ctrl+Enter compiles, checks and measures what you type; nothing of it runs on this computer.

# %%
KernelLab(workload="small/1", machine=machine, code=one)
