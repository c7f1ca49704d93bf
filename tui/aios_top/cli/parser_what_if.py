"""The command `aios-top what-if`."""

from typing import Any

from aios_top.cli.named_files import existing
from aios_top.cli.numbers import seconds, whole
from aios_top.cli.options import add_json
from aios_top.cli.parser_base import command
from aios_top.cli.parser_handover import add_recorded


def add_what_if(commands: Any) -> None:
    """Add it; it needs a recording and no AIOS."""
    parser = command(
        commands,
        "what-if",
        "what_if",
        "ask what other parameters would have decided on a recording",
        "Exact up to the first other action; beyond it, the simulator's estimate. Without a change it shows that the"
        " record is reproduced.",
    )
    add_recorded(parser, "recording or capsule (default: the newest recording)")
    parser.add_argument("--block", metavar="B", help="the block, where the recording has several")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        dest="assignments",
        action="append",
        default=[],
        help="change one parameter; may be repeated",
    )
    parser.add_argument("--parameters", metavar="NAME", help="a whole set by its name or JSON file")
    parser.add_argument(
        "--policy", metavar="PATH", type=existing, help="policy folder or function.py to ask (default: the shipped one)"
    )
    estimate = parser.add_argument_group("the estimate")
    estimate.add_argument(
        "--replica",
        choices=("chat", "code", "aios-gemma3", "bursty"),
        help="kind of replica (default: the likeliest one)",
    )
    estimate.add_argument(
        "--replica-start",
        metavar="DURATION",
        type=seconds(0, 7200),
        help="until a replica serves (default: as observed)",
    )
    estimate.add_argument("--seed", metavar="N", type=whole(0, 2**31 - 1), default=42, help="of all chance")
    add_json(parser)
