"""Tells when a restarted autoscaler runs its new policy, also when that policy says nothing."""

from msgspec import Struct

from aios_top.engine.ports import Clock, Reads
from aios_top.model.decision import Decision
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.text import Clean


class Sign(Struct, frozen=True):
    """What one look at the autoscaler showed."""

    awake: bool = False
    """It is not the process that ran before the restart."""
    report: PolicyReport | None = None
    decision: Decision | None = None
    """Its first decision; None while there is none, or when it tells none."""

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for: a silent policy shows no decision, ever."""
        silent = self.report is not None and self.report.voice is Voice.SILENT
        return self.awake and (self.decision is not None or silent)


class Awakening:
    """Watches one block's autoscaler across a restart.

    A policy that tells its boot id proves the restart by another one. For a silent policy the proof is an outage in
    between, or an executor that is younger than the restart.
    """

    def __init__(self, reads: Reads, clock: Clock, block_id: str, before: PolicyReport) -> None:
        self._reads = reads
        self._clock = clock
        self._block_id = block_id
        self._boot_id: Clean | None = before.boot_id
        self._was_full = before.voice is Voice.FULL
        self._outage = before.voice is Voice.UNREACHABLE
        self._restarted_at = clock.monotonic()

    async def look(self) -> Sign:
        """Ask once."""
        report = await report_of(self._reads, self._block_id)
        match report.voice:
            case Voice.UNREACHABLE:
                self._outage = True
                return Sign(report=report)
            case Voice.FULL:
                awake = report.boot_id != self._boot_id or not self._was_full
                return Sign(awake, report, report.last_decision if awake else None)
            case Voice.SILENT:
                return Sign(self._was_full or self._outage or await self._executor_is_young(), report)
        return Sign(report=report)

    async def _executor_is_young(self) -> bool:
        try:
            reading = await self._reads.block(self._block_id)
        except ReadError:
            return False
        uptime = reading.executor.uptime_seconds if reading is not None and reading.executor is not None else None
        return uptime is not None and uptime < self._clock.monotonic() - self._restarted_at


async def report_of(reads: Reads, block_id: str) -> PolicyReport:
    """Ask a policy for its state; a failed read is a report too."""
    try:
        return await reads.policy_report(block_id)
    except ReadError as error:
        return PolicyReport(Voice.UNREACHABLE, problem=Clean(str(error)), problem_kind=error.kind)
