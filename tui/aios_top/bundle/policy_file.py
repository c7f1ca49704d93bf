"""Reads the policy file at hand: the one that the operator named, or the one that is shipped."""

import re
from hashlib import sha256
from pathlib import Path

from aios_top.bundle.limits import MAX_SOURCE_BYTES, BundleError
from aios_top.bundle.source import check_source
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile
from aios_top.shipped import shipped

ENTRY = Path("code") / "function.py"
_PATH = 200
_NAME = re.compile(rb'^POLICY_NAME = "([^"]+)"', re.MULTILINE)


def policy_file(path: str | None = None) -> PolicyFile:
    """Return a policy's source by its file or folder, the shipped one by default; raises BundleError.

    A file that somebody names is parsed first, so that what is wrong with it is told with its line.
    """
    if path is None:
        return _shipped_file()
    place = Path(path)
    if place.is_dir():
        place /= ENTRY if (place / ENTRY).exists() else ENTRY.name
    source = _read(place)
    report = check_source(str(place), source)
    if report.problems:
        raise BundleError(report.problems)
    return PolicyFile(clean(path, _PATH), source, sha256(source).hexdigest(), report.declared_name, chosen=True)


def _shipped_file() -> PolicyFile:
    source = _read(shipped("policy") / ENTRY)
    name = _NAME.search(source)
    declared = None if name is None else name.group(1).decode()
    return PolicyFile(clean("the shipped policy"), source, sha256(source).hexdigest(), declared)


def _read(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise BundleError([f"{place}: {error.strerror}; name a policy's folder or its function.py"]) from error
