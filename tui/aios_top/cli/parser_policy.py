"""The commands of `aios-top policy`."""

from typing import Any

from aios_top.cli.named_files import existing
from aios_top.cli.numbers import number, rate, seconds, sweep, whole
from aios_top.cli.options import add_block, add_connection, add_deadline, add_json, add_yes
from aios_top.cli.parser_base import Parser, command, family


def add_policy(commands: Any) -> None:
    """Add them all."""
    policy = family(commands, "policy", "look at, change, pack and deploy an autoscaling policy")
    pack = command(policy, "pack", "policy_pack", "check a policy and write its archive")
    deploy = command(policy, "deploy", "policy_deploy", "upload, verify and register a policy, and bind blocks to it")
    for parser in (pack, deploy):
        parser.add_argument(
            "folder",
            metavar="FOLDER",
            type=existing,
            nargs="?",
            help="policy folder or archive (default: the one shipped with aios-top)",
        )
        parser.add_argument(
            "--registration",
            metavar="FILE",
            type=existing,
            help="registration record (default: FOLDER/registration.json)",
        )
        parser.add_argument(
            "--version", metavar="V", dest="policy_version", help="version to register, instead of the record's"
        )
    pack.add_argument("--output", metavar="FILE", help="archive to write (default: a name with the version, here)")
    deploy.add_argument(
        "--block", metavar="B", action="append", default=[], help="block to bind to it; may be repeated"
    )
    deploy.add_argument(
        "--restart", action="store_true", help="restart the blocks' executors, without which nothing changes"
    )
    add_yes(deploy)
    deploy.add_argument(
        "--trust-urls",
        action="store_true",
        help="accept requirements that name a place of their own, as --yes does not",
    )
    restart = command(
        policy, "restart", "policy_restart", "restart a block's executor, so that it loads its policy again"
    )
    add_block(restart)
    restart.add_argument(
        "--wait",
        metavar="DURATION",
        type=seconds(0, 3600),
        default=300.0,
        help="wait so long for its first decision (default: 5m; 0: do not wait)",
    )
    add_yes(restart)
    show = command(policy, "show", "policy_show", "show a block's policy: declared, registered, and what is in force")
    add_block(show)
    add_json(show)
    lint = command(
        policy,
        "lint",
        "policy_lint",
        "look for what is wrong with how blocks are autoscaled",
        "Exit code 1 when an error is among the findings.",
    )
    add_block(lint, required=False, about="only this block")
    lint.add_argument(
        "--policy", metavar="PATH", type=existing, help="local policy folder or archive to compare with what is served"
    )
    lint.add_argument(
        "--startup",
        metavar="DURATION",
        type=seconds(0, 86400),
        help="how long a replica takes to serve, instead of what the decisions show",
    )
    lint.add_argument("--strict", action="store_true", help="exit code 1 for warnings too")
    add_json(lint)
    diff = command(policy, "diff", "policy_diff", "compare declared and running parameters, local and served code")
    add_block(diff)
    diff.add_argument(
        "--policy",
        metavar="PATH",
        type=existing,
        help="local policy folder or archive (default: the shipped one if it is bound)",
    )
    diff.add_argument("--exit-code", action="store_true", help="exit code 1 when something differs")
    _simulate(policy)
    for parser in (deploy, restart, show, lint, diff, _shadow(policy), *_policy_changes(policy)):
        add_connection(parser)
        add_deadline(parser)


def _shadow(policy: Any) -> Parser:
    """Add the comparison of a draft with the running policy."""
    parser = command(
        policy,
        "shadow",
        "policy_shadow",
        "let a draft decide beside the running policy, and show where they disagree",
        "Sends nothing that changes anything. Starts with the decisions that the policy still keeps.",
    )
    add_block(parser)
    parser.add_argument(
        "--policy", metavar="PATH", type=existing, help="policy file or folder (default: the shipped one)"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        dest="assignments",
        action="append",
        default=[],
        help="another parameter than the one in force; may be repeated",
    )
    parser.add_argument(
        "--duration",
        metavar="DURATION",
        type=seconds(0, 86_400),
        default=60.0,
        help="how long to follow the running policy (default: 60s)",
    )
    add_json(parser)
    return parser


