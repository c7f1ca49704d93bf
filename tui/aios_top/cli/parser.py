"""The command line: every command, its arguments and its help. Imports nothing that takes time.

A command's code is the module `aios_top.cli.commands.<name>`, imported only when it runs.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from aios_top import __version__
from aios_top.cli.exits import EXPLANATION
from aios_top.cli.load_options import add_load_options
from aios_top.cli.numbers import seconds, whole
from aios_top.cli.options import (
    PORT_OFFSET_LIMIT,
    add_block,
    add_connection,
    add_deadline,
    add_json,
    add_policy_file,
    add_prometheus,
    add_yes,
)
from aios_top.cli.parser_base import IncompleteError, IncompleteParser, Parser, command, family
from aios_top.cli.parser_handover import add_handing_over
from aios_top.cli.parser_policy import add_policy
from aios_top.cli.parser_recordings import add_recordings
from aios_top.cli.parser_what_if import add_what_if
from aios_top.model.polling import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS

CONDITIONS = "replicas>=4, reporting=2, decision=upscale, cooldown=ready, verdict=healthy"
DESCRIPTION = "Watch AIOS blocks autoscale, see why, and act on them. Without a command it opens the console."
FIRST_STEPS = """\
first steps:
  aios-top demo                      an embedded AIOS and the console on it
  aios-top --host HOST               the console on a real AIOS
  aios-top once --json --host HOST   everything it knows, once, as JSON"""

NO_RECORD = "do not record from the start; the key R begins"
LOW_BANDWIDTH = "draw every 20s and after keys only, for slow lines; polls go on"


def parsed(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the arguments of a command line; only the commands that it names are built, unless there is more to say.

    All of them take 13 ms, as much as the rest of `--version`.
    """
    words = set(sys.argv[1:] if argv is None else argv)
    try:
        return _parser(IncompleteParser, [add for names, add in GROUPS if words & names]).parse_args(argv)
    except IncompleteError:
        return build_parser().parse_args(argv)


def build_parser() -> Parser:
    """Return the whole command line."""
    return _parser(Parser, [add for _, add in GROUPS])


def _parser(kind: type[Parser], groups: Sequence[Callable[[Any], None]]) -> Parser:
    parser = kind(
        prog="aios-top",
        description=DESCRIPTION,
        epilog=f"{FIRST_STEPS}\n\n{EXPLANATION}",
        usage="aios-top [options] [command]",
    )
    parser.set_defaults(module="console", command_urls=[])
    parser.add_argument("--version", action="version", version=f"aios-top {__version__}")
    parser.add_argument("--theme", metavar="NAME", help="colours of the console (default: the configuration's)")
    parser.add_argument("--low-bandwidth", action="store_true", help=LOW_BANDWIDTH)
    parser.add_argument("--no-record", action="store_true", help=NO_RECORD)
    add_prometheus(parser, before_command=True)
    add_policy_file(parser, before_command=True)
    add_connection(parser, before_command=True)
    add_deadline(parser, before_command=True)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog=parser.prog, parser_class=Parser)
    for add in groups:
        add(commands)
    return parser


def _demo(commands: Any) -> None:
    demo = command(commands, "demo", "demo", "start an embedded AIOS and watch it")
    demo.add_argument("--serve", action="store_true", help="serve it on AIOS's own ports, without the console")
    demo.add_argument(
        "--port-offset",
        metavar="N",
        type=whole(0, PORT_OFFSET_LIMIT),
        default=0,
        help="with --serve: add N to each port",
    )
    demo.add_argument("--scenario", metavar="NAME", default="spike", help="what happens (default: spike)")
    demo.add_argument("--list-scenarios", action="store_true", help="print the scenarios and exit")
    demo.add_argument("--pace", choices=("quick", "real"), default="quick", help="AIOS's timings, or shorter ones")
    demo.add_argument(
        "--chaos", action="store_true", help="spoil about every fifth answer, as a sick or hostile AIOS would"
    )
    demo.add_argument("--seed", metavar="N", type=whole(0, 2**31 - 1), help="seed of all randomness (default: 42)")
    demo.add_argument("--theme", metavar="NAME", default=argparse.SUPPRESS, help="colours of the console")
    demo.add_argument("--low-bandwidth", action="store_true", default=argparse.SUPPRESS, help=LOW_BANDWIDTH)
    demo.add_argument("--no-record", action="store_true", default=argparse.SUPPRESS, help=NO_RECORD)
    add_policy_file(demo)
    demo.add_argument(
        "--poll",
        metavar="DURATION",
        type=seconds(SHORTEST_POLL_SECONDS, LONGEST_POLL_SECONDS),
        default=argparse.SUPPRESS,
        help="time between two polls",
    )
    demo.add_argument(
        "--read-only", action="store_true", default=argparse.SUPPRESS, help="refuse everything that changes something"
    )


