"""The parts of a segment as they are read back: what is not asked for is not taken out of its columns."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, InstanceInput, Origin
from aios_top.model.fact import PolicyTold
from aios_top.model.frame import Documents as ListedDocuments
from aios_top.model.late import LateDocument, LateRows, Once
from aios_top.model.policy_state import ParameterReport
from aios_top.model.text import Clean, clean
from aios_top.store.compression import BROKEN, BrokenPartError
from aios_top.store.decided import columns_of_record, glance, is_shortened, lengthened, references
from aios_top.store.documents import Documents
from aios_top.store.leaves import NOTHING, Shapes
from aios_top.store.picked import Columns, columns_of, columns_unpacked
from aios_top.store.pushes import Pushes, columns_at, figures_at, pushes_of, pushes_unpacked
from aios_top.store.segment import STREAMS, BlockLog
from aios_top.store.signs import Sign, signs
from aios_top.store.streams import unpacked
from aios_top.store.told import Asked, told_value
from aios_top.store.typed import value

FIGURES, DOCUMENTS, DECIDED, SAMPLES = range(4)
Restore = Callable[[int], bytes]
"""Returns one of the four parts of a block, not compressed any more."""
DECISIONS = "decided"
_NUMBER = ("decision", "record", "seq")
_BOOT = ("boot_id",)
_STATE = ("report", "state")
_RAW = msgspec.msgpack.Decoder(list[msgspec.Raw])
_MOST_KNOWN = 1024
T = TypeVar("T")


class KnownStreams(Generic[T]):
    """Streams of documents that change rarely, by what they were read of: those of many segments are alike."""

    def __init__(self, kind: type[T]) -> None:
        """`kind` is that of the documents."""
        self._kind = kind
        self._found: dict[bytes, tuple[Documents, dict[int, T | None]]] = {}

    def latest(self, packed: bytes, poll: int, read: Callable[[], Documents]) -> T | None:
        """Return the last document up to a poll of a packed stream, None where there is none; `read` unpacks it."""
        known = self._found.get(packed)
        if known is None:
            if len(self._found) >= _MOST_KNOWN:
                self._found.clear()
            known = self._found[packed] = read(), {}
        documents, made = known
        row = documents.row(poll)
        if row not in made:
            made[row] = typed(documents.latest(poll), self._kind)
        return made[row]


class Known:
    """What the parts of a recording have in common."""

    def __init__(self) -> None:
        self.parameters = KnownStreams(ParameterReport)
        self.documents = KnownStreams(ListedDocuments)


def typed(found: Any, kind: type[T]) -> T | None:
    """Return a document as a value of this kind, None where there is none."""
    return None if found is NOTHING or found is None else value(found, kind)


class BlockPart(ABC):
    """One block within a segment."""

    def __init__(self) -> None:
        self._signs: Sequence[Sign] | None = None
        self._newest: tuple[int, Decision | None] = (-1, None)
        self._decided: list[tuple[int, Any]] | None = None
        self._gaps: list[tuple[int, str, float]] | None = None

    @abstractmethod
    def pushes(self) -> Mapping[Clean, Pushes]:
        """Return the instances' documents."""

    @abstractmethod
    def executors(self) -> Columns:
        """Return the executor's documents, a row of which makes an `ExecutorReading`."""

    @abstractmethod
    def asked(self) -> Columns:
        """Return the clocks of the policy's reports."""

    @abstractmethod
    def samples(self) -> Columns:
        """Return the samples of the block's history."""

    @abstractmethod
    def stream(self, name: str) -> Documents:
        """Return the documents of one kind, `decided` among them."""

    def gaps(self) -> list[tuple[int, str, float]]:
        """Return when instances were seen to be silent, with the poll and the instance."""
        if self._gaps is None:
            self._gaps = [
                (poll, instance, gap)
                for poll, bearing in self.stream("bearing").every()
                for instance, _, gap, _ in bearing["instances"]
                if gap is not None
            ]
        return self._gaps

    def decided(self) -> list[tuple[int, Any]]:
        """Return the decisions that were told, with their polls, oldest first."""
        if self._decided is None:
            pushes = self.pushes()
            self._decided = [(poll, _lengthened(pushes, poll, row)) for poll, row in self.stream(DECISIONS).every()]
        return self._decided

    def signs(self, poll: int) -> Sequence[Sign]:
        """Return what is seen at once of the decisions that were told up to a poll, one per row, oldest first."""
        decided = self.stream(DECISIONS)
        if self._signs is None:
            self._signs = signs(decided)
        return self._signs[: decided.row(poll) + 1]

    def decision(self, row: int, sign: Sign) -> Decision:
        """Return the decision of a row, one that says so where it is damaged."""
        try:
            return self._late_decision(row) or self._whole_decision(row) or unreadable(sign)
        except BROKEN:
            return unreadable(sign)

    def newest_decided(self, poll: int) -> Decision | None:
        """Return the decision that was told last up to a poll."""
        row = self.stream(DECISIONS).row(poll)
        return None if row < 0 else self._typed_decided(row)

    def newest(self, poll: int) -> Decision | None:
        """Return the newest decision up to a poll, None when only a look at all of them can tell which one it is."""
        decided = self.stream(DECISIONS)
        end = decided.row(poll) + 1
        if not end:
            return None
        numbers, boots = decided.values(_NUMBER, end), decided.values(_BOOT, end)
        if not all(type(number) is int for number in numbers) or len(set(boots)) != 1:
            return None
        return self._typed_decided(end - 1) if numbers[-1] == max(numbers) else None

    def _typed_decided(self, row: int) -> Decision | None:
        known, decision = self._newest
        if known != row:
            decision = self._late_decision(row) or self._whole_decision(row)
            self._newest = row, decision
        return decision

    def _late_decision(self, row: int) -> Decision | None:
        """Return a decision of which instances and record are made when they are asked for, None if that cannot be."""
        decided, pushes = self.stream(DECISIONS), self.pushes()
        view, poll = decided.view(row), decided.polls[row]
        seen = None if view is None else glance(view, partial(columns_at, pushes, poll))
        if seen is None:
            return None
        known = value(seen.decision, Decision)
        ids = tuple(clean(name) for name in seen.instance_ids)
        whole = Once(lambda: _readable(decided, pushes, row, known, ids))  # not of this part, which keeps the decision
        return replace(
            known,
            instances=LateRows(ids, lambda: whole().instances),
            record=LateDocument({"replicas": seen.replicas}, lambda: whole().record),
        )

    def _whole_decision(self, row: int) -> Decision | None:
        found = _decision(self.stream(DECISIONS), self.pushes(), row)
        return None if found is None else value(found, Decision)

    def told_at(self, poll: int) -> PolicyTold | None:
        """Return the policy's newest report up to a poll."""
        reports, clocks = self.stream("told"), self.asked()
        row, place = reports.row(poll), clocks.latest(poll)
        if row < 0:
            return None
        asked, view = clocks.row(place) if place >= 0 else None, reports.view(row)
        if view is None or not view.has(*_STATE):
            return self._told(reports.document(row), poll, asked)
        return self._told(view.without(*_STATE), poll, asked, partial(view.part, *_STATE))

    def told(self) -> Iterator[tuple[int, PolicyTold]]:
        """Yield the policy's reports with their polls, oldest first."""
        reports, clocks = dict(self.stream("told").every()), dict(self.asked().rows())
        newest = None
        for poll in sorted(reports.keys() | clocks.keys()):
            newest = reports.get(poll, newest)
            if newest is not None:
                yield poll, self._told(deepcopy(newest), poll, clocks.get(poll))

    def _told(
        self, found: Any, poll: int, clocks: Asked | None, state: Callable[[], dict[str, Any]] | None = None
    ) -> PolicyTold:
        moving = clocks if found["at"] is None else None
        return told_value(found, self.newest_decided(poll), self.parameters(poll), moving, state)

    def parameters(self, poll: int) -> ParameterReport | None:
        """Return the policy's parameters up to a poll, None where there are none."""
        return typed(self.stream("parameters").latest(poll), ParameterReport)

    def documents(self, poll: int) -> ListedDocuments | None:
        """Return which documents the metrics service had at a poll, None before its first answer."""
        return typed(self.stream("documents").latest(poll), ListedDocuments)


