"""The decision log: one line each, the selected one with its whole story below."""

from collections.abc import Iterable, Sequence
from heapq import merge, nlargest
from itertools import islice, repeat

from aios_top.model.decision import Decision, since
from aios_top.model.explanation import Explanation
from aios_top.model.policy_state import Voice
from aios_top.model.state import BlockState, FleetState
from aios_top.render.cells import Cell, Role, Row, clip, field, row
from aios_top.render.decisions import decision_cells
from aios_top.render.why import follow_up, origin_sentence, outlook_sentence, sentence
from aios_top.render.wrap import wrap

_BRIEF_COLUMNS = 56
"""A line narrower than this says why in the fewest words."""


def newest_decisions(state: FleetState, number: int) -> list[tuple[str, Decision]]:
    """Return the newest decisions of the whole fleet with their block, newest first.

    A log is not always in order of time: its policy may have been started again where the clock is behind. So what
    comes first in the logs only tells how far back to look, and no more of a log is read.
    """
    blocks = state.blocks.values()
    logs = (zip(repeat(block.block_id), block.decisions, strict=False) for block in blocks)
    found = list(islice(merge(*logs, key=lambda pair: -pair[1].at), number))
    if len(found) == number and number:
        oldest = min(entry.at for _, entry in found)
        found = [(block.block_id, entry) for block in blocks for entry in since(block.decisions, oldest)]
    return nlargest(number, found, key=lambda pair: pair[1].at)


def log_rows(
    entries: Sequence[tuple[str, Decision]], columns: int, *, names: int = 0, selected: int | None = None
) -> list[Row]:
    """Return one line per decision; `names` columns are given to the block's name, none when 0."""
    brief = columns - names < _BRIEF_COLUMNS
    return [
        Row(
            clip(
                (Cell(" "), *decision_cells(entry, field(name, names).text + " " if names else "", brief=brief)),
                columns,
            ),
            key=name,
            selected=number == selected,
        )
        for number, (name, entry) in enumerate(entries)
    ]


def story_rows(explanation: Explanation, columns: int) -> list[Row]:
    """Return why a decision was taken and what follows, in lines of at most `columns` columns."""
    again = explanation.reevaluation
    verified = "" if again is None else f"; evaluated again: {again.match}"
    texts = [
        (sentence(explanation), Role.TEXT),
        ("" if explanation.outlook is None else outlook_sentence(explanation.outlook), Role.ACCENT),
        (follow_up(explanation.decision), Role.DIM),
        (f"Source: {origin_sentence(explanation)}{verified}", Role.DIM),
    ]
    return [row(Cell(f"   {line}", role)) for text, role in texts if text for line in wrap(text, columns - 4)]


def log_note(blocks: Iterable[BlockState], *, polled: bool = True) -> str:
    """Return why there are no decisions to show; `polled`: AIOS was asked once."""
    if not polled:
        return "waiting for the first poll"
    voices = {block.policy.voice for block in blocks}
    if not voices:
        return "no decisions: no blocks"
    if voices == {Voice.ABSENT}:
        return "no decisions: no autoscaler policy"
    if voices == {Voice.SILENT}:
        return "no decisions seen yet: the policy does not tell, so they are inferred from what changes"
    if voices == {Voice.UNREACHABLE}:
        return "no decisions: the autoscaler does not answer"
    return "no decisions yet: the first one comes with the next evaluation"
