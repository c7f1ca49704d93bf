"""Bounds and thresholds: can the block run away, run empty, or swing."""

from collections.abc import Iterator
from math import floor

from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import TUTORIAL, Facts
from aios_top.model.schema import shown
from aios_top.model.span import length

_COUNTS = "the value still counts as it is: AIOS checks none, and what compares with it fails at every evaluation"
_STOPS = "while it is wrong, every evaluation ends without a decision: the number of replicas stays as it is"


def invalid_values(facts: Facts) -> Iterator[Finding]:
    """Find values that the policy, or its registered schema, refuses."""
    inverted = {f"{kind}_tokens_down_threshold" for kind, up, down in _pairs(facts) if down >= up}
    for name, problem in facts.value_problems().items():
        if name not in inverted:
            advice = f"correct {shown(name)} in the block's policies.autoscaler.parameters, or with policy set"
            why = _COUNTS if name in TUTORIAL or not facts.speaks else _STOPS
            yield Finding("InvalidParameter", f"{shown(name)}: {problem}", why, advice)


def limits_contradict(facts: Facts) -> Iterator[Finding]:
    """Find a minimum above a maximum, in the policy or in the block's record."""
    least, most = facts.minimum, facts.maximum
    if least is not None and most is not None and least > most:
        yield Finding(
            "MinAboveMax",
            f"the policy's minimum {least:g} is above its maximum {most:g}",
            f"at {most:g} it may not grow and below {least:g} it may not shrink: the count stays where it is",
            "set min_replicas to at most max_replicas",
        )
    record = facts.block.record
    declared = (None, None) if record is None else (record.min_instances, record.max_instances)
    if declared[0] is not None and declared[1] is not None and declared[0] > declared[1]:
        yield Finding(
            "MinAboveMax",
            f"the block declares minInstances {declared[0]} and maxInstances {declared[1]}",
            "no number of replicas satisfies both; a policy that reads them cannot act",
            "correct the block's record",
        )


def no_maximum(facts: Facts) -> Iterator[Finding]:
    """Find a token policy that nothing stops from adding replicas."""
    if not facts.decides_by_tokens or facts.maximum is not None:
        return
    cooldown = facts.cooldown("up") or 0.0
    wait = max(cooldown, facts.interval_seconds)
    replicas = facts.block.replicas.best
    yield Finding(
        "NoMaximum",
        "nothing limits how many replicas the policy asks for",
        f"AIOS enforces no maxInstances: while requests are large it adds one every {length(wait)}, "
        f"{3600 / wait:.0f} an hour beyond the {replicas} there are",
        "set max_replicas, or use_block_limits true"
        if facts.has("max_replicas")
        else "deploy a policy that has a maximum, such as the one shipped with aios-top",
    )


def scale_to_zero(facts: Facts) -> Iterator[Finding]:
    """Find a minimum that lets a block run empty."""
    least = facts.value("min_replicas")
    if facts.decides_by_tokens and least is not None and least < 1:
        yield Finding(
            "ScaleToZero",
            f"min_replicas is {least:g}",
            "without instances there are no metrics: a token policy then decides nothing, and requests wait for ever",
            "set min_replicas to at least 1",
        )


def block_limits(facts: Facts) -> Iterator[Finding]:
    """Find limits of the block's record that are looser or unknown to the policy."""
    record = facts.block.record
    if record is None or not facts.decides_by_tokens or facts.flag("use_block_limits"):
        return
    least, most = facts.value("min_replicas"), facts.value("max_replicas")
    unread = []
    if record.max_instances is not None and (most is None or most > record.max_instances):
        unread.append(
            f"maxInstances {record.max_instances} (the policy's own: {'none' if most is None else f'{most:g}'})"
        )
    if record.min_instances is not None and (least is None or least < record.min_instances):
        unread.append(
            f"minInstances {record.min_instances} (the policy's own: {'none' if least is None else f'{least:g}'})"
        )
    if unread:
        yield Finding(
            "BlockLimitsUnread",
            f"the block declares {' and '.join(unread)}",
            "the policy does not read the block's limits and AIOS enforces neither: they are only numbers in a record",
            "set use_block_limits true, or give the policy the same limits"
            if facts.has("use_block_limits")
            else "give the policy the same limits, or deploy one that reads the block's",
        )


def thresholds(facts: Facts) -> Iterator[Finding]:
    """Find pairs of thresholds between which the block swings or only grows."""
    if not facts.decides_by_tokens:
        return
    for kind, up, down in _pairs(facts):
        if down >= up:
            yield Finding(
                "ThresholdsInverted",
                f"{kind}: scales down below {down:g}, but up above {up:g}",
                f"a mean between {up:g} and {down:g} meets both rules; up is tested first, so the block only grows",
                f"set {kind}_tokens_down_threshold well below {up:g}",
            )
        elif not facts.flag("scale_down_safety_check"):
            yield from _oscillation(facts, kind, up, down)


def _oscillation(facts: Facts, kind: str, up: float, down: float) -> Iterator[Finding]:
    """Compare up with down * (n + 1) / n for every count n from which the policy may add one."""
    first = int(max(1.0, facts.minimum or 1.0))
    last = floor(down / (up - down) + 1e-9)
    if facts.maximum is not None:
        last = min(last, int(facts.maximum) - 1)
    if last < first:
        return
    counts = f"{first} replica{'s' if first > 1 else ''}" if first == last else f"{first} to {last} replicas"
    after = up * first / (first + 1)
    cooldown = max(facts.cooldown("up") or 0.0, facts.interval_seconds)
    yield Finding(
        "OscillationPossible",
        f"{kind}: from {counts}, one more lets the mean fall from above {up:g} to the down threshold {down:g}",
        f"with {first} just above {up:g}, an idle new one makes the mean {after:.0f}, not above {down:g}: it may be "
        f"removed again after {length(cooldown)}, and so on, losing the requests in flight each time",
        f"set {kind}_tokens_down_threshold below {after:.0f}"
        + (", or scale_down_safety_check true" if facts.has("scale_down_safety_check") else ""),
    )


def _pairs(facts: Facts) -> Iterator[tuple[str, float, float]]:
    """Yield the kind and both thresholds as they work, the tolerances included."""
    for kind in ("input", "output"):
        up, down = facts.value(f"{kind}_tokens_up_threshold"), facts.value(f"{kind}_tokens_down_threshold")
        if up is not None and down is not None:
            widened = up * (1 + (facts.value("scale_up_tolerance") or 0.0))
            yield kind, widened, down * (1 - (facts.value("scale_down_tolerance") or 0.0))


def unknown_policy(facts: Facts) -> Iterator[NotChecked]:
    """Say when thresholds and limits could not be judged, or were taken from the tutorial."""
    if facts.bound is not None and not facts.decides_by_tokens:
        why = f"{facts.bound.uri} has no token thresholds: its rule is not known here"
        yield from (NotChecked(code, why) for code in ("NoMaximum", "OscillationPossible"))
    elif facts.bound is not None and facts.known is None:
        why = (
            "the policy tells no parameters and its record has no schema: the tutorial's rule and defaults are assumed"
        )
        yield NotChecked("InvalidParameter", why)


RULES = (
    invalid_values, limits_contradict, no_maximum, scale_to_zero, thresholds, block_limits, unknown_policy,
)  # fmt: skip
