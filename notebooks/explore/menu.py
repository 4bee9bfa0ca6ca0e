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
# # Which options help, and what would the next plan be offered?
#
# Every plan is offered a random part of a menu, because a model that always sees the whole menu proposes the same few
# things again and again. Here you edit the menu, see how each option fared in past runs, and look at exactly the options
# and the prompt that a seed leads to.

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
from autocomp_kit.widgets import BeamStepper, MenuEditor

# %% [markdown]
# ## A run to learn from

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=beam, plans=plans, codes=1, keep_probability=0.5, seed=seed)
history = make_run(workload, machine=machine, config=settings, store=study).execute()
history.summary().speedup

# %% [markdown]
# ## Edit
#
# Blue marks are the options that the chosen seed draws. The gauge of each option shows how many of its candidates were
# faster than their parents. Turn some off, weigh others more, write your own; Undo takes changes back.

# %%
editor = MenuEditor(history.record.menu, runs=[history])
editor

# %% [markdown]
# ## Search with the edited menu
#
# `editor.menu` is the menu as it stands now. As an example, the options that never helped are turned off here.

# %%
helpful = {item_id for item_id, (_, _, tried, _, faster, _) in editor.statistics.items() if faster or not tried}
items = tuple(item.model_copy(update={"enabled": item.always or item.item_id in helpful}) for item in editor.menu.items)
editor.set_menu(editor.menu.model_copy(update={"items": items}))
editor.changes

# %%
second = make_run(workload, machine=machine, menu=editor.menu, config=settings, store=study).execute()
print(f"{history.summary().best_cycles:,} -> {second.summary().best_cycles:,} cycles (simulated)")
BeamStepper(second)

# %% [markdown]
# ## What to try
#
# - Keep probability 1: every plan sees everything. Does the search find as much?
# - Save your menu as YAML and use it: `autocomp-kit optimize --workload exo/0 --menu my_menu.yaml`.
# - `MenuEditor("conv")` edits the menu for convolutions; upstream Autocomp's lists load too.
