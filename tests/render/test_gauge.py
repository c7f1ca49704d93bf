"""Replicas as boxes: only all fill all, none is none, beyond the maximum is seen."""

import pytest

from aios_top.model.state import Replicas
from aios_top.render.cells import Cell, Role
from aios_top.render.gauge import bar, fraction, replica_count, replica_gauge


def text(cells: tuple[Cell, ...]) -> str:
    return "".join(cell.text for cell in cells)


@pytest.mark.parametrize(
    ("replicas", "gauge", "count"),
    [
        (Replicas(current=4, reporting=3, desired=4, maximum=8), "[■■■□····]", "3→4/8"),
        (Replicas(reporting=8, maximum=8), "[■■■■■■■■]", "8/8"),
        (Replicas(reporting=0, maximum=4), "[····]", "0/4"),
        (Replicas(reporting=11, maximum=8), "[■■■■■■■■+]", "11/8"),
        (Replicas(reporting=1, maximum=100), "[■·······]", "1/100"),
        (Replicas(reporting=99, maximum=100), "[■■■■■■■·]", "99/100"),
        (Replicas(current=2, reporting=3, desired=2, maximum=8), "[■■■·····]", "3→2/8"),
        (Replicas(reporting=2), "[■■]", "2"),
    ],
)
def test_gauge(replicas: Replicas, gauge: str, count: str) -> None:
    assert text(replica_gauge(replicas, 8)) == gauge
    assert replica_count(replicas) == count


def test_an_unknown_count_says_so() -> None:
    assert replica_count(Replicas(maximum=4), known=False) == "?/4"


@pytest.mark.parametrize("value", [None, 0.0, 250.0, 500.0, 501.0, 1e9])
def test_a_bar_is_as_wide_as_it_says_and_shows_its_limit(value: float | None) -> None:
    shown = text(bar(value, 500.0, 20, Role.INPUT))
    assert len(shown) == 20
    if value is None:
        assert shown == "·" * 20
    else:
        assert shown[15] == "|"


def test_a_bar_passes_its_limit_only_beyond_it() -> None:
    assert text(bar(500.0, 500.0, 20, Role.INPUT)) == "█" * 15 + "|" + " " * 4
    assert text(bar(650.0, 500.0, 20, Role.INPUT)).endswith("|████")
    assert [cell.role for cell in bar(650.0, 500.0, 20, Role.INPUT)] == [Role.UP, Role.WARN, Role.UP]


@pytest.mark.parametrize(
    ("share", "shown"), [(None, "[········]"), (0.5, "[████····]"), (2.0, "[████████]"), (-1, "[········]")]
)
def test_fraction(share: float | None, shown: str) -> None:
    assert text(fraction(share, 10, Role.COOL)) == shown
