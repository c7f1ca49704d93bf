"""A progress line on standard error, for what takes longer than a second; nothing where that is no terminal."""

import shutil
import sys
import time

PATIENCE_SECONDS = 1.0
BAR_COLUMNS = 20


class Progress:
    """One line that is drawn over and over; anything else is printed through `say`, which takes it away first."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._drawn = False

    def draw(self, done: int, total: int, text: str) -> None:
        """Show how far it is, once it has taken longer than a second."""
        if not self._terminal or time.monotonic() - self._began < PATIENCE_SECONDS:
            return
        filled = BAR_COLUMNS * done // max(1, total)
        line = f"[{'#' * filled}{'-' * (BAR_COLUMNS - filled)}] {done}/{total} {text}"
        print(f"\r{line[: shutil.get_terminal_size().columns - 1]}\x1b[K", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._drawn = False

    def say(self, line: str) -> None:
        """Print a line on standard output."""
        self.clear()
        print(line, flush=True)

    def note(self, line: str) -> None:
        """Print a line on standard error."""
        self.clear()
        print(line, file=sys.stderr, flush=True)
