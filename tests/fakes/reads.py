"""An AIOS in memory, for rules that are about time and failure; real sockets are tested elsewhere."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios_top.model.decision import Decision
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport, Voice
from aios_top.model.reading import BlockReading, FleetReading, HealthReading
from aios_top.model.record import BlockRecord, Pod, PolicyRecord
from aios_top.model.text import clean
from fakes.clock import FakeClock


@dataclass
class FakeReads:
    """Satisfies `engine.ports.Reads`. A value that is an exception is raised, an Event is waited for first."""

    clock: FakeClock
    blocks: dict[str, BlockReading] = field(default_factory=dict)
    block_records: tuple[BlockRecord, ...] = ()
    registered: tuple[PolicyRecord, ...] = ()
    reports: dict[str, PolicyReport] = field(default_factory=dict)
    kept: dict[str, tuple[Decision, ...]] = field(default_factory=dict)
    parameter_reports: dict[str, ParameterReport] = field(default_factory=dict)
    fails: dict[str, ReadError] = field(default_factory=dict)
    hangs: dict[str, asyncio.Event] = field(default_factory=dict)
    pod_lists: dict[str, tuple[Pod, ...]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    cursors: list[tuple[str, int]] = field(default_factory=list)
    dry_runs: list[dict[str, Any]] = field(default_factory=list)
    dry_run_answer: Decision | None = None

    async def _ask(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.hangs:
            await self.hangs[name].wait()
        if name in self.fails:
            raise self.fails[name]

    async def fleet(self) -> FleetReading:
        await self._ask("fleet")
        return FleetReading(tuple(self.blocks.values()), self.clock.now())

    async def block(self, block_id: str) -> BlockReading | None:
        await self._ask("block")
        return self.blocks.get(block_id)

    async def health(self, block_id: str) -> tuple[HealthReading, ...]:
        await self._ask("health")
        return ()

    async def records(self) -> tuple[BlockRecord, ...]:
        await self._ask("records")
        return self.block_records

    async def record(self, block_id: str) -> BlockRecord | None:
        await self._ask("record")
        return next((entry for entry in self.block_records if entry.block_id == block_id), None)

    async def policies(self) -> tuple[PolicyRecord, ...]:
        await self._ask("policies")
        return self.registered

    async def policy(self, uri: str) -> PolicyRecord | None:
        await self._ask("policy")
        return next((entry for entry in self.registered if entry.uri == uri), None)

    async def policy_report(self, block_id: str) -> PolicyReport:
        await self._ask(f"report:{block_id}")
        return self.reports.get(block_id, PolicyReport(Voice.SILENT))

    async def decisions(self, block_id: str, since: int, boot_id: str | None, limit: int = 256) -> DecisionPage | None:
        await self._ask("decisions")
        self.cursors.append((block_id, since))
        report = self.reports[block_id]
        if boot_id != report.boot_id:
            since = 0
        page = tuple(entry for entry in self.kept[block_id] if (entry.seq or 0) > since)[:limit]
        newest = page[-1].seq if page else since
        return DecisionPage(clean(str(report.boot_id)), page, newest or 0)

    async def parameters(self, block_id: str) -> ParameterReport | None:
        await self._ask("parameters")
        return self.parameter_reports.get(block_id)

    async def dry_run(self, block_id: str, parameters: Mapping[str, Any]) -> Decision | None:
        await self._ask("dry_run")
        self.dry_runs.append(dict(parameters))
        return self.dry_run_answer

    async def served(self, url_path: str, limit: int) -> bytes:
        await self._ask("served")
        if url_path not in self.files:
            raise ReadError("http", f"{url_path}: 404")
        return self.files[url_path][:limit]

    def served_url(self, file_name: str) -> str:
        return f"http://files.example:32555/{file_name}"

    async def pods(self, block_id: str) -> tuple[Pod, ...]:
        await self._ask("pods")
        if block_id not in self.pod_lists:
            raise ReadError("no_address", "no mapping address is configured")
        return self.pod_lists[block_id]

    def has(self, endpoint: str) -> bool:
        return True

    async def close(self) -> None:
        return None


def parameter_report(effective: Mapping[str, Any], generation: int = 1) -> ParameterReport:
    """What `get_parameters` says."""
    return ParameterReport(effective, {}, dict.fromkeys(effective, "given"), {}, (), (), generation)
