"""The evaluator: one workload on one machine, any number of kernels."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from gemmini_sim import (
    CompileError,
    Diagnostic,
    MachineConfig,
    Region,
    SimulationResult,
    compile_c,
    load_config,
    simulate,
)
from gemmini_sim.simulate import TraceLevel

from autocomp_kit.errors import InputError
from autocomp_kit.evaluate._cache import EvaluationCache
from autocomp_kit.evaluate._findings import finding_facts
from autocomp_kit.evaluate._harness import KERNEL_FILE, Bytes, harness_sources, images, zones
from autocomp_kit.evaluate._identity import simulator_identity
from autocomp_kit.evaluate._signature import parameter_problems, with_signature_of
from autocomp_kit.evaluate._verdict import memory_problems, run_problems
from autocomp_kit.feedback import Span, feedback, trace_signature
from autocomp_kit.kernel import DialectError, Kernel, kernel_digest, parse_kernel
from autocomp_kit.records import CodeProblem, Evaluation, EvaluationStatus, Feedback, content_id
from autocomp_kit.workloads import Array, Workload, WorkloadError, load_workload

__all__ = ["Evaluator"]

_MAX_PROBLEMS = 10
_MAX_TRACED_INSTRUCTIONS = 8_000_000


class _Failure(NamedTuple):
    """Why an evaluation ends before a kernel was measured."""

    status: EvaluationStatus
    problems: tuple[CodeProblem, ...]


class Evaluator:
    """Compiles, simulates and checks kernels of one workload on one machine.

    Safe to use from many threads at once. What is a kernel's fault never raises: the evaluation says it.

    Parameters
    ----------
    workload : Workload, str or Path
        What the kernel must compute, or what :func:`load_workload` takes.
    machine : MachineConfig, str or Path
        The machine, or what :func:`gemmini_sim.load_config` takes.
    cache : EvaluationCache, optional
        Where finished evaluations are kept.
    seeds : sequence of int
        One run each; the outputs of all must be right. Even seeds give full-range inputs, odd ones outputs that spread
        over the whole range. The first seed runs on a machine fresh from reset and is the one that is timed; before
        the others an imaginary program has left the accelerator in disorder.
    max_instructions : int, optional
        Instructions, and local rows that Gemmini works on, of one run after which it counts as endless; by default
        enough for any sensible kernel, and for a small problem computed on the host.
    library : bool
        Allow whole operators of the vendor's C library, such as ``tiled_matmul_auto``.
    allow_hazards : bool
        Whether a kernel with right outputs is correct although hardware may compute something else
        (:attr:`Evaluation.hazards` says why); otherwise it is ``unsafe``.

    Raises
    ------
    WorkloadError, ConfigError
        If there is no such workload or machine, or the two do not fit. Methods raise only if there is no compiler.
    """

    def __init__(
        self,
        workload: Workload | str | Path,
        machine: MachineConfig | str | Path = "int8-16",
        *,
        cache: EvaluationCache | None = None,
        seeds: Sequence[int] = (0, 1),
        max_instructions: int | None = None,
        library: bool = False,
        allow_hazards: bool = True,
    ) -> None:
        self.workload = workload if isinstance(workload, Workload) else load_workload(workload)
        self.machine = load_config(machine)
        self.workload.check_machine(self.machine)
        if not seeds or min(seeds) < 0:
            raise InputError("an evaluation needs at least one seed, and seeds are not negative")
        needed = sum(zone.nbytes for zone in zones(self.workload))
        if needed > self.machine.memory_bytes:
            raise WorkloadError(
                f"workload {self.workload.name} needs {needed:,} bytes of memory, but {self.machine.name} has "
                f"{self.machine.memory_bytes:,}: choose smaller sizes, or a machine with more memory.megabytes"
            )
        self.seeds = tuple(seeds)
        self.max_instructions = max_instructions or 20_000_000 + 4 * self.workload.macs // self.machine.array.dim
        self._library = library
        self._allow_hazards = allow_hazards
        self._cache = cache

    def key(self, code: str) -> str:
        """Return a name of all that decides the verdict: workload, machine, simulator, seeds, limits, and the kernel.

        Kernels that differ in comments, spacing and local names only have one key.
        """
        settings = f"{self.seeds} {self.max_instructions} {self._library} {self._allow_hazards}"
        return content_id(
            self.workload.identity, self.machine.identity, simulator_identity(), settings, kernel_digest(code)
        )

    def evaluate(self, code: str) -> Evaluation:
        """Return the verdict on a kernel: its cycles if it is right, else what is wrong and where."""
        begin = time.perf_counter()
        # The cache goes by the text as it stands: lines in problems and advice are those of the text.
        entry = content_id(self.key(code), code)
        if self._cache is not None and (cached := self._cache.get(entry)) is not None:
            return cached
        try:
            evaluation = self._evaluate(code)
        except InputError:
            raise  # no compiler, for instance: nothing that a kernel did
        except Exception as error:  # noqa: BLE001 - whatever breaks in us must not look like the kernel's fault
            message = f"a defect of autocomp-kit, please report it: {type(error).__name__}: {error}"[:500]
            failure = _Failure("internal_error", (CodeProblem(kind="internal", message=message),))
            return self._evaluation(code, failure.status, problems=failure.problems)
        evaluation = evaluation.model_copy(update={"seconds": time.perf_counter() - begin})
        if self._cache is not None:
            self._cache.put(entry, evaluation)
        return evaluation

    def trace(self, code: str, *, level: TraceLevel = "full") -> SimulationResult:
        """Run a kernel once, with the first seed, and return the record of the run, for figures.

        A full one has about one event of 40 bytes per cycle; a summary, only the commands, is enough for local rows.

        Raises
        ------
        InputError
            If the kernel is refused, does not compile, or does not run to its end.
        """
        program = self._build(code)
        if isinstance(program, _Failure):
            raise InputError("\n".join(problem.message for problem in program.problems))
        result = self._run(program, self.seeds[0], trace=level)
        if problems := run_problems(program, result):
            raise InputError("\n".join(problem.message for problem in problems))
        return result

    def _evaluate(self, code: str) -> Evaluation:
        program = self._build(code)
        if isinstance(program, _Failure):
            return self._evaluation(code, program.status, problems=program.problems)
        # Untimed runs first: a wrong kernel is refused before the long one.
        instructions: dict[int, int] = {}
        for seed in self.seeds[1:]:
            result = self._checked_run(program, seed, timing=False)
            if isinstance(result, _Failure):
                return self._failed(code, program, result)
            instructions[seed] = _region(result).instret
        traced = max(instructions.values(), default=0) < _MAX_TRACED_INSTRUCTIONS
        level: TraceLevel = "summary" if traced else "none"
        result = self._checked_run(program, self.seeds[0], trace=level, sanitize=True)
        if isinstance(result, _Failure):
            return self._failed(code, program, result)
        return self._measured(code, result, instructions)

    def _failed(self, code: str, program: bytes, failure: _Failure) -> Evaluation:
        """Return the verdict on a kernel that does not do its work; the sanitizer may know why."""
        evaluation = self._evaluation(code, failure.status, problems=failure.problems)
        if failure.status not in {"wrong", "fault"}:
            return evaluation
        try:
            result = self._run(program, self.seeds[0], timing=False, sanitize=True)
        except InputError:
            return evaluation  # it does not even load
        return evaluation.model_copy(update={"feedback": finding_facts(result, wastes=False)})

    def _build(self, code: str) -> bytes | _Failure:
        try:
            kernel = self._parse(code)
        except DialectError as error:
            return _Failure("rejected", error.problems)
        if problems := parameter_problems(kernel, self.workload):
            return _Failure("rejected", problems)
        return self._compile(kernel)

    def _parse(self, code: str) -> Kernel:
        try:
            return parse_kernel(code, library=self._library, helpers=self.workload.helpers)
        except DialectError as error:
            body_only = with_signature_of(self.workload, code)
            if body_only is None or not any(problem.kind == "syntax" for problem in error.problems):
                raise
            try:
                return parse_kernel(body_only, library=self._library, helpers=self.workload.helpers)
            except DialectError:
                raise error from None

    def _compile(self, kernel: Kernel) -> bytes | _Failure:
        try:
            return compile_c(harness_sources(self.workload, kernel), config=self.machine).elf
        except CompileError as error:
            errors = [item for item in error.diagnostics if item.severity == "error"] or list(error.diagnostics)
            return _Failure("compile_error", tuple(_compile_problem(item, kernel) for item in errors[:_MAX_PROBLEMS]))

    def _run(
        self, program: bytes, seed: int, *, timing: bool = True, trace: TraceLevel = "none", sanitize: bool = False
    ) -> SimulationResult:
        case = _case(self.workload, seed)
        memory: dict[str, Array] = dict(case.images)
        if seed != self.seeds[0]:
            memory["__spoil"] = np.ones(1, np.uint32)
            memory["__leftovers"] = case.leftovers[: 4 * self.machine.array.dim**2]
        return simulate(
            program,
            config=self.machine,
            memory=memory,
            trace=trace,
            timing=timing,
            max_instructions=self.max_instructions,
            console_limit=4096,
            sanitize=sanitize,
        )

    def _checked_run(
        self, program: bytes, seed: int, *, timing: bool = True, trace: TraceLevel = "none", sanitize: bool = False
    ) -> SimulationResult | _Failure:
        """Run with one seed; anything but right outputs and a proper end is a failure."""
        try:
            result = self._run(program, seed, timing=timing, trace=trace, sanitize=sanitize)
        except InputError as error:
            # The harness alone always loads, so it is the kernel's own arrays that do not fit.
            return _Failure("fault", (CodeProblem(kind="program", message=f"the program does not load: {error}"),))
        if problems := run_problems(program, result, spoiled=seed != self.seeds[0]):
            return _Failure("timeout" if result.status == "limit" else "fault", problems)
        case = _case(self.workload, seed)
        problems = tuple(
            problem
            for zone in zones(self.workload)
            for problem in memory_problems(
                self.workload,
                zone,
                before=case.images[zone.symbol],
                after=result.read(zone.symbol, np.uint8, zone.nbytes),
                expected=case.expected.get(zone.argument.name),
                seed=seed,
            )
        )
        return _Failure("wrong", problems[:_MAX_PROBLEMS]) if problems else result

    def _measured(self, code: str, result: SimulationResult, instructions: Mapping[int, int]) -> Evaluation:
        region, ideal = _region(result), self.workload.ideal_cycles(self.machine)
        if region.cycles < ideal:
            message = (
                f"{region.cycles:,} cycles are fewer than the {ideal:,} that the array needs for the work: the clock "
                "does not know what this kernel does"
            )
            return self._evaluation(code, "internal_error", problems=(CodeProblem(kind="impossible", message=message),))
        wrongs = finding_facts(result, wastes=False)
        if not self._allow_hazards and (hazards := [fact for fact in wrongs if fact.is_hazard]):
            problems = tuple(CodeProblem(kind="hazard", message=fact.text, line=fact.line) for fact in hazards)
            return self._evaluation(code, "unsafe", problems=problems)
        facts = feedback(result, self.workload, self.machine, spans=self.spans(result))
        if others := {count for count in instructions.values() if count != region.instret}:
            text = (
                f"The host executes {region.instret:,} instructions with one input and {max(others):,} with another: "
                "cycles depend on the data, those of the first input are given."
            )
            facts += (Feedback(kind="data_dependent", text=text),)
        facts = (*wrongs, *facts, *finding_facts(result, wastes=True))
        return self._evaluation(code, "correct").model_copy(
            update={
                "cycles": region.cycles,
                "instret": region.instret,
                "utilization": ideal / region.cycles,
                "scratchpad_rows": result.scratchpad_rows_used,
                "accumulator_rows": result.accumulator_rows_used,
                "trace_signature": trace_signature(result, spans=self.spans(result)),
                "feedback": facts,
            }
        )

    def spans(self, result: SimulationResult) -> dict[str, Span]:
        """Return where each argument of the kernel lay in simulated memory in a run of this evaluator."""
        spans = {}
        for zone in zones(self.workload):
            begin = result.address(zone.symbol) + zone.array.start
            spans[zone.argument.name] = Span(begin, begin + zone.argument.nbytes)
        return spans

    def _evaluation(self, code: str, status: EvaluationStatus, *, problems: tuple[CodeProblem, ...] = ()) -> Evaluation:
        return Evaluation(
            evaluation_id=self.key(code),
            workload=self.workload.name,
            machine=self.machine.name,
            simulator=simulator_identity(),
            status=status,
            ideal_cycles=self.workload.ideal_cycles(self.machine),
            scratchpad_rows_total=self.machine.scratchpad_rows,
            accumulator_rows_total=self.machine.accumulator_rows,
            problems=problems,
        )


class _Case(NamedTuple):
    """One seed: what memory holds before a run, and what outputs must hold after it."""

    images: Mapping[str, Bytes]
    expected: Mapping[str, Array]
    leftovers: Bytes


@functools.lru_cache(maxsize=16)
def _case(workload: Workload, seed: int) -> _Case:
    inputs = workload.make_inputs(seed)
    expected = workload.reference(inputs)
    before = images(workload, inputs, expected, seed)
    leftovers = np.random.default_rng([seed, 1]).integers(0, 256, 4 * 64 * 64, dtype=np.uint8)
    for array in (*before.values(), *expected.values(), leftovers):
        array.setflags(write=False)
    return _Case(before, expected, leftovers)


def _region(result: SimulationResult) -> Region:
    """Return what happened between the harness's markers around the kernel."""
    return next(region for region in result.regions if region.name == "0")


def _compile_problem(item: Diagnostic, kernel: Kernel) -> CodeProblem:
    if item.file == KERNEL_FILE:
        message = item.message
        place = "".join(kernel.code.split("\n")[item.line - 1 : item.line]) if item.line else ""
        if message == "expected expression" and "else" in place and "gemmini_" in kernel.code:
            message += ": commands named gemmini_ are blocks, as in the public header; before `else` they need braces"
        return CodeProblem(kind="compiler", message=message, line=item.line, column=item.column)
    return CodeProblem(kind="compiler", message=str(item))
