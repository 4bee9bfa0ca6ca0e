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
# # Is one search better than another, or was it luck?
#
# Two settings, several seeds each. What a single run finds says little; the curves of several say how much of a difference
# is chance. All cycles are **simulated**.

# %% tags=["parameters"]
workload = "small/0"
machine = "int8-16"
iterations = 3
seeds = 2  # runs per setting; more take longer and say more
store = "output/compare.sqlite"

# %%
from pathlib import Path

import plotly.graph_objects as go

from autocomp_kit.compare import comparison_table, progress_table
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets import BeamStepper, MenuEditor

# %% [markdown]
# ## Narrow or wide?
#
# One beam keeps the best only, the other keeps three. Both may try nine kernels an iteration; in the first one, which has
# one parent, the wide one tries three.

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
shapes = {"narrow": {"beam": 1, "plans": 9}, "wide": {"beam": 3, "plans": 3}}
runs = {}
for name, shape in shapes.items():
    for seed in range(seeds):
        settings = SearchConfig(iterations=iterations, codes=1, keep_probability=0.5, seed=seed, **shape)
        runs[f"{name} {seed}"] = make_run(workload, machine=machine, config=settings, store=study).execute()
comparison_table(list(runs.values())).assign(name=list(runs)).set_index("name")

# %%
names = {history.run_id: name for name, history in runs.items()}
figure = go.Figure()
for run_id, steps in progress_table(list(runs.values())).groupby("run_id", sort=False):
    dash = "solid" if names[run_id].startswith("narrow") else "dot"
    figure.add_scatter(x=steps["tried"], y=steps["best_cycles"], name=names[run_id], line={"shape": "hv", "dash": dash})
figure.update_layout(template="plotly_white", height=380)
figure.update_xaxes(title="candidates tried")
figure.update_yaxes(title="best cycles (simulated)", type="log")
figure

# %% [markdown]
# ## What the best run did, and which options won over all runs

# %%
best = min(runs.values(), key=lambda history: history.summary().best_cycles)
BeamStepper(best)

# %%
MenuEditor(best.record.menu, runs=runs.values())

# %% [markdown]
# ## What to try
#
# - More seeds. Does the difference between narrow and wide survive?
# - Another workload, such as `small/3`, a convolution.
# - `autocomp-kit runs list --store output/compare.sqlite` shows the same runs on the command line.
