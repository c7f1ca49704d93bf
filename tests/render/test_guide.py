"""Pages of the guide at any width: nothing is lost, nothing is cut."""

import re

import pytest

from aios_top.render.cells import Role, columns_of, width
from aios_top.render.guide import page_rows, summary_of, title_of
from aios_top.shipped import FIRST_TOPIC, guide

PAGES = guide()

PAGE = """# The title

What it is about,
in one paragraph.

## Part

* first `code` item that is
  continued
* second

1. step

| a | long heading | meaning |
|---|---|---|
| `x` | y | what \\| it means, in a sentence that is longer than the rest |

```
some --command with a [link](not) | and | more
```
See [the other page](other.md) and **this**.
"""


def lines(columns: int = 60) -> list[str]:
    return [row.text.rstrip() for row in page_rows(PAGE, columns)]


def test_title_and_summary() -> None:
    assert title_of(PAGE) == "The title"
    assert summary_of(PAGE) == "What it is about, in one paragraph."


def test_every_kind_of_block_is_told_in_its_own_way() -> None:
    assert lines() == [
        "The title",
        "",
        "What it is about, in one paragraph.",
        "",
        "Part",
        "",
        "* first code item that is continued",
        "* second",
        "",
        "1. step",
        "",
        "a  long heading  meaning",
        "x  y             what | it means, in a sentence that is",
        "                 longer than the rest",
        "",
        "  some --command with a [link](not) | and | more",
        "",
        "See the other page and this.",
    ]


def test_a_table_without_room_is_stacked() -> None:
    assert lines(24)[lines(24).index("x") :][:5] == [
        "x",
        "  y · what | it means,",
        "  in a sentence that is",
        "  longer than the rest",
        "",
    ]


def test_headings_and_code_have_roles() -> None:
    roles = {row.text.strip(): row.cells[0].role for row in page_rows(PAGE, 60) if row.cells}
    assert roles["Part"] is Role.TITLE
    assert roles["some --command with a [link](not) | and | more"] is Role.ACCENT


@pytest.mark.parametrize("columns", [20, 40, 76, 100])
@pytest.mark.parametrize("topic", PAGES)
def test_no_page_is_wider_than_asked_and_no_word_is_lost(topic: str, columns: int) -> None:
    rows = page_rows(PAGES[topic], columns)
    assert max(columns_of(row.cells) for row in rows) <= columns
    shown = re.sub(r"\s", "", "".join(row.text for row in rows))
    told = re.sub(r"^\|.*\n(?=\|--)", "", PAGES[topic], flags=re.MULTILINE)  # a stacked table has no heading
    for word in re.findall(r"[a-z]{5,}", told.replace("`", "")):
        assert word in shown


def test_the_guide_begins_with_the_first_steps_and_every_page_says_what_it_is() -> None:
    assert next(iter(PAGES)) == FIRST_TOPIC
    for page in PAGES.values():
        assert page.startswith("# ")
        assert 20 < width(summary_of(page)) < 300
