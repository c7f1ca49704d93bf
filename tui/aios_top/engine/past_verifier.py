"""Evaluates decisions of the moment on the screen again with a policy file, on a thread that stands aside for jumps."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Condition, Thread

from msgspec import Struct
from msgspec.structs import replace

from aios_top.engine.ports import Rule, Rules
from aios_top.engine.verify import RETRY_SECONDS, Found, concerns, evaluated, is_askable
from aios_top.model.decision import Decision
from aios_top.model.explanation import Match
from aios_top.model.late import Once
from aios_top.model.rule_call import RuleError
from aios_top.model.state import BlockState, FleetState
from aios_top.model.text import Clean, clean
from aios_top.model.verification import PolicyFile, Verification
from aios_top.model.verified import as_of, of_these, with_verifications

QUIET_SECONDS = 0.2
"""How long a moment stands on the screen before its decisions are evaluated: who steps through time waits for none."""
_AT_ONCE = 8
"""Decisions between two looks at whether a jump waits: reading them takes a few milliseconds."""
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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tell` is called on the verifier's thread when more is known of the moment that was completed last."""
        self.tell = tell
        self._rules = rules
        self._file = file
        self._quiet_seconds = quiet_seconds
        self._monotonic = monotonic
        self._known: dict[Clean, Verification] = {}
        self._whole: dict[Clean, float] = {}
        """The moments of which a block's decisions are all evaluated."""
        self._problem: Clean | None = None
        """Why the file cannot be run at all."""
        self._retry_at = float("-inf")
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
        if self._problem is not None and self._monotonic() >= self._retry_at:
            self._problem = None
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
        """Evaluate what a block shows and is not evaluated yet, newest first; return whether something became known."""
        own, at = block.block_id == wish.block_id, wish.state.at
        if not own and self._whole.get(block.block_id) == at:
            return False
        entries = block.decisions if own else block.decisions[:1]
        shown: list[Decision] = []
        fresh: list[Decision] = []
        news = False
        try:
            for entry in entries:
                if self._is_over(wish):
                    return news
                if not is_askable(self._file, entry):
                    continue
                shown.append(entry)
                if entry.key not in self._of_block(block.block_id).results:
                    fresh.append(entry)
                if len(fresh) == _AT_ONCE:
                    news = self._take(block, evaluated(rule(), block, fresh), fresh)
                    fresh = []
            if fresh:
                news = self._take(block, evaluated(rule(), block, fresh), fresh)
            if own:
                self._whole[block.block_id] = at
            return self._forget_all_but(block.block_id, shown) or news
        except RuleError as error:
            self._problem = clean(str(error), _NOTE)
            self._retry_at = self._monotonic() + RETRY_SECONDS
            return True
        except Exception as error:  # noqa: BLE001 - a damaged recording: it is said and not the end
            problem, known = clean(str(error), _NOTE), self._of_block(block.block_id)
            self._known[block.block_id] = replace(known, problem=problem)
            return news or known.problem != problem

    # -- what is known

    def _of(self, state: FleetState, block_id: Clean) -> Verification | None:
        known = self._known.get(block_id)
        if self._problem is not None and concerns(self._file, state.blocks[block_id]):
            return replace(as_of(self._of_block(block_id), state.at), problem=self._problem)
        return None if known is None else as_of(known, state.at)

    def _of_block(self, block_id: Clean) -> Verification:
        return self._known.get(block_id) or Verification(self._file.name, self._file.sha256)

    def _take(self, block: BlockState, found: Found, decisions: Sequence[Decision]) -> bool:
        known, (results, replays) = self._of_block(block.block_id), found
        differing = [entry for entry in decisions if results[entry.key].match is Match.DIFFERS]
        if known.first_difference is not None:
            differing.append(known.first_difference)
        self._known[block.block_id] = replace(
            known,
            results={**known.results, **results},
            replays={**known.replays, **replays},
            first_difference=min(differing, key=lambda entry: entry.at, default=None),
            problem=None,
        )
        return True

    def _forget_all_but(self, block_id: Clean, shown: Sequence[Decision]) -> bool:
        """Keep what is known of the decisions that a moment shows, as the running console does."""
        known, keys = self._of_block(block_id), {entry.key for entry in shown}
        if known.results.keys() <= keys:
            return False
        self._known[block_id] = of_these(known, shown)
        return True
