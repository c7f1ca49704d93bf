"""What the engine needs of the world, as Protocols.

`aios` and `store` satisfy them by shape, never by import; `cli.wiring` introduces them.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from aios_top.model.audit import AuditEntry
from aios_top.model.change import Change, Outcome, PreparedRequest
from aios_top.model.decision import Decision
from aios_top.model.deploy import Bundle, PolicyCode
from aios_top.model.fact import Backfilled
from aios_top.model.load import Api
from aios_top.model.load_job import LoadJob, LoadNews, Order
from aios_top.model.policy_state import DecisionPage, ParameterReport, PolicyReport
from aios_top.model.reading import BlockReading, FleetReading, HealthReading
from aios_top.model.record import BlockRecord, Pod, PolicyRecord
from aios_top.model.rule_call import RuleAnswer, RuleCall
from aios_top.model.simulation import SimulationPlan, SimulationReport
from aios_top.model.verification import PolicyFile
from aios_top.model.what_if import Question, WhatIf


class Clock(Protocol):
    """The engine's only source of time."""

    def now(self) -> float:
        """Return unix seconds that never step back: wall time at the start plus monotonic time since."""

    def monotonic(self) -> float:
        """Return monotonic seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a test's clock wakes its sleepers when it is advanced."""


class Reads(Protocol):
    """The read list: everything here only asks. Every method raises ReadError."""

    async def fleet(self) -> FleetReading:
        """Return all blocks' metric documents (`POST :30201/block/query`, or its `/block/aggregate` projection)."""

    async def block(self, block_id: str) -> BlockReading | None:
        """Return one block's documents (`GET :30201/block/<id>`), None when AIOS has none."""

    async def health(self, block_id: str) -> tuple[HealthReading, ...]:
        """Return AIOS's own health rows (`GET :30201/block/health/<id>`)."""

    async def records(self) -> tuple[BlockRecord, ...]:
        """Return all block records (`GET :30100/blocks`)."""

    async def record(self, block_id: str) -> BlockRecord | None:
        """Return one block record, None when unknown."""

    async def policies(self) -> tuple[PolicyRecord, ...]:
        """Return all registered policies, duplicates included (`POST :30102/policy/query`)."""

    async def policy(self, uri: str) -> PolicyRecord | None:
        """Return the registered policy that AIOS would load for `uri`, None when there is none."""

    async def policy_report(self, block_id: str) -> PolicyReport:
        """Ask the running policy for its state (management action `get_state`); silence is a report, not an error."""

    async def decisions(self, block_id: str, since: int, boot_id: str | None, limit: int = 256) -> DecisionPage | None:
        """Ask the running policy for decisions after `since`; None when it does not keep any."""

    async def parameters(self, block_id: str) -> ParameterReport | None:
        """Ask the running policy for its parameters; None when it does not tell."""

    async def dry_run(self, block_id: str, parameters: Mapping[str, Any]) -> Decision | None:
        """Ask the running policy what its last evaluation would have decided with these parameters (`dry_run`).

        None when it does not know the question; nothing is changed either way.
        """

    async def served(self, url_path: str, limit: int) -> bytes:
        """Return a file of the static policy server (`GET :32555/<file>`), at most `limit` bytes."""

    def served_url(self, file_name: str) -> str:
        """Return the URL under which the static policy server serves `file_name`, as a registration's `code`."""

    async def pods(self, block_id: str) -> tuple[Pod, ...]:
        """Return the block's pods (`GET <mapping>/getInstances`); ReadError `no_address` where none is configured."""

    def has(self, endpoint: str) -> bool:
        """Return whether an address for the endpoint is configured."""

    async def close(self) -> None:
        """Close the connections."""


class Mutations(Protocol):
    """The only sender of changes: one attempt on a fresh connection, never repeated."""

    def prepare(self, change: Change) -> PreparedRequest:
        """Return the request as it would be sent; raises ReadError `no_address` when no endpoint is configured."""

    async def send(self, change: Change) -> Outcome:
        """Send it once. The innermost `success` decides; no answer in time is UNKNOWN, not FAILED."""


