"""Finds in every poll what deserves a mark on the time bar."""

from collections import deque
from collections.abc import Iterator, Mapping

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action, Decision
from aios_top.model.fact import AuditRead, DecisionsTold, Poll
from aios_top.model.frame import Trace
from aios_top.model.recording import Mark, MarkKind
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.model.unasked import Expected, is_ours, is_scaling
from aios_top.model.verdict import Severity

_MOST_SCALINGS = 500
_KINDS = {Action.UP: MarkKind.UP, Action.DOWN: MarkKind.DOWN, Action.ERROR: MarkKind.ERROR}


class Marker:
    """Follows one console from poll to poll."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._told: dict[tuple[Clean, Clean | None], int] = {}
        """Highest number of a decision that was told, by block and boot."""
        self._heard: set[Clean] = set()
        """Blocks whose policies told decisions at an earlier poll: what they tell since is news, whatever its time."""
        self._alerts: dict[str, str] = {}
        """Code of the finding that each block has now."""
        self._expected: dict[Clean, Expected] = {}
        self._scalings: deque[AuditEntry] = deque(maxlen=_MOST_SCALINGS)
        """The newest changes of replicas by hand."""

    def marks(self, poll: Poll, state: FleetState, traces: Mapping[Clean, Trace]) -> list[Mark]:
        """Return the marks of a poll; what is older than the first poll is no news."""
        return list(self._marks(poll, state, traces))

    def _marks(self, poll: Poll, state: FleetState, traces: Mapping[Clean, Trace]) -> Iterator[Mark]:
        if self._began is None:
            self._began = poll.at
            yield Mark(poll.at, MarkKind.START, "", "recording began")
        heard = frozenset(self._heard)
        for fact in poll.facts:
            match fact:
                case DecisionsTold(block_id, page):
                    self._heard.add(block_id)
                    for decision in page.decisions:
                        yield from self._decided(poll.at, block_id, decision, heard=block_id in heard)
                case AuditRead(entries):
                    self._scalings.extend(entry for entry in entries if is_scaling(entry))
                    yield from (_acted(poll.at, entry) for entry in entries if self._is_news(entry))
        for block_id, trace in traces.items():
            for decision in trace.inferred:
                if decision.at >= self._began:
                    yield from _mark(poll.at, block_id, decision)
        yield from self._alerted(poll.at, state)

    def _decided(self, at: float, block_id: Clean, decision: Decision, *, heard: bool) -> Iterator[Mark]:
        """Yield the mark of a decision that is told for the first time; its confirmation is told later."""
        key, number = (block_id, decision.boot_id), decision.seq or 0
        known = self._told.get(key)
        if known is not None and number <= known:
            return
        self._told[key] = number
        yield from self._changed(at, block_id, decision)
        if heard or (self._began is not None and decision.at >= self._began):
            yield from _mark(at, block_id, decision)

    def _changed(self, at: float, block_id: Clean, decision: Decision) -> Iterator[Mark]:
        """Yield the mark of a change of the replicas that neither the policy asked for nor anybody here."""
        change = self._expected.setdefault(block_id, Expected()).take(decision)
        if change is None or self._began is None or change.at < self._began:
            return
        if not is_ours(change, block_id, self._scalings):
            yield Mark(at, MarkKind.OUTSIDE, str(block_id), change.sentence)

    def _is_news(self, entry: AuditEntry) -> bool:
        return entry.kind in {"intent", "refused"} and self._began is not None and entry.at >= self._began

    def _alerted(self, at: float, state: FleetState) -> Iterator[Mark]:
        for block_id, block in state.blocks.items():
            verdict = block.verdict
            grave = verdict is not None and verdict.severity >= Severity.DEGRADED
            code = verdict.code if verdict is not None and grave else ""
            if code and code != self._alerts.get(block_id, "") and verdict is not None:
                yield Mark(at, MarkKind.ALERT, str(block_id), verdict.sentence)
            self._alerts[block_id] = code


def _mark(at: float, block_id: Clean, decision: Decision) -> Iterator[Mark]:
    kind = _KINDS.get(decision.action)
    if kind is not None:
        yield Mark(at, kind, str(block_id), str(decision.reason))


def _acted(at: float, entry: AuditEntry) -> Mark:
    request = entry.fields.get("request")
    change = request.get("change") if isinstance(request, dict) else None
    block_id = str(request.get("block_id") or "") if isinstance(request, dict) else ""
    kind = MarkKind.LOAD if change == "LoadTest" else MarkKind.ACTION
    return Mark(at, kind, block_id, str(entry.fields.get("title") or entry.kind))
