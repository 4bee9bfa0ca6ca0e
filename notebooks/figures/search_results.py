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
# # What does a search find, beside the vendor's library?
#
# For each workload: the kernel that the search starts from, the vendor's library (whose tiles the hardware's own loop
# commands unroll), and the best kernel of the runs in a store. Workloads without a run are searched first. The defaults
# take a minute; the table of docs/search.md is
#
#     papermill notebooks/figures/search_results.ipynb out.ipynb -p iterations 12 \
#         -p workloads "exo/0 exo/1 exo/4 exo/5 exo-conv/0 exo-conv/1 exo-conv/2 exo-conv/3"
#
# All cycles are **simulated**.

# %% tags=["parameters"]
workloads = "small/0 small/2 small/3"  # `autocomp-kit workloads` lists more
machine = "int8-16"
agent = "rules"
iterations = 5
beam = 4
plans = 4
seed = 0
store = "output/search_results.sqlite"

# %%
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from gemmini_sim import load_config

from autocomp_kit.baselines import baselines_of
from autocomp_kit.compare import progress_table
from autocomp_kit.evaluate import FileCache
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.workloads import load_workload

Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=beam, plans=plans, seed=seed)
configuration = load_config(machine)

# %%
rows = []
for name in workloads.split():
    row = baselines_of(load_workload(name), configuration, stores=[study], cache=FileCache())
    if row.run is None:
        make_run(name, agent=agent, machine=machine, config=settings, store=study).execute()
        row = baselines_of(load_workload(name), configuration, stores=[study], cache=FileCache())
    rows.append({**row._asdict(), "speed-up": row.speedup, "of the loop's speed": row.of_hardware_loop})
results = pd.DataFrame(rows).set_index("workload")
cycles = dict.fromkeys(("ideal", "start", "hardware_loop", "best"), "{:,.0f}")
results.style.format({**cycles, "speed-up": "{:.2f}x", "of the loop's speed": "{:.1%}"}, na_rep="-")

# %% [markdown]
# ## How near to an array that never waits

# %%
figure = go.Figure()
for column, label in (("start", "start kernel"), ("hardware_loop", "vendor's library"), ("best", "best found")):
    figure.add_bar(x=results.index, y=results["ideal"] / results[column], name=label)
figure.update_layout(template="plotly_white", height=380, barmode="group")
figure.update_yaxes(title="share of the array (simulated)", tickformat=".0%", range=[0, 1])
figure

# %% [markdown]
# ## How soon

# %%
figure = go.Figure()
for name, run_id in results["run"].items():
    steps = progress_table([study.load_run(run_id)])
    speedup = steps["best_cycles"].iloc[0] / steps["best_cycles"]
    figure.add_scatter(x=steps["tried"], y=speedup, name=name, line={"shape": "hv"})
figure.update_layout(template="plotly_white", height=380)
figure.update_xaxes(title="candidates tried")
figure.update_yaxes(title="times faster than the start kernel")
figure
