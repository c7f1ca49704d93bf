"""Unpacks a policy archive, a zip or a tar of any compression told by its content, without leaving its folder."""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

MAX_FILES = 2_000
MAX_UNPACKED_BYTES = 64 * 1024 * 1024

_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted zip
    NotImplementedError,  # a zip's compression that Python does not know
)


class ArchiveError(Exception):
    """Bytes that are no archive, or an archive that is refused; the text says why."""


def unpack(content: bytes, folder: Path) -> None:
    """Write the archive's regular files below `folder`, which must exist; links and devices are refused."""
    try:
        _unpack(content, folder)
    except _UNREADABLE as error:
        raise ArchiveError(f"cannot be unpacked as zip or tar: {error}") from error


def _unpack(content: bytes, folder: Path) -> None:
    total = 0
    for count, (name, stream) in enumerate(_members(content), start=1):
        target = _target(folder, name)
        data = stream.read(MAX_UNPACKED_BYTES - total + 1)
        total += len(data)
        if count > MAX_FILES or total > MAX_UNPACKED_BYTES:
            raise ArchiveError(f"more than {MAX_FILES} files or {MAX_UNPACKED_BYTES} bytes when unpacked")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _target(folder: Path, name: str) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]:
        raise ArchiveError(f"member {name!r} would be written outside the archive's folder")
    return folder.joinpath(*path.parts)


def _members(content: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the name and stream of every regular file."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        yield from _zip_members(content)
    else:
        yield from _tar_members(content)


def _zip_members(content: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as stream:
                    yield info.filename, stream


def _tar_members(content: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for info in archive:
            if info.isdir():
                continue
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is None:
                raise ArchiveError(f"member {info.name!r} is a link or a device")
            yield info.name, stream
