"""How long replicas take to start, as a policy's own decision records show it."""

from collections.abc import Iterable
from statistics import median

from aios_top.model.decision import Action, Decision, Origin

USUAL_SECONDS = 120.0
"""Image, model load, warm-up: two to seven minutes for a large model."""
LISTED_SECONDS = 300.0
"""AIOS lists a new instance within 100 s of its scale-up; one that shows later has another cause."""


def startups(decisions: Iterable[Decision]) -> tuple[float, ...]:
    """Return the seconds from the scale-up to the first document of each new replica, oldest first.

    Exact to one evaluation interval; a replica that is there in the first record is not counted.
    """
    asked_at: float | None = None
    known: set[str] = set()
    waiting: dict[str, float] = {}
    found: list[float] = []
    told = sorted((entry for entry in decisions if entry.origin is Origin.REPORTED), key=lambda entry: entry.at)
    for number, entry in enumerate(told):
        fresh = {str(row.instance_id) for row in entry.instances} - known
        if fresh and number:
            asked = asked_at is not None and entry.at - asked_at <= LISTED_SECONDS
            waiting |= dict.fromkeys(fresh, asked_at if asked and asked_at is not None else entry.at)
            asked_at = None
        known |= fresh
        reporting = {str(row.instance_id) for row in entry.instances if row.status != "missing"}
        found += [entry.at - waiting.pop(name) for name in sorted(reporting & waiting.keys())]
        if entry.action is Action.UP:
            asked_at = entry.at
    return tuple(seconds for seconds in found if seconds > 0)


def typical(seconds: tuple[float, ...]) -> float | None:
    """Return the median, None of nothing."""
    return median(seconds) if seconds else None


def usual_start_seconds(decisions: Iterable[Decision]) -> float:
    """Return how long a block's replicas were seen to take to serve, AIOS's usual two minutes when none was."""
    seen = typical(startups(decisions))
    return USUAL_SECONDS if seen is None else round(seen, 1)