class Audit(Protocol):
    """The operator's record; an intent is on disk before its request is sent."""

    def intent(self, fields: Mapping[str, Any]) -> int:
        """Write and fsync what is about to be sent; return its number. Raises OSError: then nothing may be sent."""

    def outcome(self, intent: int, fields: Mapping[str, Any]) -> None:
        """Write what became of an intent."""

    def refused(self, fields: Mapping[str, Any]) -> None:
        """Write what was not sent, and why."""

    def note(self, fields: Mapping[str, Any]) -> None:
        """Write what was found out between the steps of a change."""

    def entries(self) -> Sequence[AuditEntry]:
        """Return all entries, oldest first."""


class Bundles(Protocol):
    """Turns a policy on disk into inspected bytes and a checked registration."""

    def load(self, path: str) -> Bundle:
        """Return the bundle of a folder or an archive; raises ActionRefusedError that names every problem."""

    def read(self, content: bytes) -> PolicyCode:
        """Inspect an archive in memory: what is wrong with it is in the answer, never raised."""

    def at_hand(self, uri: str) -> Bundle | None:
        """Return the policy with this uri that is on this machine anyway, None when there is none."""


class Rule(Protocol):
    """A policy file that runs beside the console, for one caller at a time; methods block and raise RuleError."""

    def construct(self, settings: Mapping[str, Any], parameters: Mapping[str, Any], at: float = 0.0) -> None:
        """Make the rule as AIOS does when an autoscaler starts."""

    def evaluate(self, input_data: Any, metrics: Any, at: float, monotonic: float | None = None) -> Any:
        """Return what one evaluation at `at` (unix seconds) returns; `metrics` may be an exception to raise."""

    def management(self, action: Any, data: Any = None, at: float = 0.0) -> Any:
        """Return what one management command returns."""

    def batch(self, calls: Iterable[RuleCall]) -> list[RuleAnswer]:
        """Run many calls in order; what the policy raises is an answer's `error`."""


class Rules(Protocol):
    """Starts policy files beside the console."""

    def start(self, source: bytes) -> AbstractContextManager[Rule]:
        """Return a rule that runs from entering to leaving; entering raises RuleError."""

    def file(self, path: str | None) -> PolicyFile:
        """Return a policy's source by its file or folder, the shipped one for None; raises ActionRefusedError."""


class LoadFlight(Protocol):
    """One run of the load generator, in a process of its own."""

    def news(self) -> AsyncIterator[LoadNews]:
        """Yield what it tells until it ends; raises ReadError when it ends before its run does."""

    def order(self, order: Order) -> None:
        """Tell it something; one that has ended hears nothing."""

    async def close(self) -> None:
        """End it at once, with every request that is still under way."""


class LoadGenerator(Protocol):
    """Sends load."""

    def target(self, api: Api) -> str:
        """Return the base URL that requests go to; raises ReadError `no_address`."""

    async def resolve(self, url: str) -> str:
        """Return the one IP address that the host of `url` has now; raises ReadError."""

    async def start(self, job: LoadJob) -> LoadFlight:
        """Start a run; raises OSError when no process can be started."""


class LoadRuns(Protocol):
    """Keeps the reports of load tests on disk."""

    def claim(self) -> Callable[[], None]:
        """Take the one place that load tests of this account have and return what frees it.

        Raises ActionRefusedError when it is taken.
        """

    def save(self, name: str, files: Mapping[str, bytes]) -> str:
        """Write the files of one run and return their folder; raises OSError."""


class History(Protocol):
    """Somebody who knows what happened before the console started."""

    @property
    def name(self) -> str:
        """What it is called where its curves are, and among the services when it fails."""

    async def history(self, block_ids: Sequence[str], start: float, end: float) -> Sequence[Backfilled]:
        """Return the history of these blocks between two times, unix seconds; raises ReadError."""


class Workbench(Protocol):
    """Tries a policy out beside the console, in processes of its own; methods block, and raise RuleError.

    `progress` is told the share that is done, 0 to 1; what it raises ends the work.
    """

    def parameters(self, named: str) -> Mapping[str, Any]:
        """Return a shipped set by its name, else the one in a file; raises ActionRefusedError."""

    def simulate(
        self, plans: Sequence[SimulationPlan], progress: Callable[[float], None]
    ) -> Sequence[SimulationReport]:
        """Run simulations and return their reports in the order of the plans."""

    def what_if(self, decisions: Sequence[Decision], question: Question, progress: Callable[[float], None]) -> WhatIf:
        """Take a block's decisions again, oldest first."""
