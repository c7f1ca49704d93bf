"""Metric documents: read as AIOS writes them, and as nothing should ever write them."""

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios_top.aios.documents import DocumentReader
from aios_top.aios.exchange import Answer
from aios_top.aios.wire_metrics import PROJECTION, DocumentWire
from aios_top.model.errors import ReadError
from aios_top.model.reading import BlockReading, ExecutorReading, InstanceReading, Mean
from aios_top.model.text import Clean, clean
from aios_top.model.window import Rolling

ROLLING = "llm_input_tokens_per_minute_rolling"


def answered(body: bytes, status: int = 200, kind: str = "application/json") -> Answer:
    return Answer("metrics", status, Clean(kind), body, 0.01)


def rows(body: bytes | Any, **of_answer: Any):
    return DocumentReader().rows(answered(body if isinstance(body, bytes) else json.dumps(body).encode(), **of_answer))


def fleet(*instances: Any, block_id: Any = "b") -> dict[str, Any]:
    return {"success": True, "data": [{"blockId": block_id, "instances": list(instances)}]}


def only_block(body: bytes | Any) -> BlockReading:
    (block,) = rows(body).blocks
    return block


def instance(**fields: Any) -> dict[str, Any]:
    return {"instanceId": "in-aa01", **fields}


def with_number(text: str, field: str = "llm_prompt_tokens_total") -> bytes:
    """A document of two instances, in which one number of the second is this text."""
    good = json.dumps(instance(llm_prompt_tokens_total=7, timestamp=5.0))
    odd = f'{{"instanceId": "in-bb02", "llm_prompts_total": 3, "{field}": {text}}}'
    return f'{{"success": true, "data": [{{"blockId": "b", "instances": [{good}, {odd}]}}]}}'.encode()


def failure(body: bytes | Any, **of_answer: Any) -> ReadError:
    with pytest.raises(ReadError) as caught:
        rows(body, **of_answer)
    assert str(caught.value).isprintable()
    return caught.value


def test_an_older_sdks_document_is_read(data_folder):
    """The shape of a live cluster of an earlier release: no time stamp on its LLM instance, no llm key at the executor."""
    block = only_block((data_folder / "older_sdk_block.json").read_bytes())

    assert block.executor == ExecutorReading(uptime_seconds=240013.5, tasks_processed_total=9.0)
    assert block.instances == (
        InstanceReading(
            Clean("in-q7zd"),
            timestamp=None,
            input_size=Rolling(0, 0, 0, 0),
            output_size=Rolling(0, 0, 0, 0),
            prompt_tokens_total=3120.0,
            generated_tokens_total=1804.0,
            prompts_total=9.0,
            errors_total=0.0,
            inference=Mean(71.25, 9.0),
            first_token=Mean(8.5, 9.0),
            per_output_token=Mean(0.375, 9.0),
            active_sessions=0.0,
            queue_length=Rolling(0, 0, 0, 0),
            tokens_per_second=25.5,
            node_id=Clean("gpu-node-2"),
        ),
    )


def test_an_instance_that_served_nothing_has_counters_but_no_sizes():
    (reading,) = only_block(fleet(instance(timestamp=5.0, llm_prompt_tokens_total=0.0))).instances

    assert reading.is_llm
    assert reading.input_size is None
    assert reading.prompt_tokens_total == 0.0
    assert reading.problems == ()


def test_an_instance_of_no_llm_block_says_so():
    (reading,) = only_block(fleet(instance(timestamp=5.0, queue_length={"current": 1, "average_1m": 2.5}))).instances

    assert not reading.is_llm
    assert reading.queue_length == Rolling(1.0, 2.5, None, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("NaN", "not finite"),
        ("Infinity", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
        ("-5", "negative"),
        ("-0.25", "negative"),
        ('"412.5"', "text"),
        ("true", "a truth value"),
        ("null", "null"),
        ("[412.5]", "a list"),
        ('{"value": 1}', "an object"),
        ("1" + "0" * 400, "too large"),
    ],
)
def test_a_number_that_is_none_is_named_and_hides_nothing_else(text, problem):
    good, odd = only_block(with_number(text)).instances

    assert (good.prompt_tokens_total, good.problems) == (7.0, ())
    assert odd.prompt_tokens_total is None
    assert odd.prompts_total == 3.0
    assert odd.problems == (f"llm_prompt_tokens_total: {problem}",)


