"""The commands that give what aios-top knows to others: Prometheus, spreadsheets, whoever takes over."""

import argparse
from typing import Any

from aios_top.cli.options import add_connection, add_deadline
from aios_top.cli.parser_base import command

LISTEN = "127.0.0.1:9877"


def add_handing_over(commands: Any) -> None:
    """Add them."""
    _exporter(commands)
    _capsule(commands)


def _exporter(commands: Any) -> None:
    exporter = command(
        commands,
        "exporter",
        "exporter",
        "serve what AIOS does not publish to Prometheus, until interrupted",
        "Decisions, desired replicas, cooldown, scaling lag, thresholds, verdicts, at /metrics. Changes nothing.",
    )
    exporter.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_address,
        default=LISTEN,
        help=f"address to serve at; port 0 takes a free one (default: {LISTEN}, this machine only)",
    )
    exporter.add_argument("--dashboard", action="store_true", help="print a Grafana dashboard for it, and exit")
    add_connection(exporter)
    add_deadline(exporter)


def _capsule(commands: Any) -> None:
    capsule = command(
        commands,
        "capsule",
        "capsule",
        "put an incident in one file that opens anywhere",
        "The recording of that time, the policies' code and parameters, what operators did, findings, versions. "
        "Secrets are never in it. With --host or --url the registered archives are fetched too; nothing runs them.",
    )
    add_recorded(capsule, "recording; a capsule can be cut again")
    capsule.add_argument("--note", metavar="TEXT", default="", help="what whoever opens it should know")
    capsule.add_argument(
        "--redact-names",
        action="store_true",
        help="replace the names of blocks, instances, clusters, hosts, users and the context",
    )
    capsule.add_argument("--output", metavar="FILE", help="file to write (default: named after context and time)")
    add_connection(capsule)
    add_deadline(capsule)


def add_recorded(parser: argparse.ArgumentParser, about: str) -> None:
    """Add what was recorded, and which part of it."""
    parser.add_argument("recording", metavar="RECORDING", help=about)
    parser.add_argument(
        "--from", metavar="TIME", dest="since", help="begin here: `20m ago` (before its end), 14:02, RFC 3339"
    )
    parser.add_argument("--to", metavar="TIME", help="end here (default: where the recording ends)")


def _address(text: str) -> Any:
    from aios_top.model.listen import listen_address  # reading it takes a module that other commands do without

    try:
        return listen_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
