"""Reads what running policies say of themselves every few seconds, most of which they said before."""

import hashlib
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aios_top.aios.wire_policy import read_state
from aios_top.model.decision import Decision
from aios_top.model.policy_state import PolicyReport, Voice

MOST_BLOCKS = 4096
"""Blocks whose last decision is known again."""
_LAST = "last_decision"


class _Sent(Struct, frozen=True):
    digest: bytes
    decision: Decision


class ReportReader:
    """Reads answers to `get_state`; a last decision that is sent again stays the very value it was.

    Policies are asked every two seconds and decide every thirty. Reading a decision takes most of the time of reading a
    report, and whoever compares reports sees at once that nothing was decided.
    """

    def __init__(self) -> None:
        self._sent: dict[str, _Sent] = {}
        """By block, the one that answered last at the end."""

    def read(self, block_id: str, answer: Any) -> PolicyReport:
        """Read a policy's answer; anything else than a state is a policy that tells nothing."""
        before = self._sent.pop(block_id, None)
        record = answer.get(_LAST) if isinstance(answer, dict) else None
        digest = None if record is None else _digest(record)
        if before is None or digest != before.digest:
            report = read_state(answer)
            if digest is not None and report.last_decision is not None:
                self._keep(block_id, _Sent(digest, report.last_decision))
            return report
        report = read_state({**answer, _LAST: None})
        if report.voice is not Voice.FULL:
            return report
        self._keep(block_id, before)
        state = {**answer, _LAST: before.decision.record}
        return replace(report, last_decision=before.decision, state=state)

    def _keep(self, block_id: str, sent: _Sent) -> None:
        self._sent[block_id] = sent
        if len(self._sent) > MOST_BLOCKS:
            del self._sent[next(iter(self._sent))]


def _digest(record: Any) -> bytes | None:
    """Return what tells a record from every other one, None for one that has no such thing."""
    try:
        return hashlib.blake2b(msgspec.msgpack.encode(record), digest_size=16).digest()
    except (OverflowError, UnicodeEncodeError):  # a number or a text that only Python's JSON has
        return None
