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
# # How far can the simulated cycles be trusted?
#
# More than 1,300 regions of some 460 programs were measured on RTL: a complete Rocket + Gemmini system in Verilator.
# Here the simulator runs the same binaries, and every region's cycles are laid beside the measured ones.
#
# - **warm**: a pass over code and data that an earlier pass has touched; **cold**: the first pass.
# - **kernels** are whole operators (`matmul`, `conv`, `resadd`, `loopws`) and random command streams (`rand`); the other
#   groups are small programs that isolate one mechanism each.
# - **noise**: caches replace lines at random. The same program after a few more line reads takes other cycles on the
#   same RTL. A model that is nearer to the RTL than the RTL to itself would only be lucky.

# %% tags=["parameters"]
directory = ""  # measurements in the format of data/rtl; by default those that come with autocomp-kit
machine = "lean-rtl"  # the machine that was measured; `gemmini-sim configs` lists others
programs = ""  # only programs whose names begin with one of these words; by default all

# %%
from pathlib import Path

from gemmini_sim.accuracy import accuracy_table, summarize, worst

from autocomp_kit.figures import accuracy_error_figure, accuracy_error_table, accuracy_scatter_figure
from autocomp_kit.resources import data_folder

# %%
folder = Path(directory) if directory else data_folder("rtl")
regions = accuracy_table(folder, config=machine, programs=tuple(programs.split()))
print(f"{len(regions):,} regions of {regions['program'].nunique()} programs")

# %% [markdown]
# ## Every region

# %%
accuracy_scatter_figure(regions)

# %% [markdown]
# ## Error by group, and the noise of the RTL itself

# %%
errors = accuracy_error_table(regions)
accuracy_error_figure(errors)

# %% [markdown]
# The same as a table, with totals. *bias* is the mean of the signed errors (negative: we are too fast), *spearman* says
# how far the order of the regions is the same, *within_3* is the share of regions that are right within three cycles,
# and L is the latency of the memory in cycles. *held-back* kernels have no event trace: mechanisms were looked for in the
# traced ones, and of these nothing but the totals was known.

# %%
percent = dict.fromkeys(("median", "mean", "p95", "worst", "within_3", "noise_mean", "noise_p95"), "{:.1%}")
others = {"bias": "{:+.1%}", "mean_cycles": "{:.1f}", "spearman": "{:.4f}"}
summarize(regions).style.format({**percent, **others}, na_rep="")

# %% [markdown]
# ## The worst ten, and what is known about them

# %%
columns = ["program", "repetition", "latency", "rtl_cycles", "cycles", "error", "reason"]
worst(regions, 10)[columns].style.format({"error": "{:+.1%}"}, na_rep="").hide(axis="index")

# %% [markdown]
# To see event by event where a run departs from the RTL's: `gemmini-sim accuracy DIR --diff PROGRAM`.