@pytest.mark.parametrize(
    ("text", "value"), [("-0.0", 0.0), ("2e63", 2e63), ("1e300", 1e300), ("18446744073709551616", 2.0**64)]
)
def test_extreme_numbers_are_numbers(text, value):
    found = only_block(with_number(text)).instances[1].prompt_tokens_total

    assert found == value
    assert math.copysign(1, found) == 1


def test_a_negative_zero_is_zero_also_beside_a_bad_field():
    (reading,) = only_block(fleet(instance(llm_prompts_total=-0.0, timestamp="bad"))).instances

    assert reading.problems == ("timestamp: text",)
    assert math.copysign(1, reading.prompts_total) == 1


@pytest.mark.parametrize(
    ("text", "reading", "problems"),
    [
        ('{"average_1m": -3, "average_5m": 4}', Rolling(average_5m=4.0), (f"{ROLLING}.average_1m: negative",)),
        ('{"average_1m": NaN, "current": 4}', Rolling(current=4.0), (f"{ROLLING}.average_1m: not finite",)),
        ('{"average_1m": "4"}', Rolling(), (f"{ROLLING}.average_1m: text",)),
        ("412.5", None, (f"{ROLLING}: a number",)),
        ("[]", None, (f"{ROLLING}: a list",)),
        ("null", None, (f"{ROLLING}: null",)),
        ("{}", Rolling(), ()),
    ],
)
def test_a_rolling_object_keeps_its_good_windows(text, reading, problems):
    odd = only_block(with_number(text, ROLLING)).instances[1]

    assert (odd.input_size, odd.problems) == (reading, problems)


@pytest.mark.parametrize("field", ["timestamp", "llm_active_sessions", "llm_inference_duration_seconds_sum"])
@pytest.mark.parametrize("text", ["-1", '"1795446137"', "NaN"])
def test_every_field_is_guarded(field, text):
    odd = only_block(with_number(text, field)).instances[1]

    assert [problem.partition(":")[0] for problem in odd.problems] == [field]
    assert odd.timestamp is None
    assert odd.inference is None


def test_rows_without_a_usable_id_are_counted():
    good = instance(timestamp=1.0)
    block = only_block(fleet(None, {}, 5, "x", [], {"instanceId": 7}, {"instanceId": {}}, {"instanceId": ""}, good))

    assert [reading.instance_id for reading in block.instances] == ["in-aa01"]
    assert block.dropped == 8


def test_an_instance_that_occurs_twice_is_marked_and_the_last_one_kept():
    block = only_block(fleet(instance(timestamp=1.0), {"instanceId": "in-bb02"}, instance(timestamp=2.0)))

    assert [(reading.instance_id, reading.timestamp) for reading in block.instances] == [
        ("in-aa01", 2.0),
        ("in-bb02", None),
    ]
    assert block.duplicates == ("in-aa01",)


def test_two_executors_are_marked_and_never_instances():
    block = only_block(fleet({"instanceId": "executor", "uptime": 5.0}, {"instanceId": "executor", "uptime": 9.0}))

    assert block.executor == ExecutorReading(uptime_seconds=9.0)
    assert block.instances == ()
    assert block.duplicates == ("executor",)


@pytest.mark.parametrize("uptime", ['"5"', "NaN", "-5", "null"])
@pytest.mark.parametrize("tasks", ['{"tasks_processed_total": "9"}', "7", "null", '{"tasks_processed_total": -1}'])
def test_an_odd_executor_is_still_the_executor(uptime, tasks):
    text = f'{{"success":true,"data":[{{"blockId":"b","instances":[{{"instanceId":"executor","uptime":{uptime},"tasks_processed":{tasks}}}]}}]}}'

    assert only_block(text.encode()).executor == ExecutorReading()


