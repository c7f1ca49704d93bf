"""One moment of the past as a console shows it."""

from collections.abc import Sequence

from msgspec import Struct

from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.load import LoadState
from aios_top.model.state import FleetState


class Moment(Struct, frozen=True):
    """The state of a poll, with what the console knew besides."""

    state: FleetState
    load: LoadState | None = None
    deploy: DeployState | None = None
    audit: Sequence[AuditEntry] = ()
    """Oldest first."""
