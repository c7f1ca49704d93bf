"""What is made late is what it stands for: to whoever compares, sends, records or redacts it."""

import json
import pickle
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, InstanceInput, Origin
from aios_top.model.late import Late, LateDocument, LateRows, LateSome
from aios_top.model.reading import ExecutorReading, InstanceReading, LateExecutor, LateReading, Mean, counted
from aios_top.model.reading import whole as whole_reading
from aios_top.model.redaction import Finder, Redactor
from aios_top.model.text import clean
from aios_top.model.window import LateRolling, Rolling, Window
from aios_top.render.document import strict
from aios_top.store.typed import document

SEEN = (InstanceInput(clean("in-secret"), 10.0, status=clean("ok")), InstanceInput(clean("in-other")))
RECORD = {"replicas": {"current": 2, "missing": []}, "instances": [{"id": "in-secret"}]}


class Counting:
    """Counts how often something is made."""

    def __init__(self, what: Any) -> None:
        self.what, self.times = what, 0

    def __call__(self) -> Any:
        self.times += 1
        return self.what


def whole() -> Decision:
    return decision(SEEN, RECORD)


def late(seen: Callable[[], Any], record: Callable[[], Any]) -> Decision:
    rows = LateRows([entry.instance_id for entry in SEEN], seen)
    return decision(rows, LateDocument({"replicas": RECORD["replicas"]}, record))


def decision(seen: Any, record: Any) -> Decision:
    return Decision(1.0, Action.HOLD, clean("Held"), clean("why"), Origin.REPORTED, instances=seen, record=record)


def test_what_is_known_is_told_without_making_the_rest() -> None:
    seen, record = Counting(SEEN), Counting(RECORD)
    found = late(seen, record)
    assert list(found.instance_ids) == ["in-secret", "in-other"]
    assert len(found.instances) == 2
    assert found.record["replicas"] == {"current": 2, "missing": []}
    assert found.record
    assert (seen.times, record.times) == (0, 0)
    assert found.instances[0] is SEEN[0]
    assert list(found.instances) == list(SEEN)
    assert found.record["instances"] == [{"id": "in-secret"}]
    assert (seen.times, record.times) == (1, 1)


def test_it_equals_what_it_stands_for_both_ways() -> None:
    found = late(lambda: SEEN, lambda: RECORD)
    assert found == whole()
    assert whole() == found
    assert found != decision(SEEN[:1], RECORD)
    assert found != decision(SEEN, {**RECORD, "more": 1})
    assert Late(lambda: (1.0, None)) == [1.0, None]


def test_it_is_recorded_and_sent_as_what_it_stands_for() -> None:
    found = late(lambda: SEEN, lambda: RECORD)
    assert document(found) == document(whole())
    assert json.dumps(strict(found.record)) == json.dumps(RECORD)
    again = pickle.loads(pickle.dumps(found))
    assert (type(again.instances), type(again.record)) == (tuple, dict)
    assert again == whole()


def test_no_name_in_it_escapes_a_redaction() -> None:
    finder = Finder()
    finder.look(late(lambda: SEEN, lambda: RECORD))
    redacted = Redactor(finder.names())(late(lambda: SEEN, lambda: RECORD))
    assert finder.names().pseudonyms == {"in-other": "instance-1", "in-secret": "instance-2"}
    assert "in-secret" not in repr(redacted)
    assert redacted.instances[0].instance_id == "instance-2"


def test_a_late_rolling_metric_reads_the_mean_that_is_asked_for() -> None:
    asked: list[int] = []

    def read(row: int, place: int) -> float:
        asked.append(place)
        return row * (place - 4)

    rolling = LateRolling(read, 10, 4)
    assert [rolling.over(window) for window in Window] == [10.0, 20.0, 30.0]
    assert asked == [5, 6, 7]
    plain = Rolling(0.0, 10.0, 20.0, 30.0)
    assert [plain.over(window) for window in Window] == [rolling.over(window) for window in Window]
    assert rolling == plain
    assert plain == rolling
    assert rolling != Rolling(0.0, 10.0, 20.0, 31.0)
    assert type(pickle.loads(pickle.dumps(rolling))) is Rolling


def test_a_late_executor_is_what_is_recorded_of_it_read_when_somebody_looks() -> None:
    plain = ExecutorReading(100.0, 7.0)
    made = Counting(plain)
    late = LateExecutor(made)
    assert made.times == 0
    assert (late.uptime_seconds, late.tasks_processed_total) == (100.0, 7.0)
    assert made.times == 2
    assert late == plain
    assert plain == late
    assert late != ExecutorReading(100.0, 8.0)
    assert hash(late) == hash(plain)
    assert repr(late) == repr(plain)
    assert pickle.loads(pickle.dumps(late)) == plain
    assert Redactor()(late) == plain


def test_some_late_values_are_there_before_they_are_made() -> None:
    made = Counting([1, 2])
    some = LateSome(made)
    assert some
    assert made.times == 0
    assert (some[-1], len(some)) == (2, 2)


def test_a_late_document_reads_the_field_that_is_asked_for() -> None:
    plain = InstanceReading(
        clean("in-secret"), 100.0, Rolling(1.0), None, 2.0, 3.0, 4.0, 5.0, Mean(6.0, 7.0), None, None, 8.0, None, 9.0,
        clean("node-1"), (clean("a problem"),),
    )  # fmt: skip
    asked: list[str] = []

    def read(row: int, name: str) -> Any:
        assert row == 7
        asked.append(name)
        return getattr(plain, name)

    reading = LateReading(plain.instance_id, 100.0, 2.0, 3.0, plain.input_size, None, read, 7)
    assert reading.is_llm
    assert asked == []
    assert (reading.inference, reading.active_sessions) == (Mean(6.0, 7.0), 8.0)
    assert asked == ["inference", "active_sessions"]
    assert whole_reading(reading) == plain
    assert whole_reading(plain) is plain
    assert reading == plain
    assert plain == reading
    assert reading != replace(plain, errors_total=6.0)
    assert hash(reading) == hash(plain)
    assert repr(reading) == repr(plain)
    assert type(pickle.loads(pickle.dumps(reading))) is InstanceReading
    assert replace(counted(101.0, reading), documents=None) == replace(counted(101.0, plain), documents=None)
    assert counted(101.0, reading).means() == counted(101.0, plain).means() == (Mean(6.0, 7.0), None)
    finder = Finder()
    finder.look(reading)
    redacted = Redactor(finder.names())(reading)
    assert finder.names().pseudonyms == {"in-secret": "instance-1", "node-1": "host-1"}
    assert "in-secret" not in repr(redacted)
