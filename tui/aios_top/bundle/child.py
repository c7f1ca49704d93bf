"""How a child process is started that must see nothing of this program's surroundings."""

import os
import sys
from pathlib import Path

_PASSED_ON = ("LD_LIBRARY_PATH",)
"""Without it some interpreters do not find their own library."""


def command(program: str, *arguments: str) -> list[str]:
    """Return the command that runs a program of this folder, isolated and without site-packages."""
    return [sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name(program)), *arguments]


def environment() -> dict[str, str]:
    """Return the only variables that a child is given."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
