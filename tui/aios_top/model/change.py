"""What an operator can change, and what became of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class ResetCooldown(Struct, frozen=True):
    """Management action `reset_cooldown` to a block's autoscaler."""

    block_id: str


class ScaleUp(Struct, frozen=True):
    """Add `count` instances by hand; AIOS checks no limit."""

    block_id: str
    cluster_id: str
    count: int


class ScaleDown(Struct, frozen=True):
    """Remove the named instances by hand; their requests in flight are lost."""

    block_id: str
    cluster_id: str
    instance_ids: tuple[str, ...]


class UploadArchive(Struct, frozen=True):
    """Put a policy archive on the upload server; the same name overwrites silently."""

    file_name: str
    content: bytes


class RegisterPolicy(Struct, frozen=True):
    """Create a record in the policy registry (POST)."""

    record: Mapping[str, Any]


class UpdatePolicy(Struct, frozen=True):
    """Replace a record in the policy registry (PUT, all 17 fields)."""

    uri: str
    record: Mapping[str, Any]


class BindPolicy(Struct, frozen=True):
    """Point a block at a registered autoscaler policy; takes effect at the next restart of its executor."""

    block_id: str
    uri: str


class RestartExecutor(Struct, frozen=True):
    """Delete the executor's pod, which Kubernetes recreates: the only way to load another policy.

    It also restarts the executor's queue, load balancer and health checker: queued requests are lost.
    """

    block_id: str
    pod_name: str
    namespace: str = "blocks"


class Manage(Struct, frozen=True):
    """Any other management action of a policy, e.g. `update_thresholds`."""

    block_id: str
    action: str
    data: Mapping[str, Any] = field(default_factory=dict)


Change = (
    ResetCooldown
    | ScaleUp
    | ScaleDown
    | UploadArchive
    | RegisterPolicy
    | UpdatePolicy
    | BindPolicy
    | RestartExecutor
    | Manage
)


class PreparedRequest(Struct, frozen=True):
    """A change as it will stand on the wire; what the confirm dialog shows is what is sent."""

    change: Change
    method: str
    url: str
    body: Any = None
    """The JSON body; for an upload a description of the form, never the bytes."""


class Fate(StrEnum):
    """What became of a change."""

    DONE = "done"
    FAILED = "failed"
    """AIOS said no: the innermost `success` was false, or the policy answered an error or nothing."""
    REFUSED = "refused"
    """The console did not send it."""
    UNKNOWN = "unknown"
    """Sent, but no answer came: it may or may not have happened. Never sent again by itself."""


class Outcome(Struct, frozen=True):
    """The end of one change."""

    fate: Fate
    message: str
    """One sentence: the cause, and the next step where there is one."""
    sent_at: float | None = None
    """Unix seconds; None when nothing was sent."""
    seconds: float | None = None
    answer: Any = None
    """The decoded innermost answer, if any."""

    @property
    def exit_code(self) -> int:
        """The process exit code of a headless command with this outcome."""
        return {Fate.DONE: 0, Fate.FAILED: 1, Fate.REFUSED: 1, Fate.UNKNOWN: 3}[self.fate]


class Plan(Struct, frozen=True):
    """A change that waits for the operator's yes: the confirm dialog and the CLI prompt show exactly this."""

    title: str
    """Verb, block and context in one line."""
    requests: tuple[PreparedRequest, ...]
    seen: str
    """The values this plan was made from, e.g. "replicas 3 (reported 2 s ago)"."""
    effect: str
    """Predicted effect, one sentence."""
    undo: str
    """The way back, one sentence; says so when there is none."""
    precondition: Mapping[str, Any] = field(default_factory=dict)
    """Values re-read before sending; a difference refuses the plan."""
    warnings: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    """What needs a yes of its own, for it brings code that nobody here has looked at."""
