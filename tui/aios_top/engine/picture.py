"""The picture of one AIOS: takes what was learnt, remembers what matters, and makes the state that everybody reads.

It asks nobody and has no clock, so that a recording fed into it gives the very states that were on the screen.
"""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.engine.memory import BlockMemory
from aios_top.engine.observe import Inputs, observe, take_decisions
from aios_top.engine.phases import take_reading
from aios_top.model.fact import (
    Backfilled,
    CooldownReset,
    DecisionsTold,
    Fact,
    FleetFailed,
    FleetRead,
    PoliciesRead,
    PolicyTold,
    Poll,
    RecordsRead,
    Resumed,
)
from aios_top.model.judge import judge_fleet
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import BlockReading, FleetReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.state import BlockState, EndpointState, FleetState
from aios_top.model.text import Clean
from aios_top.model.verdict import Severity, Verdict

MOST_GONE = 100
"""Blocks that are remembered after they vanished."""
NOT_TOLD = PolicyReport(Voice.UNASKED)


class Knowledge(Struct):
    """The latest good answer of every source."""

    fleet: Mapping[str, BlockReading] = field(default_factory=dict)
    fleet_problem: Clean | None = None
    records: Mapping[str, BlockRecord] = field(default_factory=dict)
    policies: tuple[PolicyRecord, ...] = ()
    told: dict[Clean, PolicyTold] = field(default_factory=dict)
    """By block: what its autoscaler said last."""


class Picture:
    """Everything that is known of one AIOS."""

    def __init__(self, at: float, context: str = "", origin_note: str = "", reach: str = "") -> None:
        self.knowledge = Knowledge()
        self.memories: dict[Clean, BlockMemory] = {}
        self.state = FleetState(at=at, sequence=0, context=context, origin_note=origin_note, reach=reach)

    def memory(self, block_id: Clean) -> BlockMemory:
        """Return what is remembered of a block, nothing yet for a new one."""
        return self.memories.setdefault(block_id, BlockMemory())

    def take(self, fact: Fact) -> None:
        """Learn one fact."""
        knowledge = self.knowledge
        match fact:
            case FleetRead(reading):
                self._take_fleet(reading)
            case FleetFailed(problem):
                knowledge.fleet_problem = problem
                for memory in self.memories.values():
                    memory.missed_polls += 1
            case RecordsRead(records):
                knowledge.records = {record.block_id: record for record in records}
            case PoliciesRead(policies):
                knowledge.policies = policies
            case PolicyTold(block_id):
                knowledge.told[block_id] = fact
            case DecisionsTold(block_id, page):
                take_decisions(self.memory(block_id), page)
            case CooldownReset(block_id, at):
                if block_id in self.memories:
                    self.memories[block_id].cooldown_reset_at = at
            case Resumed(at, seconds):
                self.state = replace(self.state, resumed_at=at, paused_seconds=seconds)
            case Backfilled(block_id):
                self.memory(block_id).prefill(fact)

    def take_poll(self, poll: Poll) -> FleetState:
        """Learn everything that one poll brought and return the state that was made of it."""
        for fact in poll.facts:
            self.take(fact)
        return self.publish(poll.at, poll.poll_seconds, poll.endpoints, sequence=poll.sequence)

    def publish(
        self, at: float, poll_seconds: float, endpoints: Mapping[str, EndpointState], sequence: int | None = None
    ) -> FleetState:
        """Make the state at `at`; each is one sample of every block's history."""
        blocks: dict[str, BlockState] = {block_id: self._observe(block_id, at) for block_id in self.block_ids()}
        self.state = replace(
            self.state,
            at=at,
            sequence=self.state.sequence + 1 if sequence is None else sequence,
            blocks=blocks,
            policies=self.knowledge.policies,
            endpoints=endpoints,
            verdict=self._verdict(blocks, endpoints),
            poll_seconds=poll_seconds,
            polls=sum(entry.polls for entry in endpoints.values()),
            failures=sum(entry.failures for entry in endpoints.values()),
        )
        return self.state

    def block_ids(self) -> list[Clean]:
        """Return the declared blocks in the database's order, then those that only have metrics."""
        ids = [record.block_id for record in self.knowledge.records.values()]
        fleet, records = self.knowledge.fleet, self.knowledge.records
        return ids + [block.block_id for block in fleet.values() if block.block_id not in records]

    def _take_fleet(self, reading: FleetReading) -> None:
        found: dict[str, BlockReading] = {block.block_id: block for block in reading.blocks}
        self.knowledge.fleet, self.knowledge.fleet_problem = found, None
        self._forget_surplus()
        for block_id in self.block_ids():
            memory = self.memory(block_id)
            take_reading(memory, found.get(block_id), reading.received_at)
            memory.missed_polls = 0
            if block_id in found:
                memory.seen_at = reading.received_at

    def _forget_surplus(self) -> None:
        """Keep block ids that come and go with every answer from filling the memory."""
        known = set(self.block_ids())
        gone = [block_id for block_id in self.memories if block_id not in known]
        for block_id in gone[:-MOST_GONE]:
            del self.memories[block_id]

    def _verdict(self, blocks: Mapping[str, BlockState], endpoints: Mapping[str, EndpointState]) -> Verdict:
        """Judge the fleet; with nothing to judge, name the endpoint that failed."""
        records = endpoints.get("blocks")
        problem = self.knowledge.fleet_problem or (None if records is None else records.problem)
        if problem is not None and not blocks:
            return Verdict(Severity.BROKEN, f"no data yet: {problem}", code="NoData")
        return judge_fleet(blocks.values())

    def _observe(self, block_id: Clean, now: float) -> BlockState:
        knowledge = self.knowledge
        record = knowledge.records.get(block_id)
        told = knowledge.told.get(block_id)
        uri = record.autoscaler.uri if record is not None and record.autoscaler is not None else None
        inputs = Inputs(
            record=record,
            reading=knowledge.fleet.get(block_id),
            registered=next((entry for entry in knowledge.policies if entry.uri == uri), None),
            report=NOT_TOLD if told is None else told.report,
            reported_at=None if told is None else told.at,
            parameters=None if told is None else told.parameters,
            problem=knowledge.fleet_problem,
        )
        return observe(block_id, self.memory(block_id), inputs, now)
