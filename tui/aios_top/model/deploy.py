"""A policy on its way to AIOS: what will be deployed, and how far it has come."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from aios_top.model.change import Outcome


class Bundle(Struct, frozen=True):
    """A policy as it will be deployed: inspected bytes and a checked registration."""

    file_name: str
    content: bytes
    sha256: str
    members: tuple[str, ...]
    record: Mapping[str, Any]
    """Registration record with all 17 fields; `code` is filled in at deploy time."""
    warnings: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    """Warnings about code that comes from a place of its own: it needs a second confirmation."""
    code_sha256: str = ""
    """Of `code/function.py`, which our policy reports of itself when it runs."""

    @property
    def uri(self) -> str:
        """`<name>:<version>-<release_tag>` as the registry computes it."""
        return f"{self.record['name']}:{self.record['version']}-{self.record['release_tag']}"


class PolicyCode(Struct, frozen=True):
    """A policy archive that was inspected in memory."""

    sha256: str
    code_sha256: str = ""
    """Of `code/function.py`, as our policy reports of itself."""
    source: str = ""
    """Text of `code/function.py`."""
    requirements: tuple[str, ...] = ()
    """What pip would install: the lines of `code/requirements.txt` that are no comment."""
    problems: tuple[str, ...] = ()
    """Why AIOS could not load it; the other fields may be empty then."""


class StepStatus(StrEnum):
    """How far one step of a deploy has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class DeployStep(Struct, frozen=True):
    """One step: inspect, upload, verify served bytes, register, bind, restart, first decision."""

    name: str
    status: StepStatus = StepStatus.WAITING
    detail: str = ""
    fraction: float | None = None
    """Progress from 0 to 1 where it can be known."""


class DeployState(Struct, frozen=True):
    """A deploy as the screen and the headless command show it."""

    uri: str
    block_ids: tuple[str, ...]
    steps: tuple[DeployStep, ...]
    outcome: Outcome | None = None
    """None while it runs."""
