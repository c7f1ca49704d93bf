"""`aios-top policy pack`: checks a policy and writes its archive."""

import argparse
import sys
from pathlib import Path

from aios_top.bundle.load import load_bundle
from aios_top.cli.exits import DONE
from aios_top.cli.output import STDOUT, write_bytes
from aios_top.shipped import shipped


def run(args: argparse.Namespace) -> int:
    """Write exactly the bytes that `policy deploy` would upload."""
    path = Path(args.folder) if args.folder else shipped("policy")
    registration = Path(args.registration) if args.registration else None
    bundle = load_bundle(path, registration, args.policy_version)
    target = args.output or bundle.file_name
    write_bytes(target, bundle.content, force=True)
    for warning in bundle.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    words = sys.stderr if target == STDOUT else sys.stdout
    print(f"{target}: {len(bundle.content):,} bytes, sha256 {bundle.sha256}", file=words)
    print(f"  registers as {bundle.uri}", file=words)
    print(f"  holds {', '.join(bundle.members)}", file=words)
    return DONE
