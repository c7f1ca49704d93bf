"""`aios-top policy simulate`: what a policy would do with a day of load, in seconds."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from aios_top.bundle.limits import BundleError
from aios_top.bundle.load import load_source
from aios_top.bundle.parameter_set import ParameterSet, read_parameter_set
from aios_top.cli.beside import SimulationJob, run_beside
from aios_top.cli.exits import DONE, FAILED, CommandError, UsageError
from aios_top.cli.progress import Progress
from aios_top.model.draft import parse_assignment
from aios_top.model.rule_call import RuleError
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.render.simulation import compare_lines, report_lines, sweep_lines
from aios_top.render.simulation_document import simulation_document
from aios_top.shipped import shipped

POLICY_DEFAULTS = "defaults"
"""Name of the set without any parameter."""


def run(args: argparse.Namespace) -> int:
    """Simulate, and print figures and plot."""
    _check(args)
    source = _source(args.policy)
    plans = _plans(args)
    reports = _run(source, plans)
    if args.json:
        print(json.dumps(simulation_document(reports), allow_nan=False))
    elif args.sweep is not None:
        name, _ = args.sweep
        _print(sweep_lines(name, [plan.parameters[name] for plan in plans], reports))
    else:
        _print(compare_lines(reports[0], reports[1]) if args.compare else report_lines(reports[0]))
    return _exit_code(reports)


def _exit_code(reports: Sequence[SimulationReport]) -> int:
    """Fail where every evaluation of a run failed: its figures are those of no policy at all."""
    for report in reports:
        if report.first_error is not None and report.errors == report.evaluations:
            name, why = report.plan.name, report.first_error.reason
            print(f"aios-top: the policy never decided with {name}: {why}", file=sys.stderr)
            return FAILED
    return DONE


def _check(args: argparse.Namespace) -> None:
    if args.sweep is not None and args.compare:
        raise UsageError("--sweep varies one set and --compare shows two; give one of them")
    if args.compare and args.parameters:
        raise UsageError("--compare names both sets itself; leave --parameters out")
    if args.min > args.max:
        raise UsageError(f"--min {args.min} is above --max {args.max}")


def _source(path: str | None) -> bytes:
    try:
        return load_source(Path(path) if path else shipped("policy"))
    except BundleError as error:
        raise CommandError(str(error)) from error


def _plans(args: argparse.Namespace) -> list[SimulationPlan]:
    """Return one plan, or one for each set or value."""
    named = args.compare or [args.parameters or POLICY_DEFAULTS]
    plans = [_plan(args, _set(name, args.assignments)) for name in named]
    if args.sweep is None:
        return plans
    name, values = args.sweep
    given = plans[0].parameters
    return [replace(plans[0], name=f"{name}={value:g}", parameters={**given, name: value}) for value in values]


def _set(name: str, assignments: Sequence[str]) -> ParameterSet:
    try:
        changed = dict(map(parse_assignment, assignments))
        if name == POLICY_DEFAULTS:
            return ParameterSet(name, changed)
        found = read_parameter_set(name, shipped("policy") / "parameters")
    except ValueError as error:
        raise UsageError(f"--set {error}") from error
    except BundleError as error:
        raise UsageError(str(error)) from error
    return ParameterSet(found.name, {**found.parameters, **changed})


def _plan(args: argparse.Namespace, parameters: ParameterSet) -> SimulationPlan:
    return SimulationPlan(
        name=parameters.name,
        profile=args.profile,
        hours=args.hours,
        parameters=parameters.parameters,
        seed=args.seed,
        requests_per_minute=args.rate,
        input_tokens=args.input_tokens,
        output_tokens=args.output_tokens,
        replica_start_seconds=args.replica_start,
        interval_seconds=args.interval,
        min_instances=args.min,
        max_instances=args.max,
        room=max(args.room, args.min),
    )


def _run(source: bytes, plans: Sequence[SimulationPlan]) -> list[SimulationReport]:
    progress = Progress()
    hours = round(sum(plan.hours for plan in plans))

    def draw(share: float) -> None:
        progress.draw(round(share * hours), hours, "hours simulated")

    try:
        jobs = [SimulationJob(source, plan) for plan in plans]
        return [jobs[0].run(draw)] if len(jobs) == 1 else run_beside(jobs, draw)
    except RuleError as error:
        raise CommandError(f"the policy {error}") from error
    finally:
        progress.clear()


def _print(lines: Sequence[str]) -> None:
    print("\n".join(lines))
    sys.stdout.flush()
