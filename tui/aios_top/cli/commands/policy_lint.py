"""`aios-top policy lint`: what is wrong with how blocks are autoscaled."""

import argparse
import json
import shutil
from collections.abc import Sequence

from aios_top.cli.awaited import awaited
from aios_top.cli.choice import one_block
from aios_top.cli.exits import DONE, FAILED
from aios_top.cli.installation import chosen
from aios_top.cli.outcome import link_exit_code
from aios_top.cli.wiring import open_session
from aios_top.model.lint import Level, LintReport
from aios_top.model.state import FleetState
from aios_top.render.lint import lint_document, lint_rows, lint_summary
from aios_top.render.wrap import whole_commands

WIDEST = 100


def run(args: argparse.Namespace) -> int:
    """Look, print the findings, and fail when one of them is an error."""
    state, reports = awaited(_look(args))
    if args.json:
        print(json.dumps(lint_document(reports), allow_nan=False))
    elif reports:
        print("\n".join(line for report in reports for line in _lines(report)))
    levels = {Level.ERROR, Level.WARNING} if args.strict else {Level.ERROR}
    bad = any(report.count(level) for report in reports for level in levels)
    return link_exit_code(state) or (FAILED if bad else DONE)


async def _look(args: argparse.Namespace) -> tuple[FleetState, Sequence[LintReport]]:
    async with open_session(chosen(args)) as session:
        state = await session.refresh()
        names = list(state.blocks) if args.block is None else [str(one_block(state, args.block).block_id)]
        return state, [await session.lint(name, args.policy, args.startup) for name in names]


def _lines(report: LintReport) -> list[str]:
    columns = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    rows = lint_rows(report, columns, breaking=whole_commands)
    return [f"{report.block_id}: {lint_summary(report)}", *(row.text.rstrip() for row in rows)]
