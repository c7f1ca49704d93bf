"""The lines between the console and the sending process: one JSON document each, decoded strictly."""

import msgspec

from aios_top.model.load_job import LoadJob, LoadNews, Order

LONGEST_LINE = 8 * 1024 * 1024
"""A job with a trace of 20,000 requests has less than two megabytes."""

_JOB = msgspec.json.Decoder(LoadJob)
_NEWS = msgspec.json.Decoder(LoadNews)
_ORDER = msgspec.json.Decoder(Order)


def line(message: LoadJob | LoadNews | Order) -> bytes:
    """Return a message as a line."""
    return msgspec.json.encode(message, enc_hook=str) + b"\n"  # the hook: cleaned text is a str of its own kind


def job(text: bytes) -> LoadJob:
    """Read the first line to the sending process; raises ValueError."""
    return _JOB.decode(text)


def news(text: bytes) -> LoadNews:
    """Read a line from the sending process; raises ValueError."""
    return _NEWS.decode(text)


def order(text: bytes) -> Order:
    """Read a later line to the sending process; raises ValueError."""
    return _ORDER.decode(text)