def test_block_rows_that_cannot_be_read_are_counted():
    good = {"blockId": "b", "instances": []}
    found = rows({"success": True, "data": [good, None, {"blockId": 5, "instances": []}, {"blockId": "x"}, {**good}]})

    assert [block.block_id for block in found.blocks] == ["b"]
    assert found.dropped == 4


def test_no_blocks_are_no_error():
    assert rows({"success": True, "data": []}).blocks == ()


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b'"x"', b"5", b"true", b"{}", b'{"data": []}', b'{"success": true}']
    + [f'{{"success": true, "data": {data}}}'.encode() for data in ("null", "{}", '"x"', "5", "true")]
    + [b'{"success": "true", "data": []}', b'{"success": 1, "data": []}', b'{"success": true, "data": [{"i": "x"}]}'],
)
def test_another_shape_is_an_error_and_never_an_empty_fleet(body):
    assert failure(body).kind == "shape"


def test_success_false_is_a_failure_with_the_servers_words():
    error = failure({"success": False, "error": "no \x1b[2J database", "data": []})

    assert error.kind == "failure"
    assert "no \u241b[2J database" in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"success": true, "data": [', "bad JSON"),
        (b'{"success": true, "data": []} x', "bad JSON"),
        (b'{"success": true, "data": []}{"success": true}', "bad JSON"),
        (b'{"success": true, "data": [], "x": "\xff"', "bad JSON"),
        (b'{"success": true, "data": [{"blockId": "\xe9", "instances": []}]}', "not UTF-8"),
        (b'{"success": true, "data": [{"blockId": "\xc0\xaf", "instances": []}]}', "not UTF-8"),
        (b"\xef\xbb\xbf" + b'{"success": true, "data": []}', "BOM"),
        ('{"success": true, "data": []}'.encode("utf-16"), "not UTF-8"),
        (with_number("1" * 5000), "bad JSON"),
        (b"[" * 1000 + b"]" * 1000, "too deep"),
        (b"[" * 100_000, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b'{"success": true, "data": ' + b"[" * 500 + b"]" * 500 + b"}", "too deep"),
    ],
)
def test_what_is_no_json_is_named(body, words):
    error = failure(body)

    assert error.kind == "bad_json"
    assert words in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "body", "error_kind"),
    [
        (200, "text/html", b"<html>maintenance</html>", "shape"),
        (404, "text/html", b"<html>not found</html>", "http"),
        (500, "application/json", b'{"success": false, "error": "boom"}', "failure"),
        (500, "application/json", b'{"success": true, "data": []}', "failure"),
        (400, "application/json", b"[]", "http"),
        (204, "", b"", "http"),
        (304, "", b"", "http"),
        (200, "application/json", b"", "http"),
        (599, "text/plain", b"", "http"),
        (999, "application/json", b"{}", "http"),
    ],
)
def test_status_and_content_type_are_judged_together(status, kind, body, error_kind):
    error = failure(body, status=status, kind=kind)

    assert error.kind == error_kind
    assert "<html>" not in str(error)
    if error_kind == "http":
        assert str(status) in str(error)


def test_text_becomes_clean():
    block = only_block(fleet({"instanceId": "in-\x1b[2J\u202e", "nodeId": "n" * 500}, block_id="b\r\n"))

    assert block.block_id == clean("b\r\n")
    assert isinstance(block.block_id, Clean)
    assert block.instances[0].instance_id == "in-\u241b[2J<U+202E>"
    assert len(block.instances[0].node_id) == 128


def test_a_lone_surrogate_is_shown_and_not_fatal():
    body = b'{"success": true, "data": [{"blockId": "b", "instances": [{"instanceId": "in-\\ud800"}]}]}'

    assert only_block(body).instances[0].instance_id == "in-<U+D800>"


def test_the_last_of_two_equal_keys_wins():
    body = b'{"success":true,"data":[{"blockId":"b","instances":[{"instanceId":"i","timestamp":1,"timestamp":2}]}]}'

    assert only_block(body).instances[0].timestamp == 2.0


