"""Which moment or part of a recording a command is about: `--at`, `--from`, `--to`, `--block`."""

import argparse
import math
from collections.abc import Sequence

from aios_top.cli.exits import CommandError, UsageError
from aios_top.model.text import Clean
from aios_top.model.when import WhenError, moment_of
from aios_top.store.recording_reader import Recording

HOUR_SECONDS = 3600.0


def moment(option: str, text: str, now: float, *, ends: bool = False) -> float:
    """Return the unix seconds that an option names; raises UsageError with its name."""
    try:
        return moment_of(text, now, ends=ends)
    except WhenError as error:
        raise UsageError(f"{option}: {error}") from error


def span(args: argparse.Namespace, recording: Recording, longest: float | None = None) -> tuple[float, float]:
    """Return the time span that was asked for, unix seconds; relative times count from the recording's end.

    Without `--from` it begins with the recording, but not more than `longest` seconds before its end.
    """
    times = recording.times
    if not times:
        raise CommandError(f"{recording.path}: holds no poll")
    end = times[-1] if args.to is None else moment("--to", args.to, times[-1], ends=True)
    first = times[0] if longest is None else max(times[0], end - longest)
    start = first if args.since is None else moment("--from", args.since, times[-1])
    if args.since is not None and start > end:
        raise UsageError("--from is later than --to")
    if start > times[-1] or end < times[0]:
        raise CommandError(f"{recording.path}: recorded nothing in that time; it covers {_covered(recording)}")
    return start, end


def told_span(args: argparse.Namespace, recording: Recording) -> tuple[float, float]:
    """Return the same for decisions: without `--from` all that was told, also of before the first poll."""
    start, end = span(args, recording)
    return -math.inf if args.since is None else start, math.inf if args.to is None else end


def wanted_blocks(recording: Recording, asked: Sequence[str] | None) -> list[Clean]:
    """Return the blocks that were asked for, all without a wish; ends the command with the names that there are."""
    known = recording.block_ids()
    for name in asked or ():
        if name not in known:
            raise CommandError(f"the recording has no block '{name}'; it has: {', '.join(known) or 'none'}")
    return [name for name in known if not asked or name in asked]


def _covered(recording: Recording) -> str:
    from aios_top.render.document import rfc3339

    return f"{rfc3339(recording.times[0])} to {rfc3339(recording.times[-1])}"
