"""Runs the console from an empty terminal to a restored one, and says with which exit code."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from aios_top.console import crash
from aios_top.console.guard import Guard
from aios_top.console.guarded import GuardedApp
from aios_top.console.terminal import Terminal, problem

NO_TERMINAL = 2
"""The exit code when there is no terminal to draw on."""


def terminal_problem() -> str | None:
    """Return why this process cannot draw a screen, with the next step; None when it can."""
    streams = {"stdin": sys.__stdin__, "stdout": sys.__stdout__, "stderr": sys.__stderr__}
    return problem(streams, os.environ)


def run_app(app: GuardedApp, crash_folder: Path, stalled: Callable[[], None] = lambda: None) -> int:
    """Run `app` on this terminal and return the exit code: its own, 128 + signal, or 70 after a crash.

    `stalled` is called on a thread of its own when nobody seems to read the screen; see `Guard`.
    """
    terminal = Terminal.remember()
    terminal.prepare()
    with Guard(terminal, app.leave_from_thread, stalled=stalled) as guard:
        app.pulse, app.asked, app.answered = guard.beat, guard.asked, guard.answered
        try:
            asyncio.run(app.run_guarded())
        except Exception as error:  # noqa: BLE001 - whatever it was, the terminal comes first
            terminal.restore()
            app.crash = app.crash or error
    if guard.code is not None:
        return guard.code
    if app.crash is not None:
        path = crash.write_report(app.crash, crash_folder)
        print(crash.summary(app.crash, path), file=sys.stderr)  # noqa: T201 - the screen is gone
        return crash.EXIT_CODE
    return app.return_code or 0
