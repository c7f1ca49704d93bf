"""`aios-top record`: records all blocks without a screen, until it is told to stop."""

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from aios_top.cli.allocator import share_one_heap
from aios_top.cli.awaited import awaited
from aios_top.cli.backfill import histories
from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.installation import chosen
from aios_top.cli.recording import recording_port
from aios_top.cli.wiring import open_session
from aios_top.engine.recorder import Recorder
from aios_top.engine.session import Session
from aios_top.model.recording import RecordingPhase, RecordingState
from aios_top.model.span import span
from aios_top.render.numbers import count
from aios_top.render.timebar import size

REPORT_SECONDS = 600.0
_CHECK_SECONDS = 0.5


def run(args: argparse.Namespace) -> int:
    """Record; SIGINT, SIGTERM, SIGHUP and SIGQUIT end it cleanly."""
    share_one_heap()
    state = awaited(_record(args))
    if state.phase is RecordingPhase.FAILED:
        raise CommandError(f"recording stopped: {state.problem}")
    print(f"recorded {_described(state)}: {state.path}")
    return DONE


async def _record(args: argparse.Namespace) -> RecordingState:
    installation = chosen(args)
    port = recording_port(installation, Path(args.output) if args.output else None)
    before = histories(installation, args.prometheus, earlier=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        loop.add_signal_handler(number, ended.set)
    async with open_session(installation, recording=port, histories=before) as session:
        recorder = session.recorder
        if recorder is None:
            raise CommandError("nothing can be recorded here")
        polling = asyncio.create_task(session.run())
        try:
            await _until_the_end(session, recorder, ended, args.duration)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            await asyncio.to_thread(recorder.stop)
    return recorder.state


async def _until_the_end(
    session: Session, recorder: Recorder, ended: asyncio.Event, duration_seconds: float | None
) -> None:
    """Wait for a signal, the end of the time or of the disk; say now and then how it stands."""
    began = reported = time.monotonic()
    told = False
    while not ended.is_set() and recorder.state.phase is RecordingPhase.ON:
        if not told and recorder.state.path:
            blocks = count(len(session.latest().blocks), "block")
            if session.latest().sequence:
                print(f"recording {blocks} of {session.options.context} to {recorder.state.path}", file=sys.stderr)
                told = True
        if time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            print(_described(recorder.state), file=sys.stderr)
        left = None if duration_seconds is None else began + duration_seconds - time.monotonic()
        if left is not None and left <= 0:
            return
        wait = _CHECK_SECONDS if left is None else min(_CHECK_SECONDS, left)
        try:
            await asyncio.wait_for(ended.wait(), wait)
        except TimeoutError:
            continue


def _described(state: RecordingState) -> str:
    length = 0.0 if state.since is None or state.until is None else state.until - state.since
    missed = f", {count(state.missed, 'poll')} missed" if state.missed else ""
    return f"{span(length)}, {count(state.polls, 'poll')}, {size(state.bytes)}{missed}"
