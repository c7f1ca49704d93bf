"""Files that are named on the command line: one that is not there is a wrong argument, said before anything starts."""

import os

from aios_top.cli.exits import UsageError


def existing(text: str) -> str:
    """Return the path of a file or folder to be read, an argparse type; raises UsageError where there is none."""
    if not os.path.exists(text):  # noqa: PTH110 - pathlib is a tenth of the time that `--version` takes
        raise UsageError(f"{text}: no such file or folder")
    return text
