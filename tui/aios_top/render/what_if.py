"""What other parameters would have decided, as lines of text: the decisions side by side, then the estimate."""

from collections.abc import Callable
from itertools import groupby

from aios_top.model.decision import Action
from aios_top.model.simulation import SimulationReport
from aios_top.model.span import latency, length, span
from aios_top.model.text import clean
from aios_top.model.what_if import Estimate, Figures, Retaken, WhatIf
from aios_top.render.cells import fit
from aios_top.render.numbers import amount, clock, count
from aios_top.render.wrap import COLUMNS, wrap, wrapped

_GLYPHS = {Action.UP: "▲", Action.DOWN: "▼", Action.HOLD: "=", Action.ERROR: "!"}
_SIDE = 28
_NAME, _COLUMN = 24, 13
_MOST_ROWS = 40


def what_if_lines(answer: WhatIf, columns: int = COLUMNS) -> list[str]:
    """Return the whole answer."""
    parts = (_head, _blank, _rows, _blank, _verdict, _after)
    return [line for part in parts for line in part(answer, columns)]


def _blank(_answer: WhatIf, _columns: int) -> list[str]:
    return [""]


def changes_text(answer: WhatIf) -> str:
    """Return what was changed: `cooldown_seconds=60, min_replicas=2`."""
    return ", ".join(f"{name}={value}" for name, value in answer.changes.items()) or "nothing changed"


def verdict_sentence(answer: WhatIf) -> str:
    """Return the answer in one sentence."""
    divergence = answer.divergence
    told = len(answer.retaken) - answer.untold
    if not told:
        return "None of the decisions can be taken again with these parameters; what follows is an estimate alone."
    if divergence is None:
        others = f", {answer.others} of them in other words" if answer.others else ""
        left = f"; {count(answer.untold, 'decision')} cannot be taken again" if answer.untold else ""
        return f"All {told} decisions would have done the same to the replicas{others}{left}."
    was, then = _deed(divergence.was.action, str(divergence.was.code)), _deed(divergence.action, str(divergence.code))
    return (
        f"First other action at {clock(divergence.was.at)}, after {count(len(answer.retaken) - 1, 'decision')}:"
        f" {was} was recorded, {then} would have been."
    )


def _head(answer: WhatIf, columns: int) -> list[str]:
    first, last = answer.retaken[0].was.at, answer.retaken[-1].was.at
    how = (
        "exact: the policy's own records"
        if answer.exact
        else "not exact: the policy file ran on what the console saw, with its own timers"
    )
    what = f"{answer.block_id}: what if {clean(changes_text(answer), 1000)}"
    return [
        *wrapped(what, columns),
        *wrapped(f"{_taken(answer)}, {clock(first)} to {clock(last)}; {how}", columns),
    ]


def _taken(answer: WhatIf) -> str:
    """Return how many decisions the answer is about: none is taken again after the first other action."""
    told, known = len(answer.retaken), answer.decisions
    return count(known, "decision") if told == known else f"first {told} of {count(known, 'decision')}"


def _rows(answer: WhatIf, columns: int) -> list[str]:
    """Return the decisions that come out otherwise; those in between of which the same can be said are counted."""
    lines = [f"{'TIME':<9}{'RECORDED':<{_SIDE}}  WHAT IF"]
    for said, entries in groupby(answer.retaken, _said):
        found = list(entries)
        if said is None:
            lines += [_row(entry, columns) for entry in found]
        else:
            text = f"{count(len(found), 'decision')} {said}"
            lines += [f"{'':9}{line}" for line in wrap(text, columns - 9)]
    if len(lines) > _MOST_ROWS:
        hidden = len(lines) - _MOST_ROWS
        lines = [*lines[: _MOST_ROWS - 2], f"{'':9}... {hidden} more lines ...", *lines[-2:]]
    return lines


def _said(entry: Retaken) -> str | None:
    """Return what is said of a decision together with its neighbours, None where it has a row of its own."""
    if entry.same:
        return "the same"
    return None if entry.action else f"cannot be taken again: {entry.reason}"


def _row(entry: Retaken, columns: int) -> str:
    was = fit(_deed(entry.was.action, str(entry.was.code)), _SIDE)
    then = _deed(entry.action, str(entry.code)) if entry.action else f"? {entry.reason}"
    mark = "  ← diverges" if entry.diverges else ""
    return f"{clock(entry.was.at):<9}{was}  {fit(then, columns - 11 - _SIDE - len(mark)).rstrip()}{mark}"


