"""What a command does without: modules that it never needs are never loaded, for each costs its start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOKING = {"textual", "plotext", "pydantic", "aiohttp", "grpc", "aios_top.console.app", "aios_top.testbed.server"}
"""What no command without a screen needs."""
FILES_ONLY = LOOKING | {"httpx", "aios_top.engine.session"}
"""What no command needs that asks nobody."""
BEHIND = {
    "plotext", "pydantic", "aiohttp", "httpx", "sqlite3", "zstandard",
    "aios_top.engine.session", "aios_top.aios.reader", "aios_top.store.audit", "aios_top.store.recording_file",
    "aios_top.console.commands", "aios_top.console.dialogs.dialog",
}  # fmt: skip
"""What the console loads behind its first screen."""
NOWHERE = ["--host", "127.0.0.1", "--port-offset", "1"]


COMMAND = "from aios_top.cli.main import main; main(sys.argv[1:])"
LISTING = "import atexit, os, pathlib, sys; atexit.register(lambda: pathlib.Path(os.environ['LISTING']).write_text(' '.join(sys.modules)))"


def loaded(program: str, *argv: str, folder: Path) -> set[str]:
    """Return the modules that a program has loaded at its end."""
    listing = folder / "modules"
    own = {"AIOS_TOP_STATE": f"{folder}/state", "AIOS_TOP_CONFIG": f"{folder}/none.toml", "LISTING": str(listing)}
    subprocess.run(
        [sys.executable, "-c", f"{LISTING}\n{program}", *argv],
        check=False, env={**os.environ, **own}, capture_output=True, cwd=folder, timeout=60,
    )  # fmt: skip
    return set(listing.read_text().split())


@pytest.mark.parametrize(
    ("argv", "without"),
    [
        (["once", "--json", *NOWHERE], LOOKING),
        (["decisions", *NOWHERE], LOOKING),
        (["wait", "--block", "b", "--until", "replicas>=1", "--wait", "0.1", *NOWHERE], LOOKING),
        (["policy", "lint", *NOWHERE], LOOKING),
        (["policy", "show", "--block", "b", *NOWHERE], LOOKING),
        (["policy", "pack", "--output", "policy.zip"], FILES_ONLY),
        (["recordings", "list"], FILES_ONLY),
        (["audit", "show"], FILES_ONLY),
        (["audit", "verify"], FILES_ONLY),
        (["guide", "first-steps"], FILES_ONLY),
        (["demo", "--list-scenarios"], FILES_ONLY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_nothing_that_it_does_not_need(argv, without, tmp_path):
    found = loaded(COMMAND, *argv, folder=tmp_path)

    assert f"aios_top.cli.commands.{'_'.join(argv[:2])}" in found or f"aios_top.cli.commands.{argv[0]}" in found
    assert sorted(without & found) == []


def test_the_first_screen_does_not_wait_for_what_asks_writes_and_records(tmp_path):
    found = loaded("import aios_top.cli.commands.console, aios_top.console.run", folder=tmp_path)

    assert "textual.app" in found
    assert "aios_top.console.widgets.fleet" in found
    assert sorted(BEHIND & found) == []
