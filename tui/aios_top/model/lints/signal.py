"""The signal: what the policy compares, and what it takes for 0."""

from collections.abc import Iterator

from aios_top.model.lint import Finding, NotChecked
from aios_top.model.lint_facts import Facts
from aios_top.model.reading import AnyReading
from aios_top.model.schema import shown
from aios_top.model.span import length
from aios_top.model.state import Phase

WINDOWS = ("current", "average_1m", "average_5m", "average_15m")
"""Keys of AIOS's rolling objects."""


def window_exists(facts: Facts) -> Iterator[Finding]:
    """Find an averaging period that reads as 0 everywhere."""
    if not facts.decides_by_tokens or facts.in_force.get("signal", "rolling") != "rolling":
        return
    period = facts.in_force.get("averaging_period")
    rolling = [
        figures for reading in _served(facts) for figures in (reading.input_size, reading.output_size) if figures
    ]
    if period in WINDOWS and not (rolling and all(getattr(entry, str(period)) is None for entry in rolling)):
        return
    lacking = "is none of AIOS's windows" if period not in WINDOWS else f"is in none of the {len(rolling)} metrics"
    yield Finding(
        "UnknownWindow",
        f"averaging_period {shown(period)} {lacking}",
        f"every instance reads 0, which is below the down thresholds: {_shrinks(facts)}"
        if _as_zero(facts)
        else "no instance has a usable figure: the policy never acts",
        f"set averaging_period to one of {', '.join(WINDOWS)}",
    )


def last_request(facts: Facts) -> Iterator[Finding]:
    """Find a window that is none: the latest observation alone."""
    rolling = facts.in_force.get("signal", "rolling") == "rolling"
    if facts.decides_by_tokens and rolling and facts.in_force.get("averaging_period") == "current":
        yield Finding(
            "LastRequestDecides",
            "averaging_period is current, the size of each instance's last request",
            "one large request scales up; when the load ends the value, and so the replicas, stay for up to 15 minutes",
            "set average_1m or average_5m",
        )


def metrics_exist(facts: Facts) -> Iterator[Finding]:
    """Find instances that serve requests and push none of the compared metrics, as with older libraries."""
    if not facts.decides_by_tokens or facts.in_force.get("signal", "rolling") != "rolling":
        return
    served = _served(facts)
    if not served or any(entry.input_size is not None for entry in served):
        return
    yield Finding(
        "NoTokenMetrics",
        f"{len(served)} instances have served requests, but none pushes llm_input_tokens_per_minute_rolling",
        f"their library has only counters, so the policy reads 0: {_shrinks(facts)}"
        if _as_zero(facts)
        else "the policy has nothing to compare and never acts",
        "set signal counter_rate, which reads the counters"
        if facts.has("signal")
        else "update the instances' library, or deploy a policy that reads the counters",
    )


def size_not_rate(facts: Facts) -> Iterator[Finding]:
    """Find thresholds on what AIOS calls tokens per minute, which is the mean size of a request."""
    if not facts.decides_by_tokens or facts.in_force.get("signal", "rolling") != "rolling":
        return
    means = facts.block.averages.get(facts.block.window)
    size, rate, up = (
        means.input_size if means else None,
        facts.block.input_rate,
        facts.value("input_tokens_up_threshold"),
    )
    now = (
        "" if size is None or rate is None else f" now: {size:.0f} tokens per request at {rate:.0f} tokens per minute;"
    )
    limit = "its threshold" if up is None else f"{up:g} tokens"
    yield Finding(
        "SizeNotRate",
        "the thresholds compare the mean size of a request, whatever the metric's name says",
        f"{now} a thousand small requests a minute never scale this block up, a single one above {limit} does".strip(),
        "set signal counter_rate and thresholds in tokens per minute"
        if facts.has("signal")
        else "deploy a policy that computes rates from the counters, or choose thresholds as sizes of requests",
    )


