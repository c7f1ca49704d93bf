"""The commands of the time machine: record, replay, recordings."""

import argparse
from typing import Any

from aios_top.cli.numbers import LONGEST_SECONDS, number, seconds
from aios_top.cli.options import add_connection, add_deadline, add_json, add_policy_file, add_prometheus
from aios_top.cli.parser_base import command, family

REPLAY_KEYS = "Keys: [ ] step, { } decision, @ go to a time, p play, + - speed; ? shows all."


def add_recordings(commands: Any) -> None:
    """Add them."""
    _record(commands)
    _replay(commands)
    _recordings(commands)


def _record(commands: Any) -> None:
    record = command(
        commands,
        "record",
        "record",
        "record all blocks without a screen",
        "Ends cleanly on SIGINT, SIGTERM and SIGHUP.",
    )
    record.add_argument(
        "--duration",
        metavar="DURATION",
        type=seconds(0.1, LONGEST_SECONDS),
        help="end after this long, e.g. 20s, 15m, 8h (default: on a signal)",
    )
    record.add_argument("--output", metavar="FILE", help="file to write (default: a new one in the recordings' folder)")
    add_prometheus(record)
    add_connection(record)
    add_deadline(record)


def _replay(commands: Any) -> None:
    replay = command(commands, "replay", "replay", "open the console on a recording", REPLAY_KEYS)
    replay.add_argument(
        "recording", metavar="FILE", nargs="?", help="file, or name in the folder (default: the newest)"
    )
    replay.add_argument("--at", metavar="TIME", help='where to begin: "14:02", a date, "3m ago" from its end')
    replay.add_argument("--speed", metavar="N", type=number(0.01, 1000), help="play, N times as fast as it happened")
    add_policy_file(replay)
    replay.add_argument("--theme", metavar="NAME", default=argparse.SUPPRESS, help="colours of the console")
    replay.add_argument("--low-bandwidth", action="store_true", default=argparse.SUPPRESS, help="draw every 20s")


def _recordings(commands: Any) -> None:
    recordings = family(commands, "recordings", "list, check, merge or remove recordings")
    shown = command(recordings, "list", "recordings", "list the recordings")
    prune = command(recordings, "prune", "recordings", "remove the oldest recordings")
    prune.add_argument("--megabytes", metavar="N", type=number(0, 1e6), help="keep N MB (default: the configuration's)")
    prune.add_argument(
        "--hours", metavar="N", type=number(0, 1e5), help="keep what is N hours old (default: the configuration's)"
    )
    merge = command(recordings, "merge", "recordings", "write several recordings of one context into one")
    merge.add_argument("recording", metavar="FILE", nargs="+", help="a recording")
    merge.add_argument("--output", metavar="FILE", required=True, help="file to write")
    verify = command(recordings, "verify", "recordings", "read recordings to the end and say what is damaged")
    verify.add_argument("recording", metavar="FILE", nargs="*", help="a recording (default: all in the folder)")
    for parser in (shown, prune, merge, verify):
        add_json(parser)
