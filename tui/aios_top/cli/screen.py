"""Whether there is a screen to draw on; imports nothing that draws."""

import os
import sys

from aios_top.cli.exits import USAGE, CommandError
from aios_top.console.terminal import WITHOUT_A_SCREEN, problem


def refuse_without_terminal(instead: str = WITHOUT_A_SCREEN) -> None:
    """End the command before anything is started when there is nothing to draw on; `instead` says what needs none."""
    found = problem({"stdin": sys.__stdin__, "stdout": sys.__stdout__, "stderr": sys.__stderr__}, os.environ, instead)
    if found is not None:
        raise CommandError(found, USAGE)