def unreadable(sign: Sign) -> Decision:
    """Return what stands for a decision that is damaged."""
    return Decision(
        at=sign.at,
        action=Action.ERROR,
        code=Clean("Damaged"),
        reason=Clean("what was decided cannot be read back: the recording is damaged here, or was removed for its age"),
        origin=Origin.UNKNOWN,
        seq=sign.seq,
        boot_id=sign.boot_id,
    )


def _readable(
    decided: Documents, pushes: Mapping[Clean, Pushes], row: int, known: Decision, ids: Sequence[Clean]
) -> Decision:
    """Return a decision, what is known of it already where the rest is damaged."""
    try:
        return value(_decision(decided, pushes, row), Decision)
    except BROKEN:
        return replace(known, instances=tuple(map(InstanceInput, ids)))


def _decision(decided: Documents, pushes: Mapping[Clean, Pushes], row: int) -> Any:
    """Return the document of a decision, None where only a gap was told."""
    return _lengthened(pushes, decided.polls[row], decided.document(row))["decision"]


def _lengthened(pushes: Mapping[Clean, Pushes], poll: int, row: dict[str, Any]) -> dict[str, Any]:
    decision = row["decision"]
    if decision is not None and is_shortened(decision):
        rows = figures_at(pushes, poll, references(decision), columns_of_record(decision))
        row["decision"] = lengthened(decision, lambda instance_id, back: rows.get((instance_id, back)))
    return row


