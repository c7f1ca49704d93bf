"""Where a command writes what was asked for: standard output, or a file that appears when it is whole."""

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aios_top.cli.exits import CommandError

STDOUT = "-"


@contextmanager
def written(name: str, *, force: bool = False) -> Iterator[TextIO]:
    """Give a UTF-8 text to write to, `-` is standard output. Line ends stay as they are written.

    A file gets its name when all of it is on disk, so that whoever finds it finds a whole one; nothing is left when
    the writing ends early. Raises CommandError, also when there is a file of that name and no `force`.
    """
    if name == STDOUT:
        with _stdout() as file:
            yield file
        return
    with (
        _part(Path(name), force=force) as descriptor,
        os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_bytes(name: str, content: bytes, *, force: bool = False) -> None:
    """Write an archive as `written` writes a text; a device or a pipe takes it as it comes, but no terminal does."""
    if Path(name).is_char_device() or Path(name).is_fifo():
        Path(name).write_bytes(content)
    elif name != STDOUT:
        with _part(Path(name), force=force) as descriptor, os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    elif sys.stdout.isatty():
        raise CommandError("an archive is no text for a terminal: name a file, or send it into a pipe")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@contextmanager
def _part(path: Path, *, force: bool) -> Iterator[int]:
    """Give a file to fill, which takes its name when it is whole; whoever takes the descriptor closes it."""
    refuse_existing(path, force=force)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    try:
        yield descriptor
        _named(part, path, force=force)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def refuse_existing(path: Path, *, force: bool) -> None:
    """End the command, before it works long, when the file may not be written; raises CommandError."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise CommandError(f"{path}: not a regular file, so it is not replaced; '-' is standard output")
    if not force:
        raise _exists(path)


def _named(part: Path, path: Path, *, force: bool) -> None:
    """Give the whole file its name; without `force` never the name of another one, even one that has come since."""
    if force:
        part.replace(path)
        return
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:  # a file system without links
        if path.exists():
            raise _exists(path) from None
        part.rename(path)


def _exists(path: Path) -> CommandError:
    return CommandError(f"{path}: exists already; name another file, or --force replaces it")


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Give standard output as UTF-8, whatever the locale: a format has one encoding."""
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield text
        text.flush()
    finally:
        with contextlib.suppress(BrokenPipeError):  # who goes on to write finds out by himself
            text.detach()
