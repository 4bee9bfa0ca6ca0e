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
# # What did the search try, and why did that survive?
#
# A beam search keeps the few fastest correct kernels of each iteration. Everything it tried is in its store, the failed
# and the dropped as well. Step through it: for every candidate you see the plan, what it changed in the code, what was
# measured, what the planner had been told, and the prompt that a model would have read. All cycles are **simulated**.

# %% tags=["parameters"]
workload = "small/2"  # int8 GEMM 128 x 128 x 128; `autocomp-kit workloads` lists more
machine = "int8-16"
iterations = 5
beam = 3
plans = 5
seed = 1
store = "output/explore.sqlite"

# %%
from pathlib import Path

from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets import BeamStepper, BoundsView, LiveRun, linked

# %% [markdown]
# ## Search
#
# The kernel of this notebook stays free while the run works: pause it, or go on reading.

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=beam, plans=plans, codes=1, keep_probability=0.5, seed=seed)
run = make_run(workload, machine=machine, config=settings, store=study)
live = LiveRun(run, autostart=True)
live

# %%
history = live.wait()

# %% [markdown]
# ## Step
#
# Click on a candidate, or click into the picture and use the arrow keys: left and right through the iterations, up and
# down through one. Space plays. The lineage of the selected candidate is drawn in red.

# %%
BeamStepper(history)

# %% [markdown]
# ## How much is left?
#
# No kernel can be below the lines. The views are linked: what you select in one is selected in the other.

# %%
linked(BoundsView(history), BeamStepper(history, iteration=iterations))

# %% [markdown]
# ## What to try
#
# - Select the fastest candidate and compare its code with the start kernel instead of its parent.
# - Find a dropped candidate that was faster than a kept one. Why was it dropped?
# - Another seed, a wider beam: change the parameters and run all cells again.
# - Close the browser, restart the kernel, run `BeamStepper("output/explore.sqlite")`: it is all still there, and opens
#   where you left it.
