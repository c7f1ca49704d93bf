"""What deserves a mark on the time bar: what happens while it is recorded, once, and nothing from before."""

from collections.abc import Sequence

from msgspec.structs import replace

from aios_top.engine.marks import Marker
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.fact import DecisionsTold, Poll
from aios_top.model.policy_state import DecisionPage
from aios_top.model.recording import MarkKind
from aios_top.model.state import FleetState
from aios_top.model.text import clean

BEGAN = 1000.0
BLOCK = clean("b")


def up(seq: int, at: float, boot: str = "boot") -> Decision:
    return Decision(at, Action.UP, clean("ScaleUp"), clean(f"up {seq}"), Origin.REPORTED, seq=seq, boot_id=clean(boot))


def marked(marker: Marker, at: float, *pages: Sequence[Decision]) -> list[tuple[MarkKind, str]]:
    facts = tuple(DecisionsTold(BLOCK, DecisionPage(clean("boot"), tuple(page), 0)) for page in pages)
    poll = Poll(at, 1, 2.0, facts, {}, "", "")
    return [(mark.kind, mark.text) for mark in marker.marks(poll, FleetState(at, 1), {})]


def test_decisions_from_before_the_recording_are_no_news() -> None:
    marker = Marker()
    old = [up(number, BEGAN - 100 + number) for number in range(1, 6)]
    assert marked(marker, BEGAN, old[:3], old[3:]) == [(MarkKind.START, "recording began")]
    assert marked(marker, BEGAN + 2, [up(6, BEGAN + 1)]) == [(MarkKind.UP, "up 6")]


def test_a_decision_is_news_once_also_when_its_clock_is_behind() -> None:
    marker = Marker()
    marked(marker, BEGAN, [up(1, BEGAN - 50)])
    late = up(2, BEGAN - 40)
    assert marked(marker, BEGAN + 2, [late]) == [(MarkKind.UP, "up 2")]
    assert marked(marker, BEGAN + 4, [replace(late, confirmation=clean("confirmed"))]) == []


def test_a_policy_that_starts_anew_is_heard_from_its_first_decision() -> None:
    marker = Marker()
    marked(marker, BEGAN, [up(9, BEGAN - 50)])
    assert marked(marker, BEGAN + 60, [up(1, BEGAN + 50, "other")]) == [(MarkKind.UP, "up 1")]


def test_what_was_decided_since_the_first_poll_is_news_when_it_is_told_first() -> None:
    marker = Marker()
    marked(marker, BEGAN)
    assert marked(marker, BEGAN + 9, [up(1, BEGAN - 1), up(2, BEGAN + 1)]) == [(MarkKind.UP, "up 2")]
