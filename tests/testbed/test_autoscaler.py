"""The autoscaler's life: what it loads, when it asks, what it does with the answer, and what a restart changes."""

import asyncio

import pytest
from msgspec.structs import replace

from fakes.embedded import BLOCK, HOLDS, POLICY_URI, TINY, embedded, policy_record, state, until, zipped

GROWS = """
class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        pass
    def eval(self, parameters, input_data, context):
        return {"skip": False, "operation": "upscale", "instances_count": 1}
    def management(self, action, data):
        return None
"""

REMEMBERS = """
import threading
class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        self.seen = {"rule_id": rule_id, "settings": sorted(settings), "parameters": dict(parameters)}
        self.settings, self.parameters, self.evaluations, self.version = settings, parameters, 0, "VERSION"
        self.gate = threading.Event()
    def eval(self, parameters, input_data, context):
        self.evaluations += 1
        metrics = self.settings["get_metrics"]()
        self.seen.update(
            same=parameters is self.parameters, context=context, keys=sorted(input_data),
            current=input_data["current_instances"], block=input_data["block_data"]["id"],
            cluster=input_data["cluster_data"]["id"], metrics=sorted(metrics),
            documents=sorted(d["instanceId"] for d in metrics["block_metrics"]),
        )
        if self.parameters.get("hangs"):
            self.gate.wait(30)
        return RESULT
    def management(self, action, data):
        if action == "raise":
            raise ValueError("mgmt boom")
        if action == "set":
            return {1, 2}
        if action == "open":
            self.gate.set()
        return {"version": self.version, "evaluations": self.evaluations, **self.seen}
"""


def remembers(result='{"skip": True}', version="1"):
    return REMEMBERS.replace("RESULT", result).replace("VERSION", version)


async def asked(aios, action="state"):
    """Return the policy's own account, None while nothing listens."""
    answer = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": action})
    return answer.json()["data"] if answer.status_code == 200 else None


async def test_the_contract_of_construction_and_evaluation():
    parameters, settings = {"cooldown_seconds": 60, "only_block": 2}, {"intervalSeconds": 0.05}
    registry = {
        "policy_parameters": {"cooldown_seconds": 999, "only_registry": 1},
        "policy_settings": {"from_registry": True},
    }
    async with embedded(state(remembers(), parameters=parameters, settings=settings, **registry)) as aios:

        async def evaluated():
            found = await asked(aios)
            return found if found and found["evaluations"] > 1 and "executor" in found["documents"] else None

        seen = await until(evaluated)
        assert {key: seen[key] for key in seen if key not in ("evaluations", "version")} == {
            "rule_id": "",
            "settings": ["from_registry", "get_metrics", "intervalSeconds"],
            "parameters": {"cooldown_seconds": 999, "only_block": 2, "only_registry": 1},
            "same": True,
            "context": None,
            "keys": ["block_data", "cluster_data", "current_instances"],
            "current": ["in-aa01"],
            "block": BLOCK,
            "cluster": "cluster-123",
            "metrics": ["block_metrics", "cluster_metrics"],
            "documents": ["executor", "in-aa01"],
        }


async def test_nothing_is_evaluated_before_the_first_evaluation_is_due_and_management_answers_meanwhile():
    async with embedded(state(remembers()), pace=replace(TINY, first_evaluation_seconds=60.0)) as aios:
        await until(lambda: asked(aios))
        await asyncio.sleep(0.3)
        assert (await asked(aios))["evaluations"] == 0


async def test_a_swap_of_instances_stays_unseen_until_their_count_changes():
    rarely = replace(TINY, pod_list_full_every=1_000_000)
    async with embedded(state(remembers()), pace=rarely) as aios:

        async def current(expected):
            return (await asked(aios) or {}).get("current") == expected

        await until(lambda: current(["in-aa01"]))
        block = aios.running.cluster.deployed[BLOCK]
        block.remove_instance("in-aa01")
        block.add_instance("node-1", 0.0, "in-bb02")
        before = (await asked(aios))["evaluations"]
        await until(lambda: _more_evaluations(aios, before + 3))
        assert await current(["in-aa01"])
        block.add_instance("node-1", 0.0, "in-cc03")
        await until(lambda: current(["in-bb02", "in-cc03"]))


async def test_a_full_pod_list_shows_a_swap_in_the_end():
    async with embedded(state(remembers())) as aios:
        await until(lambda: asked(aios))
        block = aios.running.cluster.deployed[BLOCK]
        block.remove_instance("in-aa01")
        block.add_instance("node-1", 0.0, "in-bb02")

        async def seen():
            return (await asked(aios)).get("current") == ["in-bb02"]

        await until(seen)


