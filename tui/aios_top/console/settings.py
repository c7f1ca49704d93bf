"""One setting in force, and who set it: for the page that F12 shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """A value with its origin."""

    name: str
    value: str
    source: str
    """`option`, `file`, `default`, `environment` or `key`."""
