"""Opens what somebody recorded: a recording, or a capsule, whose recording is put beside the program's own files."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from aios_top.bundle.capsule_file import CapsuleFile, is_capsule, read_capsule
from aios_top.bundle.capsule_policies import policies_in
from aios_top.bundle.limits import BundleError
from aios_top.cli.exits import UsageError
from aios_top.cli.installation import configuration
from aios_top.cli.recording import path_of
from aios_top.cli.unpacked import private_folder
from aios_top.model.capsule import RECORDING, CapsulePolicy
from aios_top.render.numbers import count
from aios_top.store.paths import StoreError
from aios_top.store.recording_reader import Recording, open_recording


class Brought(Struct, frozen=True):
    """What a capsule holds that one which is cut from it must hold too; a bare recording brings nothing."""

    policies: Mapping[str, CapsulePolicy] = field(default_factory=dict)
    """As they were inspected when it was made, by uri."""
    note: str = ""
    names_redacted: bool = False


NOTHING = Brought()


class Opened(Struct, frozen=True):
    """A recording, and what a capsule says beside it."""

    recording: Recording
    name: str
    manifest: Mapping[str, Any] | None = None
    """None: it is a bare recording."""
    documents: Mapping[str, Any] = field(default_factory=dict)
    """The capsule's other members by name: JSON, or text."""
    brought: Brought = NOTHING


def named(name: str | None) -> Path:
    """Return the file that was named, here or in the folder of recordings; without a name the newest, and say which."""
    path = path_of(name, configuration())
    if name is None:
        print(f"aios-top: the newest recording, {path}", file=sys.stderr)
    return path


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a recording or a capsule; raises UsageError, exit code 2, with the reason when it is neither."""
    with ExitStack() as stack:
        try:
            found = _capsule(path, stack) if is_capsule(path) else _bare(path, stack)
        except BundleError as error:
            raise UsageError(f"{path}: refused: {error}") from error
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error
        except StoreError as error:
            raise UsageError(str(error)) from error
        try:
            yield found
            _tell_lost(found)
        except StoreError as error:  # what looked like a recording turned out to be damaged
            raise UsageError(str(error)) from error


def _tell_lost(found: Opened) -> None:
    """Say on standard error what is lacking in whatever was made of the recording."""
    lost = found.recording.info.lost
    if lost:
        hint = "'aios-top recordings verify' says why"
        print(f"aios-top: {count(lost, 'poll')} of {found.name} cannot be read: {hint}", file=sys.stderr)


def _bare(path: Path, stack: ExitStack) -> Opened:
    return Opened(stack.enter_context(open_recording(path)), path.name)


def _capsule(path: Path, stack: ExitStack) -> Opened:
    capsule = read_capsule(path)
    recorded = stack.enter_context(private_folder()) / RECORDING
    recorded.touch(0o600)
    recorded.write_bytes(capsule.members[RECORDING])
    try:
        recording = stack.enter_context(open_recording(recorded))
    except StoreError as error:
        reason = str(error).replace(str(recorded), RECORDING)
        raise UsageError(f"{path}: refused: its recording: {reason}") from error
    documents = _documents(path, capsule)
    manifest = capsule.manifest
    note, redacted = str(manifest.get("note") or ""), manifest.get("names_redacted") is True
    return Opened(recording, path.name, manifest, documents, Brought(policies_in(documents), note, redacted))


def _documents(path: Path, capsule: CapsuleFile) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, content in capsule.members.items():
        if name == RECORDING:
            continue
        try:
            text = content.decode()
            found[name] = json.loads(text) if name.endswith(".json") else text
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: refused: {name} cannot be read: {error}") from error
    return found
