"""Runs simulations and what-ifs in processes of their own, as many at once as there are processors.

Plain child processes with pipes: `multiprocessing` hands its own helper the number of `sys.stderr`, and a terminal
application that captures it has none.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

from msgspec import Struct

from aios_top.bundle.policy_file import policy_file
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


class Job(Protocol[T_co]):
    """Work that a process can be given; a struct, so that it can be sent there."""

    def run(self, progress: Progress) -> T_co:
        """Do it; raises RuleError, ValueError, and whatever `progress` raises."""


class SimulationJob(Struct, frozen=True):
    """One simulation of a policy's source."""

    source: bytes
    plan: SimulationPlan

    def run(self, progress: Progress) -> SimulationReport:
        """Simulate."""
        with RuleProcess(self.source) as rule:
            return simulate(self.plan, rule, progress)


class WhatIfJob(Struct, frozen=True):
    """One question to a policy's source; what was decided is simulated with the shipped one."""

    source: bytes
    decisions: tuple[Decision, ...]
    question: Question

    def run(self, progress: Progress) -> WhatIf:
        """Answer."""
        shipped = policy_file().source
        with RuleProcess(self.source) as rule:
            if self.source == shipped:
                return what_if(rule, self.decisions, self.question, progress)
            with RuleProcess(shipped) as was:
                return what_if(rule, self.decisions, self.question, progress, was)


def run_beside(jobs: Sequence[Job[T]], progress: Progress) -> list[T]:
    """Run jobs in processes of their own, and return what came out in their order.

    What `progress` raises ends them all. Raises RuleError, ValueError.
    """
    told: queue.SimpleQueue[tuple[int, str, Any]] = queue.SimpleQueue()
    left = deque(enumerate(jobs))
    running: dict[int, subprocess.Popen[bytes]] = {}
    shares = [0.0] * len(jobs)
    done: dict[int, Any] = {}
    try:
        while len(done) < len(jobs):
            while left and len(running) < (os.cpu_count() or 1):
                number, job = left.popleft()
                running[number] = _started(number, job, told)
            try:
                number, kind, value = told.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                number, kind, value = 0, "nothing", None
            match kind:
                case "share":
                    shares[number] = value
                case "done":
                    done[number], shares[number] = value, 1.0
                    running.pop(number).wait()
                case "raised":
                    raise value
            progress(sum(shares) / len(shares))
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return [cast(T, done[number]) for number in range(len(jobs))]


def _started(number: int, job: Job[Any], told: "queue.SimpleQueue[tuple[int, str, Any]]") -> "subprocess.Popen[bytes]":
    """Start a process for one job, and a thread that listens to it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "aios_top.cli.beside_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is the parent's to act on
    )
    threading.Thread(target=_listen, args=(number, process, job, told), name="aios-top-beside", daemon=True).start()
    return process


def _listen(
    number: int, process: "subprocess.Popen[bytes]", job: Job[Any], told: "queue.SimpleQueue[tuple[int, str, Any]]"
) -> None:
    """Hand the job over and pass on what its process tells; a process that just ends is an error."""
    given, answers = process.stdin, process.stdout
    ended = False
    try:
        if given is not None and answers is not None:
            with given, answers:
                pickle.dump(job, given)
                given.flush()
                while not ended:
                    kind, value = pickle.load(answers)  # noqa: S301 - of our own process
                    told.put((number, kind, value))
                    ended = kind != "share"
    except (OSError, EOFError, ValueError, pickle.PickleError):
        if not ended:
            why = "could not be run: its process ended unexpectedly; is the machine short of memory?"
            told.put((number, "raised", RuleError(why, ended=True)))
