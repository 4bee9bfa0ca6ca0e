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
# # Where do the cycles go, and what lies in the scratchpad meanwhile?
#
# Two kernels compute the same product. One needs twice the cycles of the other. The timeline shows what each unit did,
# what every command waited for and where the cycles went; the memory view shows which rows held data that were still
# needed, and when two wanted the same bank. Both know the C line of every command. All cycles are **simulated**.

# %% tags=["parameters"]
workload = "small/0"  # int8 GEMM 64 x 64 x 64
machine = "int8-16"  # `gemmini-sim configs` lists the machines
iterations = 4
seed = 1

# %%
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.traces import trace_candidate
from autocomp_kit.widgets import ScratchpadView, TimelineView, linked

# %% [markdown]
# ## Two kernels

# %%
settings = SearchConfig(iterations=iterations, beam=3, plans=4, codes=1, keep_probability=0.5, seed=seed)
history = make_run(workload, machine=machine, config=settings).execute()
naive, best = trace_candidate(history, "0"), trace_candidate(history)
print(f"{naive.cycles:,} and {best.cycles:,} cycles (simulated)")

# %% [markdown]
# ## On one time axis
#
# Click into the picture, then zoom with the wheel or plus and minus, pan by dragging or with the arrows. Click on a bar: its
# command, its waits and its line appear below. Click on a line: its commands stand out.

# %%
TimelineView(naive, best)

# %% [markdown]
# ## The naive kernel: time and memory together
#
# Select a row of the memory, and the timeline shows the command that filled it. Colour by *loaded how often* shows what the
# kernel fetches again and again.

# %%
linked(TimelineView(naive), ScratchpadView(naive, colour="reload"))

# %% [markdown]
# ## The best kernel

# %%
ScratchpadView(best)

# %% [markdown]
# ## What to try
#
# - When is the array idle in the naive kernel, and which command ends the wait?
# - Operands of one bank take turns: where does the naive kernel lose cycles to that, and what did the best one change?
# - Which operand does the best kernel still load more than once?
# - Decode `0xc0000040` in the address inspector. What would the kernel do without bit 30?
# - The host waits most of the time. What for? Which lane would have to be shorter so that it did not?
# - Set `machine = "lean-rtl"`, whose memory port is narrow: which lane is the busy one now?
