"""Which limits somebody keeps."""

from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.model.bounds import kept_maximum, kept_minimum
from aios_top.model.state import BlockState
from model.lint_states import decision, facts


def block(values: dict[str, Any], **options: Any) -> BlockState:
    return facts(values, limits=(2, 5), **options).block


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ({"max_replicas": 4}, (1, 4)),
        ({"max_replicas": None}, (1, 5)),
        ({"max_replicas": None, "use_block_limits": False}, (1, None)),
        ({"min_replicas": "2", "max_replicas": True, "use_block_limits": False}, (None, None)),
    ],
)
def test_a_policy_keeps_what_its_parameters_say(values: dict[str, Any], limits: tuple[int | None, int | None]) -> None:
    given = block(values)
    assert (kept_minimum(given), kept_maximum(given)) == limits


def test_its_last_record_knows_better() -> None:
    given = block({})
    last = replace(decision(1.0), record={"replicas": {"min": 3, "max": 4}})
    given = replace(given, policy=replace(given.policy, last_decision=last))
    assert (kept_minimum(given), kept_maximum(given)) == (3, 4)


def test_of_a_silent_policy_nothing_is_claimed() -> None:
    given = block({}, speaks=False)
    assert (kept_minimum(given), kept_maximum(given)) == (None, None)
