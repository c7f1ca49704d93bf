"""Lengths of time as people type them."""

import pytest

from aios_top.model.span import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1d", 86400),
        ("0.5m", 30),
        (" 2 h ", 7200),
        ("1H", 3600),
    ],
)
def test_a_length(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "ten", "-5", "10m5", "1w", "5 5", "1e3", "9" * 40, "1.2.3s", "10mm"])
def test_anything_else_is_none(text: str) -> None:
    assert seconds_of(text) is None
