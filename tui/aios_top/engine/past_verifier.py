"""Evaluates the decisions of a recording again with a policy file, on a thread of its own while it is looked at."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Event, Thread

from msgspec.structs import replace

from aios_top.engine.ports import Rules
from aios_top.engine.reevaluate import reevaluate
from aios_top.engine.verify import AT_ONCE, concerns
from aios_top.model.decision import Decision, Origin
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean, clean
from aios_top.model.verification import PolicyFile, Verification
from aios_top.model.verified import as_of, with_verifications

_NOTE = 300


class PastVerifier:
    """Adds to moments of the past what the file makes of their decisions, as far as it has come."""

    def __init__(self, rules: Rules, file: PolicyFile, decisions: Callable[[str], Iterable[Decision]]) -> None:
        """Take what reads the decisions of a block, oldest first; one that comes again was confirmed since."""
        self._rules = rules
        self._file = file
        self._decisions = decisions
        self._known: dict[Clean, Verification] = {}
        self._ended, self._done = Event(), Event()
        self._thread: Thread | None = None

    def start(self, blocks: Mapping[str, BlockState]) -> None:
        """Begin with the blocks that the file may run for."""
        names = [block.block_id for block in blocks.values() if concerns(self._file, block)]
        self._thread = Thread(target=self._run, args=(names,), name="aios-top-verifier", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None) -> bool:
        """Wait until all is evaluated, at most so long; return whether it is."""
        return self._done.wait(seconds)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def complete(self, state: FleetState) -> FleetState:
        """Return a state with what is known of its decisions."""

        def of(block_id: Clean) -> Verification | None:
            known = self._known.get(block_id)
            return None if known is None else as_of(known, state.at)

        return with_verifications(state, of)

    def _run(self, names: Iterable[Clean]) -> None:
        for name in names:
            known = Verification(self._file.name, self._file.sha256)
            try:
                with self._rules.start(self._file.source) as rule:
                    for decisions in _batches(self._decisions(name)):
                        if self._ended.is_set():
                            return
                        known = self._known[name] = _merged(known, decisions, reevaluate(rule, decisions))
            except Exception as error:  # noqa: BLE001 - a damaged recording, or a file that cannot be run: both are said
                self._known[name] = replace(known, problem=clean(str(error), _NOTE))
        self._done.set()


def _batches(decisions: Iterable[Decision]) -> Iterator[Sequence[Decision]]:
    told = (entry for entry in decisions if entry.origin is Origin.REPORTED)
    while batch := tuple(islice(told, AT_ONCE)):
        yield batch


def _merged(known: Verification, decisions: Sequence[Decision], results: Sequence[Reevaluation]) -> Verification:
    found = {entry.key: result for entry, result in zip(decisions, results, strict=True)}
    differing = (entry for entry in decisions if found[entry.key].match is Match.DIFFERS)
    return replace(
        known, results={**known.results, **found}, first_difference=known.first_difference or next(differing, None)
    )
