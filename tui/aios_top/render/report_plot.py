"""The picture of one block in a post-mortem: what is compared, the replicas, and what happened, on one axis of time."""

import math
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from aios_top.model.decision import Action
from aios_top.model.recording import Mark, MarkKind
from aios_top.model.report import BlockStory, Curve, DecisionRun, Direction, Stretch
from aios_top.render.decisions import step_text
from aios_top.render.markup import Markup, element, trusted
from aios_top.render.numbers import amount
from aios_top.render.report_words import moment, plot_sentence

WIDTH = 960
_LEFT, _RIGHT = 58, 12
_HEAD = 26
_PLOT, _STEPS, _LANE = 130, 96, 46
_SPACE = 12
_AXIS = 26
_STEP_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
_MOST_TICKS = 9
_MOST_MARKS = 400
"""More triangles than this cannot be told from each other."""

Place = Callable[[float], float]


class _Panel(Struct, frozen=True):
    """A part of the picture with a scale of its own."""

    top: float
    height: float
    most: float

    def y(self, value: float) -> float:
        return self.top + self.height - min(max(value / self.most, 0.0), 1.0) * self.height


def block_picture(story: BlockStory, number: int, start: float, end: float, unseen: Sequence[Stretch]) -> Markup:
    """Return the SVG of a block; `number` makes its ids its own."""
    length = max(end - start, 1e-9)

    def x(at: float) -> float:
        return _LEFT + (min(max(at, start), end) - start) / length * (WIDTH - _LEFT - _RIGHT)

    parts: list[Markup] = []
    marks: list[Markup] = []
    top = 0.0
    for direction in story.directions:
        panel = _Panel(top + _HEAD, _PLOT, _most([direction.values, direction.up]))
        parts += [_heading(f"{direction.name} {story.unit}, {_over(story)}", top), *_direction(direction, panel, x)]
        top += _HEAD + _PLOT + _SPACE
    panel = _Panel(top + _HEAD, _STEPS, _most(list(story.replicas.values()), whole=True))
    parts += [_heading("replicas", top), *_replicas(story, panel, x)]
    top += _HEAD + _STEPS + _SPACE
    marks += [
        *_decisions(story.decisions, top + 12, x),
        *_marks(story.marks, top + 34, x),
        *_outside(story, top + 34, x),
    ]
    bottom = top + _LANE
    shades = [
        *_shades(story.cooling, "cool", "cooldown", bottom, x),
        *_shades([*unseen, *story.old], "unseen", "nobody looked, or no metrics came", bottom, x),
    ]
    ticks = list(_ticks(start, end, bottom, x))
    title, about = f"t{number}", f"d{number}"
    return element(
        "svg",
        element("title", f"{story.block_id} over time", id=title),
        element("desc", plot_sentence(story, start, end), id=about),
        *ticks,
        *shades,
        *parts,
        *marks,
        role="img",
        aria_labelledby=f"{title} {about}",
        viewBox=f"0 0 {WIDTH} {bottom + _AXIS:.0f}",
        xmlns="http://www.w3.org/2000/svg",
    )


def legend() -> Markup:
    """Return what the lines and signs mean."""
    line = '<svg viewBox="0 0 26 12" aria-hidden="true">'
    entries = (
        (f'{line}<path class="curve input" d="M0 6H26"/></svg>', "input"),
        (f'{line}<path class="curve output" d="M0 6H26"/></svg>', "output"),
        (f'{line}<path class="limit up" d="M0 6H26"/></svg>', "limit for scaling up"),
        (f'{line}<path class="limit down" d="M0 6H26"/></svg>', "limit for scaling down"),
        (f'{line}<path class="reporting" d="M0 6H26"/></svg>', "replicas reporting"),
        (f'{line}<path class="desired" d="M0 6H26"/></svg>', "replicas desired"),
        (f'{line}<rect class="cool" width="26" height="12"/></svg>', "cooldown"),
        (f'{line}<rect class="unseen" width="26" height="12"/></svg>', "nobody looked, or no metrics came"),
        (f'{line}<path class="mark up" d="M7 11H19L13 1Z"/></svg>', "scaled up"),
        (f'{line}<path class="mark down" d="M7 1H19L13 11Z"/></svg>', "scaled down"),
        (f'{line}<path class="mark error" d="{_cross(13, 6)}"/></svg>', "error"),
        (f'{line}<path class="mark action" d="{_diamond(13, 6)}"/></svg>', "changed by hand"),
        (f'{line}<path class="mark outside" d="{_steps(13, 6)}"/></svg>', "replicas changed, not asked for"),
        (f'{line}<path class="mark alert" d="{_bang(13, 6)}"/></svg>', "alert"),
        (f'{line}<path class="mark load" d="{_square(13, 6)}"/></svg>', "load test"),
    )
    return element("ul", *(element("li", Markup(sign), text) for sign, text in entries), class_="legend")


