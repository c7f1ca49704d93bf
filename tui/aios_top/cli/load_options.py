"""The options of `aios-top load`."""

import argparse
import math
from collections.abc import Callable
from typing import Any

from aios_top.cli.named_files import existing
from aios_top.cli.numbers import LONGEST_SECONDS, seconds, whole

APIS = ("infer", "chat", "completions", "grpc")
Goal = tuple[str, int | None]
StageText = tuple[float, float, float | None]
"""Seconds, requests per second at the start, and at the end where that differs."""

LASTING = seconds(0, LONGEST_SECONDS)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def add_load_options(load: argparse.ArgumentParser) -> None:
    """Add what to send, when, until when, and what to write down."""
    _tutorial(load.add_argument_group("the tutorial client's burst; alone they mean what they mean there"))
    _shape(load.add_argument_group("another shape of load"))
    _end(load.add_argument_group("the end"))
    _output(load.add_argument_group("output"))


def _tutorial(group: Any) -> None:
    group.add_argument(
        "--num-requests",
        metavar="N",
        type=whole(1, 10**6),
        help="requests, all at once (default: 1); at most N of another shape",
    )
    group.add_argument(
        "--input-tokens", metavar="N", type=whole(1, 10**6), help="tokens of each request (default: 100)"
    )
    group.add_argument(
        "--max-output-tokens", metavar="N", type=whole(1, 10**6), help="longest reply to ask for (default: 100)"
    )


def _shape(group: Any) -> None:
    group.add_argument("--rate", metavar="R", type=rate, help="open loop: requests per second, or per minute as 30/m")
    group.add_argument(
        "--arrival", choices=("constant", "poisson", "gamma"), help="gaps between requests (default: poisson)"
    )
    group.add_argument("--cv", metavar="X", type=number(0.05, 50), help="gamma: coefficient of variation of the gaps")
    group.add_argument(
        "--stages",
        metavar="T@R,...",
        type=stages,
        help='rates over time, e.g. "1m@0.2,3m@1,2m@0"; "2m@0.2..1" is a ramp',
    )
    group.add_argument("--concurrency", metavar="C", type=whole(1, 640), help="closed loop: C requests in flight")
    group.add_argument("--burst", action="store_true", help="all at once, also with a profile's lengths")
    group.add_argument(
        "--profile", choices=("chat", "code", "aios-gemma3", "bursty"), help="lengths and rhythm of a public trace"
    )
    group.add_argument(
        "--replay", metavar="FILE", type=existing, help="a trace: CSV with Azure's or BurstGPT's columns"
    )
    group.add_argument(
        "--speed", metavar="X", type=number(0.001, 1000), default=1.0, help="replay so many times faster"
    )
    group.add_argument("--input-cv", metavar="X", type=number(0, 5), help="spread of the prompts' lengths, lognormal")
    group.add_argument("--output-cv", metavar="X", type=number(0, 5), help="spread of the longest replies asked for")
    group.add_argument("--api", choices=APIS, default="infer", help="entry point (default: infer)")
    group.add_argument(
        "--seed", metavar="N", type=whole(0, 2**31 - 1), default=1, help="seed of words, gaps and lengths (default: 1)"
    )


def _end(group: Any) -> None:
    group.add_argument(
        "--duration",
        metavar="DURATION",
        type=LASTING,
        help="end of sending, e.g. 90s or 5m (default: 1m; 15m with --until)",
    )
    group.add_argument(
        "--until",
        metavar="GOAL",
        type=goal,
        help="stop at this decision: upscale, downscale or replicas=N; upscale alone computes its own load",
    )
    group.add_argument(
        "--cross-up",
        metavar="P%",
        nargs="?",
        const=10.0,
        type=percent,
        help="compute the load that lifts the policy's value P%% (default: 10) above its up threshold",
    )
    group.add_argument(
        "--watch",
        metavar="DURATION",
        type=LASTING,
        help="watch the autoscaler so long after the load (default: 0s; 2m with a goal)",
    )
    group.add_argument(
        "--timeout",
        metavar="DURATION",
        type=seconds(1, 3600),
        default=300.0,
        help="deadline of one request (default: 5m)",
    )
    group.add_argument(
        "--drain",
        metavar="DURATION",
        type=LASTING,
        default=30.0,
        help="wait so long for answers after a stop (default: 30s)",
    )
    group.add_argument("--max-errors", metavar="N", type=whole(0, 10**6), help="stop when more than N requests failed")
    group.add_argument(
        "--max-error-rate", metavar="X", type=number(0.01, 1), default=0.2, help="stop above this share (default: 0.2)"
    )
    group.add_argument(
        "--max-p95", metavar="DURATION", type=seconds(0.001, 3600), help="stop when p95 of ten seconds is above it"
    )


def _output(group: Any) -> None:
    group.add_argument(
        "--json", metavar="PATH", help="write the report; `-` is standard output, with nothing else on it"
    )
    group.add_argument("--requests", metavar="PATH", help="write a JSON line per request")
    group.add_argument("--hdr", metavar="PATH", help="write the latencies as an HdrHistogram log")
    group.add_argument("--quiet", action="store_true", help="print only the summary")
    group.add_argument("--dry-run", action="store_true", help="print what would be sent, and send nothing")
    group.add_argument(
        "--allow-target",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="a host other than this one that may be loaded",
    )


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """Return an argparse type for numbers from `lowest` to `highest`."""

    def parse(text: str) -> float:
        value = _float(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text} is not between {lowest:g} and {highest:g}")
        return value

    return parse


def rate(text: str) -> float:
    """Read requests per second, or `30/m` per minute."""
    head, _, unit = text.partition("/")
    if unit not in {"", *_UNITS}:
        raise argparse.ArgumentTypeError(f"'{text}' is not a rate such as 2, 2/s or 30/m")
    value = _float(head) / _UNITS[unit or "s"]
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"'{text}' is no rate above 0")
    return value


def stages(text: str) -> tuple[StageText, ...]:
    """Read stages: `1m@0.2,2m@0.2..1,2m@0`."""
    found = []
    for part in text.split(","):
        lasts, at, rates = part.strip().partition("@")
        start, ramp, end = rates.partition("..")
        if not at:
            raise argparse.ArgumentTypeError(
                f"'{part}' is not a stage such as 3m@1: a length of time, @, requests per second"
            )
        found.append((LASTING(lasts), _rate_or_none(start), _rate_or_none(end) if ramp else None))
    return tuple(found)


def goal(text: str) -> Goal:
    """Read what to wait for."""
    name, _, value = text.partition("=")
    if name == "replicas" and value.isascii() and value.isdecimal() and len(value) <= 4:
        return name, int(value)
    if value or name not in {"upscale", "downscale"}:
        raise argparse.ArgumentTypeError(f"'{text}' is none of upscale, downscale, replicas=N")
    return name, None


def percent(text: str) -> float:
    """Read a share: 10 or 10%."""
    return number(0, 1000)(text.removesuffix("%"))


def _rate_or_none(text: str) -> float:
    return 0.0 if text.strip() in {"0", "0.0"} else rate(text.strip())


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value
