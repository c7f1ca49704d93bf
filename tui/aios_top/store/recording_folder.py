"""The folder of recordings: a file for every run, named by context and start; the oldest go when it grows too large."""

import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from aios_top.model.recording import RecordingHeader, RecordingInfo
from aios_top.store import recording_file
from aios_top.store.paths import StoreError, state_folder
from aios_top.store.recording_file import SUFFIX
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_writer import RecordingLimits, RecordingWriter

FOLDER = "recordings"


def recordings_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder, whether it exists or not."""
    return state_folder(environ) / FOLDER


def new_path(folder: Path, context: str, now: float | None = None) -> Path:
    """Return the path of a new recording; two consoles that start together get two files."""
    at = datetime.fromtimestamp(time.time() if now is None else now, UTC).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", context).strip("-.")[:60] or "aios"
    return folder / f"{name}-{at}-{os.getpid()}{SUFFIX}"


def begin(folder: Path, header: RecordingHeader, limits: RecordingLimits) -> RecordingWriter:
    """Make room, and begin a new recording in the folder. Raises StoreError."""
    writer = RecordingWriter(_free(new_path(folder, header.context)), header, limits)
    prune(folder, limits, keep=writer.path)
    return writer


def _free(path: Path) -> Path:
    """Return the path, or one with a number where this process has recorded in the same second."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{SUFFIX}")
    return free


def recordings(folder: Path) -> list[Path]:
    """Return the recordings, oldest first."""
    try:
        found = [entry for entry in folder.iterdir() if entry.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    return sorted(found, key=lambda entry: (entry.lstat().st_mtime, entry.name))


def described(path: Path) -> RecordingInfo | StoreError:
    """Return what a recording says of itself, or why it cannot be read."""
    try:
        with open_recording(path) as recording:
            info = recording.info
    except StoreError as error:
        return error
    return info


def prune(folder: Path, limits: RecordingLimits, keep: Path | None = None, now: float | None = None) -> list[Path]:
    """Remove what is too old, then the oldest while all together are too large; what is being written stays.

    Returns what was removed.
    """
    found = [path for path in recordings(folder) if path != keep]
    idle = [
        path for path in found if path.is_file() and not path.is_symlink() and not recording_file.being_written(path)
    ]
    oldest = (time.time() if now is None else now) - limits.hours * 3600.0
    removed = [path for path in idle if path.stat().st_mtime < oldest]
    left = [path for path in idle if path not in removed]
    total = sum(recording_file.size_of(path) for path in [*left, *(path for path in found if path not in idle)])
    while left and total > limits.megabytes * 1_000_000:
        total -= recording_file.size_of(left[0])
        removed.append(left.pop(0))
    for path in removed:
        recording_file.delete(path)
    return removed
