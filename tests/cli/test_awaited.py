"""What a command awaits is run to its end, and its result is nobody's to spell out."""

import asyncio

import pytest

from aios_top.cli.awaited import awaited


class Large:
    """A result that notes whether anybody made a text of it."""

    spelt = 0

    def __repr__(self) -> str:
        Large.spelt += 1
        return "large"


async def found() -> Large:
    await asyncio.sleep(0)
    return Large()


async def failing() -> None:
    raise ValueError("no answer")


def test_a_result_comes_back_and_is_not_spelt_out():
    assert isinstance(awaited(found()), Large)
    assert Large.spelt == 0


def test_an_error_comes_back_as_it_is():
    with pytest.raises(ValueError, match="no answer"):
        awaited(failing())