def _readers(commands: Any) -> None:
    once = command(commands, "once", "once", "print the state of all blocks once")
    add_json(once)
    once.add_argument(
        "--settle",
        metavar="DURATION",
        type=seconds(0, 600),
        default=0.0,
        help="wait at most so long for a second push, which true rates need (default: 0s)",
    )
    watch = command(commands, "watch", "watch", "print what changes, until interrupted")
    watch.add_argument(
        "--jsonl", action="store_true", help="print the whole state as one JSON document a line, each poll"
    )
    watch.add_argument("--count", metavar="N", type=whole(1, 10**9), help="end after N polls")
    decisions = command(
        commands,
        "decisions",
        "decisions",
        "print what the autoscalers decided, and why",
        "Oldest first; `~` marks what was inferred.",
    )
    add_block(decisions, required=False, about="only this block")
    decisions.add_argument("--follow", action="store_true", help="go on with each new decision, until interrupted")
    add_json(decisions, "print one JSON document a line")
    decisions.add_argument(
        "--limit",
        metavar="N",
        type=whole(1, 512),
        default=200,
        help="at most N decisions of a block at first (default: 200)",
    )
    wait = command(
        commands, "wait", "wait", "wait until a block is as you want it, for scripts", f"Conditions: {CONDITIONS}."
    )
    add_block(wait)
    wait.add_argument("--until", metavar="CONDITION", required=True, help="what to wait for")
    wait.add_argument(
        "--wait",
        metavar="DURATION",
        type=seconds(0.1, 86_400),
        default=300.0,
        help="give up after so long, with exit code 1 (default: 5m)",
    )
    why = command(
        commands,
        "why",
        "why",
        "say why a block was scaled or not, and what follows",
        "Decisions are evaluated again with a policy file, in a limited child process.",
    )
    add_block(why)
    moment = why.add_mutually_exclusive_group()
    moment.add_argument(
        "--at", metavar="TIME", help="the decision in force then: `3m ago`, 14:02, RFC 3339 (default: now)"
    )
    moment.add_argument("--all", action="store_true", help="every decision that is known, oldest first")
    add_policy_file(why)
    add_json(why)
    for parser in (once, watch, decisions, wait, why):
        add_connection(parser)
        add_deadline(parser)


def _actions(commands: Any) -> None:
    cooldown = family(commands, "cooldown", "act on a block's cooldown timer")
    reset = command(cooldown, "reset", "cooldown_reset", "end the cooldown, so that the next evaluation may act")
    add_block(reset)
    scale = command(
        commands, "scale", "scale", "change the number of replicas by hand", "The policy may change it again."
    )
    add_block(scale)
    target = scale.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--replicas", metavar="N", type=whole(0, 1000), help="the number wanted, counted from what was read"
    )
    target.add_argument("--by", metavar="N", type=whole(-1000, 1000), help="how many more, or fewer with a minus sign")
    for parser in (reset, scale):
        add_yes(parser)
        add_connection(parser)
        add_deadline(parser)


def _load(commands: Any) -> None:
    load = command(
        commands, "load", "load", "send inference requests: the tutorial client's burst, or another shape of load"
    )
    add_block(load)
    add_load_options(load)
    add_yes(load)
    add_connection(load)
    lag = command(
        commands, "lag", "lag", "show where scale-ups of a block spent their time, by the load tests kept here"
    )
    add_block(lag)
    add_json(lag)
    add_connection(lag)


def _audit(commands: Any) -> None:
    audit = family(commands, "audit", "read the record of what was changed from here")
    show = command(audit, "show", "audit_show", "print the record, oldest first")
    show.add_argument("--last", metavar="N", type=whole(1, 10**6), help="only the last N entries")
    add_json(show, "print one JSON document a line")
    command(audit, "verify", "audit_verify", "check that no entry was changed, and none removed but at the end")
    export = command(audit, "export", "audit_export", "write the record for somebody else")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="JSON lines (default), or CSV")
    export.add_argument("--output", metavar="FILE", help="file to create (default: standard output)")


def _about(commands: Any) -> None:
    guide = command(commands, "guide", "guide", "read the user guide")
    guide.add_argument("topic", metavar="TOPIC", nargs="?", help="page to print (default: what pages there are)")
    completion = command(
        commands,
        "completion",
        "completion",
        "print a completion script for a shell",
        'For bash: eval "$(aios-top completion bash)" in ~/.bashrc.',
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))


GROUPS: Sequence[tuple[frozenset[str], Callable[[Any], None]]] = (
    (frozenset({"demo"}), _demo),
    (frozenset({"once", "watch", "decisions", "wait", "why"}), _readers),
    (frozenset({"cooldown", "scale"}), _actions),
    (frozenset({"load", "lag"}), _load),
    (frozenset({"record", "replay", "recordings"}), add_recordings),
    (frozenset({"policy"}), add_policy),
    (frozenset({"what-if"}), add_what_if),
    (frozenset({"exporter", "capsule", "export", "report"}), add_handing_over),
    (frozenset({"audit"}), _audit),
    (frozenset({"guide", "completion"}), _about),
)
"""Names of commands, and what adds them."""
