"""`aios-top load`: the tutorial client's burst with its flags and words, and every other shape of load."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from aios_top.cli.awaited import awaited
from aios_top.cli.confirm import ask, refuse_when_read_only
from aios_top.cli.exits import DONE, FAILED, INTERRUPTED, UNKNOWN, CommandError
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.load_plan import DEFAULT_CROSS_PERCENT, aims, plan_of, watch_seconds
from aios_top.cli.outcome import link_problem
from aios_top.cli.progress import Progress
from aios_top.cli.wiring import open_session
from aios_top.engine.load_plan import is_large
from aios_top.engine.load_report import files, report, request_lines
from aios_top.engine.session import Session
from aios_top.model.load import Cause, LoadPhase, LoadPlan, LoadState, Shape
from aios_top.model.load_job import LoadJob
from aios_top.model.load_target import host_and_port, is_local
from aios_top.model.policy_state import Voice
from aios_top.model.state import BlockState
from aios_top.render.load_text import ending_lines, estimate_lines, session_line

DRAW_SECONDS = 0.2
RHYTHM_SECONDS = 12.0
"""How long the block is watched for its rhythm before a load is computed from it."""
ENDS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


def run(args: argparse.Namespace) -> int:
    """Send the load, tell what came back, and sum up."""
    return awaited(_Load(args).run())


class _Load:
    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._json_only = args.json == "-"
        self._progress = Progress()
        self._interrupted = 0
        self._signal: int | None = None
        self._told = 0

    async def run(self) -> int:
        installation = chosen(self._args)
        limits = installation.options.load_limits
        plan = None if aims(self._args) else plan_of(self._args, limits)
        if not self._args.dry_run:
            refuse_when_read_only(installation.options.read_only)
            self._check_paths()
        async with open_session(installation) as session, _polling(session):
            problem = link_problem(await session.refresh())
            if problem is not None:
                self._progress.note(f"{problem}; whether the block exists is not known")
            plan = plan or await self._aimed(session)
            found = session.load.estimate(plan)
            job = await session.load.prepare(plan)
            if self._args.dry_run:
                return self._dry_run(session, job)
            self._ask(installation, job, large=is_large(plan, found))
            if not is_local(host_and_port(job.url)[0]):
                self._progress.note(f"load goes to {job.url}, which is {job.address}, and to no other address")
            return await self._carry_out(session, plan)

    async def _aimed(self, session: Session) -> LoadPlan:
        """Return the load that makes the policy decide, computed from what the block has shown of its rhythm."""
        block_id, args = self._args.block, self._args
        async with asyncio.timeout(RHYTHM_SECONDS + 1):
            for _ in range(int(RHYTHM_SECONDS / DRAW_SECONDS)):
                block = session.latest().blocks.get(block_id)
                if block is None or _rhythm_known(block):
                    break
                await asyncio.sleep(DRAW_SECONDS)
        percent = DEFAULT_CROSS_PERCENT if args.cross_up is None else args.cross_up
        seconds = args.duration or session.load.limits.seconds
        plan = session.load.aimed(block_id, percent, seconds, args.seed)
        return replace(
            plan,
            timeout_seconds=args.timeout,
            drain_seconds=args.drain,
            watch_seconds=watch_seconds(args),
            max_errors=args.max_errors,
            max_error_rate=args.max_error_rate,
            max_p95_seconds=args.max_p95,
        )

    async def _carry_out(self, session: Session, plan: LoadPlan) -> int:
        await session.load.start(plan)
        self._tell_beginning(session, plan)
        state = await self._until_ended(session)
        self._say("Test finished.")
        job = session.load.job
        if job is not None:
            self._report(session, state, job)
        if self._signal is not None:
            return self._signal
        return INTERRUPTED if self._interrupted else _exit_code(state)

    def _check_paths(self) -> None:
        """Notice a file that could not be written before a long test, not after it."""
        for path in (self._args.json, self._args.requests, self._args.hdr):
            if path in {None, "-"}:
                continue
            try:
                with Path(path).open("a"):
                    pass
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}; nothing was sent") from error

    def _ask(self, installation: Installation, job: LoadJob, *, large: bool) -> None:
        """Load on another machine, or in production, wants a yes of its own; a sandbox on this one does not.

        A large one to another machine wants its name typed, or `--yes` together with `--allow-target`.
        """
        host, _ = host_and_port(job.url)
        production = installation.options.production
        if not production and is_local(host):
            return
        yes = self._args.yes
        if yes and large and not is_local(host) and not self._args.allow_target:
            raise CommandError(f"refused: so much load to {host} needs --allow-target {host} beside --yes")
        plan = job.plan
        typed = plan.block_id if production else host if large else None
        what = f"{plan.shape} load to block {plan.block_id} at {job.url} ({job.address})"
        ask(f"Send a {what}?", yes=yes, typed=typed)

    def _dry_run(self, session: Session, job: LoadJob) -> int:
        """Say what would be sent."""
        found = session.load.estimate(job.plan)
        lines = estimate_lines(job.plan, found, f"{job.url} ({job.address})")
        if self._args.json is None:
            print("\n".join(lines))
            return DONE
        document = {"schema": 1, "block_id": job.plan.block_id, "target": job.url, "address": job.address}
        names = ("requests", "seconds", "input_tokens", "max_output_tokens", "peak_rate")
        document |= {name: getattr(found, name) for name in names}
        self._write(self._args.json, json.dumps(document, allow_nan=False) + "\n")
        return DONE

    # -- while it runs

    def _tell_beginning(self, session: Session, plan: LoadPlan) -> None:
        if plan.shape is Shape.BURST:
            self._say(f"Starting test with {plan.requests} concurrent requests.")
            self._say(
                f"Each request will have {plan.input_tokens} input tokens "
                f"and ask for max {plan.max_output_tokens} output tokens."
            )
            return
        job, state = session.load.job, session.load.state
        if job is not None:
            for line in estimate_lines(plan, session.load.estimate(plan), f"{job.url} ({job.address})"):
                self._say(line)
        if state is not None and state.prediction is not None and plan.until is not None:
            self._say(state.prediction.text)

    async def _until_ended(self, session: Session) -> LoadState:
        """Tell the answers; the first Ctrl-C stops sending and waits for answers, the second gives them up."""
        loop = asyncio.get_running_loop()
        ending = asyncio.create_task(session.load.ended())
        loop.add_signal_handler(signal.SIGINT, self._stop, session)
        for number in ENDS:
            loop.add_signal_handler(number, self._end, number, session)
        try:
            while not ending.done():
                await asyncio.wait({ending}, timeout=DRAW_SECONDS)
                self._tell_answers(session)
                self._draw(session.load.state)
        finally:
            for number in (signal.SIGINT, *ENDS):
                loop.remove_signal_handler(number)
            self._progress.clear()
        state = ending.result()
        if state is None:
            raise CommandError("the load test ended without a result")
        return state

    def _stop(self, session: Session) -> None:
        self._interrupted += 1
        again = "waiting for the answers; Ctrl-C again gives them up" if self._interrupted == 1 else "giving them up"
        self._progress.note(f"stopping: {again}")
        self._stopping = asyncio.ensure_future(session.load.stop())

    def _end(self, number: int, session: Session) -> None:
        """End at once: nobody is there to wait for answers."""
        self._signal = ENDS[signal.Signals(number)]
        self._stopping = asyncio.ensure_future(session.load.close())

    def _tell_answers(self, session: Session) -> None:
        """Say of each request of a burst how long it took, in the words of the tutorial's client."""
        ends = session.load.ends
        state = session.load.state
        if state is None or state.plan.shape is not Shape.BURST or self._args.quiet:
            return
        for end in ends[self._told :]:
            self._say(session_line(end))
        self._told = len(ends)

    def _draw(self, state: LoadState | None) -> None:
        if state is None:
            return
        ended = state.ok + state.failed + state.lost
        text = f"answered, {state.in_flight} in flight"
        if state.phase is LoadPhase.WATCHING:
            text = "answered; watching the autoscaler, Ctrl-C ends that"
        self._progress.draw(ended, max(1, state.expected), text)

    def _say(self, line: str) -> None:
        if not self._json_only and not (self._args.quiet and not line.startswith("Test")):
            self._progress.say(line)

    # -- afterwards

    def _report(self, session: Session, state: LoadState, job: LoadJob) -> None:
        for line in ending_lines(state):
            if not self._json_only:
                self._progress.say(line)
        ends = session.load.ends
        if self._args.json is not None:
            self._write(self._args.json, json.dumps(report(state, job, ends), allow_nan=False) + "\n")
        if self._args.requests is not None:
            self._write(self._args.requests, request_lines(ends, state.started_at).decode())
        if self._args.hdr is not None:
            self._write(self._args.hdr, files(state, job, ends)["latency.hlog"].decode())

    def _write(self, path: str, text: str) -> None:
        if path == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        try:
            Path(path).write_text(text)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}; the test itself has ended") from error


def _rhythm_known(block: BlockState) -> bool:
    """Whether the block has shown how often it pushes and is evaluated."""
    interval = block.policy.interval_seconds is not None or block.policy.voice is not Voice.FULL
    return block.push_seconds is not None and block.next_evaluation_at is not None and interval


@asynccontextmanager
async def _polling(session: Session) -> AsyncIterator[None]:
    """Keep an eye on the block; the end of this ends what is still sent."""
    polling = asyncio.create_task(session.run())
    try:
        yield
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


def _exit_code(state: LoadState) -> int:
    """Return 0 for a plan carried out or a goal reached with good answers only, 3 when one was never answered."""
    if state.cause not in {Cause.COMPLETE, Cause.GOAL} or state.failed:
        return FAILED
    if state.plan.until is not None and state.cause is not Cause.GOAL:
        return FAILED
    return UNKNOWN if state.lost else DONE
