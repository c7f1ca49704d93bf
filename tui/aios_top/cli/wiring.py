"""Introduces the parts to each other: the engine gets its world, and whoever opens closes."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import cached_property, lru_cache
from pathlib import Path

from msgspec.structs import replace

from aios_top.aios.limits import Limits
from aios_top.aios.mutator import AiosMutator
from aios_top.aios.reader import AiosReader
from aios_top.cli.installation import Installation
from aios_top.cli.stored import stored
from aios_top.cli.workbench import PolicyWorkbench
from aios_top.engine.clock import SystemClock
from aios_top.engine.gate import WriteGate
from aios_top.engine.ports import Bundles, History, Rule
from aios_top.engine.recorder import Recorder, RecordingPort
from aios_top.engine.session import Session
from aios_top.engine.session_ports import Ports
from aios_top.load.child import ProcessGenerator
from aios_top.model.deploy import Bundle, PolicyCode
from aios_top.model.verification import PolicyFile
from aios_top.shipped import shipped
from aios_top.store.audit import AuditLog
from aios_top.store.audit_scope import AuditScope
from aios_top.store.load_runs import LoadRunFolder
from aios_top.store.paths import audit_file, load_folder


class PolicyFolders:
    """Loads a policy with its own registration record; satisfies `engine.ports.Bundles`."""

    def load(self, path: str) -> Bundle:
        """Return the checked bundle of a folder or an archive."""
        from aios_top.bundle.load import load_bundle  # a look at AIOS needs none of it

        return load_bundle(Path(path))

    def read(self, content: bytes) -> PolicyCode:
        """Inspect an archive in memory."""
        return _inspected(content)

    def at_hand(self, uri: str) -> Bundle | None:
        """Return the shipped policy when the uri is its own."""
        return self._shipped if self._shipped.uri == uri else None

    @cached_property
    def _shipped(self) -> Bundle:
        """The shipped policy: checking it takes a child process 0.1 s, and a look at a fleet asks once a block."""
        return self.load(str(shipped("policy")))


@lru_cache(maxsize=8)
def _inspected(content: bytes) -> PolicyCode:
    """Inspect an archive; a fleet's blocks mostly serve the same one, and each look takes a child process 0.1 s."""
    from aios_top.bundle.load import read_code

    return read_code(content)


class RuleProcesses:
    """Runs policy files in child processes; satisfies `engine.ports.Rules`."""

    def start(self, source: bytes) -> AbstractContextManager[Rule]:
        """Return a rule that runs from entering to leaving."""
        from aios_top.bundle.rule_process import RuleProcess

        return RuleProcess(source)

    def file(self, path: str | None) -> PolicyFile:
        """Return a policy's checked source by its file or folder, the shipped one for None."""
        from aios_top.bundle.policy_file import policy_file

        return policy_file(path)


@asynccontextmanager
async def open_session(
    installation: Installation,
    *,
    gate: WriteGate | None = None,
    bundles: Bundles | None = None,
    recording: RecordingPort | None = None,
    records: bool = True,
    histories: Sequence[History] | None = None,
) -> AsyncIterator[Session]:
    """Open one installation's session on the running loop; its connections end with it.

    `gate`: the write gate, where it is shown before the session is there. With `recording` its polls can be recorded,
    and with `records` they are from the start. With `histories`, if only of nobody, its curves begin with what happened
    before.
    """
    options = installation.options
    limits = replace(Limits(), read_seconds=installation.timeout_seconds)
    clock = SystemClock()
    with stored():
        log = AuditLog(audit_file(os.environ), clock.now)
    places = [url for name in installation.addresses.names() if (url := installation.addresses.url(name))]
    audit = AuditScope(log, options.context, places)
    proof = installation.credentials
    async with AsyncExitStack() as opened:
        reader = AiosReader(installation.addresses, limits, credentials=proof, now=clock.now)
        opened.push_async_callback(reader.close)
        mutator = AiosMutator(
            installation.addresses, limits, read_only=options.read_only, credentials=proof, now=clock.now
        )
        recorder = None if recording is None else Recorder(recording, audit.entries)
        ports = Ports(
            reads=reader,
            mutations=mutator,
            audit=audit,
            generator=ProcessGenerator(installation.addresses, proof, read_only=options.read_only),
            load_runs=LoadRunFolder(load_folder(os.environ)),
            bundles=bundles or PolicyFolders(),
            clock=clock,
            rules=RuleProcesses(),
            workbench=PolicyWorkbench(options.policy_file),
            recorder=recorder,
            histories=None if histories is None else tuple(histories),
        )
        if recorder is not None:
            opened.callback(recorder.stop)
            if records:
                recorder.start()
        yield Session(ports, options, gate)
