"""What a session is made with: the operator's choices, and the world that it works on."""

from msgspec import Struct, field

from aios_top.engine.ports import (
    Audit,
    Bundles,
    Clock,
    History,
    LoadGenerator,
    LoadRuns,
    Mutations,
    Reads,
    Rules,
    Workbench,
)
from aios_top.engine.recorder import Recorder
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


class Ports(Struct, frozen=True):
    """The world that a session works on; whoever opened it closes it."""

    reads: Reads
    mutations: Mutations
    audit: Audit
    generator: LoadGenerator
    load_runs: LoadRuns
    bundles: Bundles
    clock: Clock
    rules: Rules
    workbench: Workbench
    recorder: Recorder | None = None
    histories: tuple[History, ...] | None = None
    """Who is asked for history from before the first poll, the best one first; None: nobody looks at curves."""
