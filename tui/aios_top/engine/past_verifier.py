"""Evaluates decisions of the moment on the screen again with a policy file, on a thread that stands aside for jumps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Condition, Thread

from msgspec import Struct
from msgspec.structs import replace

from aios_top.engine.ports import Rule, Rules
from aios_top.engine.verify import Found, concerns, evaluated, is_askable
from aios_top.model.decision import MAX_DECISIONS, Decision
from aios_top.model.explanation import Match
from aios_top.model.late import Once
from aios_top.model.rule_call import RuleError
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean, clean
from aios_top.model.verification import PolicyFile, Verification
from aios_top.model.verified import as_of, with_verifications

QUIET_SECONDS = 0.2
"""How long a moment stands on the screen before its decisions are evaluated: who steps through time waits for none."""
_AT_ONCE = 8
"""Decisions between two looks at whether a jump waits: reading them takes a few milliseconds."""
_MOST_RESULTS = 4 * MAX_DECISIONS
_NOTE = 300


class _Wish(Struct, frozen=True, eq=False):
    """A moment, and the block that is looked at in it."""

    state: FleetState
    block_id: str | None


class PastVerifier:
    """Adds to moments of the past what the file makes of their decisions, as far as it has come.

    Of the block that is looked at these are all the moment shows, as in the running console; of every other one it is
    the newest, which tells whether its code is the file. A recording holds hundreds of thousands that nobody looks at.
    """

    def __init__(
        self,
        rules: Rules,
        file: PolicyFile,
        tell: Callable[[], None] = lambda: None,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        """`tell` is called on the verifier's thread when more is known of the moment that was completed last."""
        self.tell = tell
        self._rules = rules
        self._file = file
        self._quiet_seconds = quiet_seconds
        self._known: dict[Clean, Verification] = {}
        self._problem: Clean | None = None
        """Why the file cannot be run at all."""
        self._change = Condition()
        self._wish: _Wish | None = None
        """What is to be looked into; None when that is done."""
        self._shown: _Wish | None = None
        self._untold = False
        self._jumps = 0
        """Jumps that are under way."""
        self._ended = False
        self._thread: Thread | None = None

    def complete(self, state: FleetState) -> FleetState:
        """Return a state with what is known of its decisions; the rest is looked into when it stands on the screen."""
        with self._change:
            self._untold = False
            self._want(_Wish(state, None if self._shown is None else self._shown.block_id))
        return with_verifications(state, lambda block_id: self._of(state, block_id))

    def regard(self, block_id: str | None) -> None:
        """Look into this block of the moment; the first call begins the work."""
        with self._change:
            if self._shown is not None and (self._thread is None or self._shown.block_id != block_id):
                self._want(_Wish(self._shown.state, block_id))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="aios-top-verifier", daemon=True)
            self._thread.start()

    @contextmanager
    def standing_aside(self) -> Iterator[None]:
        """Do nothing until the end of the block: somebody waits for a jump."""
        with self._change:
            self._jumps += 1
        try:
            yield
        finally:
            with self._change:
                self._jumps -= 1
                self._change.notify_all()

    def wait(self, seconds: float | None) -> bool:
        """Wait until nothing is left to look into, at most so long; return whether that is so."""
        with self._change:
            return self._change.wait_for(lambda: self._wish is None, seconds)

    def close(self) -> None:
        """End it."""
        with self._change:
            self._ended = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    # -- the thread

    def _run(self) -> None:
        while (wish := self._next()) is not None:
            self._untold = self._look_into(wish) or self._untold
            with self._change:
                done = self._wish is wish and not self._jumps
                if done:
                    self._wish = None
                    self._change.notify_all()
            if done and self._untold:
                self.tell()

    def _next(self) -> _Wish | None:
        """Return what is to be looked into when nothing newer has come for a while, None at the end."""
        with self._change:
            while not self._ended:
                wish = self._wish
                waited = None if wish is None or self._jumps else self._quiet_seconds
                if not self._change.wait(waited) and wish is self._wish:
                    return wish
        return None

    def _want(self, wish: _Wish) -> None:
        self._wish = self._shown = wish
        self._change.notify_all()

    def _is_over(self, wish: _Wish) -> bool:
        """Return whether a wish is out of date, or somebody waits for a jump."""
        return self._ended or bool(self._jumps) or self._wish is not wish

    def _look_into(self, wish: _Wish) -> bool:
        """Evaluate what is not known yet, the block that is looked at first; return whether something became known."""
        news = False
        blocks = sorted(wish.state.blocks.values(), key=lambda block: block.block_id != wish.block_id)
        with ExitStack() as stack:
            rule = Once(lambda: stack.enter_context(self._rules.start(self._file.source)))
            for block in blocks:
                if self._problem is not None or self._is_over(wish):
                    break
                if concerns(self._file, block):
                    news = self._look_into_block(rule, wish, block) or news
        return news

    def _look_into_block(self, rule: Once[Rule], wish: _Wish, block: BlockState) -> bool:
        news = False
        try:
            for decisions in self._fresh(wish, block):
                self._take(block, evaluated(rule(), block, decisions), decisions)
                news = True
        except RuleError as error:
            self._problem, news = clean(str(error), _NOTE), True
        except Exception as error:  # noqa: BLE001 - a damaged recording: it is said and not the end
            problem, known = clean(str(error), _NOTE), self._of_block(block.block_id)
            news = news or known.problem != problem
            self._known[block.block_id] = replace(known, problem=problem)
        return news

    def _fresh(self, wish: _Wish, block: BlockState) -> Iterator[Sequence[Decision]]:
        """Yield what a block shows of decisions that are not evaluated yet, newest first, until the wish is over."""
        entries = block.decisions if block.block_id == wish.block_id else block.decisions[:1]
        batch: list[Decision] = []
        for entry in entries:
            if self._is_over(wish):
                return
            if is_askable(self._file, entry) and entry.key not in self._of_block(block.block_id).results:
                batch.append(entry)
            if len(batch) == _AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch

    # -- what is known

    def _of(self, state: FleetState, block_id: Clean) -> Verification | None:
        if self._problem is not None and concerns(self._file, state.blocks[block_id]):
            return Verification(self._file.name, self._file.sha256, problem=self._problem)
        known = self._known.get(block_id)
        return None if known is None else as_of(known, state.at)

    def _of_block(self, block_id: Clean) -> Verification:
        return self._known.get(block_id) or Verification(self._file.name, self._file.sha256)

    def _take(self, block: BlockState, found: Found, decisions: Sequence[Decision]) -> None:
        """Keep what came out; of moments that were looked at long ago it is forgotten."""
        known, (results, replays) = self._of_block(block.block_id), found
        if len(known.results) > _MOST_RESULTS:
            known = Verification(known.file_name, known.file_sha256, first_difference=known.first_difference)
        differing = [entry for entry in decisions if results[entry.key].match is Match.DIFFERS]
        if known.first_difference is not None:
            differing.append(known.first_difference)
            results = {known.first_difference.key: known.results[known.first_difference.key], **results}
        self._known[block.block_id] = replace(
            known,
            results={**known.results, **results},
            replays={**known.replays, **replays},
            problem=None,
            first_difference=min(differing, key=lambda entry: entry.at, default=None),
        )
