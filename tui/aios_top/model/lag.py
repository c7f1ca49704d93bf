"""The scaling-lag budget: where the time goes between the first request and the latency that is well again."""

from msgspec import Struct
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.state import BlockState, InstanceState, Phase

STEPS = (
    "load_start",
    "threshold_crossed",
    "evaluation",
    "decision",
    "replica_requested",
    "replica_reporting",
    "p95_recovered",
)
"""The steps of the budget, in the order in which they happen."""


class LagStep(Struct, frozen=True):
    """When one step happened, and how that is known."""

    at: float | None = None
    """Unix seconds of the console's clock; None when it has not happened or cannot be known."""
    origin: Origin = Origin.UNKNOWN
    note: str = ""
    """Why there is no time, or what limits its meaning."""


class LagBudget(Struct, frozen=True):
    """The steps of one scale-up."""

    steps: dict[str, LagStep]
    known: frozenset[str] = frozenset()
    """Instance ids that there were before the decision."""
    instance_id: str = ""
    """The replica that came."""

    def at(self, step: str) -> float | None:
        """Return when a step happened, unix seconds."""
        return self.steps[step].at

    def seconds(self, step: str) -> float | None:
        """Return the seconds from the start of the load to a step."""
        at, start = self.at(step), self.at("load_start")
        return None if at is None or start is None else at - start

    @property
    def complete(self) -> bool:
        """Whether the new replica has reported: only the latency may still be open."""
        return self.at("replica_reporting") is not None

    def noted(self, step: str, at: float | None, origin: Origin, note: str = "") -> "LagBudget":
        """Return the budget with one step told."""
        return replace(self, steps={**self.steps, step: LagStep(at, origin, note)})


class ScaleUpGain(Struct, frozen=True):
    """What one scale-up did to the block's throughput; tokens per second, input and output together."""

    decided_at: float
    """Unix seconds."""
    replicas_before: int
    replicas_after: int | None = None
    before: float | None = None
    """Mean of the minute before the decision."""
    after: float | None = None
    """Mean of the minute after the new replica reported, as far as load went on."""
    note: str = ""

    @property
    def gain(self) -> float | None:
        """After over before; None while either is missing or nothing was served before."""
        return self.after / self.before if self.after is not None and self.before else None


def begun(at: float, block: BlockState | None) -> LagBudget:
    """Return the budget of a load that starts now."""
    steps = {step: LagStep() for step in STEPS}
    steps["load_start"] = LagStep(at, Origin.MEASURED)
    budget = LagBudget(steps, _ids(block))
    if block is not None and crossing(block) is not None:
        return budget.noted("threshold_crossed", at, Origin.MEASURED, "the threshold was crossed before the load")
    return budget


def with_block(budget: LagBudget, block: BlockState, now: float) -> LagBudget:
    """Return the budget with what a new state of the block adds."""
    start = budget.at("load_start") or now
    if budget.at("threshold_crossed") is None:
        budget = _crossed(budget, block, now, start)
    decided = next((entry for entry in reversed(block.decisions) if _acts(entry, start)), None)
    if budget.at("decision") is None and decided is not None:
        budget = _decided(budget, block, decided)
    if budget.at("decision") is None:
        return replace(budget, known=_ids(block)) if _settled(block) else budget
    return _arrived(budget, block, now)


def crossing(block: BlockState) -> str | None:
    """Return which mean is above its up threshold: `input`, `output`, or None for neither."""
    means, limits = block.compared, block.thresholds
    if limits.input_up is not None and means.input_size is not None and means.input_size > limits.input_up:
        return "input"
    if limits.output_up is not None and means.output_size is not None and means.output_size > limits.output_up:
        return "output"
    return None


def _crossed(budget: LagBudget, block: BlockState, now: float, start: float) -> LagBudget:
    if crossing(block) is not None:
        ages = [entry.age_seconds for entry in block.instances if entry.age_seconds is not None]
        return budget.noted("threshold_crossed", max(start, now - min(ages, default=0.0)), Origin.MEASURED)
    asks = next((entry for entry in reversed(block.decisions) if entry.at >= start and entry.would == "up"), None)
    if asks is None:
        return budget
    return budget.noted("threshold_crossed", asks.at, Origin.INFERRED, "at the latest: the first evaluation that asked")


def _acts(entry: Decision, start: float) -> bool:
    return entry.action is Action.UP and entry.at >= start


def _decided(budget: LagBudget, block: BlockState, decided: Decision) -> LagBudget:
    if budget.at("threshold_crossed") is None:
        budget = budget.noted("threshold_crossed", decided.at, Origin.INFERRED, "at the latest: the policy acted on it")
    crossed = budget.at("threshold_crossed") or decided.at
    first = next((entry for entry in reversed(block.decisions) if entry.at >= crossed), decided)
    first = min(first, decided, key=lambda entry: entry.at)
    if crossed > first.at:  # the polls came to know of it after the policy did
        before = budget.steps["threshold_crossed"]
        budget = budget.noted("threshold_crossed", first.at, Origin.INFERRED, before.note or "seen by the policy first")
    budget = budget.noted("evaluation", first.at, first.origin)
    return budget.noted("decision", decided.at, decided.origin)


def _arrived(budget: LagBudget, block: BlockState, now: float) -> LagBudget:
    fresh = [entry for entry in block.instances if str(entry.instance_id) not in budget.known]
    if budget.at("replica_requested") is None and fresh:
        starting = any(entry.phase is Phase.STARTING for entry in fresh)
        note = "" if starting else "at the latest: only its first report was seen"
        origin = Origin.REPORTED if starting else Origin.INFERRED
        seen = min(entry.first_seen for entry in fresh)
        budget = budget.noted("replica_requested", max(seen, budget.at("decision") or seen), origin, note)
    reporting = next((entry for entry in fresh if _reports(entry)), None)
    if budget.at("replica_reporting") is None and reporting is not None:
        at = max(now - (reporting.age_seconds or 0.0), budget.at("replica_requested") or 0.0)
        budget = replace(budget, instance_id=str(reporting.instance_id))
        budget = budget.noted("replica_reporting", at, Origin.MEASURED)
    return budget


def _reports(entry: InstanceState) -> bool:
    return entry.reading is not None and entry.phase in {Phase.SERVING, Phase.IDLE}


def _settled(block: BlockState) -> bool:
    """Whether the instances of a state can be told from those of a decision that is not read yet."""
    return not any(entry.phase is Phase.STARTING for entry in block.instances)


def _ids(block: BlockState | None) -> frozenset[str]:
    return frozenset() if block is None else frozenset(str(entry.instance_id) for entry in block.instances)
