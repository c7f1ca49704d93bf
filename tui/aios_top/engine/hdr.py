"""A latency log in HdrHistogram's own format (version 1.3, encoding V2), which its plotters and processors read.

A log is lines of text; each histogram in it is a table of counts, packed as zig-zag numbers, deflated and written in
base64. The layout is that of hdrhistogram.org; values are microseconds.
"""

import base64
import struct
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime

LOWEST, HIGHEST, DIGITS = 1, 3_600_000_000, 3
"""Microseconds up to one hour, with three significant digits."""
_SUB_BUCKET_BITS = 11
"""2 x 10^3 values of each power of two are told apart: 2,048 sub-buckets."""
_SUB_BUCKETS = 1 << _SUB_BUCKET_BITS
_HALF = _SUB_BUCKETS // 2
_V2_COOKIE = 0x1C849303 | 0x10
_V2_COMPRESSED_COOKIE = 0x1C849304 | 0x10
MILLIS = 1000.0


def log_text(latencies: Iterable[float], started_at: float, seconds: float) -> str:
    """Return a log with one interval: all `latencies` (seconds) of a run that began at `started_at` (unix seconds)."""
    values = [min(HIGHEST, max(LOWEST, round(value * 1e6))) for value in latencies]
    began = datetime.fromtimestamp(started_at, UTC).isoformat(timespec="milliseconds")
    highest = max(values, default=0) / MILLIS
    return (
        "#[Histogram log format version 1.3]\n"
        f"#[BaseTime: {started_at:.3f} (seconds since epoch)]\n"
        f"#[StartTime: {started_at:.3f} (seconds since epoch), {began}]\n"
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
        f"0.000,{seconds:.3f},{highest:.3f},{encoded(values)}\n"
    )


def encoded(values: Iterable[int]) -> str:
    """Return a histogram of whole microseconds as base64."""
    counts: dict[int, int] = {}
    for value in values:
        index = _index(value)
        counts[index] = counts.get(index, 0) + 1
    packed = _packed(counts)
    head = struct.pack(">iiiiqqd", _V2_COOKIE, len(packed), 0, DIGITS, LOWEST, HIGHEST, 1.0)
    deflated = zlib.compress(head + packed)
    return base64.b64encode(struct.pack(">ii", _V2_COMPRESSED_COOKIE, len(deflated)) + deflated).decode()


def _index(value: int) -> int:
    """Return the place of a value in the table of counts: its power of two, then its sub-bucket in the upper half."""
    bucket = max(0, value.bit_length() - _SUB_BUCKET_BITS)
    return ((bucket + 1) << (_SUB_BUCKET_BITS - 1)) + (value >> bucket) - _HALF


def _packed(counts: dict[int, int]) -> bytes:
    """Return the counts in order of place; a run of places without any is one negative number."""
    packed = bytearray()
    place = 0
    for index in sorted(counts):
        if index > place:
            packed += _zigzag(-(index - place))
        packed += _zigzag(counts[index])
        place = index + 1
    return bytes(packed)


def _zigzag(number: int) -> bytes:
    """Return a signed number in as few bytes as it needs, seven bits each, the lowest first."""
    value = (number << 1) ^ (number >> 63)
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
