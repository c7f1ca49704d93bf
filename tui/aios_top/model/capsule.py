"""An incident in one file: what was recorded, and what is needed to understand it elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import PolicyCode
from aios_top.model.lint import LintReport

FORMAT = "aios-top capsule"
VERSION = 1
RECORDING = "recording.aiosrec"
SUFFIX = ".aioscap"


class CapsulePolicy(Struct, frozen=True):
    """The code of a policy as it was inspected, which nobody runs unless he names it."""

    uri: str
    address: str = ""
    """Where it came from: the URL of the file server, or `shipped with aios-top`."""
    code: PolicyCode | None = None
    problem: str = ""
    """Why there is no code."""
    blocks: tuple[str, ...] = ()
    running: Mapping[str, str] = field(default_factory=dict)
    """By block: the SHA-256 of the code that the running policy tells of itself."""


class CapsuleContent(Struct, frozen=True):
    """Everything in a capsule but the recording."""

    context: str
    start: float
    """Unix seconds of the first poll."""
    end: float
    made_at: float
    program: str
    """Version of aios-top that made it."""
    note: str = ""
    redacted: bool = False
    """Whether names were replaced."""
    environment: Mapping[str, str] = field(default_factory=dict)
    blocks: Sequence[Mapping[str, Any]] = ()
    """JSON documents: what each block declares and what was in force at the end."""
    policies: Sequence[CapsulePolicy] = ()
    audit: Sequence[AuditEntry] = ()
    lints: Sequence[LintReport] = ()


class CapsuleWish(Struct, frozen=True):
    """What an operator wants to hand over."""

    start: float
    """Unix seconds."""
    end: float
    path: str
    """File to write."""
    redact_names: bool = False
    note: str = ""


class CapsuleWritten(Struct, frozen=True):
    """What was handed over."""

    path: str
    bytes: int
    blocks: int
    start: float
    """Unix seconds of its first poll."""
    end: float
    without_code: tuple[str, ...] = ()
    """Policies whose code is not in it, each with the reason."""


def capsule_name(context: str, end: str) -> str:
    """Return a file name that says which AIOS and when; `end` is a time as it may stand in a name."""
    name = "".join(letter if letter.isalnum() else "-" for letter in context) or "aios"
    return f"{name}-{end}{SUFFIX}"
