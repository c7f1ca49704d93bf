"""What is odd about a block's data, in words: shown, for a figure that looks fine may come from data that are not."""

from collections.abc import Iterator

from aios_top.model.span import span
from aios_top.model.state import BlockState
from aios_top.render.numbers import count

_MOST_NAMES = 3


def data_notes(block: BlockState) -> Iterator[str]:
    """Yield one sentence for each oddity of the newest data."""
    skew = block.clock_skew_seconds
    if skew is not None:
        yield f"server clock {'+' if skew > 0 else '-'}{span(abs(skew))}: ages and rates are corrected by it"
    if block.dropped:
        yield f"{count(block.dropped, 'metric document')} could not be read"
    if block.duplicates:
        yield f"listed more than once, the last one counts: {_some([f'{name} ×2' for name in block.duplicates])}"
    readings = [row.reading for row in block.instances if row.reading is not None]
    unusable = [f"{reading.instance_id} {problem}" for reading in readings for problem in reading.problems]
    if unusable:
        yield f"cannot be used and counts nowhere: {_some(unusable)}"
    names = dict.fromkeys((str(block.block_id), *(str(row.instance_id) for row in block.instances)))
    odd = [name for name in names if not name.isascii()]
    if odd:
        yield f"names with characters that may look like others: {_some(odd)}"


def _some(texts: list[str]) -> str:
    more = len(texts) - _MOST_NAMES
    return ", ".join(texts[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
