"""Why one decision was taken, in full; it moves on with the block while the newest one is shown."""

from collections.abc import Callable
from typing import ClassVar

from aios_top.console.dialogs.dialog import Button, Dialog
from aios_top.model.decision import Decision
from aios_top.model.explained import explained
from aios_top.model.policy_state import Voice
from aios_top.model.present import at_present
from aios_top.model.state import BlockState
from aios_top.render.cells import Cell, Role, Row, row
from aios_top.render.explanation import explanation_rows
from aios_top.render.numbers import count

_TICK_SECONDS = 1.0
_OLDER = frozenset({"left_curly_bracket", "left", "h"})
_NEWER = frozenset({"right_curly_bracket", "right", "l"})


class ExplanationDialog(Dialog[None]):
    """A page to read; braces step through the block's decisions."""

    widest: ClassVar[int] = 190

    def __init__(self, look: Callable[[], BlockState | None], now: Callable[[], float], shown: Decision | None) -> None:
        """Show the decision `shown`, or the newest one of the block that `look` returns, for as long as it is so."""
        block = look()
        super().__init__(f"Why  {block.block_id if block else 'no block'}", buttons=(Button("close", "Close", "q"),))
        self._look = look
        self._now = now
        self._shown = shown

    def on_mount(self) -> None:
        """Let the countdown go on."""
        super().on_mount()
        self.set_interval(_TICK_SECONDS, self.draw)

    def body(self, columns: int) -> list[Row]:
        """Return the explanation, or why there is none."""
        block = self._look()
        if block is None:
            return [row(Cell("This block is gone.", Role.WARN))]
        decision = self._decision(block)
        place = _place(block, decision)
        return [self._position(block, place), *explanation_rows(explained(block, decision, self._now()), columns)]

    def press(self, _button: str) -> None:
        """Close."""
        self.answer(None)

    def _key(self, key: str, character: str | None) -> None:
        if key in _OLDER | _NEWER:
            self._step(1 if key in _OLDER else -1)
        elif key in {"x", "d"}:
            self.answer(None)
        else:
            super()._key(key, character)

    def _decision(self, block: BlockState) -> Decision:
        if self._shown is not None:
            # The same decision as it is known now: its confirmation may have come.
            return next((entry for entry in block.decisions if entry.key == self._shown.key), self._shown)
        return block.decisions[0] if block.decisions else at_present(block, self._now())

    def _step(self, step: int) -> None:
        block = self._look()
        if block is None or not block.decisions:
            return
        place = min(len(block.decisions) - 1, (_place(block, self._decision(block)) or 0) + step)
        self._shown = block.decisions[place] if place >= 0 else None
        self.top = 0

    def _position(self, block: BlockState, place: int | None) -> Row:
        """Say which of how many it is, and how to get to the others."""
        number = len(block.decisions)
        if block.policy.voice is Voice.ABSENT and not number:
            what = "no policy, so no decisions"
        elif not number:
            what = "no decision yet: what its rule makes of the present figures"
        elif self._shown is None:
            what = f"the newest of {count(number, 'decision')}, followed"
        elif place is None:
            what = "no longer kept"
        else:
            what = f"{place + 1} of {number}, counted from the newest"
        return row(Cell(what, Role.DIM), Cell("   { older  } newer" if number else "", Role.KEY))


def _place(block: BlockState, decision: Decision) -> int | None:
    return next((place for place, entry in enumerate(block.decisions) if entry.key == decision.key), None)
