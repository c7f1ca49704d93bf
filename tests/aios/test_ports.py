"""The client satisfies the engine's ports by shape: it never imports them."""

import inspect

import pytest

from aios_top.aios.mutator import AiosMutator
from aios_top.aios.reader import AiosReader
from aios_top.engine.ports import LoadFlight, LoadGenerator, LoadRuns, Mutations, Reads
from aios_top.load.child import ChildFlight, ProcessGenerator
from aios_top.store.load_runs import LoadRunFolder

PAIRS = [
    (Reads, AiosReader),
    (Mutations, AiosMutator),
    (LoadGenerator, ProcessGenerator),
    (LoadFlight, ChildFlight),
    (LoadRuns, LoadRunFolder),
]
METHODS = [(port, part, name) for port, part in PAIRS for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize(("port", "part", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_a_method_is_as_the_port_has_it(port, part, name):
    wanted, found = getattr(port, name), getattr(part, name)

    assert list(inspect.signature(found).parameters) == list(inspect.signature(wanted).parameters)
    if name != "start":  # it promises a flight, by the name of its own class
        assert inspect.signature(found) == inspect.signature(wanted)
    assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(wanted)
