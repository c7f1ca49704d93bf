"""What every part of the command line is made of: a parser with short errors, a command, a family of commands."""

import argparse
from typing import Any, NoReturn

from aios_top.cli.exits import EXPLANATION, USAGE


class _Help(argparse.HelpFormatter):
    """Wraps what is one paragraph; a text of several lines stays as it is, as a table of exit codes is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with the next step."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        named.setdefault("formatter_class", _Help)
        named.setdefault("allow_abbrev", False)
        super().__init__(*arguments, **named)

    def parse_known_args(self, *arguments: Any, **named: Any) -> Any:
        """Parse; what a command does not know is its own error, with its own help, and not the program's."""
        found, unknown = super().parse_known_args(*arguments, **named)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where the help is; exit code 2."""
        line = " ".join(message.split())
        self.exit(USAGE, f"{self.prog}: {line}; see '{self.prog} --help'\n")


class IncompleteError(Exception):
    """What is to be told takes all commands."""


class IncompleteParser(Parser):
    """A command line without some of its commands: it neither helps nor complains."""

    def error(self, message: str) -> NoReturn:
        """Leave the error to the whole command line."""
        raise IncompleteError(message)

    def format_help(self) -> str:
        """Leave the help to the whole command line."""
        raise IncompleteError


def command(commands: Any, name: str, module: str, summary: str, more: str = "") -> Parser:
    """Add one command; `module` is its file in `cli/commands`."""
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: Parser = commands.add_parser(
        name, help=summary, description=f"{description} {more}".strip(), epilog=EXPLANATION
    )
    parser.set_defaults(module=module)
    return parser


def family(commands: Any, name: str, summary: str) -> Any:
    """Add a command that has commands of its own, such as `policy`."""
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    return parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, dest="subcommand", prog=parser.prog, parser_class=Parser
    )
