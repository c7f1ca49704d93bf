"""Turns the options of `aios-top load` into a plan: the tutorial's three numbers alone stay the tutorial's burst."""

import argparse
from pathlib import Path

from aios_top.cli.exits import UsageError
from aios_top.cli.stored import stored
from aios_top.model.load import Api, LoadLimits, LoadPlan, Shape, Stage, TraceRow, Until
from aios_top.sim.lengths import TRAFFIC
from aios_top.sim.schedule import profile_lengths
from aios_top.store.trace import read_trace

DEFAULT_TOKENS = 100
DEFAULT_SECONDS = 60.0
DEFAULT_WATCH_SECONDS = 120.0
"""How long the autoscaler is watched after the load when something is waited for."""
DEFAULT_CROSS_PERCENT = 10.0


def plan_of(args: argparse.Namespace, limits: LoadLimits) -> LoadPlan:
    """Return the plan that the options describe; raises UsageError where they contradict each other."""
    shape = _shape(args)
    inputs, input_cv, outputs, output_cv = _lengths(args)
    trace: tuple[TraceRow, ...] = ()
    if args.replay:
        with stored():
            trace = read_trace(Path(args.replay), limits.requests)
    until, replicas = args.until or (None, None)
    return LoadPlan(
        args.block,
        requests=_requests(args, shape, limits, trace),
        input_tokens=inputs,
        max_output_tokens=outputs,
        timeout_seconds=args.timeout,
        seed=args.seed,
        shape=shape,
        stages=_stages(args, shape, limits),
        cv=args.cv if args.cv is not None else _profile_cv(args),
        concurrency=args.concurrency or 1,
        duration_seconds=_duration(args, shape, limits),
        input_cv=input_cv if args.input_cv is None else args.input_cv,
        output_cv=output_cv if args.output_cv is None else args.output_cv,
        profile=args.profile or "",
        trace=trace,
        speed=args.speed,
        api=Api(args.api),
        drain_seconds=args.drain,
        max_errors=args.max_errors,
        max_error_rate=args.max_error_rate,
        max_p95_seconds=args.max_p95,
        until=None if until is None else Until(until),
        until_replicas=replicas,
        watch_seconds=watch_seconds(args),
    )


def watch_seconds(args: argparse.Namespace) -> float:
    """Return how long the autoscaler is watched after the load."""
    if args.watch is not None:
        return float(args.watch)
    return DEFAULT_WATCH_SECONDS if args.until or args.cross_up is not None else 0.0


def aims(args: argparse.Namespace) -> bool:
    """Whether the requests are to be computed from the policy: asked for, or nothing else says what to send."""
    if args.cross_up is not None:
        chosen = [name for name in ("rate", "concurrency", "stages", "replay", "profile") if getattr(args, name)]
        if chosen or args.num_requests is not None or args.input_tokens is not None:
            raise UsageError("--cross-up computes the requests itself: leave out the options that describe them")
        return True
    describes = ("rate", "concurrency", "stages", "replay", "profile", "num_requests", "input_tokens", "burst")
    return args.until == (Until.UPSCALE.value, None) and not any(getattr(args, name) for name in describes)


def _shape(args: argparse.Namespace) -> Shape:
    ways = {
        "--rate": args.rate is not None,
        "--concurrency": args.concurrency is not None,
        "--stages": bool(args.stages),
        "--replay": bool(args.replay),
        "--burst": args.burst,
    }
    chosen = [name for name, given in ways.items() if given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} say different things: choose one")
    if args.speed != 1.0 and not args.replay:
        raise UsageError("--speed needs --replay")
    if args.concurrency is not None:
        return Shape.CLOSED
    if args.replay:
        return Shape.REPLAY
    rated = args.rate is not None or bool(args.stages) or (args.profile is not None and not args.burst)
    if not rated:
        if args.arrival is not None:
            raise UsageError("--arrival needs --rate or --stages")
        return Shape.BURST
    if args.arrival is None:
        return Shape(TRAFFIC[args.profile].arrival) if args.profile else Shape.POISSON
    return Shape(args.arrival)


def _stages(args: argparse.Namespace, shape: Shape, limits: LoadLimits) -> tuple[Stage, ...]:
    if args.stages:
        return tuple(Stage(*stage) for stage in args.stages)
    if not shape.open_loop or shape is Shape.REPLAY:
        return ()
    rate = args.rate
    if rate is None:
        rate = TRAFFIC[args.profile].requests_per_minute / 60.0
    return (Stage(_seconds(args, limits), rate),)


def _seconds(args: argparse.Namespace, limits: LoadLimits) -> float:
    if args.duration is not None:
        return float(args.duration)
    return limits.seconds if args.until else DEFAULT_SECONDS


def _duration(args: argparse.Namespace, shape: Shape, limits: LoadLimits) -> float | None:
    if args.duration is None and shape is Shape.CLOSED and args.num_requests is None:
        return _seconds(args, limits)
    return None if args.duration is None else float(args.duration)


def _requests(args: argparse.Namespace, shape: Shape, limits: LoadLimits, trace: tuple[TraceRow, ...]) -> int:
    if args.num_requests is not None:
        return int(args.num_requests)
    if shape is Shape.BURST:
        return 1
    return len(trace) if shape is Shape.REPLAY else limits.requests


def _lengths(args: argparse.Namespace) -> tuple[int, float, int, float]:
    inputs, input_cv, outputs, output_cv = DEFAULT_TOKENS, 0.0, DEFAULT_TOKENS, 0.0
    if args.profile:
        inputs, input_cv, outputs, output_cv = profile_lengths(args.profile)
    inputs, input_cv = (inputs, input_cv) if args.input_tokens is None else (args.input_tokens, 0.0)
    outputs, output_cv = (outputs, output_cv) if args.max_output_tokens is None else (args.max_output_tokens, 0.0)
    return inputs, input_cv, outputs, output_cv


def _profile_cv(args: argparse.Namespace) -> float:
    return TRAFFIC[args.profile].arrival_cv if args.profile else 1.0
