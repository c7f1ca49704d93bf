"""The bar on which decisions, actions and alerts lie, and on which one sees where in the past one is."""

from bisect import bisect_left

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.recording import Mark, MarkKind, RecordingPhase, RecordingState
from aios_top.model.span import span
from aios_top.render.cells import Cell, Role, Row, columns_of, row
from aios_top.render.numbers import clock, stamp

_GLYPHS = {
    MarkKind.START: ("│", Role.DIM),
    MarkKind.LOAD: ("≈", Role.INPUT),
    MarkKind.ALERT: ("!", Role.WARN),
    MarkKind.DOWN: ("▼", Role.DOWN),
    MarkKind.UP: ("▲", Role.UP),
    MarkKind.OUTSIDE: ("?", Role.WARN),
    MarkKind.ACTION: ("*", Role.ACCENT),
    MarkKind.ERROR: ("×", Role.BAD),
}
"""What weighs less comes first: of several in one column the heaviest one is drawn."""
_WEIGHTS = {kind: weight for weight, kind in enumerate(_GLYPHS)}
_CELLS = [*(Cell(*glyph) for glyph in _GLYPHS.values()), Cell("─", Role.DIM)]
"""The cell of each weight; the last one is that of none, whose weight is -1."""
DAY_SECONDS = 86_400.0
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Travel(Struct, frozen=True):
    """Where in the past the console is."""

    at: float
    """Unix seconds of the moment that is shown."""
    first: float
    last: float
    """The first and the newest moment there are."""
    marks: tuple[Mark, ...] = ()
    playing: bool = False
    speed: float = 1.0
    replay: bool = False
    """Whether a file is shown, and not the past of a running console."""

    def paced(self, step: int) -> "Travel":
        """Return it with the next speed up or down."""
        place = bisect_left(SPEEDS, self.speed) + step
        return replace(self, speed=SPEEDS[min(len(SPEEDS) - 1, max(0, place))])


def dated(at: float, now: float) -> str:
    """Return a time of the day, with its date when that is not the day of `now` or more than a day from it."""
    return clock(at) if abs(now - at) < DAY_SECONDS else stamp(at)


def timebar_row(travel: Travel, columns: int) -> Row:
    """Return the bar: its two ends as times, marks on it, the shown moment among them."""
    first, last = dated(travel.first, travel.at), dated(travel.last, travel.at)
    hint = _hint(travel)
    room = columns - len(first) - len(last) - 6
    cells: list[Cell] = []
    if room - columns_of(hint) >= 20:
        room -= columns_of(hint)
    else:
        hint = []
    if room < 8:
        return row(Cell(f" {dated(travel.at, travel.last)}", Role.LOUD), Cell(f" of {first} to {last}", Role.DIM))
    cells = [Cell(f" {first} ├", Role.DIM), *_line(travel, room), Cell(f"┤ {last}", Role.DIM), *hint]
    return row(*cells)


def _line(travel: Travel, columns: int) -> list[Cell]:
    first, last, end = travel.first, travel.last, columns - 1
    scale = end / max(last - first, 1e-9)
    weights = [-1] * columns
    for mark in travel.marks:  # of a day there may be ten thousand
        if first <= mark.at <= last:
            column, weight = int((mark.at - first) * scale + 0.5), _WEIGHTS[mark.kind]
            weights[column] = max(weights[column], weight)
    drawn = [_CELLS[weight] for weight in weights]
    drawn[min(end, max(0, int((travel.at - first) * scale + 0.5)))] = Cell("●", Role.LOUD)
    return drawn


def _hint(travel: Travel) -> list[Cell]:
    back = "q quit" if travel.replay else "L live"
    pairs = (("[ ]", "step"), ("{ }", "decision"), ("@", "go to"), ("p", "stop" if travel.playing else "play"))
    cells = [Cell("  ")]
    for key, label in (*pairs, (back.partition(" ")[0], back.partition(" ")[2])):
        cells += [Cell(key, Role.KEY), Cell(f" {label} ", Role.DIM)]
    return cells


def travel_cells(travel: Travel) -> list[Cell]:
    """Return for the header that this is the past, and which."""
    word = "REPLAY" if travel.replay else "PAST"
    pace = f" ▸x{travel.speed:g}" if travel.playing else " ■"
    return [Cell("  "), Cell(f" {word} {dated(travel.at, travel.last)}{pace} ", Role.LOUD)]


def recording_cells(recording: RecordingState | None) -> list[Cell]:
    """Return for the header how long and how large the recording is."""
    if recording is None:
        return []
    match recording.phase:
        case RecordingPhase.OFF:
            return [Cell("  not recording", Role.DIM)]
        case RecordingPhase.FAILED:
            return [Cell("  recording stopped", Role.BAD)]
    length = 0.0 if recording.since is None or recording.until is None else recording.until - recording.since
    return [Cell("  ● ", Role.BAD), Cell(f"rec {span(length)} {size(recording.bytes)}", Role.DIM)]


def recording_problem(recording: RecordingState | None) -> Row | None:
    """Return the banner of a recording that had to stop, None where there is none."""
    if recording is None or recording.phase is not RecordingPhase.FAILED:
        return None
    return row(Cell(" ! RECORDING STOPPED ", Role.BAD), Cell(f" {recording.problem}; R tries again", Role.WARN))


def size(count: float) -> str:
    """Return a number of bytes as a disk shows it."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
