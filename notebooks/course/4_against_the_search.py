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
# # Course 4: do you find what a search finds?
#
# Courses 1 to 3 had four ideas: load once, load wide, other banks, other rows in turn. A beam search applies such ideas one
# at a time, measures each kernel, and goes on from the fastest. Here you and the search start from the same kernel.
# All cycles are **simulated**.

# %% tags=["parameters"]
workload = "small/2"  # int8 GEMM 128 x 128 x 128; `autocomp-kit workloads` lists more
machine = "int8-16"
guess_speedup = 0.0  # how many times faster the search gets; 0 is no guess
iterations = 5
seed = 1
store = "output/course.sqlite"

# %%
from pathlib import Path

from autocomp_kit.evaluate import Evaluator
from autocomp_kit.optimize import make_run
from autocomp_kit.settings import SearchConfig
from autocomp_kit.store import Store
from autocomp_kit.traces import trace_candidate, trace_kernel
from autocomp_kit.widgets import BeamStepper, KernelLab, TimelineView

evaluator = Evaluator(workload, machine)
start = evaluator.workload.baseline_code(evaluator.machine)
before = evaluator.evaluate(start)
print(f"{before.cycles:,} cycles (simulated), {before.utilization:.0%} of the array")

# %% [markdown]
# ## You
#
# Half an hour, before you read on. Ctrl+Enter measures; what the kernel loses is listed beside it, dearest first. What you
# type is kept in this notebook's kernel, so copy what is good.

# %%
lab = KernelLab(workload=workload, machine=machine, code=start)
lab

# %%
mine = evaluator.evaluate(lab.code)
print(
    mine.status,
    f"{mine.cycles:,} cycles: {before.cycles / mine.cycles:.2f}x" if mine.correct else mine.problems[0].message,
)

# %% [markdown]
# ## The search
#
# **Guess** how many times faster than the start its best kernel will be (`guess_speedup`).

# %%
Path(store).parent.mkdir(parents=True, exist_ok=True)
study = Store.open(store)
settings = SearchConfig(iterations=iterations, beam=3, plans=4, codes=1, keep_probability=0.5, seed=seed)
history = make_run(workload, machine=machine, config=settings, store=study).execute()
summary = history.summary()
said = f"; you said {guess_speedup:.2f}x" if guess_speedup else "; you made no guess"
print(f"{summary.best_cycles:,} cycles after {summary.tried} kernels: {summary.speedup:.2f}x{said}")

# %% [markdown]
# Step through it. Which of your ideas did it have, in which order, and which did it try and drop?

# %%
BeamStepper(history)

# %% [markdown]
# ## Why the fastest is the fastest
#
# If your kernel is faster than the search's, show the others why. If not, find the first difference.

# %%
own = lab.code if mine.correct else start
TimelineView(trace_kernel(evaluator, own, name="yours"), trace_candidate(history))

# %% [markdown]
# ## What to try
#
# - Let the search go on from your kernel: `make_run(workload, kernel=lab.code, config=settings, store=study).execute()`.
# - Five seeds: how much of the result is luck? (`explore/compare_runs.ipynb`)
# - Take one option off the menu (`explore/menu.ipynb`) that you think is the important one. How far does the search get?
