"""The block that a command names: found, not there, or unknown because AIOS does not answer."""

import pytest

from aios_top.cli.choice import one_block
from aios_top.cli.exits import CommandError
from aios_top.model.state import BlockState, EndpointState, FleetState, Link
from aios_top.model.text import clean

DOWN = {"metrics": EndpointState("metrics", Link.DOWN, clean("nothing listens"))}
KNOWN = BlockState(clean("a"))


def test_a_block_is_found_by_its_name() -> None:
    assert one_block(FleetState(at=1.0, sequence=1, blocks={"a": KNOWN}), "a") is KNOWN


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (FleetState(at=1.0, sequence=1, blocks={"a": KNOWN}), "no block 'b'; there are: a"),
        (FleetState(at=1.0, sequence=1, blocks={"a": KNOWN}, endpoints=DOWN), "no block 'b'; there are: a"),
        (FleetState(at=1.0, sequence=1), "no block 'b'; there are: none"),
        (FleetState(at=1.0, sequence=1, endpoints=DOWN), "no metrics: nothing listens; check --host, "),
    ],
)
def test_why_there_is_no_such_block(state: FleetState, told: str) -> None:
    with pytest.raises(CommandError) as caught:
        one_block(state, "b")
    assert str(caught.value).startswith(told)
