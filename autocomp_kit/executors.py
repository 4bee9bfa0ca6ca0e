"""Where evaluations run: on the threads of this process, or on Dask workers of this machine or others.

Threads are the default, because the simulator runs outside Python's global lock. Dask is worth it when one machine is
not enough, or when a crash of the evaluation must not take the search along.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from autocomp_kit.errors import InputError

__all__ = ["open_executor"]


@contextmanager
def open_executor(where: str | None = None) -> Iterator[Executor]:
    """Open an executor for a ``with`` block.

    Parameters
    ----------
    where
        ``None`` for a thread per processor, ``local`` for a Dask worker process per processor of this machine,
        ``local:N`` for so many, or the address of a Dask scheduler such as ``tcp://node1:8786``. Its workers need
        autocomp-kit in the same version.

    Raises
    ------
    InputError
        If Dask is not installed, there is no scheduler at the address, or it has no worker.
    """
    if where is None:
        with ThreadPoolExecutor(max_workers=processors(), thread_name_prefix="evaluate") as threads:
            yield threads
        return
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise InputError("Dask is not installed; install it with: pip install autocomp-kit[dask]") from error
    kind, _, number = where.partition(":")
    if kind == "local":
        if number and (not number.isdigit() or number == "0"):
            raise InputError(f"{where!r}: write local:N with a number of workers")
        count = int(number or processors())
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor(pure=False)
        return
    try:
        client = Client(where, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"there is no Dask scheduler at {where}: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise InputError(f"the Dask scheduler at {where} has no workers; start some with `dask worker {where}`")
        yield client.get_executor(pure=False)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))
