"""Whether there is a screen to draw on; imports nothing that draws."""

import os
import sys

from aios_top.cli.exits import USAGE, CommandError
from aios_top.console.terminal import problem


def refuse_without_terminal() -> None:
    """End the command before anything is started when there is nothing to draw on."""
    found = problem({"stdin": sys.__stdin__, "stdout": sys.__stdout__, "stderr": sys.__stderr__}, os.environ)
    if found is not None:
        raise CommandError(found, USAGE)
