"""`aios-top audit verify`: whether the record is as it was written."""

import argparse
import os
import sys

from aios_top.cli.exits import DONE, FAILED
from aios_top.cli.stored import stored
from aios_top.store.audit import AuditLog
from aios_top.store.paths import audit_file


def run(_args: argparse.Namespace) -> int:
    """Check every line and the chain through all of them; 1 when one was changed, removed or put in."""
    with stored():
        log = AuditLog(audit_file(os.environ))
        found = log.verify()
    for number in found.torn:
        print(f"line {number}: ended in the middle, as a kill or a full disk leaves it", file=sys.stderr)
    for number, problem in found.problems:
        print(f"line {number}: {problem}", file=sys.stderr)
    if found.problems:
        print(f"failed: {log.path} is not as it was written; see the lines above", file=sys.stderr)
        return FAILED
    print(f"{log.path}: {found.lines} lines, each follows from the one before")
    return DONE
