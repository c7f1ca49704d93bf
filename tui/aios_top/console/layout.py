"""Where each panel stands, for every page and size of terminal: one pure function that can be read and tested."""

from msgspec import Struct

from aios_top.console.view import Page, ViewState, Wide

WITH_TIME_AXIS = frozenset({"chart", "instances"})
"""Panels that the key `z` changes."""


class Place(Struct, frozen=True):
    """A panel's rectangle."""

    panel: str
    x: int
    y: int
    columns: int
    lines: int
    framed: bool = False


def arrange(view: ViewState, *, banner: bool = False) -> tuple[Place, ...]:
    """Return the visible panels; together they cover the screen and none covers another."""
    columns, lines = view.columns, view.lines
    if view.tiny:
        return (Place("verdict", 0, 0, columns, lines),) if columns > 0 and lines > 0 else ()
    verdict_lines = 1 if view.wide in {Wide.TWO, Wide.THREE} or lines < 16 else 2
    banner = banner and lines > 6
    timebar = view.travel is not None and lines > 6
    top = 1 + verdict_lines + banner + timebar
    places = [Place("header", 0, 0, columns, 1), Place("verdict", 0, 1, columns, verdict_lines)]
    if banner:
        places.append(Place("banner", 0, 1 + verdict_lines, columns, 1))
    if timebar:
        places.append(Place("timebar", 0, top - 1, columns, 1))
    places += _body(view, top, max(0, lines - top - 1))
    if lines >= 3:
        places.append(Place("footer", 0, lines - 1, columns, 1))
    return tuple(place for place in places if place.lines > 0 and place.columns > 0 and place.y < lines)


def _body(view: ViewState, top: int, lines: int) -> list[Place]:
    framed = view.wide in {Wide.TWO, Wide.THREE}
    if view.maximised is not None:
        return [Place(view.maximised, 0, top, view.columns, lines, framed)]
    if view.page in {Page.LOAD, Page.POLICY, Page.EVENTS}:
        return _beside(view, top, lines)
    match view.wide:
        case Wide.TWO:
            return _two(view, top, lines)
        case Wide.THREE:
            return _three(view, top, lines)
        case _:
            return _one(view, top, lines)


def _one(view: ViewState, top: int, lines: int) -> list[Place]:
    """One column: list above, log below."""
    columns = view.columns
    if view.page is Page.FLEET:
        fleet = lines if lines < 12 else lines * 3 // 5
        return [
            Place("fleet", 0, top, columns, fleet),
            Place("decisions", 0, top + fleet, columns, lines - fleet),
        ]
    figures = min(lines, 8 if columns >= 68 else 10)
    rest = lines - figures
    instances = rest if rest < 9 else rest // 2
    return [
        Place("block", 0, top, columns, figures),
        Place("instances", 0, top + figures, columns, instances),
        Place("decisions", 0, top + figures + instances, columns, rest - instances),
    ]


def _beside(view: ViewState, top: int, lines: int) -> list[Place]:
    """Place a page of its own, with the live block beside it where there is room."""
    name = str(view.page)
    if view.wide not in {Wide.TWO, Wide.THREE}:
        return [Place(name, 0, top, view.columns, lines)]
    left = 80 if view.columns < 180 else view.columns // 2
    right = view.columns - left
    block = min(lines, 14 if right < 70 else 9)
    rest = lines - block
    instances = rest // 2
    return [
        Place(name, 0, top, left, lines, framed=True),
        Place("block", left, top, right, block, framed=True),
        Place("instances", left, top + block, right, instances, framed=True),
        Place("decisions", left, top + block + instances, right, rest - instances, framed=True),
    ]


def _two(view: ViewState, top: int, lines: int) -> list[Place]:
    columns = view.columns
    fleet_columns = 50 if view.page is Page.FLEET else 0
    below = max(5, lines // 4)
    chart = _chart_lines(lines - below)
    upper = lines - below - chart
    figures = min(9, max(3, upper * 3 // 5))
    right = columns - fleet_columns
    places = [
        Place("block", fleet_columns, top, right, figures, framed=True),
        Place("instances", fleet_columns, top + figures, right, upper - figures, framed=True),
        Place("chart", 0, top + upper, columns, chart, framed=True),
        Place("decisions", 0, top + upper + chart, columns * 3 // 5, below, framed=True),
        Place("brief", columns * 3 // 5, top + upper + chart, columns - columns * 3 // 5, below, framed=True),
    ]
    if fleet_columns:
        places.insert(0, Place("fleet", 0, top, fleet_columns, upper, framed=True))
    return places


def _chart_lines(lines: int) -> int:
    """Return the lines of the chart among `lines`; none where the lists would be left without room."""
    return lines * 2 // 5 if lines >= 20 else 0


def _three(view: ViewState, top: int, lines: int) -> list[Place]:
    columns = view.columns
    fleet_columns = 80 if view.page is Page.FLEET else 0
    below = max(5, lines // 4)
    chart = _chart_lines(lines - below)
    upper = lines - below - chart
    figures = min(9, max(3, upper * 3 // 5))
    right = columns - fleet_columns
    third = columns // 3
    places = [
        Place("block", fleet_columns, top, right, figures, framed=True),
        Place("instances", fleet_columns, top + figures, right, upper - figures, framed=True),
        Place("chart", 0, top + upper, columns, chart, framed=True),
        Place("decisions", 0, top + upper + chart, third, below, framed=True),
        Place("brief", third, top + upper + chart, third, below, framed=True),
        Place("events", 2 * third, top + upper + chart, columns - 2 * third, below, framed=True),
    ]
    if fleet_columns:
        places.insert(0, Place("fleet", 0, top, fleet_columns, upper, framed=True))
    return places


def focus_order(places: tuple[Place, ...]) -> tuple[str, ...]:
    """Return the panels that the key tab visits, in reading order."""
    fixed = {"header", "verdict", "banner", "timebar", "footer", "brief", "block"}
    return tuple(place.panel for place in places if place.panel not in fixed)
