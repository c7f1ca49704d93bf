"""`aios-top report`: a post-mortem of what was recorded, as one HTML page."""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import DONE
from aios_top.cli.opened import named, opened
from aios_top.cli.output import STDOUT, refuse_existing, written
from aios_top.cli.progress import Progress
from aios_top.cli.reports import Asked, make_report
from aios_top.cli.spans import span, wanted_blocks
from aios_top.model.capsule import capsule_name
from aios_top.render.report import report_page
from aios_top.render.timebar import size

SUFFIX = ".html"


def run(args: argparse.Namespace) -> int:
    """Write it; the file appears when it is whole."""
    progress = Progress()
    with opened(named(args.recording)) as found:
        start, end = span(args, found.recording)
        output = args.output or _default_name(found.recording.header.context, end)
        if output != STDOUT:
            refuse_existing(Path(output), force=args.force)
        blocks = wanted_blocks(found.recording, args.block)
        asked = Asked(start, end, blocks, args.title or "", known_secrets(), partial(progress.draw, text="polls"))
        try:
            report = make_report(found, asked)
        finally:
            progress.clear()
    with written(output, force=args.force) as file:
        file.writelines(report_page(report))
    if output != STDOUT:
        print(output)
        told = f"{size(Path(output).stat().st_size)}; one page that needs no network, open it in a browser"
        print(f"aios-top: {told}", file=sys.stderr)
    return DONE


def _default_name(context: str, end: float) -> str:
    return str(Path(capsule_name(context, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(end)))).with_suffix(SUFFIX))
