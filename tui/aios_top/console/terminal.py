"""The terminal that the console draws on: whether it can be used, and how it is given back."""

import os
import select
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from msgspec import Struct

LEAVE = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # mouse reports
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus reports, in-band resize
    "\x1b[<u"  # kitty keyboard protocol, before leaving the alternate screen
    "\x1b[?1049l\x1b[?25h\x1b[?7h\x1b[0m"  # main screen, cursor, line wrap, plain colours
)
"""What undoes everything that Textual's driver switches on."""

ENTER = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[?1004l"
"""What a program that was killed before us may have left on, e.g. after a cut SSH line."""

WITHOUT_A_SCREEN = "`aios-top once` and `aios-top watch --jsonl` work without one"

_WRITE_WAIT_SECONDS = 0.2
"""A stalled line may take no bytes at all; the process must still end."""


def problem(
    streams: Mapping[str, TextIO | None], environment: Mapping[str, str], instead: str = WITHOUT_A_SCREEN
) -> str | None:
    """Return why no screen can be drawn, with the next step `instead`; None when it can."""
    missing = [name for name, stream in streams.items() if stream is None or not stream.isatty()]
    if missing:
        return f"the console needs a terminal, but {missing[0]} is not one; {instead}"
    if environment.get("TERM", "") in {"", "dumb"}:
        name = environment.get("TERM") or "not set"
        return f"the console needs a terminal that can move its cursor, but TERM is {name}; {instead}"
    return None


class Terminal(Struct, frozen=True):
    """The terminal's state before the console took it over."""

    input_fd: int
    output_fd: int
    attributes: list[Any] | None
    """termios settings, None where the device has none."""

    @classmethod
    def remember(cls) -> "Terminal":
        """Note the settings of the terminal that this process runs on; Textual draws on stderr."""
        input_fd, output_fd = sys.__stdin__.fileno(), sys.__stderr__.fileno()  # type: ignore[union-attr]
        try:
            attributes = termios.tcgetattr(input_fd)
        except termios.error:
            attributes = None
        return cls(input_fd, output_fd, attributes)

    def prepare(self) -> None:
        """Switch off what an earlier program left on."""
        self._write(ENTER)

    def restore(self) -> None:
        """Give the terminal back without any help of Textual's; never blocks and never raises."""
        self._write(LEAVE)
        if self.attributes is not None:
            try:
                termios.tcsetattr(self.input_fd, termios.TCSANOW, self.attributes)
            except termios.error:
                return

    def takes_bytes(self, seconds: float = 0.0) -> bool:
        """Return whether the line has room for more within so many seconds; one that nobody reads fills up."""
        try:
            return bool(select.select([], [self.output_fd], [], seconds)[1])
        except (OSError, ValueError):
            return False

    def _write(self, text: str) -> None:
        if self.takes_bytes(_WRITE_WAIT_SECONDS):
            with suppress(OSError):
                os.write(self.output_fd, text.encode())
