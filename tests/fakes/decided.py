"""Decisions as the console reads them, made by a policy file on simulated replicas in AIOS's timings."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aios_top.aios.wire_policy import read_decision
from aios_top.bundle.rule_process import RuleProcess
from aios_top.engine.simulation import simulate
from aios_top.model.decision import Decision
from aios_top.model.simulation import SimulationPlan
from aios_top.shipped import shipped

SHIPPED = (shipped("policy") / "code" / "function.py").read_bytes()
BUSY = SimulationPlan("recorded", "aios-gemma3", 1.0, requests_per_minute=8)


class _Listening:
    """A rule whose records are read after every evaluation, as a console that polls would."""

    def __init__(self, rule: RuleProcess) -> None:
        self._rule = rule
        self.records: list[Any] = []

    def construct(self, settings: Mapping[str, Any], parameters: Mapping[str, Any], at: float = 0.0) -> None:
        self._rule.construct(settings, parameters, at)

    def evaluate(self, input_data: Any, metrics: Any, at: float, monotonic: float | None = None) -> Any:
        result = self._rule.evaluate(input_data, metrics, at, monotonic)
        self.records += self._rule.management("get_decisions", {"limit": 1}, at)["decisions"]
        return result

    def management(self, action: Any, data: Any = None, at: float = 0.0) -> Any:
        return self._rule.management(action, data, at)


def decided(parameters: Mapping[str, Any], plan: SimulationPlan = BUSY, source: bytes = SHIPPED) -> list[Decision]:
    """Return the decisions of a run, oldest first."""
    with RuleProcess(source) as rule:
        listening = _Listening(rule)
        simulate(replace(plan, parameters=parameters), listening)
    found = [read_decision(record) for record in listening.records]
    return [decision for decision in found if decision is not None]
