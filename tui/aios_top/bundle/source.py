"""Checks a policy's source by parsing it, in a child process and never by running it."""

import json
import subprocess

from msgspec import Struct

from aios_top.bundle.child import command, environment
from aios_top.bundle.limits import MAX_SOURCE_BYTES
from aios_top.model.span import length
from aios_top.model.text import clean

_PATIENCE_SECONDS = 10.0
"""For a machine under load; the child's own limit is two seconds of processor time."""


class SourceReport(Struct, frozen=True):
    """What parsing found."""

    problems: tuple[str, ...] = ()
    declared_version: str | None = None
    """The module's `POLICY_VERSION`, which our policy reports when it runs."""
    declared_name: str | None = None
    """The module's `POLICY_NAME`, which our policy reports as well."""


def check_source(name: str, content: bytes) -> SourceReport:
    """Return what is wrong with a policy's source.

    `ast.parse` runs no code, but hostile source makes it use gigabytes, seconds or the whole C stack, so it does that
    in a child with limits, which also starts without site-packages and without this program's environment.
    """
    if len(content) > MAX_SOURCE_BYTES:
        return SourceReport((f"{name}: larger than {MAX_SOURCE_BYTES // 1024} KiB",))
    try:
        child = subprocess.run(  # noqa: S603 - this interpreter and a file of this package
            command("source_child.py"),
            input=content,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            env=environment(),
            check=False,
        )
        answer = json.loads(child.stdout)
    except subprocess.TimeoutExpired:
        return SourceReport((f"{name}: cannot be parsed within {length(_PATIENCE_SECONDS)}",))
    except ValueError:  # killed by a limit, or by its own stack
        return SourceReport((f"{name}: cannot be parsed within 2s and 512 MB",))
    problems = tuple(f"{name}: {clean(entry)}" for entry in answer["problems"])
    version, declared = (None if text is None else clean(text) for text in (answer["version"], answer["name"]))
    return SourceReport(problems, version, declared)
