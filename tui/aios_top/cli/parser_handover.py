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
    _export(commands)
    _report(commands)


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
    add_recorded(capsule, "recording, or a capsule to be cut again (default: the newest recording)")
    capsule.add_argument("--note", metavar="TEXT", default="", help="what whoever opens it should know")
    capsule.add_argument(
        "--redact-names",
        action="store_true",
        help="replace the names of blocks, instances, clusters, hosts, users and the context",
    )
    capsule.add_argument("--output", metavar="FILE", help="file to write (default: named after context and time)")
    add_connection(capsule)
    add_deadline(capsule)


def _export(commands: Any) -> None:
    export = command(
        commands,
        "export",
        "export",
        "write what was recorded as CSV, JSON lines or OpenMetrics",
        "Columns and fields are those of `once --json` and `decisions --json`; counters begin with what is exported.",
    )
    add_recorded(export, "recording or capsule (default: the newest recording)")
    export.add_argument(
        "--what",
        choices=("samples", "instances", "decisions", "events", "audit"),
        default="samples",
        help="rows: each block or instance at each poll, decisions, marks of the time bar, changes (default: samples)",
    )
    export.add_argument("--format", choices=("csv", "jsonl", "openmetrics"), default="csv", help="default: csv")
    add_blocks(export)
    add_output(export, "standard output")


def _report(commands: Any) -> None:
    report = command(
        commands,
        "report",
        "report",
        "write a post-mortem of what was recorded as one HTML page",
        "What happened in words, pictures of every block, decisions with reasons, changes, parameters, findings. The "
        "page has no script and needs no network.",
    )
    add_recorded(report, "recording or capsule (default: the newest recording)")
    add_blocks(report)
    report.add_argument("--title", metavar="TEXT", help="heading of the page (default: context and time)")
    add_output(report, "named after context and time")


def add_blocks(parser: argparse.ArgumentParser) -> None:
    """Add which blocks it is about."""
    parser.add_argument("--block", metavar="B", action="append", help="only this block; may be repeated")


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """Add where the result goes; `default` says it in the help."""
    parser.add_argument(
        "--output",
        metavar="FILE",
        default="-" if default == "standard output" else None,
        help=f"file to write, - for standard output (default: {default})",
    )
    parser.add_argument("--force", action="store_true", help="replace the file where there is one")


def add_recorded(parser: argparse.ArgumentParser, about: str) -> None:
    """Add what was recorded, and which part of it."""
    parser.add_argument("recording", metavar="RECORDING", nargs="?", help=about)
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
