"""The table of keys: no key twice, every action does something, rebinding is checked."""

import pytest

from aios_top.console.app import OWN
from aios_top.console.commands import COMMANDS
from aios_top.console.keys import KEYS, KeyTableError, bound, of
from aios_top.console.looking import LOOKS
from aios_top.console.timetravel import TRAVELS


def test_every_action_does_exactly_one_thing() -> None:
    actions = [key.action for key in KEYS]
    assert len(actions) == len(set(actions))
    assert sorted(actions) == sorted({*LOOKS, *COMMANDS, *OWN, *TRAVELS})


def test_no_key_is_bound_twice_and_the_terminals_own_keys_are_left_alone() -> None:
    names = [name for key in KEYS for name in key.keys]
    assert len(names) == len(set(names))
    assert not {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q"} & set(names)


def test_what_changes_the_cluster_is_upper_case_and_nothing_else_writes() -> None:
    for key in KEYS:
        if key.writes:
            assert key.keys[0].isupper()
    assert {key.action for key in KEYS if key.writes} == {
        "reset_cooldown", "load_test", "deploy", "roll_back", "scale", "send_draft", "pause_policy", "force_scale",
    }  # fmt: skip


def test_every_key_has_its_help() -> None:
    for key in KEYS:
        assert key.help.endswith(".")
        assert key.label


def test_rebinding_replaces_all_keys_of_an_action() -> None:
    table = bound({"window": "v"})
    assert of("window", table).keys == ("v",)
    assert of("window").keys == ("w",)


@pytest.mark.parametrize(
    ("rebinding", "said"),
    [
        ({"windw": "v"}, "no action 'windw'"),
        ({"window": "q"}, "bound to window and to quit"),
        ({"window": ""}, "window is empty"),
    ],
)
def test_a_wrong_table_is_refused_with_the_entry(rebinding: dict[str, str], said: str) -> None:
    with pytest.raises(KeyTableError) as refused:
        bound(rebinding)
    assert said in str(refused.value)
