"""Small apps that misbehave in one way each, run on a pseudo-terminal: `python apps.py NAME CRASH_FOLDER`."""

import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from aios_top.console.guarded import GuardedApp
from aios_top.console.run import NO_TERMINAL, run_app, terminal_problem


class Calm(GuardedApp):
    """Shows a word; quits with 5 on q."""

    BINDINGS: ClassVar = [Binding("q", "quit_with_code"), Binding("ctrl+z", "suspend_process")]

    def compose(self) -> ComposeResult:
        yield Static("READY", markup=False)

    def action_quit_with_code(self) -> None:
        self.exit(return_code=5)


class Blocked(Calm):
    """Its event loop hangs after b was pressed."""

    BINDINGS: ClassVar = [Binding("b", "block")]

    def action_block(self) -> None:
        print("blocked", file=sys.__stderr__, flush=True)
        time.sleep(60)


class Spinning(Calm):
    """Its event loop burns its time in one call."""

    BINDINGS: ClassVar = [Binding("b", "block")]

    def action_block(self) -> None:
        print("blocked", file=sys.__stderr__, flush=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass


class Crashing(Calm):
    """A handler, a worker or a renderer fails."""

    BINDINGS: ClassVar = [Binding("h", "fail"), Binding("w", "fail_in_worker"), Binding("r", "fail_in_render")]

    def action_fail(self) -> None:
        token = "CANARY-TOKEN"  # a local variable, as a client's frame would hold one
        raise ValueError(f"bad \x1b[2J thing of length {len(token)}")

    def action_fail_in_worker(self) -> None:
        self.run_worker(self._work())

    async def _work(self) -> None:
        secret = "CANARY-TOKEN"
        raise ValueError(f"worker of {len(secret)}")

    def action_fail_in_render(self) -> None:
        self.mount(Unrenderable())


class Unrenderable(Static):
    """A widget that cannot be drawn."""

    def render(self) -> str:
        raise ValueError("render failed")


class OutputDies(Calm):
    """Its output thread fails as it does when the descriptor is closed."""

    BINDINGS: ClassVar = [Binding("b", "close_output")]

    def action_close_output(self) -> None:
        def die() -> None:
            raise BrokenPipeError("output is gone")

        threading.Thread(target=die, name="textual-output").start()


def main() -> int:
    """Run the named app."""
    reason = terminal_problem()
    if reason:
        print(f"aios-top: {reason}", file=sys.__stderr__ or sys.stdout)
        return NO_TERMINAL
    app = globals()[sys.argv[1]]()
    return run_app(app, Path(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(main())
