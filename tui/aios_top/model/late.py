"""What is made only when somebody looks at it: a recording is jumped through by the thousand moments."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from aios_top.model.text import Clean

T = TypeVar("T")


class Once(Generic[T]):
    """A value that is made when it is asked for first."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make

    def __call__(self) -> T:
        """Return it."""
        make = self._make
        if make is not None:
            self._made = make()
            self._make = None  # and with it what it was made of
        return self._made


class Late(Sequence[T]):
    """Values that are made when the first of them is asked for."""

    __slots__ = ("made",)

    def __init__(self, make: Callable[[], Sequence[T]]) -> None:
        self.made = Once(make)
        """Returns the values."""

    def __len__(self) -> int:
        return len(self.made())

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        return self.made()[place]

    def __iter__(self) -> Iterator[T]:
        return iter(self.made())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # what it stands for is compared, and may be a list

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)

    def __repr__(self) -> str:
        return repr(tuple(self))


class LateSome(Late[T]):
    """Values of which there is at least one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


class LateRows(Late[T]):
    """One value per instance, of which only the instances' ids are known yet."""

    __slots__ = ("ids",)

    def __init__(self, ids: Sequence[Clean], make: Callable[[], Sequence[T]]) -> None:
        super().__init__(make)
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)


class LateDocument(Mapping[str, Any]):
    """A JSON object of which some entries are known and the others are made with the first that is asked for."""

    __slots__ = ("_known", "_make")

    def __init__(self, known: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]) -> None:
        """`make` returns the whole object, the same one at every call; it is not empty."""
        self._known = known
        self._make = make

    def __getitem__(self, key: str) -> Any:
        return self._known[key] if key in self._known else self._make()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())

    def __bool__(self) -> bool:
        return True

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def __repr__(self) -> str:
        return repr(dict(self))
