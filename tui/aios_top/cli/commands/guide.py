"""`aios-top guide`: the user guide, page by page."""

import argparse
import shutil

from aios_top.cli.exits import DONE, UsageError
from aios_top.render.cells import fit, width
from aios_top.render.guide import page_rows, summary_of
from aios_top.render.wrap import wrap
from aios_top.shipped import guide

WIDEST = 100
"""Longer lines are hard to read, however wide the terminal is."""


def run(args: argparse.Namespace) -> int:
    """Print one page, or what pages there are."""
    pages = guide()
    columns = min(WIDEST, shutil.get_terminal_size().columns)
    if args.topic is None:
        print("\n".join(_contents(pages, columns)))
        return DONE
    if args.topic not in pages:
        raise UsageError(f"the guide has no page '{args.topic}'; there are: {', '.join(pages)}")
    print("\n".join(row.text.rstrip() for row in page_rows(pages[args.topic], columns, whole_code=True)))
    return DONE


def _contents(pages: dict[str, str], columns: int) -> list[str]:
    names = max(map(width, pages)) + 2
    lines = []
    for topic, page in pages.items():
        told = wrap(summary_of(page), columns - names)
        lines += [fit(topic if number == 0 else "", names) + line for number, line in enumerate(told)]
    return [*lines, "", "aios-top guide TOPIC prints a page; the console shows them with F2"]
