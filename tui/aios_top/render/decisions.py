"""Decisions and the state of a block in a glyph, a word and a sentence; the colour only repeats what they say."""

from msgspec import Struct

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.policy_state import Voice
from aios_top.model.span import span
from aios_top.model.state import BlockState, CooldownPhase
from aios_top.render.cells import Cell, Role
from aios_top.render.numbers import amount, clock


class Badge(Struct, frozen=True):
    """What is the case, as a glyph with a word."""

    glyph: str
    word: str
    role: Role

    @property
    def text(self) -> str:
        """Glyph and word."""
        return f"{self.glyph} {self.word}"


UP = Badge("▲", "UP", Role.UP)
DOWN = Badge("▼", "DOWN", Role.DOWN)
HOLD = Badge("=", "HOLD", Role.DIM)
COOL = Badge("◷", "COOL", Role.COOL)
MINIMUM = Badge("=", "MIN", Role.DIM)
MAXIMUM = Badge("▲", "AT MAX", Role.WARN)
LOST = Badge("×", "DOWN", Role.BAD)
"""The autoscaler does not answer."""
ERROR = Badge("×", "ERROR", Role.BAD)
STALE = Badge("!", "STALE", Role.BAD)
NO_DATA = Badge("?", "NODATA", Role.WARN)
NO_POLICY = Badge("-", "MANUAL", Role.DIM)
"""No autoscaler policy: only an operator changes the replicas."""
NO_REPLICAS = Badge("×", "NONE", Role.BAD)
"""Nothing serves the block's requests."""
BEYOND = Badge("!", ">MAX", Role.WARN)
STARTING = Badge("▲", "START", Role.UP)
PAUSED = Badge("‖", "PAUSED", Role.WARN)
SHADOW = Badge("◌", "SHADOW", Role.WARN)
"""The policy decides and carries out nothing."""

_CODES = {
    "CooldownActive": COOL,
    "TooFewReplicas": MINIMUM,
    "EvalError": ERROR,
    "NoCollector": ERROR,
    "NoVictim": Badge("!", "NOVICTIM", Role.WARN),
}
_FOUND = {
    "NoReplicas": NO_REPLICAS,
    "BeyondMaximum": BEYOND,
    "AtMaximum": MAXIMUM,
    "Paused": PAUSED,
    "Shadow": SHADOW,
}
"""Verdicts that are the state of their block."""
_NEWS_SECONDS = 60.0
"""An action older than this, its cooldown over, is not what the block is doing now."""
_ACTIONS = {Action.UP: UP, Action.DOWN: DOWN, Action.HOLD: HOLD, Action.ERROR: ERROR}


def badge_of(decision: Decision) -> Badge:
    """Return the badge of one decision."""
    return _CODES.get(decision.code, _ACTIONS[decision.action])


def block_badge(block: BlockState, now: float) -> Badge:
    """Return what a block is doing, the gravest first."""
    if block.stale:
        return STALE
    if not block.instances and block.executor is None:
        return NO_DATA
    found = "" if block.verdict is None else block.verdict.code
    if found in _FOUND:
        return _FOUND[found]
    if block.policy.voice is Voice.ABSENT:
        return NO_POLICY
    if block.policy.voice is Voice.UNREACHABLE:
        return LOST
    if block.replicas.starting:
        return STARTING
    cooling = block.cooldown.at(now) is CooldownPhase.COOLING
    if not block.decisions:
        return COOL if cooling else HOLD
    last = badge_of(block.decisions[0])
    over = not cooling and now - block.decisions[0].at > _NEWS_SECONDS
    if (last is COOL and not cooling) or (last in {UP, DOWN} and over):
        return HOLD
    return COOL if last is HOLD and cooling else last


def cooldown_text(block: BlockState, now: float) -> tuple[str, Role]:
    """Return `ready`, `◷ 76s` as the policy says, `◷ ~74s` as inferred, `◷ due`, or `?`."""
    cooldown = block.cooldown
    about = "~" if cooldown.origin is Origin.INFERRED else ""
    match cooldown.at(now):
        case CooldownPhase.COOLING:
            return f"◷ {about}{span(cooldown.remaining_seconds(now))}", Role.COOL
        case CooldownPhase.DUE:
            return f"◷ {about}due", Role.COOL
        case CooldownPhase.READY:
            return f"{about}ready", Role.DIM
    return ("-", Role.DIM) if block.policy.voice is Voice.ABSENT else ("?", Role.DIM)


