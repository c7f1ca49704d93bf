"""Compresses the parts of a segment, each against a dictionary of what such parts usually hold.

The parts are small and alike: the report of one block's policy in one segment is that of the segment before it
but for some figures. Zstandard with a dictionary takes that out and reads back several times faster than zlib, which
is what a jump to any moment of a day waits for; zlib's window of 32 kB is too small for such a dictionary.
"""

from collections.abc import Sequence
from functools import cached_property
from threading import Lock

import msgspec
import zstandard

LARGEST_BYTES = 256 * 1024 * 1024
"""No part is larger; what claims to be is a broken file."""
_DICTIONARY_BYTES = 1024 * 1024
_PART_BYTES = 8 * 1024
"""Of each part: where it says what was known when the segment began, which the next segments begin with, too."""
_LEVEL = 9
_QUICK_LEVEL = 3


class BrokenPartError(Exception):
    """A part of a recording cannot be read back."""


BROKEN = (BrokenPartError, msgspec.DecodeError, LookupError, TypeError, ValueError, ArithmeticError)
"""What reading a damaged part ends in."""


class Compression:
    """Compresses and restores with one dictionary, or none.

    What it needs for that it makes at the first use and keeps: for a dictionary of a megabyte tables of ten, and as
    much again to compress with them. So whoever compresses now and then makes one for each time. May be used from
    several threads, one after the other: what they share is no good for two at once.
    """

    def __init__(self, dictionary: bytes = b"") -> None:
        self._dictionary = dictionary
        self._lock = Lock()

    @cached_property
    def _data(self) -> zstandard.ZstdCompressionDict | None:
        if not self._dictionary:
            return None
        return zstandard.ZstdCompressionDict(self._dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)

    @cached_property
    def _thorough(self) -> zstandard.ZstdCompressor:
        if self._data is not None:
            self._data.precompute_compress(level=_LEVEL)
        return zstandard.ZstdCompressor(level=_LEVEL, dict_data=self._data, write_checksum=True)

    @cached_property
    def _quick(self) -> zstandard.ZstdCompressor:
        return zstandard.ZstdCompressor(level=_QUICK_LEVEL, dict_data=self._data, write_checksum=True)

    @cached_property
    def _restore(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor(dict_data=self._data)

    def thorough(self, content: bytes) -> bytes:
        """Compress what stays."""
        with self._lock:
            return self._thorough.compress(content)

    def quick(self, content: bytes) -> bytes:
        """Compress what is written again soon."""
        with self._lock:
            return self._quick.compress(content)

    def restored(self, content: bytes) -> bytes:
        """Return what was compressed; raises BrokenPartError."""
        try:
            if not 0 <= zstandard.frame_content_size(content) <= LARGEST_BYTES:
                raise BrokenPartError("a part without a believable size")
            with self._lock:
                return self._restore.decompress(content)
        except zstandard.ZstdError as error:
            raise BrokenPartError(str(error)) from error


def usual_part(part: bytes) -> bytes:
    """Return what of a part goes into a dictionary."""
    return part[:_PART_BYTES]


def dictionary_of(parts: Sequence[bytes]) -> bytes:
    """Return a dictionary made of these usual parts, which are of the kind that it is for."""
    return b"".join(parts)[:_DICTIONARY_BYTES]
