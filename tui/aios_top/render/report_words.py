"""What happened, in words: every figure with what it is of, and how it is known."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from statistics import median

from aios_top.model.decision import Action, Origin
from aios_top.model.recording import MarkKind
from aios_top.model.report import BlockStory, Direction, Report, Stretch
from aios_top.model.span import length, span
from aios_top.model.verdict import Severity
from aios_top.render.numbers import amount, count

HOW = {
    Origin.REPORTED: "the running policy said it",
    Origin.MEASURED: "read from metric documents",
    Origin.DECLARED: "written in a record; nothing proves that it was in force",
    Origin.REEVALUATED: "a policy file was run on what was seen",
    Origin.INFERRED: "aios-top concluded it from what changed",
    Origin.UNKNOWN: "nobody told it",
}
_MOST_OUTSIDE = 8
_LAGS = {
    "total": "from the crossed limit to the new replica's first metrics",
    "decision": "from the crossed limit to the decision",
    "replica": "from the decision to the new replica's first metrics",
}


def moment(at: float, *, seconds: bool = True, date: bool = False) -> str:
    """Return a time in UTC: 14:53:25, 14:53, 11-23 or, with both, 2026-11-23 14:53:25."""
    try:
        found = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return "?"
    clock = "%H:%M:%S" if seconds else "%H:%M"
    return found.strftime(f"%Y-%m-%d {clock}" if date and seconds else "%m-%d" if date else clock)


def overview(report: Report) -> Iterator[str]:
    """Yield what was looked at, and for how long."""
    yield (
        f"aios-top looked {count(report.polls, 'time')} in {span(report.end - report.start)}, "
        f"every {length(report.poll_seconds)}, "
        f"from {moment(report.start, date=True)} to {moment(report.end, date=True)} UTC."
    )
    if report.unseen:
        yield (
            f"Nobody looked for {span(sum(gap.seconds for gap in report.unseen))} of it, in "
            f"{count(len(report.unseen), 'gap')}, the longest {_longest(report.unseen)}; nothing is known of then."
        )
    if report.lost:
        yield f"{count(report.lost, 'poll')} of the recording cannot be read; what they showed is missing here."
    if not report.stories:
        yield "There was no block in that time."


def story_sentences(story: BlockStory, poll_seconds: float) -> Iterator[str]:
    """Yield what happened to one block."""
    yield _scalings(story)
    yield from _outside(story)
    if story.peak_reporting is not None:
        peak = story.peak_reporting
        yield f"Most replicas reporting at once: {amount(peak.value)}, first at {moment(peak.at)} (measured)."
    else:
        yield "No replica of it was seen reporting."
    for direction in story.directions:
        yield _direction(story, direction)
    yield from _lags(story, poll_seconds)
    if story.old:
        yield f"Its figures were old for {span(sum(gap.seconds for gap in story.old))}: nothing was heard of it then."
    grave = sum(seconds for severity, seconds in story.severities.items() if severity >= Severity.DEGRADED)
    if grave:
        worst = max(severity for severity, seconds in story.severities.items() if seconds)
        yield f"It needed a look for {span(grave)}; the worst verdict was {worst.name.lower()}."
    alerts = Counter(mark.text for mark in story.marks if mark.kind is MarkKind.ALERT)
    for text, times in alerts.most_common(8):
        first = next(mark.at for mark in story.marks if mark.kind is MarkKind.ALERT and mark.text == text)
        yield f"Alert at {moment(first)}{f', {times} times in all' if times > 1 else ''}: {text}."


def _outside(story: BlockStory) -> Iterator[str]:
    """Yield what changed though nobody known asked for it: the newest of them, for there are few or it is a storm."""
    for change in story.outside[-_MOST_OUTSIDE:]:
        yield f"Between {moment(change.since)} and {moment(change.at)}, {change.sentence}."
    if len(story.outside) > _MOST_OUTSIDE:
        before = count(len(story.outside) - _MOST_OUTSIDE, "such change")
        yield f"There were {before} before those; the picture shows them."


def verdict_counts(story: BlockStory) -> str:
    """Return the decisions by what they did and why, e.g. "2 upscale, 1 downscale, 30 hold (CooldownActive 20)"."""
    causes = Counter[str]()
    for run in story.decisions:
        if run.last.action is Action.HOLD:
            causes[str(run.last.code)] += run.count
    parts = [f"{story.taken(action)} {action.value}" for action in Action if story.taken(action)]
    why = ", ".join(f"{code} {number}" for code, number in causes.most_common(4))
    return ", ".join(parts) + (f" (held for: {why})" if why else "")


def plot_sentence(story: BlockStory, start: float, end: float) -> str:
    """Return in one sentence what the picture of a block shows, for who does not see it."""
    ups, downs = story.taken(Action.UP), story.taken(Action.DOWN)
    peak = (
        "no replica reporting"
        if story.peak_reporting is None
        else f"{amount(story.peak_reporting.value)} replicas at most"
    )
    tops = ", ".join(
        f"{side.name} at most {amount(side.peak.value)} {story.unit}"
        for side in story.directions
        if side.peak is not None
    )
    return (
        f"{moment(start)} to {moment(end)} UTC: {tops or 'no token metrics'}; {peak}; "
        f"{count(ups, 'scale-up')}, {count(downs, 'scale-down')}."
    )


def _scalings(story: BlockStory) -> str:
    total = sum(run.count for run in story.decisions)
    if not total:
        return "No decision of its autoscaler is known from that time."
    inferred = sum(run.count for run in story.decisions if run.last.origin is Origin.INFERRED)
    how = (
        "inferred by aios-top"
        if inferred == total
        else "reported by its policy"
        if not inferred
        else f"{inferred} of them inferred"
    )
    return f"{count(total, 'decision')}, {how}: {verdict_counts(story)}."


def _direction(story: BlockStory, direction: Direction) -> str:
    name = f"{direction.name.capitalize()}, in {story.unit}"
    if direction.peak is None:
        return f"{name}: nothing was measured."
    limit = next((value for _, value in reversed(direction.up) if value is not None), None)
    told = f"{name}: at most {amount(direction.peak.value)} at {moment(direction.peak.at)} (measured)"
    if limit is None:
        return f"{told}; its limit for scaling up is not known."
    how = story.origins.get("thresholds", Origin.UNKNOWN).value
    if not direction.over:
        return f"{told}, never above the limit of {amount(limit)} ({how}) while somebody looked."
    return (
        f"{told}; above the limit of {amount(limit)} ({how}) for {span(direction.over_seconds)}, "
        f"the longest time {_longest(direction.over)}."
    )


def _lags(story: BlockStory, poll_seconds: float) -> Iterator[str]:
    """Yield how long scale-ups took; when a silent policy decided is only known by what followed."""
    silent = all(run.last.origin is Origin.INFERRED for run in story.decisions)
    for step in ("total",) if silent else ("total", "decision", "replica"):
        found = sorted(story.lags.get(step, ()))
        if found:
            middle, worst = _polled(median(found), poll_seconds), _polled(found[-1], poll_seconds)
            told = middle if len(found) == 1 else f"median {middle}, at worst {worst}"
            yield f"Scaling lag {_LAGS[step]}: {told} (measured by polls, {count(len(found), 'scale-up')})."


def _polled(seconds: float, poll_seconds: float) -> str:
    """Return a length of time that no poll can tell more exactly."""
    return f"less than {length(poll_seconds)}" if seconds < poll_seconds else f"{span(seconds)}"


def _longest(stretches: Sequence[Stretch]) -> str:
    longest = max(stretches, key=lambda stretch: stretch.seconds)
    return f"{span(longest.seconds)} from {moment(longest.start)}"