def _simulate(policy: Any) -> None:
    """Add the closed-loop simulation; it needs no AIOS."""
    parser = command(
        policy,
        "simulate",
        "policy_simulate",
        "run a policy against simulated replicas, faster than real time",
        "Needs no AIOS. Prints figures and a plot; the same seed gives the same run.",
    )
    what = parser.add_argument_group("the policy")
    what.add_argument(
        "--policy",
        metavar="PATH",
        type=existing,
        help="policy folder, archive or .py file (default: the one shipped with aios-top)",
    )
    what.add_argument(
        "--parameters", metavar="NAME", help="shipped set (conservative, throughput, tutorial) or JSON file"
    )
    what.add_argument(
        "--set",
        metavar="NAME=VALUE",
        dest="assignments",
        action="append",
        default=[],
        help="change one parameter; may be repeated",
    )
    what.add_argument("--compare", metavar=("A", "B"), nargs=2, help="two sets side by side")
    what.add_argument(
        "--sweep", metavar="NAME=A..B[/STEPS]", type=sweep, help="vary one parameter and draw the trade-off"
    )
    load = parser.add_argument_group("the load")
    load.add_argument(
        "--profile", choices=("chat", "code", "aios-gemma3", "bursty"), default="aios-gemma3", help="kind of traffic"
    )
    load.add_argument("--hours", metavar="N", type=number(0.05, 744), default=24.0, help="simulated time (default: 24)")
    load.add_argument("--rate", metavar="R", type=rate, help="requests/s, or N/m for requests/min")
    load.add_argument("--input-tokens", metavar="N", type=number(1, 32768), help="mean tokens per prompt")
    load.add_argument("--output-tokens", metavar="N", type=number(1, 32768), help="mean tokens per answer")
    load.add_argument("--seed", metavar="N", type=whole(0, 2**31 - 1), default=42, help="of all chance (default: 42)")
    block = parser.add_argument_group("the block")
    block.add_argument(
        "--replica-start",
        metavar="DURATION",
        type=seconds(0, 7200),
        default=120.0,
        help="until it serves (default: 120s)",
    )
    block.add_argument(
        "--interval", metavar="DURATION", type=seconds(1, 3600), default=30.0, help="between evaluations (default: 30s)"
    )
    block.add_argument(
        "--min", metavar="N", type=whole(1, 500), default=1, help="the record's minInstances, also the start"
    )
    block.add_argument(
        "--max", metavar="N", type=whole(1, 500), default=8, help="its maxInstances, which only a policy can keep to"
    )
    block.add_argument(
        "--room", metavar="N", type=whole(1, 500), default=32, help="replicas that the cluster holds (default: 32)"
    )
    add_json(parser)


def _policy_changes(policy: Any) -> list[Parser]:
    """Add what is told to the running policy; all of it ends when the executor restarts."""
    runtime = "It lasts until the executor restarts."
    change = command(policy, "set", "policy_set", "set parameters of the running policy", runtime)
    change.add_argument(
        "assignments", metavar="NAME=VALUE", nargs="+", help="values as JSON or plain text; null for none"
    )
    change.add_argument(
        "--dry-run", action="store_true", help="check it and ask the policy what it would decide; send nothing"
    )
    pause = command(policy, "pause", "policy_pause", "keep the policy from scaling for a while", "It ends by itself.")
    pause.add_argument(
        "--duration", metavar="DURATION", type=seconds(1, 86400), default=600.0, help="up to 24h (default: 10m)"
    )
    resume = command(policy, "resume", "policy_resume", "end a pause")
    for parser in (pause, resume):
        parser.add_argument("--direction", choices=("both", "up", "down"), default="both", help="default: both")
    force = command(
        policy,
        "force",
        "policy_force",
        "let the policy scale at its next evaluation",
        "Within its own limits and cooldown.",
    )
    what = force.add_mutually_exclusive_group(required=True)
    what.add_argument("--up", metavar="N", type=whole(1, 10), help="add N instances")
    what.add_argument("--down", metavar="N", type=whole(1, 1000), help="remove the N least loaded instances")
    what.add_argument("--remove", metavar="ID", action="append", help="remove this instance; may be repeated")
    what.add_argument("--cancel", action="store_true", help="take back what is still queued")
    force.add_argument(
        "--expires",
        metavar="DURATION",
        type=seconds(1, 86400),
        default=120.0,
        help="forget it after so long (default: 120s)",
    )
    force.add_argument("--ignore-cooldown", action="store_true", help="do it although the cooldown is running")
    for parser in (pause, force):
        parser.add_argument("--reason", metavar="TEXT", default="", help="why; the policy keeps it with the decision")
    rollback = command(policy, "rollback", "policy_rollback", "bind a block to the registered version before its own")
    rollback.add_argument("--to", metavar="URI", help="another registered policy instead of the version before")
    rollback.add_argument(
        "--restart", action="store_true", help="restart the executor too, without which nothing changes"
    )
    parsers = [change, pause, resume, force, rollback]
    for parser in parsers:
        add_block(parser)
        add_yes(parser)
    return parsers
