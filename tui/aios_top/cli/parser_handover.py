"""The commands that give what aios-top knows to others: Prometheus, spreadsheets, whoever takes over."""

import argparse
from typing import Any

from aios_top.cli.options import add_connection, add_deadline
from aios_top.cli.parser_base import command

LISTEN = "127.0.0.1:9877"


def add_handing_over(commands: Any) -> None:
    """Add them."""
    _exporter(commands)


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


def _address(text: str) -> Any:
    from aios_top.model.listen import listen_address  # reading it takes a module that other commands do without

    try:
        return listen_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
