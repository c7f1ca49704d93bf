"""Gathers what the lints look at: the state, the registry, the served archive, the local policy."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from aios_top.engine.ports import Bundles, Clock, Reads
from aios_top.model.deploy import PolicyCode
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.lints import lint
from aios_top.model.record import PolicyRecord
from aios_top.model.startup import startups
from aios_top.model.state import BlockState, FleetState

ARCHIVE_LIMIT = 5 * 1024 * 1024
"""The largest archive that a policy may be."""
SERVED_SECONDS = 300.0
"""How long a fetched archive is believed: it changes only when somebody uploads another one."""


class Linter:
    """Looks at one block at a time; only asks, changes nothing."""

    def __init__(self, reads: Reads, bundles: Bundles, clock: Clock, state: Callable[[], FleetState]) -> None:
        self._reads = reads
        self._bundles = bundles
        self._clock = clock
        self._state = state
        self._fetched: dict[str, tuple[float, Served]] = {}

    async def report(
        self, block_id: str, path: str | None = None, startup_seconds: float | None = None, *, anew: bool = False
    ) -> LintReport:
        """Return what is wrong with a block; `path` names the local policy, `anew` fetches its archive again."""
        return lint(await self.facts(block_id, path, startup_seconds, anew=anew), self._clock.now())

    async def facts(
        self,
        block_id: str,
        path: str | None = None,
        startup_seconds: float | None = None,
        parameters: Mapping[str, Any] | None = None,
        *,
        anew: bool = False,
        archive: bool = True,
    ) -> Facts:
        """Return everything that the lints look at; raises ActionRefusedError for an unusable `path`.

        Without `archive` neither the served nor the local code is read, as for a question about values alone.
        """
        block = self._block(block_id)
        policies = await self._policies()
        bound = block.record.autoscaler if block.record else None
        registered = next((entry for entry in policies or () if bound and entry.uri == bound.uri), None)
        uri = None if bound is None or not archive else str(bound.uri)
        local, name = await self._local(path, uri)
        return Facts(
            block,
            policies,
            None if registered is None or not archive else await self._served(registered, anew=anew),
            local,
            name,
            startups(block.decisions) if startup_seconds is None else (startup_seconds,),
            parameters or {},
            self._state().reach,
        )

    def _block(self, block_id: str) -> BlockState:
        blocks = self._state().blocks
        if block_id not in blocks:
            known = ", ".join(list(blocks)[:8]) or "none has been seen yet"
            raise ActionRefusedError(f"there is no block {block_id}; known blocks: {known}")
        return blocks[block_id]

    async def _policies(self) -> tuple[PolicyRecord, ...] | None:
        """Return the registry as last read, else read it now; None when it cannot be."""
        known = self._state().policies
        if known:
            return known
        try:
            return await self._reads.policies()
        except ReadError:
            return None

    async def _local(self, path: str | None, uri: str | None) -> tuple[PolicyCode | None, str]:
        """Return the policy at `path`, without one the policy of this uri that is at hand."""
        if path is not None:
            bundle = await asyncio.to_thread(self._bundles.load, path)
            return await asyncio.to_thread(self._bundles.read, bundle.content), path
        at_hand = None if uri is None else await asyncio.to_thread(self._bundles.at_hand, uri)
        if at_hand is None:
            return None, ""
        return await asyncio.to_thread(self._bundles.read, at_hand.content), f"the shipped {at_hand.uri}"

    async def _served(self, record: PolicyRecord, *, anew: bool) -> Served | None:
        """Return what the file server gives for a record's code address, None where it cannot be asked."""
        path = self._file_path(record.code)
        if path is None:
            return None
        before = self._fetched.get(record.code)
        if before is not None and not anew and self._clock.monotonic() - before[0] < SERVED_SECONDS:
            return before[1]
        served = await self._fetch(path)
        self._fetched = {**self._fetched, record.code: (self._clock.monotonic(), served)}
        return served

    async def _fetch(self, path: str) -> Served:
        address = self._reads.served_url(path)
        try:
            content = await self._reads.served(path, ARCHIVE_LIMIT)
        except ReadError as error:
            return Served(address, problem=str(error))
        return Served(address, await asyncio.to_thread(self._bundles.read, content))

    def _file_path(self, code: str) -> str | None:
        """Return the path on the file server: the address is a registry's text, so its host is never dialled."""
        if not self._reads.has("files"):
            return None
        base = self._reads.served_url("")
        if code.startswith(base):
            return unquote(code.removeprefix(base)).lstrip("/")
        parts = urlsplit(code)
        return unquote(parts.path).lstrip("/") or None if parts.scheme in {"http", "https"} else None