def _over(story: BlockStory) -> str:
    return f"mean over {story.window}" if story.unit.endswith("request") else "from the counters"


def _heading(text: str, top: float) -> Markup:
    return element("text", text, x=_LEFT, y=top + 17, class_="head")


def _direction(direction: Direction, panel: _Panel, x: Place) -> Iterator[Markup]:
    yield from _scale(panel)
    for name, limit, above in (("up", direction.up, -5.0), ("down", direction.down, 14.0)):
        if _known(limit):
            yield element("path", d=_stairs(limit, panel, x), class_=f"limit {name}")
            value = next(value for _, value in reversed(limit) if value is not None)
            y = min(max(panel.y(value) + above, panel.top + 11), panel.top + panel.height - 3)
            yield element("text", f"{name} {amount(value)}", x=WIDTH - _RIGHT - 4, y=y, class_=f"end {name}")
    if not _known(direction.values):
        yield _nothing("nothing was measured", panel)
        return
    yield element("path", d=_line(direction.values, panel, x), class_=f"curve {direction.name}")
    for at, value in _lonely(direction.values):
        yield element("circle", cx=x(at), cy=panel.y(value), r=2, class_=f"dot {direction.name}")


def _replicas(story: BlockStory, panel: _Panel, x: Place) -> Iterator[Markup]:
    yield from _scale(panel, whole=True)
    curves = story.replicas
    if not any(map(_known, curves.values())):
        yield _nothing("no replica was seen", panel)
    for name, style in (("minimum", "bound"), ("maximum", "bound"), ("desired", "desired"), ("reporting", "reporting")):
        curve = curves.get(name, ())
        if _known(curve):
            yield element("path", d=_stairs(curve, panel, x), class_=style)
    for name, label in (("maximum", "max"), ("minimum", "min")):
        value = next((value for _, value in reversed(curves.get(name, ())) if value is not None), None)
        if value is not None:
            told = f"{label} {amount(value)}"
            y = max(panel.y(value) - 3, panel.top + 11)
            yield element("text", told, x=WIDTH - _RIGHT - 4, y=y, class_="end")


def _scale(panel: _Panel, *, whole: bool = False) -> Iterator[Markup]:
    step = _nice(panel.most / 4, whole=whole)
    value = 0.0
    while value <= panel.most + 1e-9:
        y = panel.y(value)
        yield element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid")
        yield element("text", amount(value), x=_LEFT - 7, y=y + 4, class_="end")
        value += step
    yield element("rect", x=_LEFT, y=panel.top, width=WIDTH - _LEFT - _RIGHT, height=panel.height, class_="frame")


def _nothing(text: str, panel: _Panel) -> Markup:
    return element("text", text, x=(WIDTH + _LEFT) / 2, y=panel.top + panel.height / 2, class_="middle")


def _most(curves: Sequence[Curve], *, whole: bool = False) -> float:
    """Return the upper end of a scale: a nice number with some room above what is drawn."""
    highest = max((value for curve in curves for _, value in curve if value is not None), default=0.0)
    if highest <= 0:
        return 1.0
    room = highest + 0.5 if whole else highest * 1.08
    step = _nice(room / 4, whole=whole)
    return math.ceil(room / step) * step


