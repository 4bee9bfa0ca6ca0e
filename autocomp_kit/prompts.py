"""The prompts: what a model reads before it plans or writes a kernel, rendered from ``data/prompts/*.j2``.

A prompt has a constant part (the machine, what things cost, the rules, the task) and a varying one (the kernel, what
was measured, the options). The constant part comes first and is byte for byte the same in every call of a run, so that
a provider can cache it.

Kernels, plans and measurements are other people's text. They enter a prompt only as data in fences that their content
cannot close.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import jinja2
import yaml
from gemmini_sim.config import MachineConfig

from autocomp_kit.agents.base import CodeRequest, CombineRequest, PlanRequest, RepairRequest
from autocomp_kit.examples import Example, choose_examples, load_examples
from autocomp_kit.facts import FactLevels, is_shown, shown_facts
from autocomp_kit.records import Candidate, CodeProblem, Evaluation
from autocomp_kit.resources import data_folder
from autocomp_kit.workloads import FUNCTION

__all__ = ["Prompt", "Prompts"]

_AnyRequest = PlanRequest | CodeRequest | RepairRequest | CombineRequest

# The rules and the form of the answer that follow the description of the machine.
_PLAN = ("rules_plan.md.j2", "answer_plan.md.j2")
_CODE = ("rules_kernel.md.j2", "answer_kernel.md.j2")
_EDITS = ("rules_kernel.md.j2", "answer_edits.md.j2")
_PLAN_AND_CODE = ("rules_plan.md.j2", "rules_kernel.md.j2", "answer_plan_and_kernel.md.j2")


class Prompt(NamedTuple):
    """A rendered prompt: ``constant`` parts in order, each the end of a cacheable prefix, then the ``varying`` one."""

    constant: tuple[str, ...]
    varying: str

    @property
    def text(self) -> str:
        """The whole prompt as a person reads it."""
        return "\n".join((*self.constant, self.varying))


class Prompts:
    """Renders prompts from templates.

    Parameters
    ----------
    folder
        A folder with templates of the user's own; one of the same name as a shipped one replaces it.
    examples
        How many worked examples a prompt shows at most.
    levels
        Which facts about a kernel are shown how often.
    hints
        Probability that a plan prompt ends with one of the hints of ``hints.yaml``.
    """

    def __init__(
        self,
        *,
        folder: Path | str | None = None,
        examples: int = 1,
        levels: FactLevels | None = None,
        hints: float = 0.2,
    ) -> None:
        self._examples = examples
        self._levels = levels or FactLevels()
        self._hints = hints
        places = [data_folder("prompts")] if folder is None else [Path(folder), data_folder("prompts")]
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(places),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,  # noqa: S701 - the output is text for a model, not HTML
        )
        self._environment.filters.update(fenced=_fenced, oneline=_oneline, cycles=_cycles)

    def plan(self, request: PlanRequest, *, machine: MachineConfig) -> Prompt:
        """Return the prompt that asks for a plan: an option number and a text."""
        return self._prompt(_PLAN, "plan.md.j2", request, machine, self._choice(request))

    def plan_and_code(self, request: PlanRequest, *, machine: MachineConfig) -> Prompt:
        """Return the prompt that asks for a plan and the kernel that results from it in one answer."""
        return self._prompt(_PLAN_AND_CODE, "plan_and_code.md.j2", request, machine, self._choice(request))

    def code(self, request: CodeRequest, *, machine: MachineConfig, edits: bool = False) -> Prompt:
        """Return the prompt that asks for the kernel that results from carrying a plan out, whole or as edits."""
        values = {
            **self._kernel(request.parent, request.evaluation, request.seed),
            "plan": request.plan.text,
            "sample": request.sample,
            "examples": self._shown(request, [request.plan.item_id or ""]),
        }
        return self._prompt(_EDITS if edits else _CODE, "code.md.j2", request, machine, values)

    def repair(self, request: RepairRequest, *, machine: MachineConfig, edits: bool = False) -> Prompt:
        """Return the prompt that asks to correct a kernel; edits are edits of the wrong kernel."""
        values = {
            **self._kernel(request.parent, request.parent_evaluation, request.seed),
            "plan": request.plan.text,
            "failed": request.failed.code,
            "problems": _what_is_wrong(request.evaluation),
        }
        return self._prompt(_EDITS if edits else _CODE, "repair.md.j2", request, machine, values)

    def combine(self, request: CombineRequest, *, machine: MachineConfig) -> Prompt:
        """Return the prompt that asks for one kernel with what is good in each of two."""
        parents = [self._kernel(candidate, evaluation, request.seed) for candidate, evaluation in request.parents]
        return self._prompt(_CODE, "combine.md.j2", request, machine, {"parents": parents})

    def _choice(self, request: PlanRequest) -> dict[str, object]:
        """Return what a prompt that asks for a plan says about the kernel, its ancestors and the options."""
        ancestors = [
            {"cycles": evaluation.cycles, "plan": plan.text if plan else ""}
            for _, plan, evaluation in request.ancestors
            if is_shown("ancestors", self._levels.ancestors, request.seed)
        ]
        return {
            **self._kernel(request.parent, request.evaluation, request.seed),
            "ancestors": ancestors,
            "options": request.options,
            "examples": self._shown(request, [option.item_id for option in request.options]),
            "hint": self._hint(request.seed),
        }

    def _kernel(self, candidate: Candidate, evaluation: Evaluation, seed: int) -> dict[str, object]:
        """Return what prompts say about a kernel."""
        facts = shown_facts(evaluation, self._levels, seed=seed)
        return {
            "code": candidate.code,
            "cycles": facts.cycles,
            "ideal_cycles": evaluation.ideal_cycles,
            "utilization": facts.utilization,
            "feedback": facts.lines,
            "ancestors": (),
        }

    def _hint(self, seed: int) -> str:
        hints: list[str] = yaml.safe_load(data_folder("prompts", "hints.yaml").read_text(encoding="utf-8"))
        return hints[seed % len(hints)] if is_shown("hint", self._hints, seed) else ""

    def _shown(self, request: PlanRequest | CodeRequest, items: Iterable[str]) -> tuple[Example, ...]:
        return choose_examples(
            load_examples(), items=items, kind=request.workload_kind, count=self._examples, seed=request.seed
        )

    def _prompt(
        self,
        rules: tuple[str, ...],
        template: str,
        request: _AnyRequest,
        machine: MachineConfig,
        values: Mapping[str, object],
    ) -> Prompt:
        facts = {**_machine_facts(machine), "function": FUNCTION, "kind": request.workload_kind}
        about_kind = f"kind_{request.workload_kind}.md.j2"
        advice = (about_kind,) if about_kind in self._environment.list_templates() else ()
        constant = "\n".join(self._render(name, facts) for name in ("machine.md.j2", "timing.md.j2", *advice, *rules))
        task = self._render("task.md.j2", {"workload_text": _clean(request.workload_text)})
        steps = {"iteration": request.iteration, "iterations": request.iterations}
        return Prompt((constant, task), self._render(template, {**steps, **values}))

    def _render(self, template: str, values: Mapping[str, object]) -> str:
        return self._environment.get_template(template).render(values).strip("\n") + "\n"


def _what_is_wrong(evaluation: Evaluation) -> list[str]:
    """Return the problems of a kernel that failed, and what the sanitizer found in it."""
    problems = [_problem(problem) for problem in evaluation.problems] or [evaluation.status]
    return problems + [fact.text for fact in evaluation.feedback]


def _problem(problem: CodeProblem) -> str:
    place = f"line {problem.line}: " if problem.line is not None else ""
    return f"{place}{problem.kind.replace('_', ' ')}: {problem.message}"


def _machine_facts(machine: MachineConfig) -> dict[str, object]:
    """Return the sizes of a machine and the cycles that follow from them (rules of the RTL measurements)."""
    dim = machine.array.dim
    bus = machine.dma.bus_bytes
    row_bytes = dim * machine.element_bytes
    max_columns = max(dim, machine.dma.request_bytes // machine.element_bytes)
    # A lone pair: the preload enters the mesh, DIM cycles later the compute, which ends 2 * DIM + rows after that.
    pair = machine.array.preload_latency + 4 * dim
    line = max(
        machine.l2.line_bytes / machine.memory.bytes_per_cycle + 0.45,
        (machine.memory.latency + 17) / machine.l2.misses,
    )
    return {
        "machine": machine,
        "dim": dim,
        "element": machine.array.element,
        "accumulator": machine.array.accumulator,
        "scratchpad_rows": machine.scratchpad_rows,
        "scratchpad_bank_rows": machine.scratchpad_bank_rows,
        "accumulator_rows": machine.accumulator_rows,
        "accumulator_bank_rows": machine.accumulator_bank_rows,
        "bus_bytes": bus,
        "row_bytes": row_bytes,
        "max_columns": max_columns,
        "tile_load": dim * math.ceil(row_bytes / bus),
        "wide_load": dim * math.ceil(max_columns * machine.element_bytes / bus),
        "accumulator_load": dim * math.ceil(dim * machine.accumulator_bytes / bus),
        "tile_store": round(1.6 * dim),
        "line_miss": f"{line:.1f}",
        "pair_latency": pair,
        "config_ex_gap": pair + 3,
        "fence_gap": pair + 14,
    }


def _fenced(text: str, language: str) -> str:
    """Put a text into a fence of more backticks than it has in a row anywhere, so that it cannot close the fence."""
    text = _clean(text).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _clean(text: str) -> str:
    """Replace what is no text: control characters other than line ends and tabs, and halves of characters."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", text)


def _oneline(text: str) -> str:
    return " ".join(_clean(text).split())


def _cycles(count: int | None) -> str:
    return "no cycles measured" if count is None else f"{count:,} cycles"
