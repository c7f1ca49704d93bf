"""The read list: every request that only asks. Whatever is not on it cannot leave through a reader."""

from typing import Any
from urllib.parse import urlsplit

MANAGEMENT_READS = frozenset({"get_state", "get_decisions", "get_parameters", "dry_run"})
WRITING_STAGES = frozenset({"$out", "$merge"})
"""Stages with which a Mongo aggregation writes."""


class ReadOnlyError(Exception):
    """A reader was asked to send something that may change AIOS: a mistake in this program, never sent."""


def check_read(method: str, url: str, document: Any) -> None:
    """Raise ReadOnlyError unless the request only asks."""
    path = urlsplit(url).path
    if method == "GET" and document is None:
        return
    if method == "POST":
        if path.endswith("/query"):
            return
        if path.endswith("/aggregate") and _only_reads(document):
            return
        if path.endswith("/mgmt") and _only_asks(document):
            return
    raise ReadOnlyError(f"{method} {path} is not on the read list: only the mutator may send it")


def _only_reads(pipeline: Any) -> bool:
    return isinstance(pipeline, list) and all(
        isinstance(stage, dict) and WRITING_STAGES.isdisjoint(stage) for stage in pipeline
    )


def _only_asks(command: Any) -> bool:
    """Whether a management command asks an autoscaler; the gateway calls the action otherwise than the others."""
    if not isinstance(command, dict) or command.get("service", "autoscaler") != "autoscaler":
        return False
    actions = [command[key] for key in ("action", "mgmt_action") if key in command]
    return bool(actions) and all(isinstance(action, str) and action in MANAGEMENT_READS for action in actions)
