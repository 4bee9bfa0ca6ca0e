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
# # How much faster can a naive matrix multiplication get, and why?
#
# The start is an int8 matrix multiplication for **Gemmini**, a 16 x 16 systolic array with its own scratchpad. It is
# written the obvious way: for every 16 x 64 block of the result it loads all of its operands again. The array waits
# most of the time.
#
# A **beam search** now improves it step by step. Each step is a *plan*, one transformation chosen from a menu, and
# the *code* that carries it out. Every new kernel is compiled, run on a simulated machine and compared with NumPy,
# element by element; the fastest correct ones are the parents of the next iteration.
#
# Nothing here needs a network, a key or an FPGA: the plans and the code come from offline rewrite rules, and all
# cycles are **simulated**. With a Claude model as agent the same cells run the same search (last section).

# %% tags=["parameters"]
workload = "exo/0"  # int8 GEMM 512 x 512 x 512; `autocomp-kit workloads` lists more, and a YAML file of yours works
machine = "int8-16"  # `gemmini-sim configs` lists the machines
agent = "rules"  # or "claude:MODEL"
iterations = 12
beam = 3
plans = 5
codes = 1
keep_probability = 0.5  # the chance of each menu item to be offered to a plan
patience = 3  # stop after so many iterations without progress
seed = 1
store = "output/quickstart.sqlite"

# %%
from itertools import pairwise
from pathlib import Path

from gemmini_sim import load_config
from IPython.display import Code, display

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.figures import (
    lineage_figure,
    lineage_table,
    live_rows_figure,
    live_rows_table,
    score_figure,
    score_table,
)
from autocomp_kit.kernel import unified_diff
from autocomp_kit.optimize import make_run
from autocomp_kit.progress import NotebookProgress
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.widgets import BeamStepper, BoundsView
from autocomp_kit.workloads import load_workload

# %% [markdown]
# ## The problem
#
# `mvin` moves rows from memory into the scratchpad, `preload` and `compute` drive the array, `mvout` moves results
# back. Local addresses count rows of 16 elements; an address with the top bit set is in the accumulator.

# %%
problem = load_workload(workload)
configuration = load_config(machine)
naive = problem.baseline_code(configuration)
print(problem.describe())
display(Code(naive, language="c"))

# %% [markdown]
# ## The search
#
# Every plan, every kernel (failed ones too) and every verdict goes into one SQLite file, as it happens.

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(
    iterations=iterations,
    beam=beam,
    plans=plans,
    codes=codes,
    keep_probability=keep_probability,
    early_stop_window=patience,
    early_stop_ratio=0.995,
    seed=seed,
)
run = make_run(problem, agent=agent, machine=machine, config=settings, store=study)
history = run.execute(observers=[NotebookProgress()])
summary = history.summary()
print(f"{summary.start_cycles:,} -> {summary.best_cycles:,} cycles: {summary.speedup:.2f}x (simulated)")
print(f"{summary.tried} candidates tried, {summary.correct} correct, {summary.failed} failed")

# %%
score_figure(score_table(history))

# %% [markdown]
# Step through it: every candidate with its plan, its change of the code, its measurements and its prompt. Click on one, or
# click into the picture and use the arrow keys.

# %%
BeamStepper(run)

# %% [markdown]
# How much is left? No kernel can be below the lines, and beside the picture stands where the selected one loses its cycles.

# %%
BoundsView(run)

# %% [markdown]
# ## What the best kernel is made of
#
# Its lineage, from the naive kernel on. *Utilisation* is ideal cycles over cycles: 100 % means that the array does
# useful work in every cycle.

# %%
steps = history.lineage(summary.best_id)
lineage = lineage_table(steps)
lineage.style.format({"cycles": "{:,}", "utilization": "{:.1%}", "gain": "{:.2f}x", "speedup": "{:.2f}x"}, na_rep="")

# %%
lineage_figure(lineage)

# %% [markdown]
# Each step with its plan, and what it changed in the code:

# %%
for before, after in pairwise(steps):
    gain = before.evaluation.cycles / after.evaluation.cycles
    print(f"{after.candidate.candidate_id}  {after.plan.item_id}  {gain:.2f}x\n{after.plan.text}")
    difference = unified_diff(
        before.candidate.code,
        after.candidate.code,
        before_name=before.candidate.candidate_id,
        after_name=after.candidate.candidate_id,
    )
    display(Code(difference, language="diff"))

# %% [markdown]
# ## Why it got faster
#
# A row of the scratchpad is *live* from the moment its data arrive to the last time the array reads them. The naive
# kernel uses a corner of the memory and fills it again and again; a good one keeps operands where they will be needed,
# so that fewer loads stand between the array and its work. Both pictures have the same time axis.

# %%
evaluator = Evaluator(problem, configuration)
first, best = (evaluator.trace(step.candidate.code, level="summary") for step in (steps[0], steps[-1]))
live_rows_figure(
    {
        f"scratchpad, {name} kernel: {result.regions[0].cycles:,} cycles": live_rows_table(result, configuration)
        for name, result in (("naive", first), ("best", best))
    }
)

# %%
live_rows_figure(
    {
        f"accumulator, {name} kernel": live_rows_table(result, configuration, memory="accumulator")
        for name, result in (("naive", first), ("best", best))
    }
)

# %% [markdown]
# ## The best kernel

# %%
display(Code(steps[-1].candidate.code, language="c"))

# %% [markdown]
# ## What to try next
#
# - Restart the kernel of this notebook and run `BeamStepper("output/quickstart.sqlite")`: it opens where you left it.
# - `explore/scratchpad_timeline.ipynb` shows where the cycles of both kernels go, `explore/kernel_lab.ipynb` lets you write
#   one yourself and puts it into the beam.
# - Another seed, or a wider beam: change the parameters at the top and run all cells again.
# - Another problem: `workload = "exo/1"` is a tall 12544 x 256 x 64 multiplication from ResNet-50.
# - Your own kernel: `autocomp-kit eval my_kernel.c --workload exo/0` says whether it is right, and how fast.
# - A Claude model instead of the rules: set `ANTHROPIC_API_KEY` and `agent = "claude:MODEL"`.
