"""`aios-top audit export`: the record as a file for somebody else, JSON lines or CSV."""

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.stored import stored
from aios_top.model.audit import AuditEntry
from aios_top.render.document import audit_document
from aios_top.render.numbers import count
from aios_top.render.spreadsheet import inert
from aios_top.store.audit import AuditLog
from aios_top.store.paths import audit_file

COLUMNS = ("seq", "at", "kind", "by", "context", "block_id", "title", "fate", "message", "fields")


def run(args: argparse.Namespace) -> int:
    """Write it, oldest first; a file that exists is not overwritten."""
    with stored():
        entries = AuditLog(audit_file(os.environ)).entries()
    text = _csv(entries) if args.format == "csv" else "".join(f"{line}\n" for line in _lines(entries))
    if args.output is None:
        print(text, end="")
    else:
        _write(Path(args.output), text)
        print(f"aios-top: {args.output}: {count(len(entries), 'line')}", file=sys.stderr)
    return DONE


def _lines(entries: Sequence[AuditEntry]) -> Iterator[str]:
    return (json.dumps(audit_document(entry), allow_nan=False) for entry in entries)


def _csv(entries: Sequence[AuditEntry]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        document = audit_document(entry)
        request = entry.fields.get("request")
        known = {
            **document,
            **entry.fields,
            "block_id": request.get("block_id") if isinstance(request, dict) else None,
            "fields": json.dumps(entry.fields, allow_nan=False, sort_keys=True),
        }
        writer.writerow([inert(_one_line(known.get(column))) for column in COLUMNS])
    return buffer.getvalue()


def _one_line(value: object) -> str:
    """Return a value as ASCII on one line, as the audit file itself has it."""
    return "" if value is None else str(value).encode("unicode_escape").decode("ascii")


def _write(path: Path, text: str) -> None:
    """Create the file for this user alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{path} exists; name another file, or remove it first") from error
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
