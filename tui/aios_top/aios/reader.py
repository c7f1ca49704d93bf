"""Reads an AIOS installation: every method asks, none changes anything."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from aios_top.aios import envelope
from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.documents import DocumentReader, Rows
from aios_top.aios.envelope import FailureError
from aios_top.aios.exchange import Answer, Bounds
from aios_top.aios.failures import NotConnectedError
from aios_top.aios.limits import DEFAULT_LIMITS, FleetAllowance, Limits
from aios_top.aios.management import READ_ORDER, Route, did_not_arrive, routes
from aios_top.aios.records import block_records, many, one, policy_records
from aios_top.aios.reports import ReportReader
from aios_top.aios.transport import ReadTransport, no_address
from aios_top.aios.wire import BlockWire, ClusterWire, HealthWire, PodWire, PolicyWire
from aios_top.aios.wire_metrics import PROJECTION
from aios_top.aios.wire_policy import read_dry_run, read_page, read_parameters
from aios_top.model.decision import Decision
from aios_top.model.errors import ReadError
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport, Voice
from aios_top.model.reading import BlockReading, FleetReading, HealthReading
from aios_top.model.record import BlockRecord, Pod, PolicyRecord
from aios_top.model.text import Clean, clean

OFF_LOOP_BYTES = 256 * 1024
"""Larger answers are decoded in a thread: more than a millisecond of the loop belongs to everybody."""
UNSUPPORTED = frozenset({"http", "failure", "shape", "bad_json"})
"""Kinds of failure that a service without `/block/aggregate` answers with."""

V = TypeVar("V")


class AiosReader:
    """Satisfies the engine's port `Reads`."""

    def __init__(
        self,
        addresses: Addresses,
        limits: Limits = DEFAULT_LIMITS,
        *,
        credentials: Credentials = NOBODY,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._addresses = addresses
        self._limits = limits
        self._now = now
        self._transport = ReadTransport(addresses, limits, credentials)
        self._allowance = FleetAllowance(limits)
        self._documents = DocumentReader()
        self._reports = ReportReader()
        self._aggregates = True

    # -- metrics

    async def fleet(self) -> FleetReading:
        """Return all blocks' metric documents, cut to the needed fields by the server where it can."""
        if self._aggregates:
            try:
                return await self._fleet("/block/aggregate", PROJECTION)
            except ReadError as error:
                if error.kind not in UNSUPPORTED:
                    raise
        reading = await self._fleet("/block/query", {})
        self._aggregates = False  # the query works where the aggregation did not: it is not offered here
        return reading

    async def _fleet(self, path: str, document: Any) -> FleetReading:
        bounds = Bounds(self._allowance.seconds, self._allowance.answer_bytes)
        try:
            answer = await self._transport.ask("metrics", path, document, bounds=bounds)
        except ReadError as error:
            if error.kind == "too_large":
                self._allowance.forget()  # the fleet may have grown: the next read may bring as much as the first
            raise
        received_at = self._now()
        rows = await self._decoded(answer, self._documents.rows)
        self._allowance.saw(rows.instances, len(answer.body))
        return FleetReading(rows.blocks, received_at, answer.seconds, rows.dropped)

    async def block(self, block_id: str) -> BlockReading | None:
        """Return one block's documents, None when AIOS has none."""
        answer = await self._transport.ask("metrics", f"/block/{_quoted(block_id)}")
        rows: Rows = await self._decoded(answer, DocumentReader().rows)
        return next((block for block in rows.blocks if block.block_id == clean(block_id)), None)

    async def health(self, block_id: str) -> tuple[HealthReading, ...]:
        """Return AIOS's own health rows, none for a block without metrics."""
        answer = await self._transport.ask("metrics", f"/block/health/{_quoted(block_id)}")
        try:
            found = envelope.outer(answer)
        except FailureError as error:
            if error.status == 404:
                return ()
            raise
        return tuple(wire.value() for wire, _ in many(HealthWire, found.get("instances"), "metrics"))

    # -- records

    async def records(self) -> tuple[BlockRecord, ...]:
        """Return all block records; one that cannot be read hides no other."""
        answer = await self._transport.ask("blocks", "/blocks", bounds=self._list_bounds())
        return await self._decoded(answer, block_records)

    async def record(self, block_id: str) -> BlockRecord | None:
        """Return one block record, None when unknown."""
        found = await self._bare("blocks", f"/blocks/{_quoted(block_id)}")
        return None if found is None else one(BlockWire, found, "blocks").value()

    async def cluster_urls(self, cluster_id: str) -> Mapping[str, Clean]:
        """Return a cluster's own URL map, to show beside the configured addresses; it is never dialled."""
        found = await self._bare("clusters", f"/clusters/{_quoted(cluster_id)}")
        return {} if found is None else one(ClusterWire, found, "clusters").urls()

    async def policies(self) -> tuple[PolicyRecord, ...]:
        """Return all registered policies, duplicates included: AIOS's registry has no unique index."""
        answer = await self._transport.ask("policies", "/policy/query", {}, bounds=self._list_bounds())
        return await self._decoded(answer, policy_records)

    async def policy(self, uri: str) -> PolicyRecord | None:
        """Return the registered policy that AIOS would load for `uri`, None when there is none."""
        answer = await self._transport.ask("policies", f"/policy/{_quoted(uri)}")
        try:
            found = envelope.data(answer)
        except FailureError as error:
            if error.reason == "Policy not found.":
                return None
            raise
        return one(PolicyWire, found, "policies").value(found)

    # -- the running policy

    async def policy_report(self, block_id: str) -> PolicyReport:
        """Ask the running policy for its state; a policy that does not know the question is silent."""
        try:
            answer = await self._manage(block_id, "get_state", {})
        except FailureError as error:
            if did_not_arrive(error):
                raise
            # The autoscaler answered and its policy raised, as one without management actions does.
            return PolicyReport(Voice.SILENT, problem=clean(str(error)))
        return self._reports.read(block_id, answer)

    async def decisions(self, block_id: str, since: int, boot_id: str | None, limit: int = 256) -> DecisionPage | None:
        """Ask the running policy for decisions after `since`; None when it does not keep any."""
        return read_page(
            await self._manage(block_id, "get_decisions", {"since": since, "boot_id": boot_id, "limit": limit})
        )

    async def parameters(self, block_id: str) -> ParameterReport | None:
        """Ask the running policy for its parameters; None when it does not tell."""
        return read_parameters(await self._manage(block_id, "get_parameters", {}))

    async def dry_run(self, block_id: str, parameters: Mapping[str, Any]) -> Decision | None:
        """Ask the running policy what it would have decided; None when it does not know the question."""
        return read_dry_run(await self._manage(block_id, "dry_run", {"parameters": dict(parameters)}))

    async def _manage(self, block_id: str, action: str, data: Mapping[str, Any]) -> Any:
        """Ask on the nearest way; a guessed address that leads nowhere is passed over."""
        ways = routes(self._addresses, READ_ORDER, block_id, action, data)
        if not ways:
            raise ReadError("no_address", no_address("gateway"))
        *nearer, last = ways
        for way in nearer:
            try:
                return await self._ask_policy(block_id, way)
            except ReadError as error:
                if not (self._addresses.is_guess(way.service) and _leads_nowhere(error)):
                    raise
        return await self._ask_policy(block_id, last)

    async def _ask_policy(self, block_id: str, way: Route) -> Any:
        answer = await self._transport.ask(way.service, way.path, dict(way.document), block_id=block_id)
        return envelope.data(answer)

    # -- files and pods

    async def served(self, url_path: str, limit: int) -> bytes:
        """Return a file of the static policy server, at most `limit` bytes."""
        bounds = Bounds(self._limits.upload_seconds(limit), limit)
        answer = await self._transport.ask("files", f"/{quote(url_path.lstrip('/'))}", bounds=bounds)
        if answer.status != 200:
            raise ReadError("http", f"files answers {answer.status} for {clean(url_path)}: it is not served")
        return answer.body

    def served_url(self, file_name: str) -> str:
        """Return the URL under which the static policy server serves `file_name`; raises ReadError."""
        base = self._addresses.url("files")
        if base is None:
            raise ReadError("no_address", no_address("files"))
        return f"{base}/{quote(file_name)}"

    async def pods(self, block_id: str) -> tuple[Pod, ...]:
        """Return the block's pods, where the mapping service of its executor has an address."""
        answer = await self._transport.ask("mapping", "/getInstances", block_id=block_id)
        return tuple(wire.value() for wire, _ in many(PodWire, envelope.data(answer), "mapping"))

    # -- all of it

    def has(self, endpoint: str) -> bool:
        """Return whether an address for the endpoint is configured."""
        return endpoint in self._addresses.names()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _bare(self, service: str, path: str) -> Any:
        """Return a record of a service without envelope, None for 404."""
        answer = await self._transport.ask(service, path)
        try:
            return envelope.record(answer)
        except FailureError as error:
            if error.status == 404:
                return None
            raise

    async def _decoded(self, answer: Answer, decode: Callable[[Answer], V]) -> V:
        if len(answer.body) <= OFF_LOOP_BYTES:
            return decode(answer)
        return await asyncio.to_thread(decode, answer)

    def _list_bounds(self) -> Bounds:
        return Bounds(self._limits.read_seconds, self._limits.list_bytes)


def _leads_nowhere(error: ReadError) -> bool:
    """Whether an address seems to be none of AIOS's: nothing, or something else, listens there."""
    return isinstance(error, NotConnectedError) or error.kind in {"http", "shape"}


def _quoted(part: str) -> str:
    return quote(part, safe=":")
