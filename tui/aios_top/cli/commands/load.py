"""`aios-top load`: the tutorial client's burst, with the same flags and the same words."""

import argparse
import asyncio
import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

from aios_top.aios.address import is_loopback
from aios_top.cli.announced import AnnouncedInference
from aios_top.cli.confirm import ask, refuse_when_read_only
from aios_top.cli.exits import DONE, FAILED, INTERRUPTED, UNKNOWN, CommandError
from aios_top.cli.installation import Installation, chosen
from aios_top.cli.outcome import link_problem
from aios_top.cli.progress import Progress
from aios_top.cli.wiring import open_session
from aios_top.engine.load import report
from aios_top.engine.ports import Inference
from aios_top.engine.session import Session
from aios_top.model.load import LoadPlan, LoadState
from aios_top.render.plain import load_lines

DRAW_SECONDS = 0.2


def run(args: argparse.Namespace) -> int:
    """Send the burst, tell every answer, and sum up."""
    return asyncio.run(_Burst(args).run())


class _Burst:
    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._quiet = args.json == "-"
        self._progress = Progress()
        self._interrupted = False
        self._plan = LoadPlan(
            args.block, args.num_requests, args.input_tokens, args.max_output_tokens, args.timeout, args.seed
        )

    async def run(self) -> int:
        installation = chosen(self._args)
        refuse_when_read_only(installation.options.read_only)
        self._check_report_path()
        async with open_session(installation, around_inference=self._announced) as session:
            problem = link_problem(await session.refresh())
            if problem is not None:
                self._progress.note(f"{problem}; whether the block exists is not known")
            self._ask(installation)
            await session.start_load(self._plan)
            self._say(f"Starting test with {self._plan.requests} concurrent requests.")
            self._say(
                f"Each request will have {self._plan.input_tokens} input tokens "
                f"and ask for max {self._plan.max_output_tokens} output tokens."
            )
            state = await self._until_ended(session)
        self._say("Test finished.")
        self._report(state)
        return INTERRUPTED if self._interrupted else _exit_code(state)

    def _check_report_path(self) -> None:
        """Notice a report that could not be written before a long test, not after it."""
        if self._args.json in {None, "-"}:
            return
        try:
            with Path(self._args.json).open("a"):
                pass
        except OSError as error:
            raise CommandError(f"{self._args.json}: {error.strerror}; nothing was sent") from error

    def _announced(self, inference: Inference) -> Inference:
        return AnnouncedInference(inference, self._say)

    def _ask(self, installation: Installation) -> None:
        """Load on another machine, or in production, wants a yes of its own; a sandbox on this one does not."""
        target = installation.addresses.url("inference") or ""
        production = installation.options.production
        if production or not is_loopback(urlsplit(target).hostname or ""):
            plan = self._plan
            what = f"{plan.requests} requests of {plan.input_tokens} tokens to block {plan.block_id} at {target}"
            ask(f"Send {what}?", yes=self._args.yes, typed=plan.block_id if production else None)

    async def _until_ended(self, session: Session) -> LoadState:
        """Draw the progress; the first Ctrl-C stops sending and waits for answers, the second gives them up."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop, session)
        ending = asyncio.create_task(session.load_ended())
        try:
            while not ending.done():
                await asyncio.wait({ending}, timeout=DRAW_SECONDS)
                self._draw(session.load_state())
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            self._progress.clear()
        state = ending.result()
        if state is None:
            raise CommandError("the load test ended without a result")
        return state

    def _stop(self, session: Session) -> None:
        again = "giving them up" if self._interrupted else "waiting for the answers; Ctrl-C again gives them up"
        self._interrupted = True
        self._progress.note(f"stopping: {again}")
        self._stopping = asyncio.ensure_future(session.stop_load())

    def _draw(self, state: LoadState | None) -> None:
        if state is not None:
            ended = state.ok + state.failed + state.lost
            self._progress.draw(ended, state.plan.requests, f"answered, {state.in_flight} in flight")

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._progress.say(line)

    def _report(self, state: LoadState) -> None:
        for line in load_lines(state):
            self._say(line)
        if self._args.json is None:
            return
        text = json.dumps(report(state), allow_nan=False) + "\n"
        if self._quiet:
            print(text, end="")
            return
        try:
            Path(self._args.json).write_text(text)
        except OSError as error:
            raise CommandError(f"{self._args.json}: {error.strerror}; the test itself has ended") from error


def _exit_code(state: LoadState) -> int:
    """Return 0 when every request was answered well, 1 when one failed, 3 when one was never answered."""
    if state.failed or state.sent < state.plan.requests:
        return FAILED
    return UNKNOWN if state.lost else DONE
