"""Which blocks the fleet shows, in which order, and which of them is selected."""

import re
from collections.abc import Sequence

from aios_top.console.view import Sort, ViewState
from aios_top.model.state import Averages, BlockState, FleetState
from aios_top.model.verdict import Severity


def visible_blocks(state: FleetState, view: ViewState) -> list[BlockState]:
    """Return the blocks that pass the filter, sorted; the fleet's own order breaks ties."""
    matches = NameFilter(view.filter).matches
    blocks = [block for block in state.blocks.values() if matches(block.block_id)]
    if view.sort is not Sort.NAME:
        blocks.sort(key=lambda block: _rank(block, view), reverse=not view.descending)
    elif view.descending:
        blocks.reverse()
    return blocks


def _rank(block: BlockState, view: ViewState) -> float:
    """Return a number that is high for what an operator wants to see first."""
    means = block.averages.get(view.window, Averages())
    match view.sort:
        case Sort.STATE:
            return float(block.verdict.severity if block.verdict else Severity.HEALTHY)
        case Sort.REPLICAS:
            return float(block.replicas.reporting)
        case Sort.INPUT:
            return means.input_size or 0.0
        case Sort.OUTPUT:
            return means.output_size or 0.0
        case Sort.NAME:
            return 0.0


class NameFilter:
    """A filter as typed: `regex`, `!inverse`, `-f fuzzy`; a broken regex is taken literally."""

    def __init__(self, text: str) -> None:
        self._inverse = text.startswith("!")
        wanted = text.removeprefix("!")
        if wanted.startswith("-f "):
            pattern = ".*?".join(re.escape(character) for character in wanted[3:].strip())
        else:
            pattern = wanted
        try:
            self._pattern = re.compile(pattern, re.IGNORECASE)
        except re.error:
            self._pattern = re.compile(re.escape(pattern), re.IGNORECASE)

    def matches(self, name: str) -> bool:
        """Return whether `name` is to be shown."""
        return (self._pattern.search(name) is not None) is not self._inverse


def stepped(blocks: Sequence[BlockState], selected: str | None, step: int) -> str | None:
    """Return the id `step` rows further, stopping at both ends; a selection that is gone starts at the top."""
    ids = [str(block.block_id) for block in blocks]
    if not ids:
        return None
    place = ids.index(selected) if selected in ids else 0 if step else -1
    return ids[min(len(ids) - 1, max(0, place + (step if selected in ids else 0)))]
