"""`aios-top what-if` on recordings: of the embedded AIOS over HTTP, and of simulated stories."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aios_top.aios.address import NAMES, PLACEHOLDER, STAND_IN_PORTS, Addresses
from aios_top.aios.limits import Limits
from aios_top.aios.reader import AiosReader
from aios_top.engine.clock import SystemClock
from aios_top.engine.poll import Poller
from aios_top.engine.trace import Tracer
from aios_top.model.recording import RecordingHeader
from aios_top.shipped import shipped
from aios_top.store.recording_reader import open_recording
from aios_top.store.recording_writer import RecordingWriter
from fakes.embedded import BLOCK, Aios, embedded, state, until
from fakes.recordings import Story, simulated
from fakes.simulated import SimulatedBlock

SHIPPED = (shipped("policy") / "code" / "function.py").read_text()
PARAMETERS = {"input_tokens_up_threshold": 100, "cooldown_seconds": 0.3, "scale_up_stabilization_window_seconds": 0.2}


async def recorded(path: Path) -> None:
    """Poll an embedded AIOS that scales with the shipped policy, and record it, until it has scaled several times."""
    async with embedded(state(SHIPPED, parameters=PARAMETERS, profile="vllm-chat")) as aios:
        await aios.running.until_loaded()
        reader = AiosReader(_addresses(aios), Limits(), now=SystemClock().now)
        poller = Poller(reader, SystemClock(), lambda _state: None, poll_seconds=2.0)
        writer, tracer = RecordingWriter(path, RecordingHeader(context="embedded")), Tracer()
        try:
            requests = [asyncio.create_task(aios.infer(number, 600)) for number in range(6)]

            async def scaled() -> bool:
                await poller.refresh()
                assert poller.poll is not None
                writer.append(poller.poll, tracer.traces(poller.picture))
                return len(aios.instances()) >= 4 and len(poller.state.blocks[BLOCK].decisions) >= 30

            await until(scaled, 30.0)
            await asyncio.gather(*requests)
        finally:
            writer.close()
            await reader.close()


def _addresses(aios: Aios) -> Addresses:
    urls = aios.running.urls
    known = {name: url for name, url in urls.items() if name in NAMES}
    return Addresses.build(overrides=known | {name: f"{urls[name]}/{PLACEHOLDER}" for name in STAND_IN_PORTS})


def asked(run: Any, *arguments: str) -> dict[str, Any]:
    ran = run("what-if", *arguments, "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_unchanged_parameters_reproduce_a_recorded_run_of_the_embedded_aios_exactly(run, tmp_path: Path) -> None:
    path = tmp_path / "embedded.aiosrec"
    asyncio.run(recorded(path))
    with open_recording(path) as recording:
        told = {decision.key: decision for _, decision in recording.decisions(BLOCK)}
    answer = asked(run, str(path))
    assert answer["exact"] is True
    assert answer["decisions"] == len(told) >= 30
    assert answer["same"] == len(told)
    assert (answer["other"], answer["untold"], answer["divergence"]) == (0, 0, None)
    actions = [entry["recorded"]["action"] for entry in answer["retaken"]]
    assert actions.count("upscale") >= 3
    assert [entry["what_if"]["action"] for entry in answer["retaken"]] == actions
    changed = asked(run, str(path), "--set", "cooldown_seconds=3000")
    assert changed["divergence"]["recorded"]["action"] == "upscale"
    assert changed["divergence"]["what_if"] == {"action": "hold", "code": "CooldownActive"}
    assert changed["before"]["ups"] == 1


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("story") / "story.aiosrec"

    async def tell() -> None:
        clock, reads = simulated(
            SimulatedBlock("told", "explained", rate=0.2, parameters={"cooldown_seconds": 60}),
            SimulatedBlock("silent", "plain", rate=0.2, parameters={"cooldown_seconds": 60}),
        )
        story = Story(path, clock, reads)
        await story.poll(180, seconds=5.0)
        story.writer.close()

    asyncio.run(tell())
    return path


def test_a_story_is_told_side_by_side_with_its_estimate(run, story: Path) -> None:
    ran = run("what-if", str(story), "--block", "told", "--set", "cooldown_seconds=240")
    assert ran.code == 0, ran.err
    assert "told: what if cooldown_seconds=240" in ran.out
    assert "← diverges" in ran.out
    assert "sim as it was" in ran.out
    assert "replica-hours" in ran.out
    same = run("what-if", str(story), "--block", "told")
    assert "would have done the same to the replicas." in same.out
    assert "sim as it was" not in same.out


def test_a_silent_policys_inferred_decisions_are_no_exact_answer(run, story: Path) -> None:
    answer = asked(run, str(story), "--block", "silent", "--set", "input_tokens_up_threshold=100000")
    assert answer["exact"] is False
    assert answer["decisions"] > 0


def test_a_span_bounds_the_question(run, story: Path) -> None:
    whole = asked(run, str(story), "--block", "told")
    middle = whole["retaken"][10]["at"]
    later = asked(run, str(story), "--block", "told", "--from", middle)
    assert later["decisions"] == whole["decisions"] - 10
    assert later["same"] == later["decisions"]
    earlier = asked(run, str(story), "--block", "told", "--to", middle)
    assert earlier["decisions"] == 11


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "has 2 blocks; name one with --block: told, silent"),
        (("--block", "nobody"), 1, "it has: told, silent"),
        (("--block", "told", "--set", "cooldown"), 2, "write NAME=VALUE"),
        (("--block", "told", "--parameters", "nonsense"), 2, "conservative"),
        (("--block", "told", "--policy", "/nowhere"), 2, "/nowhere: no such file or folder"),
        (("--block", "told", "--to", "2001-01-01"), 1, "recorded nothing in that time; it covers"),
        (("--block", "told", "--from", "2030-01-01", "--to", "2001-01-01"), 2, "--from is later than --to"),
        (("--block", "told", "--from", "yesterday-ish"), 2, "--from: not a time"),
    ],
)
def test_what_cannot_be_asked_says_why(run, story: Path, arguments, code, message) -> None:
    ran = run("what-if", str(story), *arguments)
    assert ran.code == code
    assert message in ran.err
    assert ran.out == ""


def test_what_is_no_recording_is_refused(run, tmp_path: Path) -> None:
    path = tmp_path / "not.aiosrec"
    path.write_text("hello")
    ran = run("what-if", str(path))
    assert ran.code in {1, 2}
    assert "not.aiosrec" in ran.err
    assert run("what-if", str(tmp_path / "missing")).code == 2
