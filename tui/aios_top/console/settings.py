"""One setting in force, and who set it: for the page that F12 shows."""

from msgspec import Struct


class Setting(Struct, frozen=True):
    """A value with its origin."""

    name: str
    value: str
    source: str
    """`option`, `file`, `default`, `environment` or `key`."""
