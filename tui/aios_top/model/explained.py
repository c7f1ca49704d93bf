"""Finds a block's decisions and explains them with everything that is known of the block."""

from aios_top.model.decision import Decision
from aios_top.model.explain import explain
from aios_top.model.explanation import Explanation
from aios_top.model.present import at_present
from aios_top.model.state import BlockState
from aios_top.model.verification import Verification


def explained(block: BlockState, decision: Decision, now: float) -> Explanation:
    """Return a decision's explanation: from its record, else from the file at hand, else inferred."""
    known = block.verification or Verification(decision.code, "")
    told = known.replays.get(decision.key, decision)
    return explain(told, block, now, known.results.get(decision.key), newest=_is_newest(block, decision))


def decision_at(block: BlockState, at: float | None, now: float) -> Decision | None:
    """Return the decision in force at a moment: the newest one up to it, and the newest of all without a moment.

    None when every known decision is younger. Without any decision it is what the rule makes of the present figures.
    """
    if not block.decisions:
        return at_present(block, now) if at is None or at >= now else None
    return next((entry for entry in block.decisions if at is None or entry.at <= at), None)


def _is_newest(block: BlockState, decision: Decision) -> bool:
    return not block.decisions or block.decisions[0].key == decision.key
