"""The JSON document: its keys, its honesty about origins, and that it is always JSON."""

import json
import math

import pytest
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, InstanceInput, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import InstanceReading
from aios_top.model.record import BlockRecord, PolicyReference
from aios_top.model.state import (
    Averages,
    BlockState,
    Cooldown,
    CooldownPhase,
    EndpointState,
    FleetState,
    InstanceState,
    Link,
    Phase,
    Replicas,
)
from aios_top.model.text import clean
from aios_top.model.verdict import Severity, Verdict
from aios_top.model.window import Rolling, Window
from aios_top.render.document import block_document, decision_document, figure, fleet_document, rfc3339

NOW = 1_795_445_525.5
DECISION = Decision(
    at=NOW - 3,
    action=Action.UP,
    code=clean("ScaleUp"),
    reason=clean("Token rate exceeded threshold (Input: 812.00, Output: 144.20)"),
    origin=Origin.REPORTED,
    seq=812,
    boot_id=clean("b3f1"),
    would=clean("up"),
    input_average=812.0,
    output_average=144.2,
    current=2,
    reporting=2,
    proposed=3,
    instances=(InstanceInput(clean("in-a1b2"), input_rate=5210.0, output_rate=890.0),),
)
ROLLING = Rolling(900.0, 812.0, 500.0, 300.0)
READING = InstanceReading(clean("in-a1b2"), NOW - 2, ROLLING, ROLLING, 1000.0, 100.0, 10.0, 0.0)
BLOCK = BlockState(
    clean("gemma"),
    record=BlockRecord(
        clean("gemma"), clean("c1"), 1, 4, None, {"autoscaler": PolicyReference(clean("tok:1.0-stable"))}
    ),
    policy=PolicyReport(
        Voice.FULL,
        boot_id=clean("b3f1"),
        policy_version=clean("1.0"),
        code_sha256=clean("9f31"),
        last_decision=DECISION,
    ),
    thresholds=Thresholds(500.0, 300.0, 100.0, 50.0),
    thresholds_origin=Origin.REPORTED,
    instances=(InstanceState(clean("in-a1b2"), Phase.SERVING, READING, 2.0, NOW - 100, 5000.0, 800.0),),
    replicas=Replicas(current=2, reporting=2, desired=3, minimum=1, maximum=4),
    averages={Window.ONE_MINUTE: Averages(812.0, 144.2, Window.ONE_MINUTE, Origin.MEASURED, 2)},
    input_rate=10_000.0,
    output_rate=1_600.0,
    request_rates=(12.0,),
    cooldown=Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 41.26, 120.0),
    next_evaluation_at=NOW + 12.34,
    decisions=(DECISION,),
    seen_at=NOW - 0.5,
    verdict=Verdict(Severity.BUSY, "held by cooldown", clean("gemma"), "CooldownActive"),
)


def test_a_block_with_everything_known():
    document = block_document(BLOCK, NOW)

    assert document["block_id"] == "gemma"
    assert document["policy"] == {
        "uri": "tok:1.0-stable", "voice": "full", "name": None, "version": "1.0", "code_sha256": "9f31",
        "boot_id": "b3f1", "mode": None, "interval_seconds": None, "problem": None, "problem_kind": None, "note": None,
    }  # fmt: skip
    assert document["replicas"] == {
        "current": 2, "reporting": 2, "starting": 0, "stale": 0, "ghosts": 0, "desired": 3, "min": 1, "max": 4,
        "origin": "reported", "wiped": False, "note": None,
    }  # fmt: skip
    assert document["rates"] == {
        "input_tokens_per_minute": 10_000.0, "output_tokens_per_minute": 1_600.0, "requests_per_minute": 12.0,
        "origin": "measured", "note": None,
    }  # fmt: skip
    assert document["cooldown"] == {
        "phase": "cooling", "remaining_seconds": 41.3, "total_seconds": 120.0, "uncertainty_seconds": 0.0,
        "origin": "reported", "note": None,
    }  # fmt: skip
    assert document["next_evaluation_seconds"] == 12.3
    assert document["last_decision"]["code"] == "ScaleUp"
    assert document["last_decision"]["reason"].startswith("Token rate exceeded")
    assert document["averages"]["1m"]["input_tokens_per_request"] == 812.0
    assert document["averages"]["5m"] == {
        "input_tokens_per_request": None, "output_tokens_per_request": None, "counted": 0, "origin": "unknown",
    }  # fmt: skip
    assert document["instances"][0]["input_tokens_per_request"] == {"1m": 812.0, "5m": 500.0, "15m": 300.0}
    assert document["freshness"]["newest_push_seconds"] == 2.0


