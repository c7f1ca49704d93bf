"""`aios-top policy pack`: checks a policy and writes its archive."""

import argparse
import sys
from pathlib import Path

from aios_top.bundle.load import load_bundle
from aios_top.cli.exits import DONE, CommandError
from aios_top.shipped import shipped


def run(args: argparse.Namespace) -> int:
    """Write exactly the bytes that `policy deploy` would upload."""
    path = Path(args.folder) if args.folder else shipped("policy")
    registration = Path(args.registration) if args.registration else None
    bundle = load_bundle(path, registration, args.policy_version)
    target = Path(args.output or bundle.file_name)
    try:
        target.write_bytes(bundle.content)
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}; name another file with --output") from error
    for warning in bundle.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{target}: {len(bundle.content):,} bytes, sha256 {bundle.sha256}")
    print(f"  registers as {bundle.uri}")
    print(f"  holds {', '.join(bundle.members)}")
    return DONE
