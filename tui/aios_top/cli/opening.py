"""Opens the engine behind the console's first screen; imported then, for it brings all that asks and records."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from aios_top.cli.backfill import histories
from aios_top.cli.capsules import Gather, without_network
from aios_top.cli.credentials import known_secrets
from aios_top.cli.exits import INTERNAL
from aios_top.cli.installation import Installation
from aios_top.cli.past import OwnPast
from aios_top.cli.recording import recording_port
from aios_top.cli.settings import settings_of
from aios_top.cli.unpacked import remove_leftovers
from aios_top.cli.wiring import open_session
from aios_top.console.app import ConsoleApp
from aios_top.console.bridge import EngineCockpit
from aios_top.console.opening import Opened
from aios_top.engine.gate import WriteGate
from aios_top.engine.thread import EngineThread
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.lint_facts import Facts
from aios_top.model.state import FleetState
from aios_top.model.text import Clean
from aios_top.model.verification import Verification
from aios_top.model.verified import as_of, with_verifications

GRACE_SECONDS = 3.0
"""How long a change that is under way at the end may take to be answered and recorded."""


@contextmanager
def engine_of(
    installation: Installation,
    gate: WriteGate,
    app: ConsoleApp,
    *,
    records: bool,
    prometheus: str | None,
    earlier: bool,
) -> Iterator[Opened]:
    """Run the engine on a thread of its own until the end of the block; raises what opening it raised."""

    def failed(error: BaseException) -> None:
        """End the screen: it must not go on to show old figures."""
        app.crash = app.crash or error
        app.leave_from_thread(INTERNAL)

    remove_leftovers()
    port = recording_port(installation)
    before = histories(installation, prometheus, earlier=earlier)
    thread = EngineThread(
        lambda: open_session(installation, gate=gate, recording=port, records=records, histories=before), failed
    )
    cockpit = EngineCockpit(thread)
    past = OwnPast(
        cockpit.recorded, _gathering(cockpit), known_secrets(installation.credentials), _verified_now(cockpit)
    )
    try:
        yield Opened(cockpit, past, settings_of(installation, app.theme.removeprefix("aios-"), records=records))
    finally:
        past.close()
        thread.close(GRACE_SECONDS)


def _verified_now(cockpit: EngineCockpit) -> Callable[[FleetState], FleetState]:
    """Return what adds to a moment of this run's past what is known by now of its decisions."""

    def verified(then: FleetState) -> FleetState:
        blocks = cockpit.latest().blocks

        def of(block_id: Clean) -> Verification | None:
            known = blocks[block_id].verification if block_id in blocks else None
            return None if known is None else as_of(known, then.at)

        return with_verifications(then, of)

    return verified


def _gathering(cockpit: EngineCockpit) -> Gather:
    """Return how a capsule gets the policies' code: from AIOS, else what is known here."""

    def gather(state: FleetState) -> Sequence[Facts]:
        try:
            return cockpit.evidence(state)
        except (ReadError, ActionRefusedError, TimeoutError):
            return without_network(state)

    return gather
