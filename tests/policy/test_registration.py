"""The registration records: what AIOS's registry demands, and schemas that agree with the code."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.harness import EXPLAINED, PLAIN, Block, WallClock, document, explained, new_explained
from policy.json_schema import accepts

RECORDS = {path.parents[1].name: path.parents[1] / "registration.json" for path in (EXPLAINED, PLAIN)}
RECORD = json.loads(RECORDS["policy"].read_text())
REQUIRED = {
    **dict.fromkeys(("name", "version", "release_tag", "tags", "code", "code_type", "type", "description"), str),
    **dict.fromkeys(("policy_input_schema", "policy_output_schema", "policy_settings_schema"), dict),
    **dict.fromkeys(("policy_parameters_schema", "policy_settings", "policy_parameters"), dict),
    **dict.fromkeys(("metadata", "functionality_data", "resource_estimates"), dict),
}


@pytest.mark.parametrize("path", RECORDS.values(), ids=RECORDS)
def test_the_registry_gets_its_17_fields_and_no_other(path):
    record = json.loads(path.read_text())
    assert {name: type(value) for name, value in record.items()} == REQUIRED
    assert len(REQUIRED) == 17
    assert record["type"] == "policy"
    assert record["code"].startswith("http://MANAGEMENTMASTER:32555/")
    # The registry's parameters and settings would override every block's.
    assert (record["policy_parameters"], record["policy_settings"]) == ({}, {})


@pytest.mark.parametrize("path", [EXPLAINED, PLAIN])
def test_nothing_is_pip_installed_when_an_autoscaler_starts(path):
    lines = (path.parent / "requirements.txt").read_text().splitlines()
    assert lines
    assert all(line.startswith("#") for line in lines)


def test_names_and_versions_are_those_of_the_code():
    assert (RECORD["name"], RECORD["version"]) == (explained.POLICY_NAME, explained.POLICY_VERSION)
    plain = json.loads(RECORDS["tokenautoscaler"].read_text())
    assert [plain[k] for k in ("name", "version", "release_tag", "code_type")] == [
        "tokenautoscaler",
        "2.0",
        "stable",
        "tar.xz",
    ]


def test_parameter_schemas_are_those_the_policy_reports():
    reported = new_explained({}, {}, WallClock()).management("get_parameters", None)["schemas"]
    assert RECORD["policy_parameters_schema"]["properties"] == reported


json_scalar = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-3, 3, width=16),
    st.sampled_from(["", "5", *explained.WINDOWS]),
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(value=json_scalar, parameter=st.sampled_from(explained.PARAMETERS))
def test_a_schema_accepts_exactly_what_the_policy_finds_in_order(value, parameter):
    schema = RECORD["policy_parameters_schema"]["properties"][parameter.name]
    assert accepts(schema, value) == (parameter.problem(value) is None)


@pytest.mark.parametrize(
    ("documents", "operation"),
    [([document("in-a", 600)], "upscale"), ([document("in-a"), document("in-b")], "downscale"), ([], None)],
)
def test_inputs_and_results_fit_their_schemas(documents, operation):
    block = Block(*documents)
    policy = new_explained({"get_metrics": block.get_metrics}, {}, WallClock())
    result = policy.eval({}, block.input_data(), None)
    assert result.get("operation") == operation
    assert accepts(RECORD["policy_input_schema"], block.input_data())
    assert accepts(RECORD["policy_output_schema"], result)
    assert not accepts(RECORD["policy_output_schema"], {**result, "extra": 1})
    assert not accepts(RECORD["policy_output_schema"], {k: v for k, v in result.items() if k != "reason"})


def test_the_management_commands_are_those_the_policy_answers():
    supported = new_explained({}, {}, WallClock()).management("?", None)["supported"]
    assert list(RECORD["functionality_data"]["management_commands"]) == supported


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("get_decisions", {}),
        ("get_decisions", {"since": 3, "boot_id": "b", "limit": 5, "detail": "brief"}),
        ("get_decisions", {"since": -1}),
        ("get_decisions", {"limit": 0}),
        ("get_decisions", {"detail": "long"}),
        ("get_decisions", []),
        ("update_thresholds", {"min_replicas": 0, "cooldown_seconds": 1.5}),
        ("update_thresholds", {}),
        ("update_thresholds", {"min_replicas": "3"}),
        ("update_thresholds", None),
        ("reset_cooldown", None),
        ("get_state", {"anything": 1}),
    ],
)
def test_a_data_schema_accepts_exactly_what_the_action_answers(action, data):
    schema = RECORD["functionality_data"]["management_commands"][action]["data"]
    answer = new_explained({}, {}, WallClock()).management(action, data)
    assert accepts(schema, data) == (answer["status"] == "ok")


def test_the_checker_itself_refuses():
    assert not accepts({"type": "integer"}, True)
    assert not accepts({"type": "object", "required": ["a"]}, {})
    with pytest.raises(KeyError):
        accepts({"pattern": "x"}, "x")


def test_the_readme_names_every_parameter_and_action():
    readme = (EXPLAINED.parents[1] / "README.md").read_text()
    names = [p.name for p in explained.PARAMETERS] + list(RECORD["functionality_data"]["management_commands"])
    assert [name for name in names if f"`{name}`" not in readme] == []
