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


CHOICES = sorted({choice for f in explained.PARAMETERS for choice in f.choices})
OPERATIONS = ["upscale", "downscale", "cancel"]
BOUNDS = [0, 0.5, 1, 1.0, 1.5, 2, 10, 11, 64, 65, 100, 101, 1000, 3600, 3600.5, 4096, 4097, 86_400, 86_401, -1, 1e9]
json_value = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(BOUNDS),
    st.integers(-3, 5000),
    st.floats(-3, 5000, width=32),
    st.sampled_from(["", "5", "x" * 500, "x" * 501, *CHOICES, "both", "up", *OPERATIONS]),
    st.lists(st.sampled_from(["in-a", "in-b", "", "in-c", 7, None]), max_size=4),
    st.sampled_from([[f"in-{n}" for n in range(count)] for count in (10, 11, 64, 65)]),
    st.just({}),
)
fixed = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def agreement(check):
    """Run a check that says whether a value was accepted; both answers must have come."""
    verdicts = {check(value) for value in [None, True, *BOUNDS, *CHOICES, [], ["in-a"], "up", "full", *OPERATIONS]}
    assert verdicts == {True, False}

    @fixed
    @given(json_value)
    def any_value(value):
        check(value)

    any_value()


@pytest.mark.parametrize("parameter", explained.PARAMETERS, ids=lambda p: p.name)
def test_a_parameters_schema_accepts_exactly_what_the_policy_takes(parameter):
    schema = RECORD["policy_parameters_schema"]["properties"][parameter.name]
    wide = {
        "max_replicas": None,
        "min_replicas": 1,
        "input_tokens_down_threshold": 0,
        "output_tokens_down_threshold": 0,
    }
    wide |= {"input_tokens_up_threshold": 1e12, "output_tokens_up_threshold": 1e12}  # no other value contradicts it
    if parameter.name == "max_replicas":
        wide["min_replicas"] = 1
    policy = new_explained({}, wide, WallClock())

    def check(value):
        valid = accepts(schema, value)
        asked = {"parameters": {parameter.name: value}, "dry_run": True}
        assert (
            valid
            == (parameter.problem(value) is None)
            == (policy.management("set_parameters", asked)["status"] == "ok")
        )
        given_at_start = new_explained({}, wide | {parameter.name: value}, WallClock())
        errors = given_at_start.management("get_parameters", None)["parameter_errors"]
        assert (parameter.name in errors) == (not valid)
        return valid

    agreement(check)


SETTLED = {
    "get_decisions": [{}],
    "set_parameters": [{"parameters": {}}],
    "pause": [{"seconds": 60}],
    "hold": [{"seconds": 60}],
    "resume": [{}],
    "force_scale": [
        {"operation": "upscale", "instances_count": 1},
        {"operation": "downscale", "instances_list": ["in-a"]},
        {"operation": "cancel"},
    ],
    "dry_run": [{}],
}


@pytest.mark.parametrize(("action", "base"), [(action, base) for action, bases in SETTLED.items() for base in bases])
def test_a_commands_schema_accepts_exactly_what_the_policy_takes(action, base):
    """Each name of a command, with any value, is accepted by both or by neither; so is one that is not there."""
    schema = RECORD["functionality_data"]["management_commands"][action]["data"]
    shape = action if action in explained.REQUESTS else f"{action} {base['operation']}"
    fields = explained.REQUESTS[shape]
    block = Block(document("in-a", 300), document("in-b", 300))
    policy = new_explained({"get_metrics": block.get_metrics}, {}, WallClock())

    def ask(data):
        status = policy.management(action, data)["status"]
        policy.management("resume", None)
        valid = accepts(schema, data)
        assert valid == (status == "ok" or _is_about_the_block(policy, action, data))
        return valid

    policy.eval({}, block.input_data(), None)
    assert ask(base)
    for name in base:
        assert not ask({key: value for key, value in base.items() if key != name})
    assert ask(base | {"stranger": 1}) == (action == "get_decisions")
    for f in fields:
        if f.name not in {"parameters", "expect_generation"}:
            agreement(lambda value, name=f.name: ask(base | {name: value}))


def _is_about_the_block(policy, action, data):
    """Whether a command is well formed, and refused only for the instances that are listed now."""
    return action == "force_scale" and policy.management(action, data)["reason"].startswith(
        ("not listed: ", "0 instances, ")
    )


@pytest.mark.parametrize("action", ["set_parameters", "dry_run"])
def test_a_schema_looks_into_the_parameters_of_a_command(action):
    schema = RECORD["functionality_data"]["management_commands"][action]["data"]
    policy = new_explained({"get_metrics": dict}, {}, WallClock())
    policy.eval({}, {}, None)
    for parameters in ({}, {"max_replicas": 4}, {"max_replicas": "4"}, {"maximum": 4}, {"mode": "shadow"}, [], None):
        data = {"parameters": parameters}
        assert accepts(schema, data) == (policy.management(action, data)["status"] == "ok"), parameters


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
        ("reset_cooldown", {"direction": "up"}),
        ("reset_cooldown", {"direction": "upwards"}),
        ("reset_cooldown", {"direction": None}),
        ("reset_cooldown", ["direction"]),
        ("set_parameters", None),
        ("pause", None),
        ("resume", None),
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
    # Commands arrive without data as well; for those that need none it is the same as an empty object.
    assert accepts(schema, {} if data is None else data) == (answer["status"] == "ok")


def test_the_checker_itself_refuses():
    assert not accepts({"type": "integer"}, True)
    assert not accepts({"type": "object", "required": ["a"]}, {})
    assert not accepts({"uniqueItems": True}, [1, 1])
    assert not accepts({"type": ["integer", "null"]}, "x")
    assert not accepts({"maxLength": 1, "minLength": 1}, "xx")
    assert not accepts({"maximum": 1}, 1.5)
    with pytest.raises(KeyError):
        accepts({"pattern": "x"}, "x")


def test_the_readme_names_every_parameter_and_action():
    readme = (EXPLAINED.parents[1] / "README.md").read_text()
    names = [p.name for p in explained.PARAMETERS] + list(RECORD["functionality_data"]["management_commands"])
    codes = {*explained.SCALING_ACTIVE_FAILURES, *explained.NOT_ABLE_TO_SCALE, *ACTING_AND_RESTING}
    assert [name for name in [*names, *codes] if f"`{name}`" not in readme] == []


ACTING_AND_RESTING = (
    "ScaleUp",
    "ScaleDown",
    "ForcedScale",
    "WithinRange",
    "WithinTolerance",
    "Stabilizing",
    "TooManyReplicas",
    "TooFewReplicas",
    "UnsafeScaleDown",
    "NoVictim",
)
