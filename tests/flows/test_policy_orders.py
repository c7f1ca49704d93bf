"""Orders to a running policy, through the whole way: command, gateway, autoscaler, policy, controller, instances."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aios_top.cli.main import main
from aios_top.shipped import shipped
from fakes.embedded import BLOCK, Aios, embedded, state, until

NEVER = {"input_tokens_up_threshold": 1e9, "output_tokens_up_threshold": 1e9, "min_replicas": 1, "max_replicas": 4}
"""A rule that asks for nothing by itself."""


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))


@pytest.fixture
def order(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command beside the embedded AIOS; returns its exit code and what it printed."""

    async def run(aios: Aios, *argv: str) -> tuple[int, str]:
        urls = {name: url for name, url in aios.running.urls.items() if name not in {"mapping", "autoscaler"}}
        urls |= {name: f"{aios.running.urls[name]}/{{block}}" for name in ("mapping", "autoscaler")}
        known = ("metrics", "blocks", "policies", "files", "gateway", "controller", "mapping", "autoscaler")
        options = [word for name in known for word in ("--url", f"{name}={urls[name]}")]
        capsys.readouterr()
        code = await asyncio.to_thread(main, [*argv, *options])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


async def test_what_is_ordered_happens_at_the_next_evaluation_and_within_the_limits(order: Callable[..., Any]) -> None:
    source = (shipped("policy") / "code" / "function.py").read_text()
    async with embedded(state(source, parameters={**NEVER, "input_tokens_down_threshold": 0})) as aios:
        await until(lambda: show(order, aios), 20)

        code, said = await order(aios, "policy", "force", "--block", BLOCK, "--up", "2", "--ignore-cooldown", "--yes")
        assert (code, "is queued for the next evaluation" in said) == (0, True)
        await until(lambda: len(aios.instances()) == 3, 20)

        code, said = await order(aios, "policy", "force", "--block", BLOCK, "--up", "9", "--ignore-cooldown", "--yes")
        assert (code, "failed: the policy refused" in said) == (1, True)

        code, said = await order(
            aios, "policy", "force", "--block", BLOCK, "--remove", aios.instances()[0], "--ignore-cooldown", "--yes"
        )
        assert code == 0
        await until(lambda: len(aios.instances()) == 2, 20)


async def test_parameters_that_were_set_decide_until_the_executor_restarts(order: Callable[..., Any]) -> None:
    source = (shipped("policy") / "code" / "function.py").read_text()
    async with embedded(state(source, parameters=NEVER)) as aios:
        await until(lambda: show(order, aios), 20)
        code, said = await order(
            aios, "policy", "set", "--block", BLOCK, "max_replicas=7", "cooldown_seconds=1", "--yes"
        )
        assert code == 0, said
        told = await show(order, aios)
        assert (told["effective"]["max_replicas"], told["source"]["max_replicas"]) == (7, "runtime")

        await aios.restart_executor()
        await until(lambda: forgotten(order, aios), 20)


async def show(order: Callable[..., Any], aios: Aios) -> dict[str, Any]:
    _, said = await order(aios, "policy", "show", "--block", BLOCK, "--json")
    return dict(json.loads(said)["in_force"] or {})


async def forgotten(order: Callable[..., Any], aios: Aios) -> bool:
    told = await show(order, aios)
    return bool(told) and (told["effective"]["max_replicas"], told["source"]["max_replicas"]) == (4, "given")
