"""Times that do not fit together: cooldown, start-up, window, interval, push."""

from collections.abc import Iterator

from aios_top.model.decision import ACTS
from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import Facts
from aios_top.model.span import length, span
from aios_top.model.startup import typical


def cooldown_and_startup(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Compare the cooldown with how long a replica took to serve."""
    cooldown, took = facts.cooldown("up"), typical(facts.startup_seconds)
    if not facts.decides_by_tokens or cooldown is None or facts.flag("block_while_pending"):
        return
    if took is None:
        why = "no start of a replica has been observed; name its length with --startup DURATION"
        yield NotChecked("CooldownShorterThanStartup", why)
    elif cooldown < took:
        starts = facts.startup_seconds
        seen = f"median of {len(starts)}, longest {span(max(starts))}" if len(starts) > 1 else "one was seen"
        more = int(took // max(cooldown, facts.interval_seconds, 1.0))
        yield Finding(
            "CooldownShorterThanStartup",
            f"a replica takes {span(took)} to serve ({seen}), the cooldown ends after {length(cooldown)}",
            "the new replica does not lower the mean before it serves: "
            f"up to {max(1, more)} more are asked for meanwhile",
            "set block_while_pending true, or a cooldown above the start-up time"
            if facts.has("block_while_pending")
            else f"set cooldown_seconds above {took:.0f}",
        )


def window_and_cooldown(facts: Facts) -> Iterator[Finding]:
    """Find a mean that still holds the load from before the last action."""
    window, cooldown = facts.window_seconds, facts.cooldown("up")
    if not facts.decides_by_tokens or window is None or cooldown is None or window <= cooldown:
        return
    yield Finding(
        "WindowLongerThanCooldown",
        f"the mean is over {length(window)}, the cooldown ends after {length(cooldown)}",
        f"after an action the mean holds requests from before it for {length(window - cooldown)} more: "
        "the policy acts again on what it has already answered",
        f"set the cooldown to at least {window:.0f}, or a shorter averaging_period",
    )


def cooldown_and_interval(facts: Facts) -> Iterator[Finding]:
    """Find a cooldown without effect."""
    for direction in ("up", "down"):
        cooldown, interval = facts.cooldown(direction), facts.interval_seconds
        if not facts.decides_by_tokens or cooldown is None or cooldown >= interval:
            continue
        yield Finding(
            "CooldownShorterThanInterval",
            f"the cooldown of {length(cooldown)} is over before the next evaluation in {length(interval)}",
            "it holds nothing back: every evaluation may act",
            f"set it above {interval:g}, or to 0 if that is meant",
        )
        return


def stabilization(facts: Facts) -> Iterator[Finding]:
    """Find a stabilization window that is shorter than the time between two evaluations."""
    for direction in ("up", "down"):
        name = f"scale_{direction}_stabilization_window_seconds"
        window = facts.value(name)
        if window and window < facts.interval_seconds:
            yield Finding(
                "StabilizationTooShort",
                f"{name} {window:g} is shorter than the {length(facts.interval_seconds)} between evaluations",
                "only one evaluation falls into it, so it always agrees with itself",
                f"set it to a few times {facts.interval_seconds:g}; Kubernetes takes 300 for scaling down",
            )


def scales_down_at_once(facts: Facts) -> Iterator[Finding]:
    """Find a policy with a stabilization window that does not use it."""
    name = "scale_down_stabilization_window_seconds"
    if not facts.decides_by_tokens or not facts.has(name) or facts.value(name):
        return
    cooldown = facts.cooldown("down") or 0.0
    yield Finding(
        "ScalesDownAtOnce",
        f"{name} is 0",
        "one evaluation below the thresholds removes a replica, "
        f"the next one {length(max(cooldown, facts.interval_seconds))} later; between two requests a block looks idle",
        f"set it to 300, as Kubernetes has it: {300 / facts.interval_seconds:.0f} evaluations must agree then",
    )


def unconfirmed(facts: Facts) -> Iterator[Finding]:
    """Find scalings whose effect was never seen; AIOS does not tell a policy that its call failed."""
    asked = [entry for entry in facts.block.decisions if entry.action in ACTS and entry.confirmation is not None]
    lost = [entry for entry in asked if entry.confirmation == "timed_out"]
    if lost:
        yield Finding(
            "ActionsUnconfirmed",
            f"{len(lost)} of the last {len(asked)} scalings were not followed by the instances",
            "AIOS only logs a failed scale call, and the cooldown runs all the same: the policy believes it has acted",
            f"look at the pods and at the autoscaler's log, then at {facts.command('why')}",
        )


def interval_and_push(facts: Facts) -> Iterator[Finding | NotChecked]:
    """Find evaluations of figures that have not changed."""
    interval, push = facts.interval_seconds, facts.block.push_seconds
    if facts.bound is None:
        return
    if push is None:
        yield NotChecked("EvaluatesOldMetrics", "two pushes of an instance have not been seen yet")
    elif interval < push * 0.9:
        yield Finding(
            "EvaluatesOldMetrics",
            f"the policy evaluates every {length(interval)}, an instance pushes every {length(round(push))}",
            f"about {push / interval:.0f} evaluations see the same figures",
            f"set intervalSeconds to at least {push:.0f} in the block's settings",
        )


def metric_age(facts: Facts) -> Iterator[Finding]:
    """Find an age limit that a document passes before the next one comes."""
    limit = facts.value("max_metric_age_seconds")
    if limit is not None and limit < facts.push_seconds:
        yield Finding(
            "MetricsAlwaysStale",
            f"max_metric_age_seconds {limit:g} is below the push period of {length(round(facts.push_seconds))}",
            f"between {length(limit)} and the next push every instance counts as missing: the policy sees a block that "
            "comes and goes",
            f"set it to about three pushes, e.g. {3 * facts.push_seconds:.0f}",
        )


def mode(facts: Facts) -> Iterator[Finding]:
    """Find a policy that was told not to act."""
    if facts.in_force.get("mode") == "shadow" or facts.block.policy.mode == "shadow":
        yield Finding(
            "ShadowMode",
            "the policy runs in shadow mode",
            "it records what it would do and does nothing: the number of replicas stays as it is",
            "set mode active when its decisions are what you want",
        )
    paused = facts.block.policy.paused
    if paused is not None:
        where = {"up": "up", "down": "down"}.get(paused.direction, "in both directions")
        yield Finding(
            "PolicyPaused",
            f"scaling {where} is paused{f': {paused.reason}' if paused.reason else ''}",
            "the policy goes on measuring and does not act until the pause ends",
            "resume it with policy resume, or wait",
        )


RULES = (
    cooldown_and_startup, window_and_cooldown, cooldown_and_interval, stabilization, scales_down_at_once,
    unconfirmed, interval_and_push, metric_age,
    mode,
)  # fmt: skip
