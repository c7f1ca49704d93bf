"""What the console needs of the world, and what its app offers to dialogs and commands.

`Cockpit` is the only way out: `aios_top.engine` stands behind it on a thread of its own, tests put a fake there.
`Console` is the app as its dialogs and commands see it, so that they need not import it.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from textual.screen import ModalScreen

from aios_top.console.keys import Key
from aios_top.console.settings import Setting
from aios_top.console.view import ViewState
from aios_top.model.audit import AuditEntry
from aios_top.model.capsule import CapsuleWish, CapsuleWritten
from aios_top.model.change import Outcome, Plan
from aios_top.model.deploy import DeployState
from aios_top.model.lint import LintReport
from aios_top.model.lint_facts import Facts
from aios_top.model.load import Api, Estimate, LoadLimits, LoadPlan, LoadState
from aios_top.model.moment import Moment
from aios_top.model.recording import Mark, RecordingState
from aios_top.model.shadow import ShadowState
from aios_top.model.state import BlockState, FleetState
from aios_top.model.tryout import SimulationWish, Tryout
from aios_top.model.verdict import Severity
from aios_top.render.timebar import Travel

T = TypeVar("T")


class Gate(Protocol):
    """The write gate; the engine enforces it, the console only shows it and asks it to move."""

    @property
    def writable(self) -> bool:
        """Whether changes are sent at all."""

    @property
    def read_only(self) -> bool:
        """Whether it was locked at the start and cannot be opened."""

    def toggle(self) -> bool:
        """Open or close it; return whether it is open now. A locked gate stays closed."""


class Cockpit(Protocol):
    """The engine as the console meets it.

    Plain methods may be called on any thread and return at once. Coroutine methods belong to the engine's loop and
    are started with `submit`. `plan_*` raise ActionRefusedError or ReadError with a sentence to show.
    """

    @property
    def gate(self) -> Gate:
        """The write gate."""

    @property
    def production(self) -> bool:
        """Whether the context is marked production."""

    def now(self) -> float:
        """Return unix seconds of the engine's clock, in which all times of a state are."""

    def latest(self) -> FleetState:
        """Return the newest state; an empty one with sequence 0 before the first poll."""

    def subscribe(self, callback: Callable[[FleetState], None]) -> Callable[[], None]:
        """Call `callback` with every new state, on the engine's thread; return the way to stop that."""

    def submit(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        """Start an engine coroutine on the engine's loop."""

    def load_state(self) -> LoadState | None:
        """Return the running or last load test."""

    def deploy_state(self) -> DeployState | None:
        """Return the running or last deploy."""

    def audit_entries(self) -> Sequence[AuditEntry]:
        """Return the operator's record, oldest first."""

    async def refresh(self) -> None:
        """Poll now."""

    async def set_poll_seconds(self, seconds: float) -> None:
        """Change the polling period."""

    async def plan_reset(self, block_id: str) -> Plan:
        """Prepare a cooldown reset."""

    async def plan_scale(self, block_id: str, replicas: int | None, change: int | None) -> Plan:
        """Prepare a scaling by hand: to a number of replicas, or by a difference."""

    async def plan_restart(self, block_id: str) -> Plan:
        """Prepare a restart of the block's executor, which reloads its policy."""

    async def plan_bind(self, block_id: str, uri: str) -> Plan:
        """Prepare to bind the block to another registered policy, e.g. the one before."""

    def shadow_state(self) -> ShadowState | None:
        """Return the running or last comparison of a draft with a running policy."""

    def tryout(self) -> Tryout | None:
        """Return the running or last simulation or what-if."""

    async def simulate(self, wish: SimulationWish, block: BlockState | None) -> None:
        """Begin a simulation; raises ActionRefusedError."""

    async def what_if(self, block: BlockState, changes: Mapping[str, Any]) -> None:
        """Begin to take a block's decisions again with changed parameters; raises ActionRefusedError."""

    async def tryout_ended(self) -> Tryout | None:
        """Wait for the running one to end."""

    async def stop_tryout(self) -> None:
        """Stop the running one."""

    async def start_shadow(self, block_id: str, values: Mapping[str, Any], path: str | None) -> ShadowState:
        """Let a draft decide beside a block's policy; sends nothing that changes anything."""

    async def stop_shadow(self) -> None:
        """End the comparison; what was found stays to be read."""

    async def execute(self, plan: Plan) -> Outcome:
        """Carry out a plan: gate, precondition, audit, one request each."""

    def lint_report(self, block_id: str) -> LintReport | None:
        """Return what was last found wrong with a block, None before the first look; an old look is repeated."""

    async def policy_facts(self, block_id: str, path: str | None = None) -> Facts:
        """Return everything that is known of a block's policy; `path` names the local one to compare with."""

    async def plan_set(self, block_id: str, values: Mapping[str, Any]) -> Plan:
        """Prepare other parameters of the running policy."""

    async def plan_pause(self, block_id: str, seconds: float, direction: str, reason: str) -> Plan:
        """Prepare a pause of a block's scaling."""

    async def plan_resume(self, block_id: str) -> Plan:
        """Prepare the end of a pause."""

    async def plan_force(self, block_id: str, change: int, ignore_cooldown: bool, reason: str) -> Plan:
        """Prepare a scaling that the policy carries out at its next evaluation."""

    async def plan_cancel(self, block_id: str) -> Plan:
        """Prepare to take back a scaling that waits for the next evaluation."""

    async def plan_deploy(self, folder: str, block_ids: Sequence[str], restart: bool) -> Plan:
        """Pack and inspect the policy in `folder` and prepare its deploy."""

    async def run_deploy(self, plan: Plan, progress: Callable[[DeployState], None]) -> DeployState:
        """Carry out a prepared deploy; `progress` is called on the engine's thread."""

    @property
    def load_limits(self) -> LoadLimits:
        """How much load one run may make."""

    def load_target(self, api: Api) -> str:
        """Return the base URL that a load test would be sent to; raises ReadError when there is none."""

    def load_estimate(self, plan: LoadPlan) -> Estimate:
        """Return what a plan comes to; raises ActionRefusedError with all that is out of bounds."""

    def aimed_load(self, block_id: str, percent: float, seconds: float) -> LoadPlan:
        """Return the load that makes the block's policy scale up; raises ActionRefusedError."""

    async def start_load(self, plan: LoadPlan) -> None:
        """Start a load test."""

    async def stop_load(self) -> None:
        """Stop sending; a second call also gives up on the requests in flight."""

    async def change_load_rate(self, factor: float) -> None:
        """Multiply the present rate of the running load test."""

    async def next_load_stage(self) -> None:
        """Go on to the next stage of the running load test."""

    async def hold_load(self) -> None:
        """Let the running load test stay at its present rate, or go on."""

    def recording(self) -> RecordingState | None:
        """Return how the recording of this console stands, None where there can be none."""

    async def toggle_recording(self) -> None:
        """Begin to record, or end it."""

    def screen_stalled(self) -> None:
        """Stop what nobody can watch any more; called on any thread when the screen is not read."""


class Past(Protocol):
    """What was recorded, as the console goes through it. All methods may be called on any thread and may take a while.

    They raise PastError when the recording cannot be read.
    """

    @property
    def closed(self) -> bool:
        """Whether it is a file by itself and not the past of what is running."""

    def times(self) -> Sequence[float]:
        """Return unix seconds of every moment there is, ascending."""

    def moment(self, at: float) -> Moment:
        """Return the moment of the newest poll at a time."""

    def regard(self, block_id: str | None) -> None:
        """Take note of the block that is looked at in the newest moment; returns at once."""

    def let_go(self, *, shown: bool) -> None:
        """Free the moment before the newest one, and the newest, too, when it is not shown any more."""

    def marks(self) -> Sequence[Mark]:
        """Return what happened, oldest first."""

    def hand_over(self, wish: CapsuleWish) -> CapsuleWritten:
        """Write a part of it as a capsule; raises PastError with a sentence when that cannot be."""


class Console(Protocol):
    """The app as dialogs and commands see it."""

    @property
    def cockpit(self) -> Cockpit:
        """The engine."""

    @property
    def state(self) -> FleetState:
        """The state on the screen; older than `cockpit.latest()` while paused."""

    @property
    def view(self) -> ViewState:
        """What is being looked at."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """The key table in force, with the operator's own keys."""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """The settings in force, for the page that shows them."""

    @property
    def past(self) -> Past | None:
        """What was recorded, None where there is no past to go to."""

    def travel(self, moment: Moment | None, travel: Travel | None, block_id: str | None = None) -> None:
        """Show a moment of the past, or with None the present again."""

    def play(self, speed: float | None) -> None:
        """Let the past run at a speed, or stand still."""

    def act(self, action: str) -> None:
        """Do what the key of this action does: the command palette's way in."""

    def look(self, view: ViewState) -> None:
        """Make `view` the view and redraw what changed."""

    def toast(self, message: str, severity: Severity = Severity.HEALTHY) -> None:
        """Show a short message above the footer; the text is made safe here."""

    async def ask(self, dialog: ModalScreen[T]) -> T | None:
        """Show a dialog and return its answer, None when it was dismissed; call it inside a worker."""

    async def engine(self, call: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        """Run an engine coroutine on the engine's loop and wait for it without stopping the screen."""

    def leave(self, code: int = 0) -> None:
        """Quit with this exit code."""


Command = Callable[[Console], Coroutine[Any, Any, None]]
"""What one key does; `console.commands.COMMANDS` maps action ids of `console.keys` to these, run as a worker each."""