def missing_is_zero(facts: Facts) -> Iterator[Finding]:
    """Find a policy for which no figure is a small figure."""
    if facts.decides_by_tokens and _as_zero(facts):
        yield Finding(
            "MissingCountsAsZero",
            "an instance without a figure counts as 0",
            f"a metric that is late, renamed or misspelled looks like an idle block: {_shrinks(facts)}; "
            "a replica that has served nothing yet halves the mean of two",
            "set missing_metrics conservative"
            if facts.has("missing_metrics")
            else "deploy a policy that tells a missing figure from 0",
        )


def stale_counts(facts: Facts) -> Iterator[Finding]:
    """Find a policy that believes a document of any age."""
    if not facts.decides_by_tokens or facts.value("max_metric_age_seconds") is not None:
        return
    stale = sum(row.phase is Phase.STALE for row in facts.block.instances)
    now = f"{stale} of {len(facts.block.instances)} documents are stale now; " if stale else ""
    yield Finding(
        "StaleMetricsCount",
        "a document counts whatever its age",
        f"{now}AIOS keeps the last document of a hung instance until it wipes its store, every 30 minutes",
        "set max_metric_age_seconds to about three pushes, e.g. 90"
        if facts.has("max_metric_age_seconds")
        else "deploy a policy that looks at the documents' timestamps",
    )


def minimum_basis(facts: Facts) -> Iterator[Finding]:
    """Find a minimum that leaves out the instances that do not report."""
    basis = facts.in_force.get("replica_basis", "reporting")
    least = facts.value("min_replicas")
    if not facts.decides_by_tokens or basis != "reporting" or least is None or least < 2:
        return
    yield Finding(
        "MinimumCountsReporting",
        f"min_replicas {least:g} is compared with the instances that report",
        f"with {least + 1:g} replicas of which {least:g} report, an idle block never shrinks; one that still starts "
        "is not counted either",
        "set replica_basis current" if facts.has("replica_basis") else "mind it when replicas start or hang",
    )


def victim(facts: Facts) -> Iterator[Finding]:
    """Find a choice of the replica to remove that does not look at its work."""
    if not facts.decides_by_tokens or facts.in_force.get("scale_down_selection", "lowest_tokens") != "lowest_tokens":
        return
    working = [row for row in facts.block.instances if row.reading and (row.reading.active_sessions or 0) > 0]
    now = f"{len(working)} of {len(facts.block.instances)} instances are working on requests now; " if working else ""
    yield Finding(
        "RemovesBusyReplica",
        "the replica with the smallest requests is removed, whatever it is working on",
        f"{now}AIOS drains nothing: the requests in flight on a removed replica are never answered",
        "set scale_down_selection least_active"
        if facts.has("scale_down_selection")
        else "deploy a policy that looks at sessions and queue",
    )


def unread_metrics(facts: Facts) -> Iterator[NotChecked]:
    """Say when there was no document of an instance that has served something."""
    if facts.decides_by_tokens and not _served(facts):
        yield NotChecked("NoTokenMetrics", "no instance has reported a request yet")


def _served(facts: Facts) -> list[AnyReading]:
    """Return the documents of the instances that have served at least one request."""
    readings = [row.reading for row in facts.block.instances if row.phase is not Phase.GHOST and row.reading]
    return [entry for entry in readings if (entry.prompts_total or 0) > 0 or (entry.prompt_tokens_total or 0) > 0]


def _as_zero(facts: Facts) -> bool:
    return bool(facts.in_force.get("missing_metrics", "zero") == "zero")


def _shrinks(facts: Facts) -> str:
    least = int(facts.minimum or 1)
    wait = max(facts.cooldown("down") or 0.0, facts.interval_seconds)
    return f"a busy block loses one replica every {length(wait)} down to {least}"


RULES = (
    window_exists,
    last_request, metrics_exist, size_not_rate, missing_is_zero, stale_counts, minimum_basis, victim, unread_metrics,
)  # fmt: skip
