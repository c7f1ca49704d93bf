"""`aios-top completion`: a script that completes this command line in a shell."""

import argparse
from collections.abc import Iterator

from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.parser import build_parser

_FILES = frozenset({"FILE", "FOLDER", "PATH", "RECORDING"})
"""What an argument is called in the help that names a file or folder."""


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    try:
        import shtab  # an optional extra
    except ImportError as error:
        raise CommandError("completion needs one more package: pip install 'aios-top[completion]'") from error
    parser = build_parser()
    for action in _actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=args.shell))
    return DONE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every argument of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for child in action.choices.values():
                yield from _actions(child)
