"""How a run ends, whatever ended it."""

from __future__ import annotations

import asyncio

from autocomp_kit._evaluations import Evaluations
from autocomp_kit._pace import Halt
from autocomp_kit._recorder import Recorder
from autocomp_kit.agents.base import AgentUnavailableError
from autocomp_kit.events import StopReason

__all__ = ["conclude"]


async def conclude(work: asyncio.Task[tuple[StopReason, str]], recorder: Recorder, evaluations: Evaluations) -> None:
    """Wait for the search and record how it ended; raises what the search raised if that is a defect."""
    await asyncio.wait([work])
    await evaluations.settle()
    error = None if work.cancelled() else work.exception()
    if work.cancelled():
        recorder.finished("cancelled", "")
    elif error is None:
        recorder.finished(*work.result())
    elif isinstance(error, Halt):
        recorder.finished(error.reason, str(error))
    elif isinstance(error, AgentUnavailableError):
        recorder.finished("budget" if error.kind == "budget" else "agent_unavailable", str(error))
    else:
        recorder.finished("internal_error", f"{type(error).__name__}: {error}")
        raise error
