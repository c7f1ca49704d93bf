"""`aios-top audit show`: the record of what was changed from here."""

import argparse
import json
import os
import sys

from aios_top.cli.exits import DONE
from aios_top.cli.stored import stored
from aios_top.model.audit import unresolved
from aios_top.render.document import audit_document
from aios_top.render.plain import audit_line
from aios_top.store.audit import AuditLog
from aios_top.store.paths import audit_file


def run(args: argparse.Namespace) -> int:
    """Print it, oldest first."""
    with stored():
        log = AuditLog(audit_file(os.environ))
        entries = log.entries()
    for entry in entries[-args.last :] if args.last else entries:
        print(json.dumps(audit_document(entry), allow_nan=False) if args.json else audit_line(entry))
    lost = unresolved(entries)
    if lost:
        numbers = ", ".join(str(entry.seq) for entry in lost)
        print(f"without an outcome, under way or cut off, it may have happened: {numbers}", file=sys.stderr)
    if not entries:
        print(f"nothing was changed from here: {log.path} has no entries", file=sys.stderr)
    return DONE
