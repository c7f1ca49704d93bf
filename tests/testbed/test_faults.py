"""A scenario's faults, seen from the wire, and background load that comes by itself."""

import time

import httpx
import pytest
from msgspec.structs import replace

from aios_top.sim.scenario import Fault, Scenario
from aios_top.sim.workload import Phase, Workload
from aios_top.testbed.clock import Clock
from aios_top.testbed.services import updater
from fakes.embedded import BLOCK, HOLDS, TINY, embedded, state, until


class FaultClock(Clock):
    """Time for the faults alone, moved by the test: however slow the machine, they come when it is ready for them."""

    def __init__(self):
        super().__init__()
        self.seconds = 0.0

    def now(self):
        return self.seconds


def story(*faults, load=None):
    """Return a scenario with these faults and, when given, this many requests per minute."""
    workloads = {}
    if load is not None:
        phase = Phase(0, 1000, load, input_tokens=30, output_tokens=1, arrival="constant")
        workloads[BLOCK] = lambda started: Workload([phase], 1, started=started, name=BLOCK)
    return Scenario("test", "For a test.", 1, workloads, faults)


async def scale(aios):
    body = {"action": "scale", "block_id": BLOCK, "operation": "scale", "instances_count": 1}
    return await aios.post("controller", "/executeAction", body)


async def document(aios, instance_id="in-aa01"):
    found = (await aios.get("cluster_metrics", f"/block/{BLOCK}")).json()["data"]
    return next((item for item in found if item["instanceId"] == instance_id), None)


async def test_failing_scale_calls_change_nothing_and_end():
    clock = FaultClock()
    told = story(Fault(0, 1, "scale_fails", BLOCK))
    async with embedded(state(None), scenario=told, fault_clock=clock) as aios:
        failed = await scale(aios)
        assert (failed.status_code, failed.json()["success"]) == (500, False)
        assert "exceeded quota" in failed.json()["data"]
        assert aios.instances() == ["in-aa01"]
        clock.seconds = 1.0
        assert (await scale(aios)).status_code == 200
        assert len(aios.instances()) == 2


async def test_a_fault_of_another_block_is_none():
    async with embedded(state(None), scenario=story(Fault(0, 60, "scale_fails", "other"))) as aios:
        assert (await scale(aios)).status_code == 200


async def test_a_hanging_instance_reports_nothing_until_it_recovers():
    clock = FaultClock()
    told = story(Fault(1, 2, "instance_hangs", BLOCK), load=600)
    async with embedded(state(None), scenario=told, fault_clock=clock) as aios:
        replica = aios.running.cluster.deployed[BLOCK].traffic.sim.replicas["in-aa01"]
        await until(lambda: document(aios))
        clock.seconds = 1.0
        await until(lambda: replica.hung)
        stale = (await document(aios))["timestamp"]
        executor = await document(aios, "executor")
        await until(lambda: _newer(aios, "executor", "uptime", executor["uptime"] + 0.2))
        assert (await document(aios))["timestamp"] == stale
        clock.seconds = 2.0
        await until(lambda: _newer(aios, "in-aa01", "timestamp", stale))
        assert not replica.hung


async def _newer(aios, instance_id, key, than):
    return (await document(aios, instance_id))[key] > than


async def test_a_wipe_empties_the_store_until_the_next_pushes():
    clock = FaultClock()
    told = story(Fault(1, None, "metrics_wiped"))
    push_rarely = {"pace": replace(TINY, push_seconds=60.0)}
    async with embedded(state(None), scenario=told, fault_clock=clock, **push_rarely) as aios:
        await until(lambda: document(aios))
        clock.seconds = 1.0

        async def gone():
            return await document(aios) is None

        await until(gone)
        await until(lambda: document(aios, "executor"))
        assert await document(aios) is None


async def test_a_registry_that_is_down_does_not_answer_and_autoscalers_wait_for_it():
    clock = FaultClock()
    told = story(Fault(0, 1, "registry_down"))
    async with embedded(state(HOLDS), scenario=told, fault_clock=clock) as aios:
        with pytest.raises(httpx.TransportError):
            await aios.get("policies", "/policy/probe:1.0-stable")
        await until(lambda: any("process ended" in line for line in aios.log()))
        clock.seconds = 1.0
        await aios.running.until_loaded()


async def test_a_slow_updater_loses_the_answer_of_a_command_that_was_carried_out(monkeypatch):
    monkeypatch.setattr(updater, "TARGET_SECONDS", 0.3)
    source = HOLDS.replace('return {"action"', 'self.settings["calls"] = self.settings.get("calls", 0) + 1\n        '
                           'return {"calls": self.settings["calls"], "action"')  # fmt: skip
    async with embedded(state(source), scenario=story(Fault(0, 60, "updater_slow")), ticking=False) as aios:
        await aios.running.until_loaded()
        near = {"block_id": BLOCK, "service": "autoscaler", "mgmt_action": "x", "instance_id": ""}
        answer = await aios.post("updater", "/mgmt", near)
        assert (answer.status_code, answer.json()["success"]) == (200, False)
        assert "Read timed out. (read timeout=0.3)" in answer.json()["message"]
        direct = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": "x"})
        assert direct.json()["data"]["calls"] == 2


async def test_background_load_reaches_metrics_and_the_executors_counter():
    async with embedded(state(None), scenario=story(load=1200)) as aios:

        async def busy():
            executor, instance = await document(aios, "executor"), await document(aios)
            return (
                executor is not None
                and executor["tasks_processed"]["tasks_processed_total"] > 3
                and instance["llm_input_tokens_per_minute_rolling"]["average_1m"] == 30
            )

        await until(lambda: _has(aios, "llm_input_tokens_per_minute_rolling"))
        await until(busy)


async def _has(aios, key):
    return key in (await document(aios) or {})


async def test_ghosts_of_removed_instances_stay_in_both_stores():
    async with embedded(state(None, instances=("in-aa01", "in-aa02"))) as aios:
        await until(lambda: document(aios, "in-aa02"))
        down = {"action": "scale", "block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa02"]}
        assert (await aios.post("controller", "/executeAction", down)).json()["success"]
        before = await document(aios, "in-aa02")
        moment = time.time()
        await until(lambda: _newer(aios, "in-aa01", "timestamp", moment + 0.1))
        assert await document(aios, "in-aa02") == before
        listed = (await aios.get("metrics", f"/block/{BLOCK}")).json()["data"][0]["instances"]
        assert "in-aa02" in {item["instanceId"] for item in listed}


async def test_the_first_global_copy_lacks_the_executor():
    async with embedded(state(None), pace=replace(TINY, executor_push_seconds=0.4)) as aios:

        async def listed():
            data = (await aios.get("metrics", f"/block/{BLOCK}")).json()["data"]
            return [item["instanceId"] for item in data[0]["instances"]] if data else None

        assert await until(listed) == ["in-aa01"]

        async def both():
            return await listed() == ["in-aa01", "executor"]

        await until(both)