def test_without_a_second_push_the_policys_own_rates_are_used_and_said_to_be():
    once = replace(BLOCK, input_rate=None, output_rate=None)

    assert block_document(once, NOW)["rates"] == {
        "input_tokens_per_minute": 5210.0, "output_tokens_per_minute": 890.0, "requests_per_minute": 12.0,
        "origin": "reported", "note": "as of the policy's last evaluation",
    }  # fmt: skip


def test_rates_that_nobody_knows_say_what_they_need():
    unknown = replace(BLOCK, input_rate=None, output_rate=None, policy=PolicyReport(Voice.SILENT))

    rates = block_document(unknown, NOW)["rates"]

    assert rates["origin"] == "unknown"
    assert rates["input_tokens_per_minute"] is None
    assert "--settle" in rates["note"]


@pytest.mark.parametrize(
    ("voice", "words"),
    [(Voice.SILENT, "does not tell"), (Voice.ABSENT, "no autoscaler"), (Voice.UNREACHABLE, "does not answer")],
)
def test_every_null_of_a_block_that_tells_nothing_has_a_note(voice, words):
    document = block_document(BlockState(clean("b"), policy=PolicyReport(voice)), NOW)

    assert document["last_decision"] is None
    for note in (
        document["policy"]["note"],
        document["replicas"]["note"],
        document["cooldown"]["note"],
        document["next_evaluation_note"],
        document["last_decision_note"],
    ):
        assert words in note
    assert document["rates"]["note"]


def test_a_timer_that_ran_out_without_a_new_answer_is_due():
    late = block_document(BLOCK, NOW + 60)

    assert late["cooldown"]["phase"] == "due"
    assert late["cooldown"]["remaining_seconds"] == 0.0
    assert late["next_evaluation_seconds"] == 0.0


def test_the_fleet_keeps_order_and_endpoints():
    state = FleetState(
        NOW,
        7,
        {clean("z"): BLOCK, clean("a"): replace(BLOCK, block_id=clean("a"))},
        endpoints={
            "metrics": EndpointState("metrics", Link.DOWN, clean("nothing listens"), NOW - 9, 0.0021, 5, 2, "refused")
        },
        verdict=Verdict(Severity.BROKEN, "no data", None, "StaleData"),
        context="demo",
        origin_note="simulated, quick pace",
    )
    document = fleet_document(state)

    assert list(document) == ["schema", "at", "context", "note", "sequence", "verdict", "blocks", "endpoints"]
    assert (document["schema"], document["at"]) == (1, "2026-11-23T14:52:05.500Z")
    assert [block["block_id"] for block in document["blocks"]] == ["gemma", "a"]
    assert document["verdict"] == {"severity": "broken", "code": "StaleData", "sentence": "no data", "block_id": None}
    assert document["endpoints"]["metrics"] == {
        "link": "down", "problem": "nothing listens", "problem_kind": "refused",
        "last_ok": "2026-11-23T14:51:56.500Z", "last_ok_seconds": 9.0,
        "latency_seconds": 0.002, "polls": 5, "failures": 2,
    }  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_number_that_json_does_not_have_is_null(value):
    assert figure(value) is None


def test_the_document_is_strict_json_whatever_the_figures():
    poisoned = replace(
        BLOCK,
        input_rate=math.nan,
        server_means=(math.inf, None),
        averages={Window.ONE_MINUTE: Averages(math.nan, math.inf)},
        cooldown=Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 1, math.nan),
        decisions=(replace(DECISION, at=math.inf, input_average=math.nan),),
    )
    document = block_document(poisoned, NOW)

    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.9996, "1970-01-01T00:00:01.999Z"),
        (1e20, None),
        (-1e20, None),
        (None, None),
    ],
)
def test_times_are_rfc_3339(at, text):
    assert rfc3339(at) == text


def test_a_decision_keeps_its_numbers():
    document = decision_document(DECISION)

    assert document["at"] == "2026-11-23T14:52:02.500Z"
    assert document["averages"] == {"input": 812.0, "output": 144.2}
    assert document["replicas"] == {"current": 2, "reporting": 2, "proposed": 3}
    assert (document["action"], document["origin"], document["seq"]) == ("upscale", "reported", 812)
