"""How long replicas took to start, read from decision records."""

from msgspec.structs import replace

from aios_top.model.decision import Action, Origin
from aios_top.model.startup import startups, typical
from model.lint_states import decision

OLD = ("in-old", "ok")
UP = Action.UP


def test_from_the_scale_up_to_the_first_document() -> None:
    records = (
        decision(0, OLD), decision(30, OLD, action=UP), decision(60, OLD, ("in-new", "missing")),
        decision(90, OLD, ("in-new", "missing")), decision(120, OLD, ("in-new", "partial")), decision(150, OLD, ("in-new", "ok")),
    )  # fmt: skip
    assert startups(records) == (90.0,)
    assert startups(reversed(records)) == (90.0,)


def test_a_replica_that_is_never_seen_missing_counts_too() -> None:
    assert startups([decision(0, OLD, action=UP), decision(30, OLD, ("in-new", "ok"))]) == (30.0,)


def test_two_of_one_scale_up_share_its_time() -> None:
    both = [
        decision(0, OLD, action=UP),
        decision(30, ("a", "missing"), ("b", "missing")),
        decision(60, ("a", "ok"), ("b", "ok")),
    ]
    assert startups(both) == (60.0, 60.0)


def test_one_that_was_added_by_hand_counts_from_its_first_listing() -> None:
    records = [decision(0, OLD, action=UP), decision(1000, OLD, ("x", "missing")), decision(1100, OLD, ("x", "ok"))]
    assert startups(records) == (100.0,)


def test_what_is_no_start_is_not_counted() -> None:
    wiped = [decision(0, OLD), decision(30, ("in-old", "missing")), decision(60, OLD)]
    assert startups(wiped) == ()
    assert startups([decision(0, ("in-late", "missing")), decision(30, ("in-late", "ok"))]) == ()
    inferred = replace(decision(30, ("x", "ok")), origin=Origin.INFERRED)
    assert startups([decision(0, OLD, action=UP), inferred]) == ()


def test_the_typical_start_is_the_median() -> None:
    assert typical(()) is None
    assert typical((10.0, 90.0, 20.0)) == 20.0
