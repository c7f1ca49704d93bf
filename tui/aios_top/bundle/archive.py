"""Packs a policy as AIOS unpacks it, and inspects an archive in memory: never extracted, never imported."""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from msgspec import Struct

from aios_top.bundle.limits import MAX_ARCHIVE_BYTES, MAX_MEMBERS, MAX_UNPACKED_BYTES, BundleError
from aios_top.bundle.member import checked_members
from aios_top.bundle.requirements import check_requirements
from aios_top.bundle.source import check_source
from aios_top.bundle.tar_reader import read_tar
from aios_top.bundle.zip_reader import looks_like_zip, read_zip
from aios_top.model.text import clean

SOURCE = "code/function.py"
REQUIREMENTS = "code/requirements.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip can hold."""


class Inspection(Struct, frozen=True):
    """What an accepted archive holds."""

    members: tuple[str, ...]
    warnings: tuple[str, ...]
    code_sha256: str
    declared_version: str | None
    is_zip: bool
    source: bytes
    """Bytes of `code/function.py`."""
    requirements: bytes


def pack(folder: Path) -> bytes:
    """Return a zip with `code/` at its root; the same files give the same bytes on every machine.

    Members are stored, not deflated: compressors differ between versions of zlib, and a policy is small.
    """
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, path in _files(folder):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = 3  # Unix, whatever this machine is
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, _read(path))
    except OSError as error:
        raise BundleError([f"{error.filename or folder}: {error.strerror}"]) from error
    return buffer.getvalue()


def inspect(content: bytes) -> Inspection:
    """Return what an archive holds; raises BundleError with every reason when AIOS should not get it."""
    if len(content) > MAX_ARCHIVE_BYTES:
        raise BundleError([f"the archive is larger than {MAX_ARCHIVE_BYTES // 1024**2} MiB"])
    is_zip = looks_like_zip(content)
    names: list[str] = []
    read: dict[str, bytes] = {}
    for member in checked_members(read_zip(content) if is_zip else read_tar(content)):
        if not member.is_folder:
            names.append(member.name)
        if member.name in {SOURCE, REQUIREMENTS}:
            read[member.name] = member.content
    if SOURCE not in names:
        raise BundleError([_missing_source(names)])
    report = check_source(SOURCE, read[SOURCE])
    wanted = read.get(REQUIREMENTS, b"")
    refused, doubts = check_requirements(REQUIREMENTS, wanted)
    problems = (*report.problems, *refused)
    if problems:
        raise BundleError(problems)
    digest = sha256(read[SOURCE]).hexdigest()
    warnings = (*_strangers(names), *doubts)
    return Inspection(tuple(names), warnings, digest, report.declared_version, is_zip, read[SOURCE], wanted)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and paths below `folder/code` in a fixed order, without what Python or an editor left there."""
    code = folder / "code"
    if not code.is_dir() or code.is_symlink():
        raise BundleError([f"{folder}: holds no folder code/ with function.py; name the policy's folder"])
    total = number = 0
    for path in sorted(code.rglob("*"), key=lambda entry: entry.relative_to(code).as_posix()):
        inside = PurePosixPath("code") / path.relative_to(code).as_posix()
        if any(part == "__pycache__" or part.startswith(".") for part in inside.parts) or path.suffix == ".pyc":
            continue
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        if not stat.S_ISREG(mode):
            raise BundleError([f"{path}: a link or a device; copy the file there instead"])
        number, total = number + 1, total + path.lstat().st_size
        if number > MAX_MEMBERS or total > MAX_UNPACKED_BYTES:
            limit = f"{MAX_MEMBERS} files or {MAX_UNPACKED_BYTES // 1024**2} MiB"
            raise BundleError([f"{code}: more than {limit}; is this a policy's folder?"])
        yield str(inside), path


def _read(path: Path) -> bytes:
    """Read a file that may have been swapped for a link or grown since it was listed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_ARCHIVE_BYTES + 1)
    if len(content) > MAX_ARCHIVE_BYTES:
        raise BundleError([f"{path}: larger than {MAX_ARCHIVE_BYTES // 1024**2} MiB"])
    return content


def _missing_source(names: list[str]) -> str:
    """Say what to do about an archive without the file that AIOS loads."""
    elsewhere = [name for name in names if PurePosixPath(name).name == "function.py"]
    if elsewhere:
        return f"{SOURCE} is missing: function.py is at {clean(elsewhere[0])}; the root must hold the folder code/"
    return f"{SOURCE} is missing: the archive's root must hold the folder code/ with function.py"


def _strangers(names: list[str]) -> list[str]:
    """Name the files that AIOS unpacks but never loads."""
    outside = [clean(name) for name in names if not name.startswith("code/")]
    return [f"unpacked but never loaded, being outside code/: {', '.join(outside[:5])}"] if outside else []
