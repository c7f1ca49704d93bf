"""Turns a policy on disk into what will be deployed; what `engine.ports.Bundles` hands out."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from aios_top.bundle.archive import Inspection, inspect, pack
from aios_top.bundle.limits import MAX_ARCHIVE_BYTES, BundleError
from aios_top.bundle.registration import FIELDS, check_registration, read_registration
from aios_top.bundle.requirements import FOREIGN, wanted_lines
from aios_top.bundle.source import check_source
from aios_top.model.deploy import Bundle, PolicyCode


def load_bundle(path: Path, registration: Path | None = None, version: str | None = None) -> Bundle:
    """Return the bundle of a policy's folder or of a ready archive.

    `registration` names the record where it is not `registration.json` in the folder, or beside the archive;
    `version` replaces the record's own. Raises BundleError with all problems of both.
    """
    problems: list[str] = []
    warnings: list[str] = []
    record: Mapping[str, Any] = {}
    inspection: Inspection | None = None
    content = b""
    try:
        content = pack(path) if path.is_dir() else _archive(path)
        inspection = inspect(content)
        warnings += inspection.warnings
    except BundleError as error:
        problems += error.problems
    try:
        record = _record(path, registration, version)
        refused, doubts = check_registration(record)
        problems += refused
        warnings += doubts
    except BundleError as error:
        problems += error.problems
    if inspection is None or problems:
        raise BundleError(problems)
    return _bundle(content, inspection, record, tuple(warnings))


def load_source(path: Path) -> bytes:
    """Return the code of a policy on disk: of a folder, of an archive, or a `.py` file as it is. Raises BundleError."""
    if path.is_dir():
        return inspect(pack(path)).source
    content = _archive(path)
    if path.suffix != ".py":
        return inspect(content).source
    report = check_source(path.name, content)
    if report.problems:
        raise BundleError(report.problems)
    return content


def read_code(content: bytes) -> PolicyCode:
    """Inspect an archive in memory, as one that somebody else serves; what is wrong with it is in `problems`."""
    digest = sha256(content).hexdigest()
    try:
        found = inspect(content)
    except BundleError as error:
        return PolicyCode(digest, problems=error.problems)
    source = found.source.decode("utf-8", "replace")
    return PolicyCode(digest, found.code_sha256, source, wanted_lines(found.requirements))


def _bundle(content: bytes, inspection: Inspection, record: Mapping[str, Any], warnings: tuple[str, ...]) -> Bundle:
    """Name the file after version and content, so that an archive that a running block came from is never replaced."""
    digest = sha256(content).hexdigest()
    ending = "zip" if inspection.is_zip else "tar"
    declared = inspection.declared_version
    if declared is not None and declared != record["version"]:
        warnings += (f"the code calls itself version {declared}, the registration {record['version']}",)
    return Bundle(
        file_name=f"{record['name']}-{record['version']}-{digest[:8]}.{ending}",
        content=content,
        sha256=digest,
        members=inspection.members,
        record={name: record[name] for name in FIELDS},
        warnings=tuple(warning for warning in warnings if FOREIGN not in warning),
        foreign=tuple(warning for warning in warnings if FOREIGN in warning),
        code_sha256=inspection.code_sha256,
    )


def _record(path: Path, registration: Path | None, version: str | None) -> Mapping[str, Any]:
    folder = path if path.is_dir() else path.parent
    record = read_registration(registration or folder / "registration.json")
    return record if version is None else {**record, "version": version}


def _archive(path: Path) -> bytes:
    """Read an archive once: these bytes are inspected, and these are uploaded."""
    try:
        if not path.is_file():
            raise BundleError([f"{path}: neither a policy's folder nor an archive"])
        with path.open("rb") as file:
            return file.read(MAX_ARCHIVE_BYTES + 1)
    except OSError as error:
        raise BundleError([f"{path}: {error.strerror}"]) from error
