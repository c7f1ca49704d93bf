"""P-27: what leaves aios-top as a sheet or a page holds hostile texts as text."""

import csv
import io

import pytest

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.recording import Mark, MarkKind
from aios_top.model.text import clean
from aios_top.render.export import COLUMNS, What, csv_lines, decided_document, mark_document
from aios_top.render.report import report_page
from fakes.html_page import HOSTILE, hostile_report, is_inert
from faults.strings import STRINGS

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
TEXTS = {**STRINGS, "markup": HOSTILE}
ACTING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u2060\ufeff\x7f\x9b\x9d\x90")


@pytest.mark.parametrize("name", TEXTS)
def test_p_27_a_sheet_calculates_no_text_of_a_server(name: str) -> None:
    """Also a text that nothing has cleaned before."""
    for text in (TEXTS[name], clean(TEXTS[name])):
        decision = Decision(
            10.0, Action.UP, clean(text), clean(text), Origin.REPORTED, input_average=-1.5, would=clean(text)
        )
        mark = Mark(1.0, MarkKind.ALERT, text, text)
        for what, document in (
            (What.DECISIONS, decided_document(text, decision)),
            (What.EVENTS, mark_document(mark)),
            (What.AUDIT, {"seq": 1, "at": None, "kind": text, "fields": {text: text}}),
        ):
            whole = "".join(csv_lines(what, [document])).encode("utf-8", "backslashreplace").decode()
            head, row = csv.reader(io.StringIO(whole, newline=""), strict=True)
            assert len(head) == len(row) == len(COLUMNS[what])
            for column, cell in zip(head, row, strict=True):
                assert column == "averages.input" or not cell.lstrip(" ").startswith(FORMULAS)
            if what is What.DECISIONS:
                assert row[head.index("averages.input")] == "-1.5"


@pytest.mark.parametrize("name", TEXTS)
def test_p_27_a_page_holds_every_text_of_a_server_as_text(name: str) -> None:
    page = "".join(report_page(hostile_report(TEXTS[name])))
    read = is_inert(page)
    assert [letter for letter in page if ord(letter) < 32 and letter != "\n"] == []
    assert not set(page) & ACTING
    shown = " ".join(clean(TEXTS[name], 4000).split())
    assert read.text.count(shown) > 20


def test_p_27_that_a_page_is_inert_can_fail() -> None:
    good = "".join(report_page(hostile_report("x")))
    for bad in (
        "<script>x</script>",
        "<p onclick=x>x</p>",
        "<p style=x>x</p>",
        '<a href="http://x">x</a>',
        "<b>x",
        "<img src=x>",
    ):
        with pytest.raises((AssertionError, IndexError)):
            is_inert(good.replace("</main>", f"{bad}</main>"))
