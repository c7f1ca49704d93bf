"""Decisions are recorded without what is known anyway, and come back to the last bit whatever a policy says."""

import asyncio
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from aios_top.model.decision import Action
from aios_top.store import recording_writer
from aios_top.store.decided import glance, lengthened, shortened
from aios_top.store.leaves import Shapes
from aios_top.store.payload import PushTable
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_segments import DECISIONS
from aios_top.store.streams import Stream
from aios_top.store.typed import document, encoded
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

OTHERS = (None, 0, 0.0, 1, 12.5, "x", True, [], {})
"""What a policy might have written in any place."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], PushTable]:
    """A decision that followed many, and the documents of its block."""
    return asyncio.run(_story(Path(tmp_path_factory.mktemp("decided")) / "story.aiosrec"))


async def _story(path: Path) -> tuple[dict[str, Any], PushTable]:
    clock, reads = simulated(
        SimulatedBlock("told", replicas=2, rate=0.6, parameters={"cooldown_seconds": 20}), push=6.0, interval=6.0
    )
    story = Story(path, clock, reads)
    await story.poll(60)
    decision = story.states[-1].blocks["told"].decisions[0]  # type: ignore[index]
    table = story.writer._differ.segment.blocks["told"].pushes
    story.writer.close()
    return document(decision), table


def places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a document."""
    entries = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list | tuple) else ()
    for step, entry in entries:
        yield (*path, step)
        yield from places(entry, (*path, step))


