"""A capsule on disk: a zip whose manifest names every member with its digest; read in memory, never unpacked."""

import json
import os
import stat
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top.bundle.limits import BundleError, ZipLimits
from aios_top.bundle.member import checked_members
from aios_top.bundle.zip_reader import looks_like_zip, read_zip
from aios_top.model.capsule import FORMAT, RECORDING, VERSION
from aios_top.model.text import clean

MANIFEST = "manifest.json"
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024
LIMITS = ZipLimits(members=1000, unpacked_bytes=512 * 1024 * 1024, ratio=200)
_DATE = (2026, 1, 1, 0, 0, 0)
"""Of every member, so that equal contents make equal files."""


class CapsuleFile(Struct, frozen=True):
    """A capsule whose members are what its manifest says."""

    manifest: Mapping[str, Any]
    members: Mapping[str, bytes]


def is_capsule(path: Path) -> bool:
    """Return whether a file begins as a capsule does; a file that cannot be read does not."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would never answer
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and looks_like_zip(os.read(descriptor, 4))
    finally:
        os.close(descriptor)


def write_capsule(path: Path, about: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
    """Write a new file for this user alone. Raises OSError, also when there is one."""
    described = {
        name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)} for name, content in members.items()
    }
    manifest = {"format": FORMAT, "version": VERSION, **about, "members": described}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {MANIFEST: _json(manifest), **members}.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o100600 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(packed.getvalue())
    except OSError:
        path.unlink()  # half of one opens nowhere, and would be in the way of the next
        raise


def read_capsule(path: Path) -> CapsuleFile:
    """Return what is in a capsule; raises BundleError that says why it is refused, OSError when it cannot be read."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BundleError([f"larger than {MAX_FILE_BYTES // 1024**2} MiB"])
    found = checked_members(read_zip(path.read_bytes(), LIMITS))
    members = {member.name: member.content for member in found if not member.is_folder}
    manifest = _manifest(members.pop(MANIFEST, None))
    _check(manifest, members)
    return CapsuleFile(manifest, members)


def _manifest(content: bytes | None) -> Mapping[str, Any]:
    if content is None:
        raise BundleError([f"a zip without {MANIFEST}, so no capsule"])
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError([f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES // 1024**2} MiB"])
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError([f"{MANIFEST} is no JSON: {clean(str(error))}"]) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError([f"{MANIFEST} is not that of a capsule"])
    version = manifest.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError([f"{MANIFEST} has no usable version"])
    if version > VERSION:
        raise BundleError([f"made by a newer aios-top (format {version}; this one reads up to {VERSION}); upgrade it"])
    return manifest


def _check(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
    """Refuse a capsule that is not what its manifest says."""
    told = manifest.get("members")
    if not isinstance(told, dict):
        raise BundleError([f"{MANIFEST} lists no members"])
    problems = [f"{clean(name)} is missing" for name in told if name not in members]
    problems += [f"{clean(name)} is not in the manifest" for name in members if name not in told]
    for name, content in members.items():
        entry = told.get(name)
        if isinstance(entry, dict) and entry.get("sha256") == sha256(content).hexdigest():
            continue
        if name in told:
            problems.append(f"{clean(name)} was changed: its digest is not that of the manifest")
    if RECORDING not in members:
        problems.append(f"there is no {RECORDING}")
    if problems:
        raise BundleError(problems[:5])


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode("utf-8", "replace")
