"""The bytes of an answer whose length nobody knows yet; too many of them leave nothing behind in the process.

A buffer that grows to what a sick server is allowed to send, and is then thrown away, stays with the allocator. So
only a usual answer is gathered in one; what goes beyond is mapped from the system and given back to it.
"""

import mmap
from types import TracebackType
from typing import Self

_USUAL_BYTES = 128 * 1024
_BLOCK_BYTES = 1024 * 1024


class Pile:
    """Gathers chunks; `with` gives the memory back."""

    def __init__(self) -> None:
        self._usual = bytearray()
        self._blocks: list[mmap.mmap] = []
        self.size = 0
        """Bytes so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for block in self._blocks:
            block.close()

    def add(self, chunk: bytes) -> None:
        """Put a chunk behind the others."""
        self.size += len(chunk)
        if self.size <= _USUAL_BYTES:
            self._usual += chunk
            return
        rest = memoryview(chunk)
        while rest:
            if not self._blocks or self._blocks[-1].tell() == _BLOCK_BYTES:
                self._blocks.append(mmap.mmap(-1, _BLOCK_BYTES))
            block = self._blocks[-1]
            rest = rest[block.write(rest[: _BLOCK_BYTES - block.tell()]) :]

    def content(self) -> bytes:
        """Return all of it."""
        return b"".join((self._usual, *(block[: block.tell()] for block in self._blocks)))
