"""Makes a capsule of a recording: what leaves is redacted on the way, and nothing is run."""

import json
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top import __version__
from aios_top.bundle.capsule_file import write_capsule
from aios_top.cli.exits import CommandError
from aios_top.cli.opened import NOTHING, Brought
from aios_top.cli.unpacked import private_folder
from aios_top.cli.wiring import PolicyFolders
from aios_top.engine.evidence import block_parameters, capsule_policies, offline_facts, with_code
from aios_top.engine.replay import Replay
from aios_top.model.capsule import RECORDING, CapsuleContent, CapsuleWritten
from aios_top.model.lint_facts import Facts
from aios_top.model.lints import lint
from aios_top.model.redaction import Finder, Redactor, hidden_texts
from aios_top.model.state import FleetState
from aios_top.render.capsule import audit_between, block_part, capsule_documents, manifest_facts
from aios_top.store.recording_reader import Recording
from aios_top.store.recording_redacted import Redacted, find_names
from aios_top.store.recording_slice import copy_slice

Gather = Callable[[FleetState], Sequence[Facts]]


class Wanted(Struct, frozen=True):
    """What a capsule shall hold."""

    start: float
    """Unix seconds."""
    end: float
    output: Path
    note: str = ""
    redact_names: bool = False
    secrets: Sequence[str] = ()
    """Texts that must not be in it."""

    def __repr__(self) -> str:
        """Hide the secrets."""
        return f"Wanted({self.start}, {self.end}, {self.output})"


def capsule_content(
    recording: Recording, start: float, end: float, facts: Sequence[Facts], note: str = "", *, redacted: bool = False
) -> CapsuleContent:
    """Return everything but the recording, of the time from `start` to `end`."""
    times = [at for at in recording.times if start <= at <= end]
    if not times:
        raise CommandError(f"{recording.path}: there is no poll in that time")
    state = Replay(recording).state(times[-1])
    return CapsuleContent(
        context=state.context,
        start=times[0],
        end=times[-1],
        made_at=time.time(),
        program=__version__,
        note=note,
        redacted=redacted,
        environment={**environment(), "recorded_by": f"aios-top {recording.header.program}".strip()},
        blocks=[block_part(block, block_parameters(block)) for block in state.blocks.values()],
        policies=capsule_policies(facts),
        audit=audit_between(recording.audit(times[-1]), times[0], times[-1]),
        lints=[lint(entry, times[-1]) for entry in facts],
    )


def make_capsule(recording: Recording, wanted: Wanted, gather: Gather, brought: Brought = NOTHING) -> CapsuleContent:
    """Write a capsule and return what is in it; what its source `brought` is in it too."""
    if wanted.output.exists():
        raise CommandError(f"{wanted.output}: exists already; name another file with --output")
    times = [at for at in recording.times if wanted.start <= at <= wanted.end]
    state = Replay(recording).state(times[-1] if times else wanted.end)
    facts = with_code(gather(state), brought.policies)
    redacted = wanted.redact_names or brought.names_redacted
    note = wanted.note or brought.note
    content = capsule_content(recording, wanted.start, wanted.end, facts, note, redacted=redacted)
    redact = _redactor(recording, wanted, content)
    members = {name: _bytes(redact(found)) for name, found in capsule_documents(content).items()}
    members[RECORDING] = _slice(recording, wanted, redact)
    write_capsule(wanted.output, redact(manifest_facts(content)), members)
    return content


def without_network(state: FleetState) -> Sequence[Facts]:
    """Gather what is known of the policies here."""
    return offline_facts(state, PolicyFolders())


def written_as(content: CapsuleContent, output: Path) -> CapsuleWritten:
    """Return what is to be said of a capsule that was written."""
    lacking = tuple(f"{policy.uri}: {policy.problem}" for policy in content.policies if policy.code is None)
    size = output.stat().st_size
    return CapsuleWritten(str(output.absolute()), size, len(content.blocks), content.start, content.end, lacking)


def environment() -> dict[str, str]:
    """Return the versions of what runs here; nothing of whose machine it is."""
    return {
        "aios_top": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "textual": version("textual"),
        "system": f"{platform.system()} {platform.machine()}",
        "encoding": sys.getdefaultencoding(),
    }


def recorded_secrets(recording: Recording, start: float, end: float) -> tuple[str, ...]:
    """Return the texts that stood under the name of a secret at any moment of that time: anything may quote them."""
    frame = recording.frame(start)
    known = [(block.told, [entry.record for entry in block.reported]) for block in frame.blocks.values()]
    return hidden_texts(chain([frame.records, frame.policies, known], recording.answers(start, end)))


def _redactor(recording: Recording, wanted: Wanted, content: CapsuleContent) -> Redactor:
    told = recorded_secrets(recording, wanted.start, wanted.end)
    secrets = (*wanted.secrets, *told, *hidden_texts((content.blocks, content.audit)))
    if not wanted.redact_names:
        return Redactor(secrets=secrets)
    finder = Finder()
    find_names(recording, wanted.start, wanted.end, finder)
    for found in (*content.blocks, *(entry.fields for entry in content.audit), *_policy_texts(content)):
        finder.look(found)
    return Redactor(finder.names(), secrets)


def _policy_texts(content: CapsuleContent) -> Iterable[dict[str, Any]]:
    return ({"address": entry.address} for entry in content.policies)


def _slice(recording: Recording, wanted: Wanted, redact: Redactor) -> bytes:
    with private_folder() as folder:
        path = folder / RECORDING
        copy_slice(Redacted(recording, redact, names=wanted.redact_names), path, wanted.start, wanted.end)
        return path.read_bytes()


def _bytes(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace")
