"""What a block's memory keeps for long is bounded, small, and reads as it came."""

from msgspec.structs import replace

from aios_top.engine.memory import PACKED_AT_ONCE, UNPACKED_DECISIONS, BlockMemory
from aios_top.engine.observe import MOST_UNLISTED, Inputs, observe, take_decisions
from aios_top.model.decision import MAX_DECISIONS, Decision, InstanceInput
from aios_top.model.packed import Packed
from aios_top.model.policy_state import DecisionPage, PolicyReport, Voice
from aios_top.model.text import clean
from aios_top.store.typed import document, value
from engine.blocks import decided

NOW = 1_000_000.0


def told(number: int, *names: str) -> Decision:
    """Evaluation `number`, which saw these instances, with a record."""
    inputs = tuple(InstanceInput(clean(name)) for name in names)
    record = {"seq": number, "replicas": {"missing": []}, "steps": [{"stage": "collect", "result": "ok"}]}
    return replace(
        decided(NOW + number), seq=number, boot_id=clean("boot"), current=len(names), instances=inputs, record=record
    )


def page(*decisions: Decision) -> DecisionPage:
    return DecisionPage(clean("boot"), decisions, decisions[-1].seq or 0)


def test_old_decisions_keep_their_whole_record_packed() -> None:
    memory = BlockMemory()
    for number in range(1, 700):
        take_decisions(memory, page(told(number, "in-a")))
    assert len(memory.reported) == MAX_DECISIONS
    assert [entry.record["seq"] for entry in memory.reported] == list(range(699, 699 - MAX_DECISIONS, -1))
    assert all(isinstance(entry.record, dict) for entry in memory.reported[:UNPACKED_DECISIONS])
    assert all(isinstance(entry.record, Packed) for entry in memory.reported[UNPACKED_DECISIONS:])
    assert memory.reported[300] == told(399, "in-a")


def test_many_at_once_are_packed_little_by_little_the_oldest_first() -> None:
    memory = BlockMemory()
    take_decisions(memory, page(*(told(number, "in-a") for number in range(1, 201))))
    kept = [isinstance(entry.record, Packed) for entry in memory.reported]
    assert kept == [False] * (200 - PACKED_AT_ONCE) + [True] * PACKED_AT_ONCE
    for number in range(201, 210):
        take_decisions(memory, page(told(number, "in-a")))
    kept = [isinstance(entry.record, Packed) for entry in memory.reported]
    assert kept == [False] * UNPACKED_DECISIONS + [True] * (209 - UNPACKED_DECISIONS)


def test_a_packed_decision_is_recorded_as_it_was() -> None:
    memory = BlockMemory()
    take_decisions(memory, page(*(told(number, "in-a") for number in range(1, 101))))
    oldest = memory.reported[-1]
    assert isinstance(oldest.record, Packed)
    assert document(oldest) == document(told(1, "in-a"))
    assert value(document(oldest), Decision) == told(1, "in-a")


def test_instances_that_were_removed_long_ago_are_forgotten_and_the_last_ones_are_not() -> None:
    memory = BlockMemory()
    for number in range(1, 300):
        last = told(number, f"in-{number}", "in-stays")
        report = PolicyReport(Voice.FULL, last_decision=last)
        observe(clean("gemma"), memory, Inputs(report=report), NOW + number)
    assert len(memory.listed) <= 2 * MOST_UNLISTED + 2
    assert {clean(f"in-{number}") for number in range(299 - MOST_UNLISTED, 300)} <= memory.listed.keys()
    assert memory.listed[clean("in-stays")] == NOW + 1
