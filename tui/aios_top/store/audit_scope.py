"""What of the audit file is about one AIOS: all contexts of a machine write into the same one."""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from aios_top.model.audit import AuditEntry
from aios_top.store.audit import AuditLog

_BRACES = re.compile(r"\{[^}]*\}")


class AuditScope:
    """Writes to the whole record and reads one AIOS's part of it; satisfies `engine.ports.Audit`.

    A line belongs to it when it names its context and its request went to one of its addresses: two demos share a
    context, and a context can be given another host.
    """

    def __init__(self, log: AuditLog, context: str, urls: Iterable[str]) -> None:
        """`urls` are the services' base URLs; a part in braces, as in `http://{block}.local`, stands for anything."""
        self._log = log
        self._context = context
        self._places = re.compile("|".join(sorted({_pattern(urlsplit(url).netloc) for url in urls})))
        self._lock = threading.Lock()
        self._read = 0
        self._own: list[AuditEntry] = []
        self._intents: set[int] = set()
        self.intent = log.intent
        self.outcome = log.outcome
        self.refused = log.refused
        self.note = log.note

    def entries(self) -> Sequence[AuditEntry]:
        """Return its readable entries, oldest first."""
        with self._lock:
            entries = self._log.entries()
            if len(entries) < self._read:  # another file took its place
                self._read, self._own, self._intents = 0, [], set()
            for entry in entries[self._read :]:
                if self._is_own(entry):
                    self._own.append(entry)
            self._read = len(entries)
            return tuple(self._own)

    def _is_own(self, entry: AuditEntry) -> bool:
        if entry.kind == "outcome":
            return entry.fields.get("intent") in self._intents
        request = entry.fields.get("request")
        own = entry.fields.get("context") == self._context and self._is_here(request)
        if own and entry.kind == "intent":
            self._intents.add(entry.seq)
        return own

    def _is_here(self, request: Any) -> bool:
        """Tell whether a request went to this AIOS; one of which no address is known counts as if it had."""
        url = request.get("url") if isinstance(request, Mapping) else None
        place = urlsplit(url).netloc if isinstance(url, str) else ""
        return not place or self._places.fullmatch(place) is not None


def _pattern(place: str) -> str:
    return "[^/]+".join(re.escape(part) for part in _BRACES.split(place))
