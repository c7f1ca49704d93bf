"""Reads the policy file at hand: the one that the operator named, or the one that is shipped."""

from hashlib import sha256
from pathlib import Path

from aios_top.bundle.limits import MAX_SOURCE_BYTES, BundleError
from aios_top.bundle.source import check_source
from aios_top.model.text import clean
from aios_top.model.verification import PolicyFile
from aios_top.shipped import shipped

ENTRY = Path("code") / "function.py"
_PATH = 200


def policy_file(path: str | None = None) -> PolicyFile:
    """Return a policy's source by its file or folder, the shipped one by default; raises BundleError."""
    given = shipped("policy") if path is None else Path(path)
    place = given / ENTRY if given.is_dir() and (given / ENTRY).exists() else given
    if place.is_dir():
        place /= ENTRY.name
    name = "the shipped policy" if path is None else str(path)
    try:
        with place.open("rb") as file:
            source = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise BundleError([f"{place}: {error.strerror}; name a policy's folder or its function.py"]) from error
    report = check_source(str(place), source)
    if report.problems:
        raise BundleError(report.problems)
    digest = sha256(source).hexdigest()
    return PolicyFile(clean(name, _PATH), source, digest, report.declared_name, chosen=path is not None)
