"""Where the demo that runs on this machine is: so that `--context demo` reaches it from another terminal."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from aios_top.store.paths import StoreError, make_private, state_folder

_LARGEST_BYTES = 100_000


class RunningDemo(Struct, frozen=True):
    """One embedded AIOS."""

    pid: int
    """The process that started it and ends it."""
    urls: Mapping[str, str]
    """Its services, by name."""
    pace: str
    chaos: bool = False


def note_demo(demo: RunningDemo, environ: Mapping[str, str]) -> None:
    """Write down that it runs, in place of an earlier one; raises StoreError or OSError."""
    path = _file(environ)
    make_private(path.parent)
    fresh = path.with_name(f"{path.name}.{demo.pid}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(demo))
    fresh.replace(path)


def forget_demo(pid: int, environ: Mapping[str, str]) -> None:
    """Remove the note of a demo that ends, unless another one has begun since."""
    with suppress(StoreError, OSError):
        found = _read(_file(environ))
        if found is not None and found.pid == pid:
            _file(environ).unlink()


def running_demo(environ: Mapping[str, str]) -> RunningDemo | None:
    """Return the demo that was started last and still runs, None when there is none."""
    with suppress(StoreError, OSError):
        found = _read(_file(environ))
        if found is not None and _lives(found.pid):
            return found
    return None


def _file(environ: Mapping[str, str]) -> Path:
    return state_folder(environ) / "demo.json"


def _read(path: Path) -> RunningDemo | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        try:
            return msgspec.json.decode(file.read(_LARGEST_BYTES), type=RunningDemo)
        except msgspec.DecodeError:
            return None


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
