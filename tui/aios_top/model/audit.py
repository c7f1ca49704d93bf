"""One line of the operator's record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit file."""

    seq: int
    at: float
    """Unix seconds (UTC)."""
    kind: str
    """`intent`, `outcome`, `refused` or `note`."""
    fields: Mapping[str, Any]
