"""A spike on the embedded AIOS, over real HTTP: every decision is explained, and its record evaluates to itself."""

import asyncio
import json
import sys
from collections import Counter
from itertools import count

import pytest

from aios_top.shipped import shipped
from fakes.embedded import BLOCK, Aios, embedded, state, until

SOURCE = (shipped("policy") / "code" / "function.py").read_text()
SERVICES = ("metrics", "blocks", "policies", "cluster_metrics")


async def why(aios: Aios, *words: str) -> dict[str, object]:
    """Run the command in a process of its own, as anybody does."""
    urls = {name: aios.running.urls[name] for name in SERVICES}
    urls["autoscaler"] = f"{aios.running.urls['autoscaler']}/{BLOCK}"
    options = [word for name, url in urls.items() for word in ("--url", f"{name}={url}")]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "aios_top", "why", "--block", BLOCK, "--json", *words, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    found: dict[str, object] = json.loads(out)
    return found


@pytest.fixture(autouse=True)
def own_files(tmp_path, monkeypatch):
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))


async def test_every_decision_of_a_spike_is_explained_and_evaluates_to_the_same():
    # A down limit near the up limit: a window of AIOS is a minute long, so small requests have to bring the mean down.
    parameters = {"cooldown_seconds": 0.3, "input_tokens_up_threshold": 500, "input_tokens_down_threshold": 450}
    async with embedded(state(SOURCE, parameters=parameters)) as aios:
        numbers = count(1)

        sent: list[asyncio.Task[object]] = []

        def send(words: int) -> None:
            """A removed replica takes its requests along unanswered, so nobody waits for them."""
            sent.append(asyncio.create_task(aios.infer(next(numbers), words)))

        def decided(word: str) -> bool:
            return any(f"'operation': '{word}'" in line for line in aios.log())

        async def shrinks() -> bool:
            send(1)
            await asyncio.sleep(0.2)
            return decided("downscale")

        send(900)
        send(900)
        await until(lambda: len(aios.instances()) > 1 and decided("upscale"), 60)
        await until(shrinks, 60)
        for task in sent:
            task.cancel()
        await asyncio.gather(*sent, return_exceptions=True)
        document = await why(aios, "--all")

    decisions = document["decisions"]
    codes = Counter(entry["code"] for entry in decisions)
    assert {"ScaleUp", "ScaleDown", "CooldownActive"} <= set(codes)
    assert Counter(entry["re_evaluated"] for entry in decisions) == {"same": len(decisions)}
    verification = document["verification"]
    assert (verification["same"], verification["differs"], verification["problem"]) == (len(decisions), 0, None)
    for entry in decisions:
        assert entry["source"] == "the policy's own record"
        assert entry["sentence"].split()[0] in {"Added", "Removed", "Held:"}
        assert any(stage["decided"] for stage in entry["stages"])
    gone = next(entry for entry in decisions if entry["code"] == "ScaleDown")
    assert gone["candidate"]["removed"]
    assert gone["candidate"]["instance_id"] in gone["sentence"]
