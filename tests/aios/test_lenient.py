"""Records are read field by field: what is wrong with one hides no other, and what is needed is named."""

import math
from typing import Any

import pytest

from aios_top.aios.lenient import WireError, read
from aios_top.aios.wire import BlockWire, ClusterWire, HealthWire
from aios_top.aios.wire_policy import DecisionWire, PageWire, StateWire

BLOCK = {
    "id": "b",
    "cluster": {"id": "c", "more": 1},
    "minInstances": 1,
    "maxInstances": 4,
    "componentUri": "node.model:1",
    "policies": {"autoscaler": {"policyRuleURI": "p:1-stable", "parameters": {"a": 1}, "settings": {}}},
}


@pytest.mark.parametrize(
    ("field", "value", "lost"),
    [
        ("cluster", 5, "cluster"),
        ("minInstances", "1", "min_instances"),
        ("minInstances", 1.0, "min_instances"),
        ("minInstances", True, "min_instances"),
        ("maxInstances", None, "max_instances"),
        ("componentUri", ["x"], "component_uri"),
        ("policies", [], "policies"),
        ("unknown", {}, None),
    ],
)
def test_a_field_of_another_type_is_as_if_it_were_absent(field: str, value: Any, lost: str | None) -> None:
    whole, found = read(BlockWire, BLOCK), read(BlockWire, {**BLOCK, field: value})

    assert {name for name in whole.__struct_fields__ if getattr(whole, name) != getattr(found, name)} == {lost} - {None}
    assert lost is None or getattr(found, lost) is None


def test_a_bad_entry_hides_no_good_one() -> None:
    policies = {
        **BLOCK["policies"],
        "broken": {"parameters": {}},
        "odd": 3,
        "half": {"policyRuleURI": "q", "settings": 1},
    }  # type: ignore[dict-item]
    found = read(BlockWire, {**BLOCK, "policies": policies}).value()

    assert {name: (str(used.uri), used.settings) for name, used in found.policies.items()} == {
        "autoscaler": ("p:1-stable", {}),
        "half": ("q", {}),
    }
    counts = read(StateWire, {"boot_id": "x", "counts": {"up": 1, "down": "2", "held": 1.5}}).counts
    assert counts == {"up": 1, "down": None, "held": None}


@pytest.mark.parametrize(
    ("kind", "found", "says"),
    [
        (BlockWire, 5, "expected an object, got int"),
        (BlockWire, None, "expected an object"),
        (BlockWire, {}, "id is missing"),
        (BlockWire, {"id": ""}, "id: Expected `str` of length >= 1"),
        (BlockWire, {"id": 3, "cluster": 1}, "id: Expected `str`, got `int`"),
        (HealthWire, {"instanceId": "i", "healthy": 1}, "healthy: Expected `bool`"),
        (PageWire, {"boot_id": "b", "next_since": -1, "decisions": []}, "next_since: Expected `int` >= 0"),
        (PageWire, {"boot_id": "b", "next_since": 1, "decisions": {}}, "decisions: Expected `array`"),
        (DecisionWire, {"ts": math.inf, "outcome": "skip", "code": "x"}, "ts: Expected `float`"),
        (DecisionWire, {"ts": math.nan, "outcome": "skip", "code": "x"}, "ts: Expected `float`"),
    ],
)
def test_what_a_record_needs_is_named(kind: Any, found: Any, says: str) -> None:
    with pytest.raises(WireError) as caught:
        read(kind, found)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, "5", True, 10**400])
def test_a_time_that_is_none_is_unknown(value: Any) -> None:
    found = read(
        StateWire, {"boot_id": "b", "next_eval_in_s": value, "cooldown": {"up": {"remaining_s": value, "total_s": 3}}}
    )

    assert found.next_eval_in_s is None
    assert found.cooldown is not None
    assert found.cooldown.up is not None
    assert (found.cooldown.up.remaining_s, found.cooldown.up.total_s) == (None, 3.0)


def test_a_url_in_a_list_of_one_is_unpacked_and_every_other_shape_left_out() -> None:
    urls = {"a": ["http://a"], "b": 3, "c": "http://c", "d": ["http://x", "http://y"], "e": "", "f": None}

    assert read(ClusterWire, {"id": "c", "config": {"urlMap": urls}}).urls() == {"a": "http://a", "c": "http://c"}
    assert read(ClusterWire, {"id": "c", "config": {"urlMap": 3}}).urls() == {}
    assert read(ClusterWire, {"id": "c", "config": None}).urls() == {}
