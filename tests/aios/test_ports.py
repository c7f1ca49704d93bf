"""The client satisfies the engine's ports by shape: it never imports them."""

import inspect

import pytest

from aios_top.aios.inference import AiosInference
from aios_top.aios.mutator import AiosMutator
from aios_top.aios.reader import AiosReader
from aios_top.engine.ports import Inference, Mutations, Reads

PAIRS = [(Reads, AiosReader), (Mutations, AiosMutator), (Inference, AiosInference)]
METHODS = [(port, part, name) for port, part in PAIRS for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize(("port", "part", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_a_method_is_as_the_port_has_it(port, part, name):
    wanted, found = getattr(port, name), getattr(part, name)

    assert inspect.signature(found) == inspect.signature(wanted)
    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
