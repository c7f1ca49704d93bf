"""Evaluates every new decision again with the policy file at hand, off the engine's loop, and keeps what came out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from aios_top.engine.polled import replay
from aios_top.engine.ports import Rule, Rules
from aios_top.engine.reevaluate import reevaluate
from aios_top.model.decision import Decision, Origin
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.policy_state import Voice
from aios_top.model.rule_call import RuleError
from aios_top.model.state import BlockState
from aios_top.model.text import Clean, clean
from aios_top.model.verification import PolicyFile, Verification
from aios_top.model.verified import of_these

AT_ONCE = 128
"""Decisions of one block per pass: under 50 ms in the child."""
RETRY_SECONDS = 60.0
"""A file that could not be run is tried again after this long."""
_NOTE = 300

Found = tuple[dict[tuple[object, ...], Reevaluation], dict[tuple[object, ...], Decision]]
"""Results and replays by `Decision.key`, as a `Verification` has them."""


class _Work(Struct, frozen=True):
    """The decisions of one block that are still to be evaluated, oldest first."""

    block: BlockState
    decisions: tuple[Decision, ...]


class Verifier:
    """Keeps one `Verification` per block; one pass at a time, each in one child process that ends with it."""

    def __init__(self, rules: Rules, file: PolicyFile, monotonic: Callable[[], float]) -> None:
        self.file = file
        self._rules = rules
        self._monotonic = monotonic
        self._verifications: dict[Clean, Verification] = {}
        self._task: asyncio.Task[None] | None = None
        self._not_before = float("-inf")

    def of(self, block_id: Clean) -> Verification | None:
        """Return what is known of a block, None before its first pass."""
        return self._verifications.get(block_id)

    def offer(self, blocks: Mapping[str, BlockState]) -> None:
        """Begin a pass when there is something new and none is under way."""
        if (self._task is None or self._task.done()) and self._monotonic() >= self._not_before:
            work = self._work(blocks)
            if work:
                self._task = asyncio.create_task(self._pass(work))

    async def finish(self, blocks: Mapping[str, BlockState]) -> None:
        """Evaluate everything that is new, however many passes it takes; ends early when the file cannot be run."""
        while self._monotonic() >= self._not_before and (work := self._work(blocks)):
            await self._pass(work)

    async def close(self) -> None:
        """Wait for the pass under way: its child ends with it."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _work(self, blocks: Mapping[str, BlockState]) -> list[_Work]:
        return [
            work for block in blocks.values() if concerns(self.file, block) and (work := self._new(block)) is not None
        ]

    def _new(self, block: BlockState) -> _Work | None:
        known = self._verifications.get(block.block_id)
        done = known.results if known is not None else {}
        fresh = [entry for entry in reversed(block.decisions) if entry.key not in done][:AT_ONCE]
        askable = tuple(entry for entry in fresh if is_askable(self.file, entry))
        return _Work(block, askable) if askable else None

    async def _pass(self, work: list[_Work]) -> None:
        try:
            found = await asyncio.to_thread(self._evaluate, work)
        except RuleError as error:
            self._not_before = self._monotonic() + RETRY_SECONDS
            for entry in work:
                self._note_problem(entry.block, clean(str(error), _NOTE))
        else:
            for entry, outcome in zip(work, found, strict=True):
                self._merge(entry.block, *outcome)

    def _evaluate(self, work: list[_Work]) -> list[Found]:
        """Run in a worker thread."""
        with self._rules.start(self.file.source) as rule:
            return [evaluated(rule, entry.block, entry.decisions) for entry in work]

    def _merge(
        self,
        block: BlockState,
        results: Mapping[tuple[object, ...], Reevaluation],
        replays: Mapping[tuple[object, ...], Decision],
    ) -> None:
        """Take results over, and forget those of decisions that the block no longer keeps."""
        known = self._known(block)
        grown = replace(known, results={**known.results, **results}, replays={**known.replays, **replays}, problem=None)
        self._verifications[block.block_id] = of_these(grown, block.decisions)

    def _note_problem(self, block: BlockState, problem: Clean) -> None:
        self._verifications[block.block_id] = replace(self._known(block), problem=problem)

    def _known(self, block: BlockState) -> Verification:
        return self._verifications.get(block.block_id) or Verification(self.file.name, self.file.sha256)


def concerns(file: PolicyFile, block: BlockState) -> bool:
    """Return whether a file claims to be what runs there: it was named for this, or its name is reported."""
    if file.chosen:
        return block.policy.voice in {Voice.FULL, Voice.SILENT, Voice.UNREACHABLE}
    return block.policy.policy_name is not None and block.policy.policy_name == file.policy_name


def is_askable(file: PolicyFile, decision: Decision) -> bool:
    """Return whether a file can be asked about a decision: of one that was inferred only when it was named for this."""
    return decision.origin is Origin.REPORTED or (decision.origin is Origin.INFERRED and file.chosen)


def evaluated(rule: Rule, block: BlockState, decisions: Sequence[Decision]) -> Found:
    """Return what the file makes of a block's decisions; raises RuleError when its process is gone."""
    recorded = [entry for entry in decisions if entry.origin is Origin.REPORTED]
    unrecorded = [entry for entry in decisions if entry.origin is not Origin.REPORTED]
    found = zip(recorded, reevaluate(rule, recorded), strict=True)
    results = {entry.key: replace(result, at=entry.at) for entry, result in found}
    unheard = Reevaluation(Match.NOT_VERIFIABLE, Clean("the policy keeps no record of it"))
    results |= {entry.key: replace(unheard, at=entry.at) for entry in unrecorded}
    return results, replay(rule, block, unrecorded)
