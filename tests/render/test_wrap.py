"""Wrapping loses nothing and never exceeds the width."""

from hypothesis import given
from hypothesis import strategies as st

from aios_top.render.cells import width
from aios_top.render.wrap import labelled, whole_commands, wrap, wrapped

WORDS = st.text(st.sampled_from("ab-:/.界é 7s%"), max_size=80)


@given(WORDS, st.integers(2, 40))
def test_lines_fit_and_keep_every_character(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_stay_whole_where_they_fit() -> None:
    assert wrap("input 812 > 500 asks for one more", 16) == ["input 812 > 500", "asks for one", "more"]
    assert wrap("http://127.0.0.1:30600/blocks/mgmt", 12) == ["http://127.0", ".0.1:30600/b", "locks/mgmt"]
    assert wrap("", 10) == [""]


def test_a_number_and_its_unit_stay_together_where_a_line_has_room() -> None:
    assert wrap("held by cooldown, 11s left", 20) == ["held by cooldown,", "11s left"]
    assert wrap("above 500 tok/request; more", 12) == ["above 500", "tok/request;", "more"]
    assert wrap("above 500 tok/request; more", 17) == ["above", "500 tok/request;", "more"]
    assert wrap("1 2 s x 3", 3) == ["1", "2 s", "x 3"]


def test_a_command_stays_whole_on_a_line_of_its_own() -> None:
    scale = "aios-top scale --block 'a;b' --replicas 2 --host aios.example.org"
    text = f"until then {scale}; or by kubectl -n blocks rollout restart deployment/b-executor; aios-top says so"
    assert whole_commands(text, 30) == [
        "until then",
        f"{scale};",
        "or by",
        "kubectl -n blocks rollout restart deployment/b-executor;",
        "aios-top says so",
    ]
    assert whole_commands("none; the timer starts again", 20) == wrap("none; the timer starts again", 20)
    assert whole_commands("", 5) == [""]


def test_a_label_stands_on_the_first_line_only() -> None:
    rows = labelled("undo", "one two three", 16)
    assert [row.text for row in rows] == ["undo    one two", "        three"]


def test_a_printed_line_ends_at_no_hyphen_and_goes_on_indented() -> None:
    address = "http://aios-prod.example.org:30201"
    assert wrapped(f"the host of metrics ({address}) has no address", 40) == [
        "the host of metrics",
        f"  ({address})",
        "  has no address",
    ]
