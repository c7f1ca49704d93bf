"""The write gate: shut when read-only, whatever is pressed."""

import pytest

from aios_top.engine.gate import WriteGate
from aios_top.model.errors import ActionRefusedError


def test_an_open_gate_lets_pass_and_toggles() -> None:
    gate = WriteGate(read_only=False, writable=True)
    gate.check()
    assert gate.toggle() is False
    with pytest.raises(ActionRefusedError, match="press W"):
        gate.check()
    assert gate.toggle() is True
    gate.check()


def test_a_gate_that_starts_shut_opens_on_request() -> None:
    gate = WriteGate(read_only=False, writable=False)
    assert not gate.writable
    assert gate.toggle()


def test_read_only_never_opens() -> None:
    gate = WriteGate(read_only=True, writable=True)
    for _ in range(3):
        assert gate.writable is False
        with pytest.raises(ActionRefusedError, match="read-only"):
            gate.check()
        assert gate.toggle() is False
