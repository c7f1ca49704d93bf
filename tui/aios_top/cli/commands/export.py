"""`aios-top export`: what was recorded as rows for other programs: CSV, JSON lines, OpenMetrics."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aios_top.cli.capsules import recorded_secrets
from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import DONE, CommandError, UsageError
from aios_top.cli.export_rows import Part, documents, openmetrics_lines
from aios_top.cli.opened import named, opened
from aios_top.cli.output import STDOUT, refuse_existing, written
from aios_top.cli.progress import Progress
from aios_top.cli.spans import span, told_span, wanted_blocks
from aios_top.render.export import What, csv_lines
from aios_top.render.numbers import count
from aios_top.render.timebar import size
from aios_top.store.paths import StoreError

_HIDING = 50
"""Polls between two looks at the progress line."""


def run(args: argparse.Namespace) -> int:
    """Write it; a file appears when it is whole."""
    what = What(args.what)
    if args.format == "openmetrics" and what is not What.SAMPLES:
        raise UsageError(f"OpenMetrics holds samples, no {what}; take --format csv or jsonl for them")
    if args.output != STDOUT:
        refuse_existing(Path(args.output), force=args.force)
    progress = Progress()
    quiet = args.output == STDOUT and sys.stdout.isatty()  # the rows and the line would spoil each other
    with opened(named(args.recording)) as found:
        start, end = (told_span if what is What.DECISIONS else span)(args, found.recording)
        blocks = wanted_blocks(found.recording, args.block)
        part = Part(
            found.recording, start, end, blocks, lambda done, total: None if quiet else _draw(progress, done, total)
        )
        secrets = (*known_secrets(), *recorded_secrets(found.recording, start, end))
        try:
            with written(args.output, force=args.force) as file:
                lines = sum(1 for line in _lines(args.format, what, part, secrets) if file.write(line))
        except StoreError as error:
            raise CommandError(str(error)) from error
        finally:
            progress.clear()
    if args.output != STDOUT:
        told = f"{count(lines, 'line')}, {size(Path(args.output).stat().st_size)}"
        print(f"aios-top: {args.output}: {told}", file=sys.stderr)
    return DONE


def _draw(progress: Progress, done: int, total: int) -> None:
    if done % _HIDING == 0 or done == total:
        progress.draw(done, total, "polls")


def _lines(form: str, what: What, part: Part, secrets: Sequence[str]) -> Iterator[str]:
    match form:
        case "openmetrics":
            return _ended(openmetrics_lines(part))
        case "jsonl":
            return _ended(json.dumps(document, allow_nan=False) for document in documents(part, what, secrets))
    return csv_lines(what, documents(part, what, secrets))


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)
