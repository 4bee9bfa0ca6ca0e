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
# # What would a Claude model be asked, and what would it cost?
#
# The same search runs with Claude models as planners and coders. This notebook needs no key: it shows the prompts that
# would be sent, estimates the price before anything is spent, and runs the search with the offline rules instead. With
# `ANTHROPIC_API_KEY` set (or `ANTHROPIC_BASE_URL` for a local server), set `agent` to `claude:MODEL`.

# %% tags=["parameters"]
workload = "small/0"
machine = "int8-16"
agent = "rules"  # or "claude:claude-haiku-5-5"
budget_usd = 0.5  # a run stops before it costs more
iterations = 2
seed = 1
store = "output/claude.sqlite"

# %%
from pathlib import Path

from gemmini_sim import load_config

from autocomp_kit.costs import cost_table
from autocomp_kit.optimize import make_run
from autocomp_kit.prompts import Prompts
from autocomp_kit.settings import Limits, SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets import BeamStepper, LiveRun

# %% [markdown]
# ## Before anything is spent

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=2, plans=3, codes=1, keep_probability=0.5, seed=seed)
limits = Limits(usd=budget_usd)
run = make_run(workload, agent=agent, machine=machine, config=settings, limits=limits, store=study)
run.estimate_cost()

# %% [markdown]
# The first prompt, as the seed draws it. Its beginning is the same in every call, so that the provider can cache it.

# %%
prompt = Prompts().plan(run.first_request(seed=seed), machine=load_config(machine))
print(f"{sum(map(len, prompt.constant)):,} characters to cache, {len(prompt.varying):,} that vary\n")
print(prompt.varying)

# %% [markdown]
# ## The run, with its meter
#
# Pause, resume or cancel it, or lower the budget, against which the cost meter counts. Everything is in the store as it
# happens.

# %%
live = LiveRun(run, budget_usd=budget_usd, autostart=True)
live

# %%
history = live.wait()
cost_table(history)

# %% [markdown]
# The prompt and the reply of every candidate are in its tabs.

# %%
BeamStepper(history)

# %% [markdown]
# ## What to try
#
# - Set a key and `agent = "claude:claude-haiku-5-5"`. A recorded run replays for free: `agent = "replay:RUN"`.
# - A model for plans and the rules for code: `make_run(workload, agent="claude:MODEL", code_agent="rules")`.
# - Write your own prompt templates: `Prompts("my_templates")`.
