"""Filter, order and selection of the fleet."""

import pytest

from aios_top.console.selection import NameFilter, stepped, visible_blocks
from aios_top.console.view import Sort, ViewState
from console import states

FLEET = states.fleet()


def ids(**view: object) -> list[str]:
    return [str(block.block_id) for block in visible_blocks(FLEET, ViewState(**view))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", 6),
        ("block", 6),
        ("GEMMA", 1),
        ("^(gemma|llama)", 2),
        ("!gemma", 5),
        ("-f gm27", 1),
        ("!-f gm27", 5),
        ("nothing", 0),
    ],
)
def test_filter(text: str, shown: int) -> None:
    assert len(ids(filter=text)) == shown


def test_a_broken_expression_is_taken_literally() -> None:
    assert NameFilter("a(b").matches("xa(bx")
    assert not NameFilter("a(b").matches("ab")


def test_order_shows_first_what_needs_a_look() -> None:
    assert ids()[0] == "gemma3-27b-block"
    assert ids(descending=True)[0] == "asr-whisper-block"
    assert ids(sort=Sort.STATE)[0] == "mistral-7b-block"
    assert ids(sort=Sort.REPLICAS)[0] == "llama3-8b-block"
    assert ids(sort=Sort.INPUT)[:2] == ["llama3-8b-block", "gemma3-27b-block"]
    assert ids(sort=Sort.OUTPUT)[0] == "gemma3-27b-block"
    assert ids(sort=Sort.OUTPUT, descending=True)[-1] == "gemma3-27b-block"


def test_stepping_stops_at_both_ends_and_survives_a_block_that_is_gone() -> None:
    blocks = visible_blocks(FLEET, ViewState())
    names = [str(block.block_id) for block in blocks]
    assert stepped(blocks, names[0], 1) == names[1]
    assert stepped(blocks, names[0], -5) == names[0]
    assert stepped(blocks, names[0], 500) == names[-1]
    assert stepped(blocks, "gone", 1) == names[0]
    assert stepped(blocks, None, 1) == names[0]
    assert stepped([], "gone", 1) is None