def _nice(value: float, *, whole: bool = False) -> float:
    """Return the next number of 1, 2, 5, 10, 20, and so on that is not below `value`."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    found = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= value * (1 - 1e-9))
    return max(1.0, float(math.ceil(found))) if whole else found


def _line(curve: Curve, panel: _Panel, x: Place) -> Markup:
    """Return a line through the points, interrupted where nothing is known."""
    parts, pen = [], "M"
    for at, value in curve:
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{x(at):.1f} {panel.y(value):.1f}")
        pen = "L"
    return trusted("".join(parts))


def _stairs(curve: Curve, panel: _Panel, x: Place) -> Markup:
    """Return steps: a value holds until the next one, the last until the end."""
    parts, holds = [], False
    for at, value in curve:
        if holds:
            parts.append(f"H{x(at):.1f}")
        if value is not None:
            parts.append(f"{'V' if holds else f'M{x(at):.1f} '}{panel.y(value):.1f}")
        holds = value is not None
    return trusted("".join([*parts, f"H{WIDTH - _RIGHT}" if holds else ""]))


def _lonely(curve: Curve) -> Iterator[tuple[float, float]]:
    """Yield the points that no line leads to or from."""
    values = [None, *(value for _, value in curve), None]
    for (at, value), before, after in zip(curve, values, values[2:], strict=False):
        if value is not None and before is None and after is None:
            yield at, value


def _known(curve: Curve) -> bool:
    return any(value is not None for _, value in curve)


def _shades(stretches: Sequence[Stretch], style: str, about: str, bottom: float, x: Place) -> Iterator[Markup]:
    for stretch in stretches:
        left, right = x(stretch.start), x(stretch.end)
        if right > left:
            told = f"{about}: {moment(stretch.start)} to {moment(stretch.end)}"
            width = max(right - left, 1.0)
            yield element("rect", element("title", told), x=left, y=0, width=width, height=bottom, class_=style)


def _decisions(runs: Sequence[DecisionRun], lane: float, x: Place) -> Iterator[Markup]:
    drawn = [run for run in runs if run.last.action is not Action.HOLD][-_MOST_MARKS:]
    for run in drawn:
        at, action = x(run.first_at), run.last.action
        told = f"{moment(run.first_at)} {action.value} {step_text(run.last)}: {run.last.reason}"
        if action is not Action.ERROR:
            yield element("line", x1=at, x2=at, y1=0, y2=lane, class_="rule")
        shape, style = {
            Action.UP: (f"M{at - 6:.1f} {lane + 5:.1f}h12l-6 -10Z", "up"),
            Action.DOWN: (f"M{at - 6:.1f} {lane - 5:.1f}h12l-6 10Z", "down"),
        }.get(action, (_cross(at, lane), "error"))
        yield element("path", element("title", told), d=shape, class_=f"mark {style}")


def _marks(marks: Sequence[Mark], lane: float, x: Place) -> Iterator[Markup]:
    shapes = {MarkKind.ACTION: _diamond, MarkKind.ALERT: _bang, MarkKind.LOAD: _square}
    for mark in [entry for entry in marks if entry.kind in shapes][-_MOST_MARKS:]:
        told = f"{moment(mark.at)} {mark.kind.value}: {mark.text}"
        shape = shapes[mark.kind](x(mark.at), lane)
        yield element("path", element("title", told), d=shape, class_=f"mark {mark.kind.value}")


def _outside(story: BlockStory, lane: float, x: Place) -> Iterator[Markup]:
    for change in story.outside[-_MOST_MARKS:]:
        told = f"{moment(change.since)} to {moment(change.at)} {change.sentence}"
        yield element("path", element("title", told), d=_steps(x(change.at), lane), class_="mark outside")


def _ticks(start: float, end: float, bottom: float, x: Place) -> Iterator[Markup]:
    length = end - start
    step = next((step for step in _STEP_SECONDS if length / step <= _MOST_TICKS), _STEP_SECONDS[-1])
    at = math.ceil(start / step) * step
    while at <= end:
        place = x(at)
        label = moment(at, seconds=step < 60, date=step >= 86_400)
        yield element("line", x1=place, x2=place, y1=_HEAD, y2=bottom, class_="grid")
        if _LEFT + 4 < place < WIDTH - _RIGHT - 16:
            yield element("text", label, x=place, y=bottom + 17, class_="middle")
        at += step


def _cross(x: float, y: float) -> str:
    return f"M{x - 5:.1f} {y - 3:.1f}l2 -2l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3Z"


def _diamond(x: float, y: float) -> str:
    return f"M{x - 6:.1f} {y:.1f}l6 -6l6 6l-6 6Z"


def _bang(x: float, y: float) -> str:
    return f"M{x - 1.5:.1f} {y - 6:.1f}h3v7h-3ZM{x - 1.5:.1f} {y + 3:.1f}h3v3h-3Z"


def _square(x: float, y: float) -> str:
    return f"M{x - 5:.1f} {y - 5:.1f}h10v10h-10Z"


def _steps(x: float, y: float) -> str:
    return f"M{x - 6:.1f} {y + 5:.1f}v-4h4v-4h4v-3h4v11Z"
