"""What everything in the embedded AIOS shares: addresses, timings, clocks, the folder and the metric stores."""

from pathlib import Path

from msgspec import Struct

from aios_top.sim.pace import Pace
from aios_top.testbed.clock import Clock
from aios_top.testbed.faults import Faults
from aios_top.testbed.stores.metrics import MetricStores


class Site(Struct, frozen=True):
    """The surroundings of a pod or a service."""

    urls: dict[str, str]
    """Name of each service -> its base URL."""
    pace: Pace
    clock: Clock
    folder: Path
    metrics: MetricStores
    seed: int
    faults: Faults
    ticking: bool = True
    """False: nothing happens by itself; pods report nothing and autoscalers load but never evaluate."""
