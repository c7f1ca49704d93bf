"""Reads what running policies say of themselves every few seconds, most of which they said before."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aios_top.aios.wire_policy import read_state
from aios_top.model.decision import Decision
from aios_top.model.policy_state import PolicyReport, Voice

MOST_BLOCKS = 4096
"""Blocks whose last answer is known again."""
_LAST = "last_decision"


class _Part(Struct, frozen=True):
    """A dict or list of an answer."""

    digest: bytes
    value: Any


class _Sent(Struct, frozen=True):
    """What an answer was made of."""

    parts: dict[str, _Part]
    decision: Decision | None


class ReportReader:
    """Reads answers to `get_state`; what is sent again stays the very value it was, the last decision first of all.

    Policies are asked every two seconds and decide every thirty. Reading a decision takes most of the time of reading a
    report, and whoever compares reports sees at once that nothing was decided.
    """

    def __init__(self) -> None:
        self._sent: dict[str, _Sent] = {}
        """By block, the one that answered last at the end."""

    def read(self, block_id: str, answer: Any) -> PolicyReport:
        """Read a policy's answer; anything else than a state is a policy that tells nothing."""
        before = self._sent.pop(block_id, _NOTHING)
        if not isinstance(answer, dict):
            return read_state(answer)
        parts = _parts(answer, before.parts)
        answer = {**answer, **{name: part.value for name, part in parts.items()}}
        last = parts.get(_LAST)
        if before.decision is None or last is None or last is not before.parts.get(_LAST):
            report = read_state(answer)
        else:
            report = read_state({**answer, _LAST: None})
            if report.voice is Voice.FULL:
                report = replace(report, last_decision=before.decision, state=answer)
        if report.voice is Voice.FULL:
            self._keep(block_id, _Sent(parts, report.last_decision))
        return report

    def _keep(self, block_id: str, sent: _Sent) -> None:
        self._sent[block_id] = sent
        if len(self._sent) > MOST_BLOCKS:
            del self._sent[next(iter(self._sent))]


_NOTHING = _Sent({}, None)


def _parts(answer: dict[str, Any], before: Mapping[str, _Part]) -> dict[str, _Part]:
    """Return the dicts and lists of an answer; one that was sent before is that one."""
    found = {}
    for name, value in answer.items():
        if isinstance(value, dict | list):
            digest = _digest(value)
            known = before.get(name)
            if digest is not None:
                found[name] = known if known is not None and known.digest == digest else _Part(digest, value)
    return found


def _digest(value: Any) -> bytes | None:
    """Return what tells a value from every other one, None for one that has no such thing."""
    try:
        return hashlib.blake2b(msgspec.msgpack.encode(value), digest_size=16).digest()
    except (OverflowError, UnicodeEncodeError):  # a number or a text that only Python's JSON has
        return None
