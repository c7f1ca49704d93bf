"""Says in one sentence what a policy did with a management action, from its own answer."""

import json
from collections.abc import Mapping
from typing import Any

from aios_top.model.span import length
from aios_top.model.text import Clean, clean

SENTENCE_LIMIT = 300


def told(action: str, said: Mapping[str, Any]) -> Clean | None:
    """Return the sentence, None for an answer that is not known here."""
    tell = _TELLERS.get(action)
    sentence = None if tell is None else tell(said)
    return None if not sentence else clean(sentence, SENTENCE_LIMIT)


def _set(said: Mapping[str, Any]) -> str:
    changed = said.get("changed")
    if not isinstance(changed, Mapping):
        return ""
    steps = [f"{name} {_value(pair[0])} \u2192 {_value(pair[1])}" for name, pair in changed.items() if _is_pair(pair)]
    if said.get("dry_run") is True:
        return f"the policy would accept {', '.join(steps)}"
    return (
        f"{', '.join(steps)}, generation {_value(said.get('generation'))}; from the next evaluation on, until the "
        "executor restarts"
    )


def _pause(said: Mapping[str, Any]) -> str:
    paused = said.get("paused")
    if not isinstance(paused, Mapping):
        return "scaling goes on" if "paused" in said else ""
    left = paused.get("remaining_s")
    seconds = f" for {length(round(left))}" if isinstance(left, int | float) and not isinstance(left, bool) else ""
    return f"scaling {_where(paused.get('direction'))} is paused{seconds}"


def _force(said: Mapping[str, Any]) -> str:
    force = said.get("force")
    if not isinstance(force, Mapping):
        return "no scaling is queued any more" if "force" in said else ""
    listed = force.get("instances_list")
    what = ", ".join(map(str, listed)) if isinstance(listed, list) else _value(force.get("instances_count"))
    return f"{force.get('operation')} of {what} is queued for the next evaluation"


def _where(direction: Any) -> str:
    return str(direction) if direction in ("up", "down") else "up and down"


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_TELLERS = {"set_parameters": _set, "pause": _pause, "hold": _pause, "resume": _pause, "force_scale": _force}
