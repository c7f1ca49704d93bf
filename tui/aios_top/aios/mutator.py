"""The only sender of changes: one attempt each, on a connection of its own, never repeated."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from aios_top.aios import change_requests
from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials
from aios_top.aios.envelope import FailureError
from aios_top.aios.exchange import Answer, Bounds, exchange, open_client
from aios_top.aios.failures import NotConnectedError
from aios_top.aios.judgement import FailedError, judge, what_to_check
from aios_top.aios.limits import DEFAULT_LIMITS, Limits
from aios_top.aios.management import may_have_arrived
from aios_top.model.change import Change, Fate, Outcome, PreparedRequest, UploadArchive
from aios_top.model.errors import ReadError

NOT_DONE = frozenset({"redirect", "not_authorised", "busy"})
"""Answers with which a server says that it did nothing."""


class AiosMutator:
    """Satisfies the engine's port `Mutations`."""

    def __init__(
        self,
        addresses: Addresses,
        limits: Limits = DEFAULT_LIMITS,
        *,
        read_only: bool = False,
        credentials: Credentials = NOBODY,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._addresses = addresses
        self._limits = limits
        self._read_only = read_only
        self._credentials = credentials
        self._now = now

    def prepare(self, change: Change) -> PreparedRequest:
        """Return the request as it would be sent; raises ReadError `no_address`."""
        return change_requests.prepare(self._addresses, change)

    async def send(self, change: Change) -> Outcome:
        """Send a change once and say what became of it."""
        if self._read_only:
            return Outcome(Fate.REFUSED, "not sent: this session is read-only; start it without --read-only to change")
        try:
            prepared = self.prepare(change)
            json.dumps(prepared.body, allow_nan=False, ensure_ascii=False).encode()
        except (ReadError, TypeError, ValueError) as error:  # the last two: values that JSON or UTF-8 does not have
            return Outcome(Fate.REFUSED, f"not sent: {error}")
        sent_at, started = self._now(), time.monotonic()
        fate, message, said = await self._attempt(prepared)
        return Outcome(fate, message, sent_at, time.monotonic() - started, said)

    async def _attempt(self, prepared: PreparedRequest) -> tuple[Fate, str, Any]:
        try:
            answer = await self._exchange(prepared)
        except NotConnectedError as error:
            return Fate.FAILED, f"not sent: {error}", None
        except ReadError as error:
            if error.kind in NOT_DONE:
                return Fate.FAILED, str(error), None
            return Fate.UNKNOWN, _unknown(prepared.change, error), None
        return _judged(prepared.change, answer)

    async def _exchange(self, prepared: PreparedRequest) -> Answer:
        service = change_requests.service_of(self._addresses, prepared.change)
        seconds = self._limits.change_seconds
        tls = prepared.url.startswith("https:")
        async with open_client(self._limits, tls=tls, credentials=self._credentials) as client:
            request = _built(client, prepared)
            if isinstance(prepared.change, UploadArchive):
                seconds = self._limits.upload_seconds(len(prepared.change.content))
            return await exchange(client, service, request, Bounds(seconds, self._limits.answer_bytes))


def _built(client: httpx.AsyncClient, prepared: PreparedRequest) -> httpx.Request:
    if isinstance(prepared.change, UploadArchive):
        part = (prepared.change.file_name, prepared.change.content, "application/zip")
        form = {"path": change_requests.UPLOAD_FOLDER}
        return client.build_request(prepared.method, prepared.url, files={"file": part}, data=form)
    return client.build_request(prepared.method, prepared.url, json=prepared.body)


def _judged(change: Change, answer: Answer) -> tuple[Fate, str, Any]:
    try:
        message, said = judge(change, answer)
    except FailedError as error:
        cause = error.__cause__
        if isinstance(cause, FailureError) and may_have_arrived(cause.reason):
            return Fate.UNKNOWN, _unknown(change, error), None
        return Fate.FAILED, str(error), None
    except ReadError as error:
        if 400 <= answer.status < 500:  # the server found no such path or form: it did nothing
            return Fate.FAILED, str(error), None
        return Fate.UNKNOWN, _unknown(change, error), None
    return Fate.DONE, message, said


def _unknown(change: Change, error: Exception) -> str:
    return f"sent, but the outcome is unknown ({error}); {what_to_check(change)}"
