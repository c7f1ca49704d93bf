"""Private folders for the recording of a capsule, which SQLite reads from a file only."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aios_top.store.paths import make_private, state_folder

_PREFIX = "capsule-"
_YOUNG_SECONDS = 60.0
"""A folder that was made a moment ago may not be locked yet."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder for this user alone that goes with whoever asked for it; raises StoreError and OSError.

    It is locked meanwhile. One that a killed process left has no lock and is removed now.
    """
    state = state_folder(os.environ)
    make_private(state)
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=state))
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the folders that nobody holds."""
    with suppress(OSError):
        for entry in state_folder(os.environ).iterdir():
            if entry.name.startswith(_PREFIX) and _abandoned(entry):
                shutil.rmtree(entry, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(descriptor).st_mtime > _YOUNG_SECONDS
    except OSError:
        return False
    finally:
        os.close(descriptor)
