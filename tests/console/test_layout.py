"""Every layout covers the screen without overlap, at every size and on every page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_top.console.layout import arrange, focus_order
from aios_top.console.view import Page, ViewState, Wide


@given(
    st.sampled_from(Page),
    st.booleans(),
    st.sampled_from([None, "fleet", "chart", "decisions"]),
    st.integers(min_value=1, max_value=320),
    st.integers(min_value=1, max_value=100),
)
def test_panels_do_not_overlap_and_stay_on_the_screen(
    page: Page, banner: bool, maximised: str | None, columns: int, lines: int
) -> None:
    taken: set[tuple[int, int]] = set()
    for place in arrange(ViewState(page=page, columns=columns, lines=lines, maximised=maximised), banner=banner):
        assert place.x >= 0
        assert place.x + place.columns <= columns
        assert 0 <= place.y < lines
        for y in range(place.y, min(lines, place.y + place.lines)):
            edges = {(place.x, y), (place.x + place.columns - 1, y)}
            assert not edges & taken
            taken |= edges


@given(st.sampled_from(Page), st.integers(min_value=80, max_value=320), st.integers(min_value=20, max_value=100))
def test_from_80x20_on_every_cell_belongs_to_a_panel(page: Page, columns: int, lines: int) -> None:
    area = sum(place.columns * place.lines for place in arrange(ViewState(page=page, columns=columns, lines=lines)))
    assert area == columns * lines


@pytest.mark.parametrize(
    ("columns", "lines", "wide"),
    [
        (79, 40, Wide.CARDS),
        (120, 19, Wide.CARDS),
        (80, 24, Wide.ONE),
        (119, 40, Wide.ONE),
        (120, 40, Wide.TWO),
        (180, 50, Wide.THREE),
    ],
)
def test_breakpoints(columns: int, lines: int, wide: Wide) -> None:
    assert ViewState(columns=columns, lines=lines).wide is wide


def names(**changes: object) -> list[str]:
    return [place.panel for place in arrange(ViewState(**changes))]  # type: ignore[arg-type]


def test_the_main_screen_has_fleet_block_time_decisions_and_policy() -> None:
    body = ["fleet", "block", "instances", "chart", "decisions", "brief"]
    assert names(columns=120, lines=40) == ["header", "verdict", *body, "footer"]
    assert names(columns=80, lines=24) == ["header", "verdict", "fleet", "decisions", "footer"]
    assert "events" in names(columns=200, lines=60)


def test_a_page_of_its_own_has_the_live_block_beside_it_where_there_is_room() -> None:
    assert names(page=Page.LOAD, columns=120, lines=40)[2:4] == ["load", "block"]
    assert names(page=Page.LOAD, columns=80, lines=24)[2:3] == ["load"]


def test_a_maximised_panel_has_the_screen() -> None:
    assert names(maximised="chart", columns=120, lines=40) == ["header", "verdict", "chart", "footer"]


def test_the_focus_visits_what_can_be_moved_in() -> None:
    assert focus_order(arrange(ViewState(columns=120, lines=40))) == ("fleet", "instances", "chart", "decisions")
