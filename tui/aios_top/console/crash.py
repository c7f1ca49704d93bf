"""What is left of a crash: a file for the report, a few lines for the operator, and never a local variable."""

import os
import platform
import sys
import time
import traceback
from pathlib import Path

import textual

from aios_top import __version__
from aios_top.model.text import clean

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""
_FRAMES_ON_SCREEN = 4
_LINES_IN_FILE = 400


def report(error: BaseException) -> str:
    """Return the text of the crash file: versions and the traceback, without values of variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=False, compact=True)
    lines = "".join(shown.format()).splitlines()
    head = [
        f"aios-top {__version__}  textual {textual.__version__}  python {platform.python_version()}  {sys.platform}",
        f"at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}",
        "",
    ]
    return "\n".join(clean(line, limit=500) for line in head + lines[-_LINES_IN_FILE:]) + "\n"


def write_report(error: BaseException, folder: Path) -> Path | None:
    """Write the crash file, readable by its owner only; None when it could not be written."""
    path = folder / f"crash-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(report(error))
    except OSError:
        return None
    return path


def summary(error: BaseException, path: Path | None) -> str:
    """Return what the operator reads: the error, where it came from, and what to do; at most 20 lines."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_ON_SCREEN:]
    where = [f"  {frame.filename.rpartition('/')[2]}:{frame.lineno} in {frame.name}" for frame in frames]
    kept = f"the full report is in {path}" if path else "the report could not be written"
    return "\n".join(
        (
            f"aios-top: internal error: {type(error).__name__}: {clean(str(error), limit=300)}",
            *where,
            f"aios-top: this is a bug; {kept}. Nothing was sent by the crash; `aios-top audit show` lists what was.",
        )
    )