async def test_a_policy_that_always_grows_grows_past_the_maximum():
    async with embedded(state(GROWS)) as aios:
        maximum = (await aios.get("blocks", f"/blocks/{BLOCK}")).json()["maxInstances"]
        await until(lambda: len(aios.instances()) > maximum + 1)


async def test_removing_what_the_policy_names():
    source = remembers('{"skip": False, "operation": "downscale", "instances_list": ["in-aa02"]}')
    async with embedded(state(source, instances=("in-aa01", "in-aa02"))) as aios:
        await until(lambda: aios.instances() == ["in-aa01"])
        # The next time the instance is not there, the controller fails, and the loop goes on all the same.
        await until(lambda: any("HTTP Error 500" in line for line in aios.log()))
        before = (await asked(aios))["evaluations"]
        await until(lambda: _more_evaluations(aios, before))


async def _more_evaluations(aios, before):
    return (await asked(aios))["evaluations"] > before


@pytest.mark.parametrize(
    ("result", "logged"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("None", "TypeError"),
        ("{}", "'skip'"),
        ('{"skip": False}', "'operation'"),
        ('{"skip": False, "operation": "sideways"}', "unknown operation: sideways"),
        ('{"skip": False, "operation": "downscale"}', "'instances_list'"),
        ('{"skip": False, "operation": "upscale", "instances_count": "x"}', "HTTP Error 500"),
        ('exec("raise SystemExit(3)")', "SystemExit"),
    ],
)  # fmt: skip
async def test_what_is_no_decision_changes_nothing_but_the_log(result, logged):
    async with embedded(state(remembers(result))) as aios:
        await until(lambda: sum(logged in line for line in aios.log()) > 1)
        assert aios.instances() == ["in-aa01"]
        assert await asked(aios)


async def test_an_upscale_by_nothing_is_not_sent():
    async with embedded(state(remembers('{"skip": False, "operation": "upscale", "instances_count": 0}'))) as aios:
        await until(lambda: sum("decision" in line for line in aios.log()) > 2)
        assert not any("controller" in line for line in aios.log())


async def test_a_new_version_has_no_effect_until_the_executor_restarts():
    async with embedded(state(remembers(version="1"))) as aios:
        await until(lambda: asked(aios))
        form = {"files": {"file": ("probe.zip", zipped(remembers(version="2")))}, "data": {"path": "."}}
        assert (await aios.send("POST", "upload", "/upload", **form)).status_code == 200
        record = policy_record(code=aios.url("files", "/probe.zip"), policy_parameters={"new": 1})
        assert (await aios.send("PUT", "policies", f"/policy/{POLICY_URI}", json=record)).json()["success"]
        update = {"$set": {"policies.autoscaler.parameters": {"block": 1}}}
        assert (await aios.send("PUT", "blocks", f"/blocks/{BLOCK}", json=update)).status_code == 200
        before = await asked(aios)
        await until(lambda: _more_evaluations(aios, before["evaluations"] + 2))
        after = await asked(aios)
        assert (after["version"], after["parameters"]) == ("1", {})

        pods = (await aios.get("mapping", f"/{BLOCK}/getInstances")).json()["data"]
        assert (await aios.restart_executor()).json()["success"]
        renewed = await until(lambda: asked(aios))
        assert (renewed["version"], renewed["parameters"]) == ("2", {"block": 1, "new": 1})
        assert renewed["evaluations"] <= 1
        pods_after = (await aios.get("mapping", f"/{BLOCK}/getInstances")).json()["data"]
        assert pods_after[0]["metadata"]["name"] != pods[0]["metadata"]["name"]
        assert pods_after[1]["metadata"]["name"] == pods[1]["metadata"]["name"]


async def test_a_restart_forgets_the_cooldown_and_waits_for_the_first_evaluation_again():
    # The tutorial's policy itself, with thresholds that any request crosses and a cooldown that never ends.
    from aios_top.testbed.demo import TUTORIAL_POLICY

    source = (TUTORIAL_POLICY / "code" / "function.py").read_text()
    parameters = {"input_tokens_up_threshold": 1, "cooldown_seconds": 10_000}
    async with embedded(state(source, parameters=parameters)) as aios:
        await aios.infer(1, 50)
        await until(lambda: len(aios.instances()) == 2)
        await until(lambda: sum("Cooldown active" in line for line in aios.log()) > 1)
        assert len(aios.instances()) == 2
        await aios.restart_executor()
        await until(lambda: len(aios.instances()) == 3)
        assert any("first" not in line for line in aios.log())
        answer = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": "reset_cooldown"})
        assert answer.json()["data"] == {"status": "ok", "message": "Cooldown timer reset successfully"}
        await until(lambda: len(aios.instances()) == 4)
        unknown = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": "get_status"})
        assert (unknown.status_code, unknown.json()) == (200, {"success": True, "data": None})


