"""Decisions of the shipped policy, made by running it as AIOS does and read as the console reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aios_top.aios.wire_policy import read_decision
from aios_top.model.decision import Decision
from policy.harness import Block, WallClock, document, explained

START = 1_795_445_000.0


class Recorder:
    """One running policy; each evaluation gives the decision that the console would read over HTTP."""

    def __init__(self, parameters: Mapping[str, Any] | None = None, module: Any = explained) -> None:
        self.clock = WallClock(START)
        self.block = Block()
        settings = {"get_metrics": self._metrics, "clock": self.clock}
        self.policy = module.AIOSv1PolicyRule("", settings, dict(parameters or {}))
        self.fails: Exception | None = None

    def _metrics(self) -> Any:
        if self.fails is not None:
            raise self.fails
        return self.block.get_metrics()

    def evaluate(
        self, sizes: Mapping[str, tuple[float, float]], *, after: float = 30.0, starting: Sequence[str] = ()
    ) -> Decision:
        """Evaluate `after` seconds with these instances' input and output, and `starting` ones without a document."""
        self.clock.advance(after)
        documents = [
            document(name, *pair, timestamp=self.clock.now - 11.4, llm_active_sessions=2)
            for name, pair in sizes.items()
        ]
        self.block = Block(*documents, current=[*sizes, *starting])
        self.policy.eval({}, self.block.input_data(), None)
        page = json.loads(json.dumps(self.policy.management("get_decisions", None)))
        decision = read_decision(page["decisions"][-1])
        assert decision is not None
        return decision
