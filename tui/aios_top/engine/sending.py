"""Sends one change at a time and keeps the record: intent on disk, one request, outcome on disk."""

import asyncio
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from aios_top.engine.gate import WriteGate
from aios_top.engine.ports import Audit, Clock, Mutations
from aios_top.model.change import (
    BindPolicy,
    Change,
    Fate,
    Manage,
    Outcome,
    PreparedRequest,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
    UploadArchive,
)
from aios_top.model.command import command
from aios_top.model.errors import ActionRefusedError, ReadError

LONGEST_BODY = 32 * 1024
"""Characters of a request or an answer that the audit file keeps; a registration has about 5,000."""


def block_of(change: Change) -> str | None:
    """Return the block that a change is about, None for archives and policy records."""
    match change:
        case ResetCooldown() | ScaleUp() | ScaleDown() | BindPolicy() | RestartExecutor() | Manage():
            return change.block_id
    return None


def refusal(reason: str) -> Outcome:
    """Return the outcome of something that was not sent."""
    return Outcome(Fate.REFUSED, reason)


class Sender:
    """The only way from a plan to a request: gate, audit, one attempt, audit.

    The audit's disk writes run off the event loop, for a slow disk must not stop the polling.
    """

    def __init__(
        self,
        mutations: Mutations,
        audit: Audit,
        clock: Clock,
        gate: WriteGate,
        *,
        who: str,
        context: str,
        reach: str = "",
    ) -> None:
        """`reach` are the options of the command line that lead to this AIOS."""
        self._reach = reach
        self.gate = gate
        self._mutations = mutations
        self._audit = audit
        self._clock = clock
        self._origin = {"by": who, "context": context}
        self._busy: set[str] = set()

    def command(self, *words: str) -> str:
        """Return a command that can be copied: it acts on this AIOS, whatever the configuration names."""
        return command(*words, reach=self._reach)

    def prepare(self, change: Change) -> PreparedRequest:
        """Return the request for a plan; raises ActionRefusedError when there is no address for it."""
        try:
            return self._mutations.prepare(change)
        except ReadError as error:
            raise ActionRefusedError(str(error)) from error

    @contextmanager
    def holding(self, block_ids: Sequence[str]) -> Iterator[None]:
        """Keep the blocks for one change; raises ActionRefusedError when another is under way."""
        taken = [block_id for block_id in block_ids if block_id in self._busy]
        if taken:
            raise ActionRefusedError(f"another change of {', '.join(taken)} is under way; wait for its outcome")
        self._busy.update(block_ids)
        try:
            yield
        finally:
            self._busy.difference_update(block_ids)

    async def send(
        self, request: PreparedRequest, title: str, seen: Mapping[str, Any], *, not_after: float = math.inf
    ) -> Outcome:
        """Send `request` once; the outcome is REFUSED when the gate, the address or the audit file forbids it.

        `not_after` is the monotonic time from which what the plan was compared with is too old.
        """
        facts = {"title": title, "request": _described(request), "seen": dict(seen)}
        try:
            self.gate.check()
            self._check_unchanged(request)
        except ActionRefusedError as error:
            return await self.refuse(str(error), facts)
        try:
            intent = await asyncio.to_thread(self._audit.intent, {**self._origin, **facts})
        except OSError as error:
            return refusal(_unrecorded(error))
        if self._clock.monotonic() > not_after:
            late = refusal("recording the intent took so long that the state may have changed; plan it again")
            return await self._record(intent, late)
        return await self._sent(request, intent)

    async def intend(self, facts: Mapping[str, Any]) -> int:
        """Record what is about to be sent; raises ActionRefusedError when it cannot be: then nothing may be."""
        try:
            return await asyncio.to_thread(self._audit.intent, {**self._origin, **facts})
        except OSError as error:
            raise ActionRefusedError(_unrecorded(error)) from error

    async def conclude(self, intent: int, outcome: Outcome) -> Outcome:
        """Record the end of an intent; a record that cannot be written is named in the message."""
        return await self._record(intent, outcome)

    async def refuse(self, reason: str, facts: Mapping[str, Any], request: PreparedRequest | None = None) -> Outcome:
        """Record what was not sent; a record that cannot be written does not matter then.

        `request` is the first that would have been: it tells the block, and the AIOS among those of one context.
        """
        asked = {} if request is None else {"request": _described(request)}
        try:
            await asyncio.to_thread(self._audit.refused, {**self._origin, **facts, **asked, "reason": reason})
        except OSError as error:
            return refusal(f"{reason} (and this could not be recorded: {error})")
        return refusal(reason)

    async def note(self, facts: Mapping[str, Any]) -> str:
        """Record what was found out; return an addition to the message when that failed, else nothing."""
        try:
            await asyncio.to_thread(self._audit.note, {**self._origin, **facts})
        except OSError as error:
            return f" (this could not be recorded: {error})"
        return ""

    def _check_unchanged(self, request: PreparedRequest) -> None:
        """Raise ActionRefusedError when the change would now go elsewhere than the operator has seen."""
        if self.prepare(request.change) != request:
            raise ActionRefusedError("the request is no longer the one that was shown; plan it again")

    async def _sent(self, request: PreparedRequest, intent: int) -> Outcome:
        """Send and record the end, also when the waiting is broken off: the request is on its way then."""
        started = self._clock.monotonic()
        sent_at = self._clock.now()
        sending = asyncio.ensure_future(self._mutations.send(request.change))
        broken_off: asyncio.CancelledError | None = None
        try:
            outcome = await asyncio.shield(sending)
        except asyncio.CancelledError as error:
            broken_off = error
            outcome = await self._last_words(sending)
        if outcome.seconds is None:
            outcome = replace(outcome, seconds=self._clock.monotonic() - started)
        if outcome.sent_at is None and outcome.fate is not Fate.REFUSED:
            outcome = replace(outcome, sent_at=sent_at)
        outcome = await self._record(intent, outcome)
        if broken_off is not None:
            raise broken_off
        return outcome

    async def _record(self, intent: int, outcome: Outcome) -> Outcome:
        """Record the end of an intent; a record that cannot be written is named in the message."""
        facts = {"fate": outcome.fate, "message": outcome.message, "seconds": outcome.seconds}
        facts["answer"] = _kept(outcome.answer)
        try:
            await asyncio.to_thread(self._audit.outcome, intent, facts)
        except OSError as error:
            return replace(outcome, message=f"{outcome.message} (the outcome could not be recorded: {error})")
        return outcome

    async def _last_words(self, sending: asyncio.Future[Outcome]) -> Outcome:
        """Wait for the answer after a first interrupt, up to the sender's own deadline; a second one ends it."""
        try:
            return await sending
        except asyncio.CancelledError:
            return Outcome(Fate.UNKNOWN, "broken off while the answer was awaited; look before you repeat it")


def _unrecorded(error: OSError) -> str:
    return f"cannot record: {error}; nothing was sent; make room or repair the audit file"


def _kept(value: Any) -> Any:
    """Return a body as the audit file keeps it: whole while it is small, else its beginning and its digest."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    if len(text) <= LONGEST_BODY:
        return value
    return {"begins": text[:500], "characters": len(text), "sha256": sha256(text.encode()).hexdigest()}


def _described(request: PreparedRequest) -> dict[str, Any]:
    """Return the request as the audit file keeps it."""
    described = {
        "change": type(request.change).__name__,
        "block_id": block_of(request.change),
        "method": request.method,
        "url": request.url,
        "body": _kept(request.body),
    }
    if isinstance(request.change, UploadArchive):
        described["sha256"] = sha256(request.change.content).hexdigest()
    return described
