"""How fast AIOS's own machinery turns: its real timings, or quick ones for a story that fits into minutes."""

from msgspec import Struct


class Pace(Struct, frozen=True):
    """Every period of AIOS that a pace sets, in seconds.

    A pace never scales the clock: windows stay 60, 300 and 900 s and a token takes as long as it takes.
    """

    name: str
    push_seconds: float
    """Between two metric documents of an instance; the first goes out at once."""
    executor_push_seconds: float
    """Between two documents of the executor, and so between two copies to the global store."""
    first_evaluation_seconds: float
    """From the autoscaler's start to its first evaluation."""
    evaluation_seconds: float
    """Between evaluations, measured from the end of one to the start of the next."""
    replica_start_seconds: float
    """From an instance's deployment to its first served request: image, model load, warm-up."""
    pod_list_seconds: float
    """Between two scans of the pods; a scan is passed on when the count has changed."""
    pod_list_full_every: int
    """Every so many scans the pod list is passed on although its count is the same."""
    wipe_seconds: float
    """Between two wipes of the cluster's metric store."""
    executor_ready_seconds: float
    """From the executor's start until it takes requests and starts the autoscaler."""
    cooldown_seconds: float
    """Block parameter `cooldown_seconds` of the demo blocks."""


REAL = Pace(
    name="real",
    push_seconds=30.0,
    executor_push_seconds=5.0,
    first_evaluation_seconds=60.0,
    evaluation_seconds=30.0,
    replica_start_seconds=120.0,
    pod_list_seconds=20.0,
    pod_list_full_every=5,
    wipe_seconds=1800.0,
    executor_ready_seconds=15.0,
    cooldown_seconds=120.0,
)

QUICK = Pace(
    name="quick",
    push_seconds=3.0,
    executor_push_seconds=0.5,
    first_evaluation_seconds=6.0,
    evaluation_seconds=3.0,
    replica_start_seconds=10.0,
    pod_list_seconds=2.0,
    pod_list_full_every=5,
    wipe_seconds=1800.0,
    executor_ready_seconds=1.0,
    cooldown_seconds=12.0,
)

PACES = {pace.name: pace for pace in (QUICK, REAL)}
"""Paces by the name that `--pace` takes."""
