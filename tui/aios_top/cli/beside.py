"""Runs simulations and what-ifs in processes of their own, as many at once as there are processors."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from typing import Any, Protocol, TypeVar

from aios_top.bundle.rule_process import RuleProcess
from aios_top.engine.simulation import simulate
from aios_top.engine.what_if import what_if
from aios_top.model.decision import Decision
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.model.what_if import Question, WhatIf

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""
LOOK_SECONDS = 0.2
_STEP = 0.01
"""A worker tells its progress in steps of this share."""

_told: Any = None


class Job(Protocol[T_co]):
    """Work that a process can be given; a dataclass, so that it can be sent there."""

    def run(self, progress: Progress) -> T_co:
        """Do it; raises RuleError, ValueError, and whatever `progress` raises."""


@dataclass(frozen=True, slots=True)
class SimulationJob:
    """One simulation of a policy's source."""

    source: bytes
    plan: SimulationPlan

    def run(self, progress: Progress) -> SimulationReport:
        """Simulate."""
        with RuleProcess(self.source) as rule:
            return simulate(self.plan, rule, progress)


@dataclass(frozen=True, slots=True)
class WhatIfJob:
    """One question to a policy's source."""

    source: bytes
    decisions: tuple[Decision, ...]
    question: Question

    def run(self, progress: Progress) -> WhatIf:
        """Answer."""
        with RuleProcess(self.source) as rule:
            return what_if(rule, self.decisions, self.question, progress)


def run_beside(jobs: Sequence[Job[T]], progress: Progress) -> list[T]:
    """Run jobs in processes of their own, and return what came out in their order.

    What `progress` raises ends them all. Raises RuleError, ValueError.
    """
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[tuple[int, float]] = context.SimpleQueue()
    shares = [0.0] * len(jobs)
    workers = min(len(jobs), os.cpu_count() or 1)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(told,))
    try:
        runs = [pool.submit(_work, number, job) for number, job in enumerate(jobs)]
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
        raise RuleError("could not be run: its process ended unexpectedly; is the machine short of memory?") from error
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
    """Keep the queue that a worker tells its progress through; a Ctrl-C is the parent's to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _told  # noqa: PLW0603 - the only way to hand a worker what cannot be sent with a task
    _told = told


def _work(number: int, job: Job[T]) -> T:
    """Do one job in a worker."""
    last = 0.0

    def tell(share: float) -> None:
        nonlocal last
        if share - last >= _STEP:
            last = share
            _told.put((number, share))

    done = job.run(tell)
    _told.put((number, 1.0))
    return done
