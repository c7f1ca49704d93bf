"""What is seen at once of decisions is what they say, in whichever form they are kept, also of one that nobody wrote."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from aios_top.model.decision import Action, Origin
from aios_top.store.decided import shortened
from aios_top.store.documents import Documents
from aios_top.store.leaves import MOST_SHAPES, Shapes
from aios_top.store.signs import signs
from aios_top.store.streams import PackedStream, Stream, unpacked
from aios_top.store.typed import encoded

RECORD = {
    "ts": 1000.5,
    "seq": 7,
    "boot_id": "boot-a",
    "outcome": "upscale",
    "code": "ScaleUp",
    "reason": "input 812 > 500",
    "thresholds": {"input_up": 500, "output_up": 200, "input_down": 100, "output_down": 50},
    "averages": {"input": 812.0, "output": 10.0, "period": "average_1m"},
    "replicas": {"current": 1, "reporting": 1, "proposed": 2},
    "would": {"rule": "up"},
    "cooldown": {"remaining_s": 0.0},
    "confirm": {"status": "pending"},
    "instances": [],
}
TYPED = {
    "at": 1000.5,
    "seq": 7,
    "boot_id": "boot-a",
    "action": "upscale",
    "current": 1,
    "proposed": 2,
    "reason": "input 812 > 500",
}


def typed(decision: dict[str, Any], **other: Any) -> dict[str, Any]:
    """The same decision as a policy without a record has it."""
    return {**decision, "record": {}, **other}


def in_record(**other: Any) -> dict[str, Any]:
    return {"record": {**RECORD, **other}, "derived": 1}


def kept(*decisions: dict[str, Any] | None, shapes: Shapes | None = None) -> Documents:
    """The decisions as a segment keeps them, packed and read back."""
    stream = Stream(shapes or Shapes())
    for poll, decision in enumerate(decisions):
        stream.append(poll, {"boot_id": "boot-b", "decision": deepcopy(decision)})
    packed = msgspec.msgpack.decode(encoded(stream.packed()), type=PackedStream)
    return unpacked(stream.shapes, encoded(packed))


def full() -> Shapes:
    """Shapes of which no more are numbered: every document is kept whole."""
    found = Shapes()
    for number in range(MOST_SHAPES):
        found.take_apart({f"other-{number}": 1})
    return found


@pytest.mark.parametrize("shapes", [Shapes, full], ids=["in leaves", "whole"])
@pytest.mark.parametrize(
    "decision", [in_record(), typed(TYPED), typed(TYPED, derived=0)], ids=["record", "own", "part"]
)
def test_it_is_what_the_decision_says(decision: dict[str, Any], shapes: Any) -> None:
    (found,) = signs(kept(decision, shapes=shapes()))
    assert (found.at, found.seq, found.boot_id, found.running) == (1000.5, 7, "boot-a", "boot-b")
    assert (found.action, found.current, found.proposed, found.origin) == (Action.UP, 1, 2, Origin.REPORTED)
    assert not found.is_gap


def test_rows_of_every_form_stand_beside_each_other() -> None:
    found = signs(
        kept(None, in_record(), typed(TYPED, seq=8), None, in_record(seq=9, outcome="hold"), in_record(seq=10))
    )
    assert [(sign.is_gap, sign.seq, sign.action) for sign in found] == [
        (True, None, Action.HOLD),
        (False, 7, Action.UP),
        (False, 8, Action.UP),
        (True, None, Action.HOLD),
        (False, 9, Action.HOLD),
        (False, 10, Action.UP),
    ]
    assert {sign.running for sign in found} == {"boot-b"}


def test_the_form_is_the_one_that_decisions_are_shortened_to() -> None:
    """`in_record` above is made by hand; this is what the writer makes of a record that says everything."""
    whole = {**TYPED, "record": {**RECORD, "instances": []}}
    short = shortened(whole, lambda _name, _back: None)
    (found,) = signs(kept(short))
    assert (found.at, found.seq, found.action, found.proposed) == (1000.5, 7, Action.UP, 2)


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        ({"outcome": "sideways"}, (Action.ERROR, 1, 2)),
        ({"outcome": 5}, (Action.ERROR, 1, 2)),
        ({"outcome": ["upscale"]}, (Action.ERROR, 1, 2)),
        ({"replicas": {"current": "1", "proposed": True}}, (Action.UP, None, None)),
        ({"replicas": {"current": 1.5, "proposed": None}}, (Action.UP, None, None)),
    ],
)
def test_what_is_no_decision_of_ours_is_an_error_or_not_known(other: dict[str, Any], seen: tuple[Any, ...]) -> None:
    (found,) = signs(kept(in_record(**other)))
    assert (found.action, found.current, found.proposed) == seen


@pytest.mark.parametrize(
    "other", [{"ts": "now"}, {"ts": None}, {"seq": "7"}, {"seq": 1.5}, {"replicas": None}, {"replicas": []}]
)
def test_without_a_time_or_a_number_the_segment_is_damaged(other: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        signs(kept(in_record(**other)))


def test_names_are_made_safe() -> None:
    (found,) = signs(kept(in_record(boot_id="boot\x1b[2J")))
    assert "\x1b" not in str(found.boot_id)
