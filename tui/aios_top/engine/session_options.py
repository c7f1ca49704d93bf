"""What the operator chose for a session."""

from msgspec import Struct, field

from aios_top.model.load import LoadLimits
from aios_top.model.verification import PolicyFile


class SessionOptions(Struct, frozen=True):
    """What the operator chose at the start."""

    context: str = ""
    """Name of the configured context, e.g. `demo`."""
    reach: str = ""
    """Options of the command line that lead to this AIOS, e.g. `--context prod`."""
    origin_note: str = ""
    """Such as "simulated, quick pace"."""
    poll_seconds: float = 2.0
    read_only: bool = False
    writable: bool = True
    """Whether the write gate is open at the start; closed in production contexts."""
    production: bool = False
    who: str = ""
    """Operator as `user@host`, for the audit file."""
    allowed_targets: frozenset[str] = field(default_factory=frozenset)
    """Hosts beside loopback that load may be sent to."""
    load_limits: LoadLimits = field(default_factory=LoadLimits)
    """The built-in limits, lowered by the configuration."""
    policy_file: PolicyFile | None = None
    """The file that decisions are evaluated again with; None: they are not."""
