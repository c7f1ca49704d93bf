"""Runs simulations: one here, several each in a process of its own, as many at once as there are processors."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from typing import Any

from aios_top.bundle.rule_process import RuleProcess
from aios_top.engine.simulation import simulate
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan, SimulationReport

Progress = Callable[[float], None]
"""Told the share of all runs that is done, 0 to 1."""
LOOK_SECONDS = 0.2
_STEP = 0.01
"""A worker tells its progress in steps of this share."""

_told: Any = None


def run_here(source: bytes, plan: SimulationPlan, progress: Progress) -> SimulationReport:
    """Run one simulation in this process; raises RuleError, ValueError."""
    with RuleProcess(source) as rule:
        return simulate(plan, rule, progress)


def run_beside(source: bytes, plans: Sequence[SimulationPlan], progress: Progress) -> list[SimulationReport]:
    """Run simulations in processes of their own, and return their reports in the order of the plans.

    What `progress` raises ends them all. Raises RuleError, ValueError.
    """
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[tuple[int, float]] = context.SimpleQueue()
    shares = [0.0] * len(plans)
    workers = min(len(plans), os.cpu_count() or 1)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(told,))
    try:
        runs = [pool.submit(_work, source, number, plan) for number, plan in enumerate(plans)]
        waiting = set(runs)
        while waiting:
            ended, waiting = wait(waiting, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
            while not told.empty():
                number, share = told.get()
                shares[number] = share
            progress(sum(shares) / len(shares))
            for run in ended:
                run.result()
        return [run.result() for run in runs]
    except BrokenProcessPool as error:
        raise RuleError("the simulation's process ended unexpectedly; is the machine short of memory?") from error
    finally:
        _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the pool at once, also in the middle of its runs."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _begin(told: Any) -> None:
    """Keep the queue that a worker tells its progress through."""
    global _told  # noqa: PLW0603 - the only way to hand a worker what cannot be sent with a task
    _told = told


def _work(source: bytes, number: int, plan: SimulationPlan) -> SimulationReport:
    """Run one simulation in a worker."""
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if share - last >= _STEP:
            last = share
            _told.put((number, share))

    report = run_here(source, plan, tell)
    _told.put((number, 1.0))
    return report
