"""How much processor time one decision of the shipped policy takes, metrics call left out: at most 1 ms for 64 instances.

    python tests/bench/decisions.py

prints median and the 99th percentile in milliseconds, per number of instances, for the tutorial's parameters and
for a recommended set; ends with 1 when the median for 64 instances is over budget. Reported is the best of three rounds.
"""

import json
import sys
import time
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))
from policy.harness import EXPLAINED, Block, SystemLikeClock, document, new_explained

BUDGET_MS = 1.0
SETS = ("tutorial", "conservative")
INSTANCES = (1, 8, 64, 512)


def milliseconds(instances: int, parameters: dict, evaluations: int = 300) -> tuple[float, float]:
    """Return median and 99th percentile of one decision."""
    clock, block, taken = SystemLikeClock(), Block(), []
    policy = new_explained({"get_metrics": block.get_metrics}, parameters, clock)
    for number in range(evaluations):
        clock.advance(30)
        block.documents = [pushed(f"in-{n:04d}", clock.now, 900.0 * number) for n in range(instances)]
        block.current = [d["instanceId"] for d in block.documents]
        given = block.input_data()
        begun = time.process_time()
        policy.eval(parameters, given, None)
        taken.append((time.process_time() - begun) * 1000.0)
    cuts = quantiles(taken[10:], n=100)
    return cuts[49], cuts[98]


def pushed(name: str, now: float, total: float) -> dict:
    """Return a document as an LLM instance pushes it, as far as the policy reads it."""
    counters = {"llm_prompt_tokens_total": total, "llm_tokens_generated_total": total / 2}
    return document(
        name, 300, 150, timestamp=now - 5, queue_length={"average_1m": 1.0}, llm_active_sessions=1.0, **counters
    )


def main() -> None:
    """Measure and print."""
    over = False
    for name in SETS:
        parameters = json.loads((EXPLAINED.parents[1] / "parameters" / f"{name}.json").read_text())["parameters"]
        for instances in INSTANCES:
            median, late = min(milliseconds(instances, parameters) for _ in range(3))
            print(f"{name:13} {instances:4d} instances: median {median:6.3f} ms, p99 {late:6.3f} ms")
            over |= instances == 64 and median > BUDGET_MS
    raise SystemExit(int(over))


if __name__ == "__main__":
    main()
