"""A real pseudo-terminal with a screen emulator behind it, and a program that runs on it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import pyte

RESETS = ("?1049l", "?25h", "?1000l", "?1003l", "?1006l", "?2004l", "?1004l", "<u", "?7h")
"""What a program that draws full-screen must have sent before it is gone."""


_INHERITED = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
"""A test runner's own idea of a size must not overrule the terminal's."""


class TerminalProcess:
    """A program on its own controlling terminal; `screen` is what a person would see."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
        ignore_hangup: bool = False,
        answers: bool = False,
    ) -> None:
        """`answers`: it says that it draws synchronously when it is asked, as most of today's terminals do."""
        self._answers = answers
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.attributes_before = termios.tcgetattr(self._slave)
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.output = b""

        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # Whoever runs the tests may be deaf to hang-ups, as below nohup; their programs are not.
            signal.signal(signal.SIGHUP, signal.SIG_IGN if ignore_hangup else signal.SIG_DFL)

        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**_INHERITED, "TERM": "xterm-256color", **(environment or {})},
            start_new_session=True,
            preexec_fn=own_terminal,  # noqa: PLW1509 - a controlling terminal cannot be taken otherwise
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
        self.process.wait(10)
        self.close_terminal()
        os.close(self._slave)

    @property
    def attributes(self) -> list[object]:
        """The terminal's settings now."""
        return termios.tcgetattr(self._slave)

    @property
    def screen(self) -> str:
        """What is on the screen, lines separated by line feeds."""
        return "\n".join(self._screen.display)

    def forget(self) -> None:
        """Empty the screen, as a terminal does when a program comes back to its alternate one."""
        self._screen.reset()

    def resize(self, columns: int, lines: int, *, told: tuple[int, int] | None = None) -> None:
        """Change the size of the window, and tell the program that, or columns and lines that are not so."""
        self._screen.resize(lines, columns)
        columns, lines = told or (columns, lines)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def send(self, keys: str | bytes) -> None:
        """Type."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def close_terminal(self) -> None:
        """Cut the line, as a closed window does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def pump(self, seconds: float = 0.05) -> None:
        """Take what the program writes for at most this long."""
        if self._master < 0 or not select.select([self._master], [], [], seconds)[0]:
            return
        with contextlib.suppress(OSError):
            data = os.read(self._master, 65536)
            self.output += data
            for _ in range(data.count(b"\x1b[?2026$p") if self._answers else 0):
                self.send("\x1b[?2026;2$y")
            # pyte does not know private-marked CSI like `CSI < u`, which it would print.
            self._stream.feed(data.replace(b"\x1b[<u", b"").replace(b"\x1b[>25u", b""))

    def rest(self, seconds: float) -> None:
        """Take output for this long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.pump(left)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Take output until `condition` holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.pump()
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s; on the screen:\n{self.screen}")

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        """Take output until `text` is on the screen."""
        self.wait_until(lambda: text in self.screen, seconds)

    def wait_exit(self, seconds: float = 10.0) -> int:
        """Take output until the program has ended; return its exit code."""
        self.wait_until(lambda: self.process.poll() is not None, seconds)
        self.pump(0)
        while self._master >= 0 and select.select([self._master], [], [], 0)[0]:
            self.pump(0)
        return self.process.returncode

    @property
    def missing_resets(self) -> list[str]:
        """Resets that the program has not sent since it entered the alternate screen."""
        after = self.output.rpartition(b"\x1b[?1049h")[2].decode(errors="replace")
        return [reset for reset in RESETS if f"\x1b[{reset}" not in after]
