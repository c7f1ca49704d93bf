"""Decides from an answer what became of a change: AIOS hides failures below three layers of success."""

from collections.abc import Callable
from typing import Any

from aios_top.aios import envelope
from aios_top.aios.envelope import FailureError
from aios_top.aios.exchange import Answer
from aios_top.aios.told import told
from aios_top.model.change import (
    BindPolicy,
    Change,
    Manage,
    RegisterPolicy,
    ResetCooldown,
    RestartExecutor,
    ScaleDown,
    ScaleUp,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.errors import ReadError
from aios_top.model.text import Clean, clean

REASON_LIMIT = 300


class FailedError(Exception):
    """AIOS, or the policy behind it, said no."""


def judge(change: Change, answer: Answer) -> tuple[str, Any]:
    """Return a sentence and the innermost answer; raises FailedError, or ReadError for what cannot be judged."""
    try:
        return _JUDGES[type(change)](change, answer)
    except FailureError as error:
        raise FailedError(_explained(change, error)) from error


def what_to_check(change: Change) -> str:
    """Say how to find out what became of a change whose answer was lost."""
    match change:
        case ScaleUp() | ScaleDown():
            return "look at the replicas before doing it again: it may have happened"
        case ResetCooldown():
            return "look at the cooldown; sending it again does no harm"
        case UploadArchive():
            return "compare the served file's bytes before registering it"
        case RegisterPolicy() | UpdatePolicy():
            return "read the registry's record before sending it again: a second POST stores a duplicate"
        case BindPolicy():
            return "read the block's record; sending it again does no harm"
        case RestartExecutor():
            return "look for a new executor pod before doing it again: a second restart loses queued requests too"
        case Manage():
            return "read the policy's state before sending it again"


def _management(change: Change, answer: Answer) -> tuple[str, Any]:
    """Believe the policy's own `status` only: AIOS calls every answer a success, also that of an unknown action."""
    said = envelope.data(answer)
    action = change.action if isinstance(change, Manage) else "reset_cooldown"
    if said is None:
        raise FailedError(
            f"the policy gave no answer: it does not know this action, {clean(action)}; nothing was changed"
        )
    if not isinstance(said, dict):
        return "the policy answered", said
    reason = _words(said, "reason") or _words(said, "message") or _words(said, "error")
    if said.get("status") == "not_implemented":
        supported = said.get("supported")
        known = f": it knows {', '.join(map(str, supported))}" if isinstance(supported, list) else ""
        raise FailedError(reason or clean(f"the policy does not know this action, {action}{known}", REASON_LIMIT))
    if said.get("status") == "error" or said.get("success") is False:
        raise FailedError(f"the policy refused: {_refusals(said) or reason or envelope.NO_REASON}")
    return told(action, said) or f"the policy answered: {reason or clean(str(said.get('status', 'done')))}", said


def _refusals(said: dict[str, Any]) -> str:
    """Return what is wrong, name by name, where the policy says so."""
    errors = said.get("errors")
    if not isinstance(errors, dict):
        return ""
    return clean("; ".join(f"{name}: {problem}" for name, problem in errors.items()), REASON_LIMIT)


def _controller(change: Change, answer: Answer) -> tuple[str, Any]:
    said = envelope.innermost(answer).get("data")
    if isinstance(change, RestartExecutor):
        return f"pod {clean(change.pod_name)} deleted: Kubernetes starts another one", said
    if isinstance(change, ScaleDown):
        return f"AIOS removed {len(change.instance_ids)}; their documents linger until its metric store is wiped", said
    return "AIOS did what was asked; new instances report after their start", said


def _upload(_: Change, answer: Answer) -> tuple[str, Any]:
    """Take any 2xx: the upload server's answer is documented nowhere, so the served bytes must prove it."""
    if not 200 <= answer.status < 300:
        if envelope.is_json(answer):
            envelope.outer(answer)
        raise FailedError(f"the upload server answers {answer.status}: nothing was stored, as far as it says")
    try:
        said = envelope.document(answer)
    except ReadError:
        return "uploaded; only its served bytes prove it", None
    if isinstance(said, dict) and said.get("success") is False:
        envelope.outer(answer)
    return "uploaded; only its served bytes prove it", said


def _registry(_: Change, answer: Answer) -> tuple[str, Any]:
    said = envelope.data(answer)
    return clean(str(said), REASON_LIMIT), said


def _binding(change: Change, answer: Answer) -> tuple[str, Any]:
    """Believe the returned record only: Mongo accepts an update that changes nothing."""
    record = envelope.record(answer)
    if not isinstance(change, BindPolicy):
        raise TypeError(f"{change!r} binds nothing")
    bound = record
    for key in ("policies", "autoscaler", "policyRuleURI"):
        bound = bound.get(key) if isinstance(bound, dict) else None
    if bound != change.uri:
        raise FailedError(f"the block's record now names {clean(repr(bound))} instead of {clean(change.uri)}")
    return (
        f"{clean(change.block_id)} names {clean(change.uri)} now; it is loaded at the executor's next restart",
        record,
    )


_JUDGES: dict[type, Callable[[Any, Answer], tuple[str, Any]]] = {
    ResetCooldown: _management,
    Manage: _management,
    ScaleUp: _controller,
    ScaleDown: _controller,
    RestartExecutor: _controller,
    UploadArchive: _upload,
    RegisterPolicy: _registry,
    UpdatePolicy: _registry,
    BindPolicy: _binding,
}


def _explained(change: Change, error: FailureError) -> str:
    """Add what AIOS's words leave out."""
    reason = error.reason.strip()
    match change:
        case RegisterPolicy() | UpdatePolicy() if len(reason) > 2 and reason[0] == reason[-1] == "'":
            return f"{error}: the record lacks the field {clean(reason)}"
        case UpdatePolicy() if reason == "Failed to update policy.":
            return f"{error} There is no policy {clean(change.uri)} to replace: register it"
        case ScaleUp() if change.count > 1:
            return f"{error}; AIOS stops at the first that fails"
        case ScaleDown() if len(change.instance_ids) > 1:
            return f"{error}; AIOS stops at the first that fails"
    return str(error)


def _words(said: dict[str, Any], key: str) -> Clean | None:
    found = said.get(key)
    return clean(found, REASON_LIMIT) if isinstance(found, str) and found else None