def step_text(decision: Decision) -> str:
    """Return what a decision did to the replicas: `3→4`, or `` when nothing."""
    before = decision.current if decision.current is not None else decision.reporting
    if decision.proposed is None or decision.action not in {Action.UP, Action.DOWN}:
        return ""
    return f"{'?' if before is None else before}→{decision.proposed}"


def why(decision: Decision) -> str:
    """Return the comparison that decided, with its numbers; the policy's own sentence where there are none."""
    match decision.code:
        case "CooldownActive" if decision.origin is not Origin.INFERRED:
            left = decision.cooldown_remaining_seconds
            rest = "" if left is None else f", {span(left)} left"
            would = f"; rule asks {decision.would}" if decision.would else ""
            return f"cooldown{rest}{would}"
        case "TooFewReplicas":
            return "at min replicas" + ("; rule asks down" if decision.would else "")
        case "WithinRange" if decision.origin is not Origin.INFERRED:
            return _within(decision) or str(decision.reason)
    if decision.origin is Origin.INFERRED or decision.action is Action.ERROR:
        return str(decision.reason)
    if decision.action is Action.UP:
        return _above(decision) or str(decision.reason)
    if decision.action is Action.DOWN:
        return _below(decision) or str(decision.reason)
    return str(decision.reason)


def briefly(decision: Decision) -> str:
    """Return why in the fewest words, for a narrow column."""
    asks = f", asks {decision.would}" if decision.would else ""
    if decision.origin is Origin.INFERRED or decision.action is Action.ERROR:
        return str(decision.reason)
    match decision.code:
        case "CooldownActive":
            left = decision.cooldown_remaining_seconds
            return f"cooldown{'' if left is None else ' ' + span(left)}{asks}"
        case "TooFewReplicas":
            return f"at min replicas{asks}"
        case "WithinRange" if decision.input_average is not None and decision.output_average is not None:
            return f"within: {decision.input_average:.0f} in, {decision.output_average:.0f} out"
        case "ScaleDown":
            return why(decision).replace("input ", "").replace("output ", "")
    return why(decision)


def _above(decision: Decision) -> str:
    limits = decision.thresholds
    pairs = (
        ("input", decision.input_average, limits.input_up),
        ("output", decision.output_average, limits.output_up),
    )
    met = [
        f"{name} {value:.1f} > {amount(limit)}"
        for name, value, limit in pairs
        if value is not None and limit is not None and value > limit
    ]
    return " and ".join(met)


def _below(decision: Decision) -> str:
    limits = decision.thresholds
    values = (decision.input_average, decision.output_average, limits.input_down, limits.output_down)
    if any(value is None for value in values):
        return ""
    return (
        f"input {decision.input_average:.1f} < {amount(limits.input_down)}, "
        f"output {decision.output_average:.1f} < {amount(limits.output_down)}"
    )


def _within(decision: Decision) -> str:
    if decision.input_average is None or decision.output_average is None:
        return ""
    return f"within limits: input {decision.input_average:.1f}, output {decision.output_average:.1f}"


def decision_cells(decision: Decision, name: str = "", *, brief: bool = False) -> tuple[Cell, ...]:
    """Return one line: time, block, glyph, step, comparison; an inferred one carries `~` and the word."""
    badge, step = badge_of(decision), step_text(decision)
    inferred = decision.origin is Origin.INFERRED
    moved = f" {step} " if step else " "
    return (
        Cell(clock(decision.at), Role.DIM),
        Cell("~" if inferred else " ", Role.WARN),
        Cell(name),
        Cell(badge.glyph, badge.role),
        Cell(moved if brief else f" {step:<5} ", badge.role),
        Cell(briefly(decision) if brief else why(decision)),
        Cell(" (inferred)" if inferred else "", Role.DIM),
    )
