"""`aios-top lag`: where the scale-ups of a block spent their time, by the load tests that were kept."""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aios_top.cli.exits import DONE, CommandError
from aios_top.cli.reach import reach
from aios_top.cli.stored import stored
from aios_top.model.command import command
from aios_top.model.lag import STEPS
from aios_top.render.lag import history_lines, history_rows
from aios_top.store.load_runs import LoadRunFolder
from aios_top.store.paths import load_folder


def run(args: argparse.Namespace) -> int:
    """Print the budgets of all kept runs that saw a decision, and their percentiles per step."""
    with stored():
        runs, problems = LoadRunFolder(load_folder(os.environ)).reports(args.block)
    for problem in problems:
        print(f"aios-top: skipped {problem}", file=sys.stderr)
    budgets = [_budget(report) for report in _of_aios(args, runs) if _decided(report)]
    if args.json:
        print(json.dumps({"schema": 1, "block_id": args.block, "runs": budgets, "steps": history_rows(budgets)}))
        return DONE
    if not budgets:
        raise CommandError(
            f"no kept load test of {args.block} saw it scale up; "
            f"run {command('load', '--block', args.block, '--until', 'upscale', reach=reach(args, args.context))}"
        )
    print("\n".join(history_lines(args.block, budgets)))
    return DONE


def _of_aios(args: argparse.Namespace, runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs against the AIOS that the options name; all of them where they name none."""
    if not (args.context or args.host or args.urls or args.command_urls):
        return list(runs)
    from aios_top.cli.installation import chosen  # brings the HTTP client, of which kept runs need nothing

    addresses = chosen(args).addresses
    places = {urlsplit(url).netloc for name in ("inference", "grpc") if (url := addresses.url(name))}
    return [run for run in runs if urlsplit((run.get("target") or {}).get("url") or "").netloc in places]


def _decided(report: dict[str, Any]) -> bool:
    steps = (report.get("lag_budget") or {}).get("steps") or {}
    return isinstance(steps.get("decision"), dict) and steps["decision"].get("seconds") is not None


def _budget(report: dict[str, Any]) -> dict[str, Any]:
    """Return of a report what this command shows."""
    steps = report["lag_budget"]["steps"]
    seconds = {step: (steps.get(step) or {}).get("seconds") for step in STEPS}
    gains = report.get("scale_ups") or [{}]
    return {
        "started_at": report["started_at"],
        "stop_cause": report.get("stop_cause"),
        "seconds": seconds,
        "tokens_per_second_before": gains[0].get("tokens_per_second_before"),
        "tokens_per_second_after": gains[0].get("tokens_per_second_after"),
        "gain": gains[0].get("gain"),
    }
