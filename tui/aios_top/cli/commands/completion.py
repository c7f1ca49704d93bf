"""`aios-top completion`: a script that completes this command line in a shell."""

import argparse

from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.parser import build_parser


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab  # an optional extra
    except ImportError as error:
        raise CommandError("completion needs one more package: pip install 'aios-top[completion]'") from error
    print(shtab.complete(build_parser(), shell=args.shell))
    return DONE
