"""An explanation fits every width, and says nothing twice at any of them."""

import pytest

from aios_top.model.explain import explain
from aios_top.model.explanation import Comparison
from aios_top.model.state import BlockState
from aios_top.model.text import clean
from aios_top.render.cells import columns_of
from aios_top.render.explanation import explanation_lines, explanation_rows
from aios_top.render.why import comparison_text
from fakes.recorded import Recorder

LONG = "in-" + "x" * 40


@pytest.mark.parametrize("columns", [56, 67, 69, 70, 74, 80, 116, 139, 140, 186])
def test_it_fits_every_width(columns: int) -> None:
    decision = Recorder().evaluate({LONG: (123_456.789, 98_765.4321), "in-b": (1, 2)}, starting=["in-new"])
    explanation = explain(decision, BlockState(clean("b")), decision.at)
    rows = explanation_rows(explanation, columns)

    assert [line.text for line in rows if columns_of(line.cells) > columns] == []
    text = "\n".join(explanation_lines(explanation, columns))
    for part in ("Comparisons", "Margins", "Instances", "Conditions", "\u25b8 \u2713 up rule", "\u2190 first"):
        assert text.count(part) == 1, part


@pytest.mark.parametrize(
    ("passed", "limit", "text"),
    [
        (12.02, 12.0, "12.02s since the last action > 12s"),  # never 12s > 12s
        (3.4, 12.0, "3s since the last action \u2264 12s"),
        (400.0, 300.0, "6m40s since the last action > 5m"),
        (None, 12.0, "? since the last action > 12s"),
    ],
)
def test_a_time_is_compared_as_exactly_as_its_sign_wants(passed: float | None, limit: float, text: str) -> None:
    assert comparison_text(Comparison("since the last action", passed, ">", limit, "s")) == text


def test_a_rule_of_which_nothing_is_known_is_still_joined_as_it_is() -> None:
    decision = Recorder().evaluate({})
    text = "\n".join(explanation_lines(explain(decision, BlockState(clean("b")), decision.at), 80))
    assert "input ? > 500 or output ? > 300" in text
    assert "input ? < 100 and output ? < 50" in text
