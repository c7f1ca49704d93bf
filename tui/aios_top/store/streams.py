"""Documents of one kind about one block, one after the other: as they come, packed, and as they are read back."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct, field

from aios_top.store.columns import Packed, Values, pack, shared_numbers, unpack
from aios_top.store.documents import Documents, Leaf
from aios_top.store.leaves import NOTHING, Shapes, is_same
from aios_top.store.typed import encoded

Difference = tuple[int, Sequence[int], Sequence[Any]]
"""Shape, numbers of the leaves that changed, and their values; shape -1 has the whole document for its value."""
_EXACT = 2**53
_FEW = 5
"""Values that are not worth a column: as they are they take less room, and nothing to read."""


class Changes(msgspec.Struct, array_like=True, gc=False):
    """The values that one leaf took, each with the row that it came with."""

    leaf: int
    rows: msgspec.Raw
    """A packed column, the same for most leaves: whoever reads it takes it apart once."""
    floats: Packed | None
    others: list[Any] | None


class PackedStream(msgspec.Struct, array_like=True, gc=False):
    """The documents of one stream within a segment."""

    polls: Packed
    shapes: Packed
    first: msgspec.Raw
    """Leaves of the first document, the same for most blocks: a list of numbers."""
    values: list[Any]
    """Their values."""
    changes: list[Changes]
    """The later values, by leaf."""
    same: list[tuple[int, int]]
    """Leaves that changed exactly as another one did, with the place of that one's changes."""
    whole: list[Any]
    """Documents of a shape that has no number, in order."""


_STREAM = msgspec.msgpack.Decoder(PackedStream)
_LEAVES = msgspec.msgpack.Decoder(tuple[int, ...])
_ROWS = msgspec.msgpack.Decoder(Packed)
_leaves = lru_cache(maxsize=1024)(_LEAVES.decode)
_row_numbers = lru_cache(maxsize=1024)(lambda packed: shared_numbers(_ROWS.decode(packed)))
"""Most leaves change together, those of different blocks, too."""


class Stream(Struct):
    """The documents of one kind about one block, in the order in which they came."""

    shapes: Shapes
    polls: list[int] = field(default_factory=list)
    """Poll number of each within the segment; -1 is what was known when it began."""
    _shape: list[int] = field(default_factory=list)
    _leaves: dict[int, Any] = field(default_factory=dict)
    """The newest document's."""
    _first: dict[int, Any] = field(default_factory=dict)
    """The first one's."""
    _changes: dict[int, tuple[list[int], list[Any]]] = field(default_factory=dict)
    """By leaf, the rows after the first that brought another value, and those."""
    _whole: list[Any] = field(default_factory=list)

    def append(self, poll: int, document: Any) -> Difference:
        """Add a document made of dicts with text keys, lists and scalars; return what it changes."""
        difference = self._difference(document)
        self.change(poll, difference)
        return difference

    def _difference(self, document: Any) -> Difference:
        known = self._leaves
        shape = self._shape[-1] if self._shape else -1
        changed = self.shapes.changes(document, shape, known) if shape >= 0 else None
        if changed is None:
            shape, numbers, values = self.shapes.take_apart(document)
            if shape < 0:
                return shape, [], [document]
            leaves = zip(numbers, values, strict=True)
            changed = [(number, value) for number, value in leaves if not is_same(value, known.get(number, NOTHING))]
        return shape, [number for number, _ in changed], [value for _, value in changed]

    def change(self, poll: int, difference: Difference) -> None:
        """Add a document by what it changes."""
        shape, numbers, values = difference
        row = len(self.polls)
        self.polls.append(poll)
        self._shape.append(shape)
        if shape < 0:
            self._whole.append(values[0])
            return
        self._leaves.update(zip(numbers, values, strict=True))
        if not row:
            self._first.update(self._leaves)
            return
        for number, value in zip(numbers, values, strict=True):
            entry = self._changes.get(number)
            if entry is None:
                entry = self._changes[number] = ([], [])
            entry[0].append(row)
            entry[1].append(value)

    def documents(self) -> Documents:
        """Return what can be read of it, also while it grows."""
        return Documents(self.shapes, self.polls, self._shape, self._first, self._changes, self._whole)

    def packed(self) -> PackedStream:
        """Return all of it, packed."""
        first = sorted(self._first)
        changes: list[Changes] = []
        same: list[tuple[int, int]] = []
        known: dict[tuple[Any, ...], int] = {}
        for leaf, (rows, found) in sorted(self._changes.items()):
            key = (tuple(rows), tuple(found)) if _is_plain(found) else (leaf,)
            if key in known:
                same.append((leaf, known[key]))
            else:
                known[key] = len(changes)
                changes.append(_packed_changes(leaf, rows, found))
        values = [self._first[leaf] for leaf in first]
        return PackedStream(pack(self.polls), pack(self._shape), _raw(first), values, changes, same, self._whole)


def _is_plain(values: list[Any]) -> bool:
    """Return whether equal values are the same for sure: 1 equals 1.0 and True, but is another thing in JSON."""
    return len({type(value) for value in values}) == 1 and isinstance(values[0], str | float)


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(encoded(value))


def _packed_changes(leaf: int, rows: list[int], values: list[Any]) -> Changes:
    kinds = {type(value) for value in values}
    fits = (
        len(values) >= _FEW
        and kinds in ({float}, {int})
        and all(kind is float or all(abs(entry) < _EXACT for entry in values) for kind in kinds)
    )
    return Changes(leaf, _raw(pack(rows)), pack(values) if fits else None, None if fits else values)


class _PackedLeaves(Mapping[int, Leaf]):
    """The changes of a packed stream by leaf, each unpacked when it is asked for: a jump asks for a few."""

    __slots__ = ("_changes", "_made")

    def __init__(self, packed: PackedStream) -> None:
        changes = packed.changes
        self._changes = {entry.leaf: entry for entry in changes}
        self._changes |= {leaf: changes[place] for leaf, place in packed.same}
        self._made: dict[int, Leaf] = {}

    def __getitem__(self, leaf: int) -> Leaf:
        made = self._made.get(leaf)
        if made is None:
            changes = self._changes[leaf]
            same = changes.leaf != leaf
            made = self[changes.leaf] if same else (_row_numbers(bytes(changes.rows)), _values(changes))
            self._made[leaf] = made
        return made

    def __iter__(self) -> Iterator[int]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)


def _values(changes: Changes) -> Sequence[Any]:
    if changes.floats is None:
        return changes.others or ()
    return unpack(changes.floats) if changes.floats.count < _FEW else Values(changes.floats)


def unpacked(shapes: Shapes, content: bytes | msgspec.Raw) -> Documents:
    """Return what can be read of a packed stream."""
    packed = _STREAM.decode(content)
    first = dict(zip(_leaves(bytes(packed.first)), packed.values, strict=True))
    later = _PackedLeaves(packed)
    return Documents(shapes, shared_numbers(packed.polls), shared_numbers(packed.shapes), first, later, packed.whole)
