"""Replicas and fractions as a row of boxes."""

from aios_top.model.span import UNKNOWN
from aios_top.model.state import Replicas
from aios_top.render.cells import Cell, Role

FULL, COMING, FREE, BEYOND = "■", "□", "·", "+"


def replica_gauge(replicas: Replicas, boxes: int) -> tuple[Cell, ...]:
    """Return `[■■■□····]`: reporting, wanted, free up to the maximum; a `+` at the end is beyond the maximum."""
    have, want = replicas.reporting, wanted(replicas)
    scale = replicas.maximum or max(have, want, 1)
    slots = min(boxes, scale)
    filled = _boxes(have, scale, slots)
    coming = max(0, _boxes(want, scale, slots) - filled)
    over = max(have, want) > scale
    free = slots - filled - coming
    gauge = (
        Cell("[", Role.DIM),
        Cell(FULL * filled, Role.BAD if over else Role.ACCENT),
        Cell(COMING * coming, Role.UP),
        Cell(FREE * free, Role.DIM),
        Cell(BEYOND if over else "", Role.BAD),
        Cell("]", Role.DIM),
    )
    return tuple(cell for cell in gauge if cell.text)


def _boxes(number: int, scale: int, slots: int) -> int:
    """Return the boxes for `number`; one that is not zero has at least one, and only all fill all."""
    if number >= scale:
        return slots
    return min(slots - 1, max(1 if number else 0, round(slots * number / scale)))


def wanted(replicas: Replicas) -> int:
    """Return where the replicas are going: the last action's goal, else those that exist."""
    return replicas.best if replicas.desired is None else replicas.desired


def replica_count(replicas: Replicas, *, known: bool = True) -> str:
    """Return `3→4/8`: reporting, wanted when different, maximum; `?/8` when nothing says how many there are."""
    limit = "" if replicas.maximum is None else f"/{replicas.maximum}"
    if not known:
        return UNKNOWN + limit
    want = wanted(replicas)
    if want != replicas.reporting:
        return f"{replicas.reporting}→{want}{limit}"
    return f"{replicas.reporting}{limit}"


def bar(value: float | None, limit: float | None, columns: int, role: Role) -> tuple[Cell, ...]:
    """Return a bar of `columns` columns in which the limit stands at three quarters, drawn as `|`."""
    mark = columns * 3 // 4
    if value is None or limit is None or limit <= 0:
        return (Cell("·" * columns, Role.DIM),)
    filled = min(columns, round(mark * value / limit))
    over = value > limit
    left = "█" * min(filled, mark) + " " * max(0, mark - filled)
    right = "█" * max(0, filled - mark - 1) + " " * min(columns - mark - 1, columns - filled)
    return (
        Cell(left, Role.UP if over else role),
        Cell("|", Role.WARN),
        Cell(fit_right(right, columns - mark - 1), Role.UP),
    )


def fit_right(text: str, columns: int) -> str:
    """Return `text` cut or padded to `columns`; every character here is one column wide."""
    return text[:columns].ljust(columns)


def fraction(share: float | None, columns: int, role: Role) -> tuple[Cell, ...]:
    """Return `[██████····]` for a share from 0 to 1; dots only when it is not known."""
    inside = max(0, columns - 2)
    filled = 0 if share is None else min(inside, max(0, round(inside * share)))
    return (
        Cell("[", Role.DIM),
        Cell("█" * filled, role),
        Cell("·" * (inside - filled), Role.DIM),
        Cell("]", Role.DIM),
    )