class OpenPart(BlockPart):
    """One block within a segment that still grows."""

    def __init__(self, log: BlockLog) -> None:
        super().__init__()
        self._log = log
        self._pushes: Mapping[Clean, Pushes] | None = None

    def pushes(self) -> Mapping[Clean, Pushes]:
        """Return the instances' documents."""
        if self._pushes is None:
            self._pushes = pushes_of(self._log.pushes)
        return self._pushes

    def executors(self) -> Columns:
        """Return the executor's documents."""
        return columns_of([(poll, row) for poll, *row in self._log.executors])

    def asked(self) -> Columns:
        """Return the clocks of the policy's reports."""
        return columns_of(self._log.asked)

    def samples(self) -> Columns:
        """Return the samples of the block's history."""
        return columns_of(self._log.samples)

    def stream(self, name: str) -> Documents:
        """Return the documents of one kind."""
        return (self._log.decided if name == DECISIONS else self._log.streams[name]).documents()


class PackedPart(BlockPart):
    """One block within a segment that is over."""

    def __init__(self, shapes: Shapes, restore: Restore, known: Known) -> None:
        super().__init__()
        self._shapes = shapes
        self._restore = restore
        self._known = known
        self._figures: tuple[Mapping[Clean, Pushes], Columns, Columns] | None = None
        self._packed: dict[str, msgspec.Raw] = {}
        self._streams: dict[str, Documents] = {}

    def pushes(self) -> Mapping[Clean, Pushes]:
        """Return the instances' documents."""
        return self._read_figures()[0]

    def executors(self) -> Columns:
        """Return the executor's documents."""
        return self._read_figures()[1]

    def asked(self) -> Columns:
        """Return the clocks of the policy's reports."""
        return self._read_figures()[2]

    def samples(self) -> Columns:
        """Return the samples of the block's history."""
        return columns_unpacked(self._restore(SAMPLES))

    def stream(self, name: str) -> Documents:
        """Return the documents of one kind."""
        if name not in self._streams:
            packed = self._restore(DECIDED) if name == DECISIONS else self._packed_stream(name)
            self._streams[name] = unpacked(self._shapes, packed)
        return self._streams[name]

    def parameters(self, poll: int) -> ParameterReport | None:
        """Return the policy's parameters up to a poll, None where there are none."""
        return self._known.parameters.latest(
            bytes(self._packed_stream("parameters")), poll, lambda: self.stream("parameters")
        )

    def documents(self, poll: int) -> ListedDocuments | None:
        """Return which documents the metrics service had at a poll, None before its first answer."""
        return self._known.documents.latest(
            bytes(self._packed_stream("documents")), poll, lambda: self.stream("documents")
        )

    def _packed_stream(self, name: str) -> msgspec.Raw:
        if not self._packed:
            self._packed = self._read_streams()
        return self._packed[name]

    def _read_figures(self) -> tuple[Mapping[Clean, Pushes], Columns, Columns]:
        if self._figures is None:
            pushes, executors, *asked = _RAW.decode(self._restore(FIGURES))  # the first version had no third
            clocks = columns_unpacked(asked[0]) if asked else Columns((), ())
            self._figures = pushes_unpacked(pushes), columns_unpacked(executors), clocks
        return self._figures

    def _read_streams(self) -> dict[str, msgspec.Raw]:
        found = _RAW.decode(self._restore(DOCUMENTS))
        if len(found) != len(STREAMS):
            raise BrokenPartError(
                f"{len(found)} kinds of documents, not {len(STREAMS)}: recorded by another version of aios-top"
            )
        return dict(zip(STREAMS, found, strict=True))
