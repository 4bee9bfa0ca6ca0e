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
# # Can you beat the search by hand?
#
# Write a kernel, see at once whether it is right and how fast, and put it back into the beam: the search goes on from your
# idea. Nothing you type runs on this machine; it is compiled and simulated.

# %% tags=["parameters"]
workload = "small/0"
machine = "int8-16"
iterations = 3
seed = 1
store = "output/kernel_lab.sqlite"

# %%
from pathlib import Path

from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets import BeamStepper, KernelLab

# %% [markdown]
# ## What the search has found so far

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=3, plans=4, codes=1, keep_probability=0.5, seed=seed)
run = make_run(workload, machine=machine, config=settings, store=study)
history = run.execute()
print(f"{history.summary().start_cycles:,} -> {history.summary().best_cycles:,} cycles (simulated)")

# %% [markdown]
# ## The lab
#
# Ctrl+Enter evaluates. Errors stand at their lines, measurements beside the code. Below, write a plan in your own words:
# let the agent carry it out, or put your kernel into the beam.

# %%
lab = KernelLab(run)
lab

# %% [markdown]
# The same from Python: a change, its verdict, and the search that goes on with it.

# %%
lab.code = lab.code.replace("void solution", "// kept by hand: nothing changed yet\nvoid solution")
verdict = lab.evaluate()
print(verdict.status, f"{verdict.cycles:,} cycles (simulated)")

# %%
lab.plan = "A kernel written by hand."
fork = lab.continue_search(iterations=1)
continued = lab.continued.result()
BeamStepper(continued)

# %% [markdown]
# ## What to try
#
# - Load A for the whole kernel at once: it fits. What does the advice say then?
# - Remove the last `fence();`. Is it still correct? What is reported?
# - `KernelLab(run, agent="claude:MODEL")` lets a model carry out your plan (needs a key).
