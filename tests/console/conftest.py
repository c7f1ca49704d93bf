"""The same terminal for every test of the console: UTC, true colours, no NO_COLOR."""

import time
from collections.abc import Iterator

import pytest

import aios_top.console.curves  # noqa: F401 - loaded before the first screen, so that none is without its plot


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make what is drawn independent of where the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
