"""Compresses the parts of a segment, each against a dictionary of what such parts usually hold.

The parts are small and alike: the report of one block's policy in one segment is that of the segment before it
but for some figures. Zstandard with a dictionary takes that out and reads back several times faster than zlib, which
is what a jump to any moment of a day waits for; zlib's window of 32 kB is too small for such a dictionary.
"""

from collections.abc import Sequence

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


class Compression:
    """Compresses and restores with one dictionary, or none."""

    def __init__(self, dictionary: bytes = b"") -> None:
        data = None
        if dictionary:
            data = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            data.precompute_compress(level=_LEVEL)
        self._thorough = zstandard.ZstdCompressor(level=_LEVEL, dict_data=data, write_checksum=True)
        self._quick = zstandard.ZstdCompressor(level=_QUICK_LEVEL, dict_data=data, write_checksum=True)
        self._restore = zstandard.ZstdDecompressor(dict_data=data)

    def thorough(self, content: bytes) -> bytes:
        """Compress what stays."""
        return self._thorough.compress(content)

    def quick(self, content: bytes) -> bytes:
        """Compress what is written again soon."""
        return self._quick.compress(content)

    def restored(self, content: bytes) -> bytes:
        """Return what was compressed; raises BrokenPartError."""
        try:
            if not 0 <= zstandard.frame_content_size(content) <= LARGEST_BYTES:
                raise BrokenPartError("a part without a believable size")
            return self._restore.decompress(content)
        except zstandard.ZstdError as error:
            raise BrokenPartError(str(error)) from error


def usual_part(part: bytes) -> bytes:
    """Return what of a part goes into a dictionary."""
    return part[:_PART_BYTES]


def dictionary_of(parts: Sequence[bytes]) -> bytes:
    """Return a dictionary made of these usual parts, which are of the kind that it is for."""
    return b"".join(parts)[:_DICTIONARY_BYTES]
