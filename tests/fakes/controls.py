"""The write side in memory: requests are prepared as the real client does, and counted instead of sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios_top.aios.address import Addresses
from aios_top.aios.change_requests import prepare
from aios_top.engine.actions import Actions
from aios_top.engine.gate import WriteGate
from aios_top.model.change import Change, Fate, Outcome, PreparedRequest
from aios_top.model.decision import Action, Decision, InstanceInput, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import ExecutorReading, InstanceReading
from aios_top.model.record import BlockRecord, Pod, PolicyReference
from aios_top.model.state import (
    Averages,
    BlockState,
    Cooldown,
    CooldownPhase,
    FleetState,
    InstanceState,
    Phase,
    Replicas,
)
from aios_top.model.text import clean
from aios_top.model.window import Rolling, Window
from aios_top.store.audit import AuditLog
from fakes.clock import FakeClock
from fakes.readings import block as documents
from fakes.readings import instance as document
from fakes.reads import FakeReads

BLOCK = "gemma"
CLUSTER = "cluster-1"
POD = "gemma-executor-7d9f-x2k4p"
URI = "tokens:1.0-stable"
DONE = Outcome(Fate.DONE, "accepted")


@dataclass
class FakeMutations:
    """Satisfies `engine.ports.Mutations`."""

    addresses: Addresses = field(default_factory=lambda: Addresses.build("aios.example"))
    outcomes: list[Outcome] = field(default_factory=list)
    """The next answers; DONE when there are none left."""
    sent: list[Change] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """Keeps answers back until it is set."""
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """One more for every change that was sent: acquire it to wait for one."""
    on_send: Callable[[Change], None] = lambda change: None

    def prepare(self, change: Change) -> PreparedRequest:
        return prepare(self.addresses, change)

    async def send(self, change: Change) -> Outcome:
        self.sent.append(change)
        self.arrived.release()
        self.on_send(change)
        if self.hold is not None:
            await self.hold.wait()
        return self.outcomes.pop(0) if self.outcomes else DONE


class World:
    """One block with two serving instances, and everything that acts on it."""

    def __init__(self, folder: Path, *, read_only: bool = False, writable: bool = True) -> None:
        self.clock = FakeClock()
        self.reads = FakeReads(self.clock)
        self.mutations = FakeMutations()
        self.audit = AuditLog(folder / "state" / "audit.jsonl", self.clock.now)
        self.gate = WriteGate(read_only=read_only, writable=writable)
        self.fleet = FleetState(at=self.clock.now(), sequence=1)
        self.show(a_block(self.clock.now()))
        self.reads.pod_lists[BLOCK] = (pod("executor", POD), pod("in-aa01"), pod("in-aa02"))
        self.reads.block_records = (record(),)
        self.actions = Actions(
            self.reads,
            self.mutations,
            self.audit,
            self.clock,
            lambda: self.fleet,
            self.gate,
            who="ann@desk",
            context="lab",
        )

    def show(self, *blocks: BlockState) -> None:
        """Make these the known blocks."""
        self.fleet = FleetState(self.clock.now(), 1, {block.block_id: block for block in blocks})

    def without_pods(self) -> None:
        """Leave only the policy and the metric documents to count by."""
        self.reads.pod_lists.clear()

    def lines(self) -> list[tuple[str, dict[str, Any]]]:
        """Return kind and fields of every audit line."""
        return [(entry.kind, dict(entry.fields)) for entry in self.audit.entries()]

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.lines()]


def pod(instance_id: str, name: str | None = None, phase: str = "Running") -> Pod:
    """Return a pod as the mapping service lists it."""
    return Pod(clean(name or f"gemma-{instance_id}-x"), clean(instance_id), clean(phase), clean("blocks"))


def record(uri: str | None = URI, block_id: str = BLOCK, cluster_id: str | None = CLUSTER) -> BlockRecord:
    """Return a block's record."""
    policies = {} if uri is None else {"autoscaler": PolicyReference(clean(uri))}
    return BlockRecord(clean(block_id), None if cluster_id is None else clean(cluster_id), 1, 3, None, policies)


def row(
    name: str, phase: Phase = Phase.SERVING, *, sessions: float = 0, size: float = 800, seen: float = 0
) -> InstanceState:
    """Return an instance of the state; one that is starting has no document."""
    sizes = Rolling(size, size, size, size)
    reading = InstanceReading(
        clean(name), 1.0, sizes, Rolling(50, 50, 50, 50), prompt_tokens_total=1, active_sessions=sessions
    )
    return InstanceState(clean(name), phase, None if phase is Phase.STARTING else reading, 1.0, seen)


def a_block(now: float, *rows: InstanceState, **changes: Any) -> BlockState:
    """Return a block that cools down for 41 s more, evaluates in 4 s and is above its input limit."""
    rows = rows or (row("in-aa01", sessions=2), row("in-aa02", sessions=1, seen=10.0))
    values: dict[str, Any] = {
        "block_id": clean(BLOCK),
        "record": record(),
        "policy": PolicyReport(Voice.FULL, policy_name=clean("tokens"), policy_version=clean("1.0")),
        "thresholds": Thresholds(500, 300, 100, 50),
        "instances": rows,
        "replicas": Replicas(current=len(rows), reporting=len(rows), minimum=1, maximum=3),
        "averages": {Window.ONE_MINUTE: averages(812, 120)},
        "cooldown": Cooldown(CooldownPhase.COOLING, Origin.REPORTED, now + 41, 120.0),
        "next_evaluation_at": now + 4,
        "seen_at": now,
    }
    return BlockState(**(values | changes))


def averages(input_size: float | None, output_size: float | None) -> Averages:
    return Averages(input_size, output_size, Window.ONE_MINUTE, Origin.MEASURED, 2)


def decision(*ids: str, current: int | None = None, seq: int = 7, at: float = 999_990.0, **record: Any) -> Decision:
    """Return a reported decision that saw these instances."""
    return Decision(
        at,
        Action.HOLD,
        clean("WithinRange"),
        clean("No scaling action required."),
        Origin.REPORTED,
        seq=seq,
        current=len(ids) if current is None else current,
        instances=tuple(InstanceInput(clean(name)) for name in ids),
        record=record,
    )


def report(*ids: str, boot_id: str = "boot-1", code_sha256: str | None = None, **values: Any) -> PolicyReport:
    """Return a policy's report with a decision that saw these instances; without ids it has made none yet."""
    return PolicyReport(
        Voice.FULL,
        boot_id=clean(boot_id),
        policy_version=clean("1.0"),
        code_sha256=None if code_sha256 is None else clean(code_sha256),
        last_decision=decision(*ids, **values) if ids else None,
    )


def pushed(*names: str, uptime: float = 5000.0) -> Any:
    """Return the block's metric documents."""
    found = documents(*(document(name, 1.0, 300) for name in names))
    return type(found)(clean(BLOCK), found.instances, ExecutorReading(uptime, 1.0))