async def test_a_policy_that_hangs_leaves_management_and_everything_else_alive():
    async with embedded(state(remembers(), parameters={"hangs": True})) as aios:

        async def hanging():
            return (await asked(aios) or {}).get("evaluations") == 1

        await until(hanging)
        await asyncio.sleep(0.2)
        assert (await asked(aios))["evaluations"] == 1
        assert (await aios.get("blocks", "/blocks")).status_code == 200
        await asked(aios, "open")
        await until(lambda: _more_evaluations(aios, 2))


async def test_management_that_breaks_is_a_500_with_its_reason():
    async with embedded(state(remembers()), ticking=False) as aios:
        await aios.running.until_loaded()
        for action, message in (("raise", "mgmt boom"), ("set", "Object of type set is not JSON serializable")):
            answer = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": action})
            assert (answer.status_code, answer.json()) == (500, {"success": False, "message": message})
            near = {"block_id": BLOCK, "service": "autoscaler", "mgmt_action": action, "instance_id": ""}
            passed_on = await aios.post("updater", "/mgmt", near)
            assert (passed_on.status_code, passed_on.json()) == (200, {"success": False, "message": message})
        text = await aios.send("POST", "autoscaler", f"/{BLOCK}/mgmt", content="x", headers={"content-type": "text/a"})
        assert (text.status_code, text.json()["message"][:3]) == (500, "415")


async def test_a_block_without_a_policy_has_a_management_server_that_always_fails():
    async with embedded(state(None)) as aios:
        await aios.running.until_loaded()
        answer = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": "reset_cooldown"})
        message = "'NoneType' object has no attribute 'execute_mgmt_command'"
        assert (answer.status_code, answer.json()["message"]) == (500, message)


@pytest.mark.parametrize(
    ("start", "logged"),
    [
        (state(HOLDS, code="http://127.0.0.1:32555/absent.zip"), "HTTP Error 404"),
        (state(HOLDS, code="/var/policies/probe.zip"), "is not an http:// address"),
        (state("x = 1"), "AIOSv1PolicyRule"),
        (state("import nothing_of_that_name"), "No module named"),
        (state("def broken(:"), "SyntaxError"),
        (state(HOLDS, version="9.9"), "Policy not found."),
    ],
)  # fmt: skip
async def test_a_policy_that_cannot_be_loaded_is_tried_again_and_nothing_listens(start, logged):
    async with embedded(start) as aios:
        await until(lambda: sum(logged in line for line in aios.log()) > 1)
        near = {"block_id": BLOCK, "service": "autoscaler", "mgmt_action": "x", "instance_id": ""}
        refused = await aios.post("updater", "/mgmt", near)
        assert (refused.status_code, "Connection refused" in refused.json()["message"]) == (200, True)
        direct = await aios.post("autoscaler", f"/{BLOCK}/mgmt", {"mgmt_action": "x"})
        assert (direct.status_code, direct.headers["content-type"][:9]) == (503, "text/html")


async def test_an_autoscaler_recovers_once_its_policy_is_there():
    async with embedded(state(HOLDS, version="9.9")) as aios:
        await until(lambda: any("not found" in line for line in aios.log()))
        record = policy_record(code=aios.url("files", "/probe.zip"))
        await aios.post("policies", "/policy", record)
        await aios.running.until_loaded()


async def test_an_interval_that_is_none_falls_back_and_says_so():
    async with embedded(state(remembers(), settings={"intervalSeconds": "soon"})) as aios:
        await until(lambda: sum("decision" in line for line in aios.log()) > 1)
        assert any("intervalSeconds 'soon' is not a number" in line for line in aios.log())


async def test_two_blocks_of_one_policy_share_no_module():
    counts = HOLDS + "\nCALLS = []\n"
    counts = counts.replace('return {"action"', 'CALLS.append(1)\n        return {"calls": len(CALLS), "action"')
    async with embedded(state(counts), ticking=False) as aios:
        await aios.running.until_loaded()
        assert (await asked(aios))["calls"] == 1
        assert (await asked(aios))["calls"] == 2
        await aios.restart_executor()
        assert (await until(lambda: asked(aios)))["calls"] == 1