def test_an_unchanged_document_keeps_its_reading():
    reader = DocumentReader()
    first = reader.rows(answered(json.dumps(fleet(instance(timestamp=1.0), {"instanceId": "in-bb02"})).encode()))
    second = reader.rows(answered(json.dumps(fleet(instance(timestamp=2.0), {"instanceId": "in-bb02"})).encode()))

    assert second.blocks[0].instances[0].timestamp == 2.0
    assert second.blocks[0].instances[1] is first.blocks[0].instances[1]


def test_the_projection_asks_for_every_field_that_is_read():
    (stage,) = PROJECTION
    wanted = {path.removeprefix("instances.") for path in stage["$project"] if path.startswith("instances.")}

    assert wanted == set(DocumentWire.__struct_encode_fields__)
    assert {"instanceId", "timestamp", "tasks_processed", ROLLING} <= wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
KEYS = st.sampled_from([*DocumentWire.__struct_encode_fields__, "type", "hardware"])
WINDOWS = st.dictionaries(st.sampled_from(["current", "average_1m", "average_5m", "average_15m"]), JSON)
DOCUMENTS = st.dictionaries(KEYS, JSON | WINDOWS | st.floats(min_value=0), max_size=20)
NAMED = st.builds(lambda document, name: {**document, "instanceId": name}, DOCUMENTS, st.text(max_size=6))
FLEETS = st.builds(
    lambda blocks: {"success": True, "data": blocks},
    st.lists(st.fixed_dictionaries({"blockId": st.text() | JSON, "instances": st.lists(NAMED | JSON, max_size=5)})),
)


def numbers(value: Any) -> set[float]:
    """Every number that a document holds, as a float."""
    match value:
        case bool() | str() | None:
            return set()
        case int() | float():
            try:
                return {float(value)}
            except OverflowError:
                return set()
        case list():
            return set().union(*map(numbers, value))
        case dict():
            return numbers(list(value.values()))
    raise AssertionError(value)


def read_numbers(block: BlockReading) -> set[float]:
    """Every number that was read of a block."""
    found: list[float | None] = []
    if block.executor is not None:
        found += [block.executor.uptime_seconds, block.executor.tasks_processed_total]
    for reading in block.instances:
        for value in (getattr(reading, name) for name in reading.__slots__):
            match value:
                case Rolling():
                    found += [value.current, value.average_1m, value.average_5m, value.average_15m]
                case Mean():
                    found += [value.total, value.count]
                case float():
                    found.append(value)
    return {number for number in found if number is not None}


@settings(deadline=None, max_examples=60)
@given(FLEETS)
def test_no_number_is_invented_and_no_row_lost(document):
    named = [row for row in document["data"] if isinstance(row["blockId"], str) and row["blockId"]]
    if document["data"] and not named:
        assert failure(document).kind == "shape"
        return
    found = rows(document)

    assert found.dropped == len(document["data"]) - len({clean(row["blockId"]) for row in named})
    for block in found.blocks:
        row = [row for row in named if clean(row["blockId"]) == block.block_id][-1]
        read = read_numbers(block)
        sent = numbers(row["instances"])
        assert read <= sent | {round(number, digits) for number in sent for digits in (3, 6)}  # tokens/s, sums
        assert all(math.isfinite(number) and number >= 0 for number in read)
        usable = [entry for entry in row["instances"] if isinstance(entry, dict)]
        usable = [entry for entry in usable if isinstance(entry.get("instanceId"), str) and entry["instanceId"]]
        assert block.dropped == len(row["instances"]) - len(usable)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300) | st.builds(lambda value: json.dumps(value).encode(), JSON), st.integers(0, 999))
def test_nothing_but_a_read_error_comes_of_any_bytes(body, status):
    found = None
    with contextlib.suppress(ReadError):
        found = rows(body, status=status)

    assert found is None or found.blocks == ()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_mutated_answer_is_read_or_refused(data_folder, data):
    body = bytearray((data_folder / "older_sdk_block.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = rows(bytes(body))
    except ReadError:
        return
    assert all(isinstance(reading, InstanceReading) for block in found.blocks for reading in block.instances)
