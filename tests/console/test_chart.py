"""The plotting library is not waited for: the first screen stands without it, then the plot is drawn."""

import subprocess
import sys

import pytest

from aios_top.console.app import ConsoleApp
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text

CURVES = "aios_top.console.curves"


def has_a_curve(app: ConsoleApp) -> bool:
    return any(0x2800 < ord(character) < 0x2900 for character in screen_text(app))


async def test_the_plot_comes_as_soon_as_its_library_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, CURVES)
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert CURVES in sys.modules
        assert has_a_curve(app)


def test_the_console_starts_without_it() -> None:
    code = f"import sys, aios_top.cli.commands.console; sys.exit('plotext' in sys.modules or '{CURVES}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
