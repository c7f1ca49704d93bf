"""What breaks in a scenario, and when."""

from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

FaultKind = Literal[
    "scale_fails",
    "instance_hangs",
    "metrics_wiped",
    "registry_down",
    "updater_slow",
]
"""`scale_fails`: the cluster controller answers scale calls with 500. `instance_hangs`: the block's oldest instance
takes requests but serves and reports nothing. `metrics_wiped`: the cluster's metric store loses its documents.
`registry_down`: the policy registry does not answer. `updater_slow`: management calls take longer than AIOS waits."""


class Fault(Struct, frozen=True):
    """One thing that goes wrong for a while."""

    at: float
    """Seconds from the scenario's start."""
    until: float | None
    """None for something that happens in a moment, such as a wipe."""
    kind: FaultKind
    block_id: str | None = None
    """None when it is not about one block."""

    def __post_init__(self) -> None:
        """Refuse a fault that nobody knows or that ends before it begins."""
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"fault {self.kind!r} is unknown; choose one of {', '.join(get_args(FaultKind))}")
        if not self.at >= 0 or (self.until is not None and not self.until > self.at):
            raise ValueError(
                f"a fault must begin at 0 or later and end after its beginning, not {self.at}..{self.until}"
            )

    def stretched(self, factor: float) -> "Fault":
        """Return the fault `factor` times as late and as long."""
        return replace(self, at=self.at * factor, until=None if self.until is None else self.until * factor)

    def later(self, seconds: float) -> "Fault":
        """Return the fault `seconds` later."""
        return replace(self, at=self.at + seconds, until=None if self.until is None else self.until + seconds)