def put(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The document with another value in one place."""
    if not path:
        return value
    step, *rest = path
    if isinstance(found, dict):
        return {key: put(entry, tuple(rest), value) if key == step else entry for key, entry in found.items()}
    return type(found)(put(entry, tuple(rest), value) if place == step else entry for place, entry in enumerate(found))


def assert_same(again: dict[str, Any], decision: dict[str, Any]) -> None:
    """The record as it was in JSON, down to 1 and 1.0; the rest as numbers, for its fields have types."""
    assert encoded(again["record"]) == encoded(decision["record"])
    assert again == decision


def test_a_decision_of_the_shipped_policy_becomes_small(seen: tuple[dict[str, Any], PushTable]) -> None:
    decision, table = seen
    short = shortened(decision, table.figures)
    assert set(short) == {"record", "derived"}
    assert any(isinstance(entry, list) for entry in short["record"]["instances"])
    assert len(encoded(short)) < 0.7 * len(encoded(decision))
    assert_same(lengthened(deepcopy(short), table.figures), decision)


def test_whatever_stands_in_any_place_comes_back(seen: tuple[dict[str, Any], PushTable]) -> None:
    decision, table = seen
    for path in places(decision):
        for other in OTHERS:
            changed = put(decision, path, other)
            again = lengthened(deepcopy(shortened(changed, table.figures)), table.figures)
            assert encoded(again["record"]) == encoded(changed["record"]), (path, other)
            assert_same(again, changed)


def test_a_record_without_anything_comes_back() -> None:
    decision = {"at": 1.0, "action": "hold", "record": {}}
    assert lengthened(deepcopy(shortened(decision, PushTable().figures)), PushTable().figures) == decision


def test_no_instance_id_is_a_key_for_each_would_stay_numbered_for_good(seen: tuple[dict[str, Any], PushTable]) -> None:
    decision, table = seen
    ids = {entry["id"] for entry in decision["record"]["instances"]}
    assert ids & decision["record"]["state_before"]["seen"].keys()
    for figures in (table.figures, PushTable().figures):
        steps = {step for path in places(shortened(decision, figures)) for step in path}
        assert ids & steps == set()


@pytest.mark.parametrize(
    "steps",
    [
        [{"stage": "signal", "result": "ok", "detail": "another"}],
        [{"stage": "signal", "result": "ok"}],
        [{"detail": None, "stage": "signal", "result": "ok"}],
        [],
    ],
)
@pytest.mark.parametrize("means", [{}, {"input": None, "output": None}])
def test_steps_that_tell_the_means_in_another_way_come_back(
    seen: tuple[dict[str, Any], PushTable], steps: list[dict[str, Any]], means: dict[str, Any]
) -> None:
    decision, table = seen
    record = decision["record"]
    told = next(step for step in record["steps"] if step["stage"] == "signal")
    for place in ([told, *steps], [*steps, told]):
        changed = {**decision, "record": {**record, "steps": place, "averages": {**record["averages"], **means}}}
        assert_same(lengthened(deepcopy(shortened(changed, table.figures)), table.figures), changed)


async def test_scaling_leaves_no_instance_id_among_the_paths(tmp_path: Path) -> None:
    clock, reads = simulated(
        SimulatedBlock("told", replicas=1, rate=2.0, parameters={"cooldown_seconds": 12}), push=6.0, interval=6.0
    )
    story = Story(tmp_path / "story.aiosrec", clock, reads)
    await story.poll(120)
    block = story.states[-1].blocks["told"]  # type: ignore[index]
    acts = [entry for entry in block.decisions if entry.action is Action.UP]
    ids = {instance.instance_id for entry in acts for instance in entry.instances}
    paths = {step for path in story.writer._shapes.paths for step in path}
    story.writer.close()
    assert len(acts) > 1
    assert len(ids) > 1
    assert ids & paths == set()


def steady(path: Path) -> Story:
    """A block that serves and does not scale, at AIOS's own periods."""
    parameters = {"input_tokens_up_threshold": 1e9, "output_tokens_up_threshold": 1e9, "min_replicas": 3}
    block = SimulatedBlock("told", replicas=3, rate=0.6, parameters=parameters, maximum=3)
    return Story(path, *simulated(block, push=30.0, interval=30.0))


async def test_a_segment_begins_with_the_decision_before_it_as_small_as_every_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looks at its instances in most segments, and whole it was most of what a jump took apart."""
    monkeypatch.setattr(recording_writer, "SEGMENT_SECONDS", 150.0)
    story = steady(tmp_path / "story.aiosrec")
    await story.poll(400)
    story.writer.close()
    with open_recording(tmp_path / "story.aiosrec") as recording:
        parts = [recording._index.parts(entry)["told"] for entry in recording._index.segments]
        decisions = [row["decision"] for part in parts[1:] for _, row in part.stream(DECISIONS).every()]
        begun = [part.stream(DECISIONS).document(0)["decision"] for part in parts[1:]]
    assert len(begun) > 3
    assert len(decisions) > 20
    for decision in (*begun, *decisions):
        assert decision.keys() == {"record", "derived"}
        assert {type(entry) for entry in decision["record"]["instances"]} == {list}


async def test_means_that_an_earlier_version_left_out_come_back(tmp_path: Path) -> None:
    """They follow from the documents: recordings of then have neither, and a flag that says so."""
    story = steady(tmp_path / "story.aiosrec")
    await story.poll(150)
    decision = document(story.states[-1].blocks["told"].decisions[0])  # type: ignore[index]
    table = story.writer._differ.segment.blocks["told"].pushes
    story.writer.close()
    short = shortened(deepcopy(decision), table.figures)
    means = short["record"]["averages"]
    short["record"]["averages"] = {**means, "input": None, "output": None}
    short["derived"] |= 4
    stream = Stream(Shapes())
    stream.append(0, {"decision": short})
    view = stream.documents().view(0)
    assert view is not None

    def columns_at(wanted: Sequence[tuple[str, int]], columns: Sequence[int]) -> list[list[Any]]:
        rows = [table.figures(*each) for each in wanted]
        return [[None if row is None else row[column] for row in rows] for column in columns]

    looked_at = glance(view, columns_at)
    assert looked_at is not None
    assert looked_at.decision["input_average"] == decision["record"]["averages"]["input"] == means["input"] > 0.0
    assert looked_at.decision["output_average"] == decision["record"]["averages"]["output"] == means["output"] > 0.0
    assert_same(lengthened(short, table.figures), decision)
