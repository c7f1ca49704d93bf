"""The machine below a replica, as AIOS's documents describe it."""

from math import exp
from typing import Any

from aios_top.sim.profile import ReplicaProfile

_TOTAL_MEMORY_MEGABYTES = 171_051.25
_MEGABYTE = 1_048_576
_LOAD_WINDOWS = (("load1m", 60.0), ("load5m", 300.0), ("load15m", 900.0))
_IDLE_LOAD = 0.2
"""Load of the node without this replica."""
_IDLE_POWER_WATTS = 79.0
_BUSY_POWER_WATTS = 310.0


class Hardware:
    """Load, memory and card of one replica's node, brought forward whenever a document is made."""

    __slots__ = ("_loads", "_measured", "_profile", "_seen_at")

    def __init__(self, profile: ReplicaProfile, started: float) -> None:
        self._profile = profile
        self._seen_at = started
        self._measured = False
        """Whether there was a document before; CPU use is measured between two."""
        self._loads = {name: _IDLE_LOAD for name, _ in _LOAD_WINDOWS}

    def document(self, now: float, active: int) -> dict[str, Any]:
        """Return the key `hardware` at `now` while `active` requests are served."""
        elapsed = max(0.0, now - self._seen_at)
        self._seen_at = now
        for name, seconds in _LOAD_WINDOWS:
            self._loads[name] += (_IDLE_LOAD + active - self._loads[name]) * (1.0 - exp(-elapsed / seconds))
        cpu: dict[str, float] = {name: round(load, 2) for name, load in self._loads.items()}
        if self._measured:
            cpu["percent"] = round(0.1 + self._profile.cpu_percent_per_session * active, 2)
        self._measured = True
        used = self._profile.memory_bytes / _MEGABYTE
        memory = {
            "usedMem": round(used, 2),
            "totalMem": _TOTAL_MEMORY_MEGABYTES,
            "averageUtil": round(100.0 * used / _TOTAL_MEMORY_MEGABYTES, 2),
        }
        return {"cpu": cpu, "memory": memory, "gpus": self._cards(active)}

    def _cards(self, active: int) -> list[dict[str, float]]:
        """Return the graphics cards: one, or none."""
        total = self._profile.gpu_memory_megabytes
        if not total:
            return []
        share = active / (active + 0.25)
        used = round(total * (0.44 + 0.3 * active / self._profile.slots), 2)
        card = {
            "id": 0,
            "utilization": round(100.0 * share),
            "usedMem": used,
            "freeMem": round(total - used, 2),
            "totalMem": total,
            "powerUtilization": round(_IDLE_POWER_WATTS + (_BUSY_POWER_WATTS - _IDLE_POWER_WATTS) * share, 2),
        }
        return [card]