def _deed(action: Action | None, code: str) -> str:
    return "?" if action is None else f"{_GLYPHS[action]} {action.value} {code}"


def _verdict(answer: WhatIf, columns: int) -> list[str]:
    lines = wrapped(verdict_sentence(answer), columns)
    if answer.divergence is not None:
        figures = answer.before
        lines += wrapped(
            f"Until then as recorded: {figures.ups} up, {figures.downs} down, {count(figures.flaps, 'flap')},"
            f" {figures.replica_hours:.2f} replica-hours, {span(60 * figures.over_threshold_minutes)} over threshold.",
            columns,
        )
    return lines


def _after(answer: WhatIf, columns: int) -> list[str]:
    if answer.no_estimate:
        return wrapped(f"No estimate of what would have followed: {answer.no_estimate}.", columns)
    if answer.estimate is None:
        return []
    estimate = answer.estimate
    recorded, was = estimate.recorded, estimate.as_it_was
    about = (
        f"Beyond it the record is of another world. Estimate for the {span(recorded.seconds)} that followed: simulated"
        f" replicas of kind {estimate.replica_profile}, starting in {length(was.plan.replica_start_seconds)}, under the"
        f" load that was counted ({amount(estimate.mean_requests_per_minute)} requests/min)."
    )
    heading = f"{'':<{_NAME}}{'recorded':>{_COLUMN}}{'sim as it was':>{_COLUMN + 2}}{'sim what-if':>{_COLUMN}}"
    return [
        "",
        *wrapped(about, columns),
        heading,
        *_table(estimate),
        *_told(was, columns),
        *wrapped(_trust(estimate), columns),
    ]


def _told(report: SimulationReport, columns: int) -> list[str]:
    """Return what is to be known of a simulation's figures."""
    return [line for warning in report.warnings for line in wrapped(f"{warning[:1].upper()}{warning[1:]}.", columns)]


def _table(estimate: Estimate) -> list[str]:
    """Return the figures of what was recorded and of the two simulations."""
    rows: list[tuple[str, Callable[[Figures], str] | None, Callable[[SimulationReport], str]]] = [
        ("scale-ups", lambda f: f"{f.ups}", lambda r: f"{r.ups}"),
        ("scale-downs", lambda f: f"{f.downs}", lambda r: f"{r.downs}"),
        ("flaps", lambda f: f"{f.flaps}", lambda r: f"{r.flaps}"),
        ("replica-hours", lambda f: f"{f.replica_hours:.2f}", lambda r: f"{r.replica_hours:.2f}"),
        (
            "minutes over threshold",
            lambda f: f"{f.over_threshold_minutes:.1f}",
            lambda r: f"{r.over_threshold_minutes:.1f}",
        ),
        ("latency p95", None, lambda r: latency(r.latency.p95)),
        ("queue, highest", None, lambda r: f"{r.queue_peak}"),
        ("unserved at the end", None, lambda r: f"{r.unserved}"),
    ]
    return [
        f"{name:<{_NAME}}{seen(estimate.recorded) if seen else '-':>{_COLUMN}}"
        f"{told(estimate.as_it_was):>{_COLUMN + 2}}{told(estimate.changed):>{_COLUMN}}"
        for name, seen, told in rows
    ]


def _trust(estimate: Estimate) -> str:
    """Say how far the simulation of what did happen is off, so that nobody takes the other one for a fact."""
    recorded, was, then = estimate.recorded, estimate.as_it_was, estimate.changed
    if recorded.replica_hours <= 0:
        return "Compare the two simulations; nothing recorded can be held against them."
    off = 100 * (was.replica_hours - recorded.replica_hours) / recorded.replica_hours
    change = 100 * (then.replica_hours - was.replica_hours) / was.replica_hours if was.replica_hours else 0.0
    by = ", by the shipped policy with the recorded parameters" if estimate.other_policy else ""
    return (
        f"Simulated as it was{by}, replica-hours are {off:+.0f}% off what was recorded; the change makes"
        f" {change:+.0f}%. Compare the two simulations, not one of them with the record."
    )
