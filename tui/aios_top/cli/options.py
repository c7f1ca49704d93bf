"""The options that several commands share."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from aios_top.cli.named_files import existing
from aios_top.cli.numbers import seconds, whole
from aios_top.model.polling import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS

PORT_OFFSET_LIMIT = 65535 - 32555
"""The highest NodePort of AIOS plus the offset must still be a port."""


def add_connection(parser: argparse.ArgumentParser, *, before_command: bool = False) -> None:
    """Add the options that say where AIOS is and how to read it.

    They are accepted before and after the command's name: only the main parser has defaults, so that a command's
    parser does not overwrite what stood before it. The list of `--url` is kept apart for the same reason.
    """

    def default(value: Any) -> Any:
        return value if before_command else argparse.SUPPRESS

    group = parser.add_argument_group("where AIOS is")
    group.add_argument(
        "--host", metavar="H", default=default(None), help="host of AIOS; its services by NodePort convention"
    )
    group.add_argument(
        "--port-offset",
        metavar="N",
        type=whole(0, PORT_OFFSET_LIMIT),
        default=default(None),
        help="add N to every conventional port (as `demo --serve --port-offset N` does)",
    )
    group.add_argument(
        "--url",
        metavar="NAME=URL",
        action="append",
        dest="urls" if before_command else "command_urls",
        default=[],
        help="address of one service, e.g. metrics=http://10.0.0.5:30201; may be repeated",
    )
    group.add_argument("--context", metavar="NAME", default=default(None), help="a context of the configuration file")
    group.add_argument(
        "--poll",
        metavar="DURATION",
        type=seconds(SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS),
        default=default(None),
        help="time between two polls, 500ms to 5m (default: the configuration's, else 2s)",
    )
    group.add_argument(
        "--read-only", action="store_true", default=default(False), help="refuse everything that changes something"
    )
    group.add_argument(
        "--insecure-token",
        action="store_true",
        default=default(False),
        help="send a configured secret over plain http too",
    )
    for name in ("--token", "--password", "--header"):
        group.add_argument(name, action=NoSecretHere, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


class NoSecretHere(argparse.Action):
    """Refuses a secret on the command line, where every user of the machine and the shell's history see it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - the base's signature
        values: str | Sequence[Any] | None,  # noqa: ARG002 - never repeated
        option_string: str | None = None,
    ) -> NoReturn:
        """End with what to do instead."""
        parser.error(
            f"{option_string} is not accepted, for others can read a command line: use a file in the "
            "configuration's credentials, or AIOS_TOP_TOKEN with AIOS_TOP_TOKEN_ORIGIN"
        )


def add_deadline(parser: argparse.ArgumentParser, *, before_command: bool = False) -> None:
    """Add the deadline of a read."""
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=seconds(0.1, 300),
        default=None if before_command else argparse.SUPPRESS,
        help="deadline of one read (default: 5s)",
    )


def add_block(parser: argparse.ArgumentParser, *, required: bool = True, about: str = "the block") -> None:
    """Add the block that a command is about."""
    parser.add_argument("--block", metavar="B", required=required, help=about)


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Add the consent that replaces the question on a terminal."""
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal to ask on")


def add_json(parser: argparse.ArgumentParser, about: str = "print one JSON document") -> None:
    """Add the choice of JSON."""
    parser.add_argument("--json", action="store_true", help=about)


def add_prometheus(parser: argparse.ArgumentParser, *, before_command: bool = False) -> None:
    """Add the server that knows what the instances did before anybody watched."""
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        default=None if before_command else argparse.SUPPRESS,
        help="a Prometheus that scrapes the instances: begin with the half hour that it knows",
    )


def add_policy_file(parser: argparse.ArgumentParser, *, before_command: bool = False) -> None:
    """Add the policy file that decisions are evaluated again with, beside the console."""
    parser.add_argument(
        "--policy",
        metavar="PATH",
        type=existing,
        default=None if before_command else argparse.SUPPRESS,
        help="policy file or folder to evaluate decisions again with (default: the shipped policy)",
    )
