"""Every recorded exchange goes through the client: what it becomes, or the error that it is."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from aios_top.aios import envelope
from aios_top.aios.address import Addresses
from aios_top.aios.documents import DocumentReader
from aios_top.aios.exchange import Answer
from aios_top.aios.inference import PATHS, HttpInference
from aios_top.aios.mutator import AiosMutator
from aios_top.aios.reader import AiosReader
from aios_top.aios.records import block_records
from aios_top.model.change import (
    BindPolicy,
    Change,
    Fate,
    Manage,
    RegisterPolicy,
    ResetCooldown,
    ScaleDown,
    ScaleUp,
    UpdatePolicy,
)
from aios_top.model.errors import ReadError
from aios_top.model.load import InferenceReply
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import BlockReading, ExecutorReading, HealthReading
from aios_top.model.record import BlockRecord, PolicyRecord
from aios_top.model.text import Clean
from fakes.captures import FOLDER, NAMES, capture
from fakes.loopback import Loopback, reply

BLOCK, CLUSTER, URI = "llm-demo", "cluster-123", "tokenautoscaler:2.0-stable"
BUSY = ("in-ab12", 1795446137.3716602, 400.0, 1200.0)
NEW = ("in-cd34", 1795446137.3716626, None, 0.0)
STALE = ("in-cd34", 1795446064.1239686, None, 0.0)
UNTIMED = ("in-ef56", None, None, 0.0)
EXECUTOR = ExecutorReading(uptime_seconds=5.0, tasks_processed_total=3.0)
HTML = "405 with text/html"
RESET = {"status": "ok", "message": "Cooldown timer reset successfully"}


@dataclass(frozen=True)
class Raises:
    """The expected ReadError."""

    kind: str
    words: str


def sketch(value: Any) -> Any:
    """Reduce a reading or record to what its capture says in one line."""
    match value:
        case BlockReading():
            rows = [
                (row.instance_id, row.timestamp, row.input_size and row.input_size.average_1m, row.prompt_tokens_total)
                for row in value.instances
            ]
            return [*rows, *([value.executor] if value.executor else [])]
        case BlockRecord():
            assert value.autoscaler is not None
            limits = (value.min_instances, value.max_instances)
            return (value.block_id, value.cluster_id, limits, value.autoscaler.uri, len(value.policies))
        case PolicyRecord():
            assert len(value.document) == 18  # the 17 fields of a registration and the uri
            return value.uri
        case tuple() if value and not isinstance(value[0], HealthReading):
            return [sketch(entry) for entry in value]
    return value


RECORD = (BLOCK, CLUSTER, (1, 3), URI, 2)

READS: list[tuple[str, str, tuple[Any, ...], Any]] = [
    ("gmetrics_block", "block", (BLOCK,), [BUSY, NEW, EXECUTOR]),
    ("gmetrics_block_first_push", "block", (BLOCK,), [BUSY, NEW]),
    ("gmetrics_block_unknown", "block", ("nope",), None),
    ("gmetrics_before_executor", "block", (BLOCK,), None),
    ("gmetrics_query", "fleet", (), [[BUSY, STALE, UNTIMED, EXECUTOR]]),
    ("gmetrics_query_all", "fleet", (), [[BUSY, STALE, UNTIMED, EXECUTOR]]),
    ("gmetrics_aggregate", "fleet", (), Raises("shape", "none of the 4 rows of metrics is a block")),
    ("gmetrics_bad_query", "fleet", (), Raises("failure", "unknown top level operator: $bogus")),
    ("gmetrics_query_nobody", "fleet", (), Raises("failure", "400 Bad Request")),
    ("gmetrics_health_unknown", "health", ("nope",), ()),
    (
        "gmetrics_health_fresh",
        "health",
        (BLOCK,),
        (
            HealthReading(Clean("in-ab12"), True, 1.7502200603485107),
            HealthReading(Clean("in-cd34"), True, 1.7502176761627197),
            HealthReading(Clean("executor"), True, None, Clean("executor instance")),
        ),
    ),
    (
        "gmetrics_health_stale",
        "health",
        (BLOCK,),
        (
            HealthReading(Clean("in-ab12"), True, 2.3579907417297363),
            HealthReading(Clean("in-cd34"), False, 75.60568237304688, Clean("stale metrics (last updated 75s ago)")),
            HealthReading(Clean("executor"), True, None, Clean("executor instance")),
        ),
    ),
    (
        "gmetrics_health_missing_ts",
        "health",
        (BLOCK,),
        (
            HealthReading(Clean("in-ab12"), True, 2.9665422439575195),
            HealthReading(Clean("in-cd34"), False, 76.21423387527466, Clean("stale metrics (last updated 76s ago)")),
            HealthReading(Clean("executor"), True, None, Clean("executor instance")),
            HealthReading(Clean("in-ef56"), False, None, Clean("missing timestamp")),
        ),
    ),
    ("blocks_get", "record", (BLOCK,), RECORD),
    ("blocks_get_unknown", "record", ("nope",), None),
    ("blocks_list", "records", (), [RECORD]),
    (
        "clusters_get",
        "cluster_urls",
        (CLUSTER,),
        {
            "controllerService": "http://127.0.0.1:32300",
            "metricsService": "http://127.0.0.1:32301",
            "blocksQuery": "http://127.0.0.1:32302",
            "publicGateway": "http://127.0.0.1:32000",
            "parameterUpdater": "http://127.0.0.1:32303",
            "membershipServer": "http://127.0.0.1:30501",
        },
    ),
    ("clusters_get_unknown", "cluster_urls", ("nope",), {}),
    ("policy_get", "policy", (URI,), URI),
    ("policy_get_after_duplicate", "policy", (URI,), URI),
    ("policy_get_extra", "policy", ("extra:2.0-stable",), "extra:2.0-stable"),
    ("policy_get_unknown", "policy", ("nope:1.0-stable",), None),
    ("policy_query_empty", "policies", (), [URI]),
    ("policy_query_regex", "policies", (), [URI]),
    ("policy_query_duplicates", "policies", (), [URI, URI]),
    ("policy_query_after_rename", "policies", (), ["tokenautoscaler:2.1-stable", URI]),
]

POLICY_REPORTS = [
    ("autoscaler_mgmt_unknown_action", PolicyReport(Voice.SILENT)),
    ("gateway_mgmt_unknown_action", PolicyReport(Voice.SILENT)),
    ("autoscaler_mgmt_echo", PolicyReport(Voice.SILENT)),
    (
        "autoscaler_mgmt_policy_raises",
        PolicyReport(Voice.SILENT, problem=Clean("autoscaler says no: mgmt boom")),
    ),
    ("autoscaler_mgmt_get", Raises("http", HTML)),
    ("gateway_mgmt_unknown_block", Raises("failure", "cluster data not defined in the block")),
    ("gateway_mgmt_docs_names", Raises("failure", "400 Client Error")),
    ("gateway_mgmt_no_instance_id", Raises("failure", "500 Server Error")),
    ("updater_mgmt_unknown_block", Raises("failure", "HTTPConnectionPool(host='nope-executor-svc")),
    ("updater_mgmt_executor_down", Raises("failure", "HTTPConnectionPool")),
    ("updater_mgmt_autoscaler_no_instance_id", Raises("failure", "HTTPConnectionPool(host='llm-demo-none-svc")),
    ("updater_mgmt_instances", Raises("shape", "without success or error")),
]
"""What the question for a policy's state makes of each management answer."""

SAME = True
"""The console sends exactly the recorded request."""
OTHER = False
"""The recording's request is one that the console never sends; only its answer is judged."""

CHANGES: list[tuple[str, Change, bool, Fate, str]] = [
    ("autoscaler_mgmt_reset_cooldown", ResetCooldown(BLOCK), SAME, Fate.DONE, RESET["message"]),
    ("autoscaler_mgmt_after_policy_put", ResetCooldown(BLOCK), OTHER, Fate.DONE, RESET["message"]),
    ("autoscaler_mgmt_echo", Manage(BLOCK, "echo", {"a": 1}), SAME, Fate.DONE, "the policy answered"),
    ("autoscaler_mgmt_null_data", Manage(BLOCK, "echo"), OTHER, Fate.DONE, "the policy answered"),
    ("autoscaler_mgmt_unknown_action", Manage(BLOCK, "get_status"), SAME, Fate.FAILED, "does not know this action"),
    ("autoscaler_mgmt_policy_raises", Manage(BLOCK, "raise", {"a": 1}), SAME, Fate.FAILED, "mgmt boom"),
    ("autoscaler_mgmt_unserializable", Manage(BLOCK, "unserializable"), OTHER, Fate.FAILED, "not JSON serializable"),
    ("autoscaler_mgmt_missing_action", Manage(BLOCK, "x"), OTHER, Fate.FAILED, "mgmt_action is required"),
    ("autoscaler_mgmt_no_json", Manage(BLOCK, "x"), OTHER, Fate.FAILED, "415 Unsupported Media Type"),
    ("autoscaler_mgmt_get", Manage(BLOCK, "x"), OTHER, Fate.FAILED, HTML),
    ("gateway_mgmt_ok", ResetCooldown(BLOCK), SAME, Fate.DONE, RESET["message"]),
    ("gateway_mgmt_unknown_action", Manage(BLOCK, "get_status"), SAME, Fate.FAILED, "does not know this action"),
    ("gateway_mgmt_unknown_block", ResetCooldown("nope"), SAME, Fate.FAILED, "cluster data not defined"),
    ("gateway_mgmt_docs_names", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "400 Client Error"),
    ("gateway_mgmt_missing_action", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "400 Client Error"),
    ("gateway_mgmt_no_instance_id", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "500 Server Error"),
    ("updater_mgmt_autoscaler_ok", ResetCooldown(BLOCK), SAME, Fate.DONE, RESET["message"]),
    ("updater_mgmt_autoscaler_missing_action", Manage(BLOCK, "x"), OTHER, Fate.FAILED, "Missing required fields"),
    ("updater_mgmt_autoscaler_no_instance_id", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "none-svc"),
    ("updater_mgmt_bad_service", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "Invalid service type: scaler"),
    ("updater_mgmt_executor_down", ResetCooldown(BLOCK), OTHER, Fate.FAILED, "Max retries exceeded"),
    ("updater_mgmt_unknown_block", ResetCooldown("nope"), OTHER, Fate.FAILED, "Max retries exceeded"),
    ("updater_mgmt_instances", ResetCooldown(BLOCK), OTHER, Fate.UNKNOWN, "without success or error"),
    ("gateway_scale_up", ScaleUp(BLOCK, CLUSTER, 1), SAME, Fate.DONE, "did what was asked"),
    ("gateway_scale_down", ScaleDown(BLOCK, CLUSTER, ("in-04pd",)), SAME, Fate.DONE, "AIOS removed 1"),
    ("gateway_scale_unknown_block", ScaleUp("nope", CLUSTER, 1), SAME, Fate.FAILED, "500 Server Error"),
    ("gateway_scale_unknown_cluster", ScaleUp(BLOCK, "nope", 1), SAME, Fate.FAILED, "404 Client Error"),
    ("gateway_docs_style_scale_down", ScaleDown(BLOCK, CLUSTER, ("in-x",)), OTHER, Fate.FAILED, "500 Server Error"),
    ("controller_scale_up", ScaleUp(BLOCK, CLUSTER, 1), SAME, Fate.DONE, "did what was asked"),
    ("controller_scale_up_allocation", ScaleUp(BLOCK, CLUSTER, 1), OTHER, Fate.DONE, "did what was asked"),
    ("controller_scale_zero", ScaleUp(BLOCK, CLUSTER, 0), SAME, Fate.DONE, "did what was asked"),
    ("controller_other_cluster", ScaleUp(BLOCK, "other", 0), SAME, Fate.DONE, "did what was asked"),
    ("controller_scale_unknown_block", ScaleUp("nope", CLUSTER, 1), SAME, Fate.FAILED, "404 Client Error"),
    ("controller_downscale_unknown_instance", ScaleDown(BLOCK, CLUSTER, ("in-zzzz",)), SAME, Fate.FAILED, "NotFound"),
    ("controller_scale_missing_operation", ScaleUp(BLOCK, CLUSTER, 1), OTHER, Fate.FAILED, "'operation'"),
    ("controller_unknown_action", ScaleUp(BLOCK, CLUSTER, 1), OTHER, Fate.FAILED, "Unknown action: restart_executor"),
    ("blocks_put_policy", BindPolicy(BLOCK, URI), OTHER, Fate.DONE, f"{BLOCK} names {URI} now"),
    ("blocks_get_unknown", BindPolicy("nope", URI), OTHER, Fate.FAILED, "Block not found"),
    ("policy_create", RegisterPolicy({}), SAME, Fate.DONE, "Policy created successfully."),
    ("policy_create_twice", RegisterPolicy({}), SAME, Fate.DONE, "Policy created successfully."),
    ("policy_extra_field", RegisterPolicy({}), SAME, Fate.DONE, "Policy created successfully."),
    ("policy_create_incomplete", RegisterPolicy({}), SAME, Fate.FAILED, "lacks the field 'resource_estimates'"),
    ("policy_post_bad_json", RegisterPolicy({}), OTHER, Fate.FAILED, "400 Bad Request"),
    ("policy_post_not_json", RegisterPolicy({}), OTHER, Fate.FAILED, "415 Unsupported Media Type"),
    ("policy_put_full", UpdatePolicy(URI, {}), SAME, Fate.DONE, "Policy updated successfully."),
    ("policy_put_other_version", UpdatePolicy(URI, {}), SAME, Fate.DONE, "Policy updated successfully."),
    ("policy_put_incomplete", UpdatePolicy(URI, {}), SAME, Fate.FAILED, "lacks the field 'name'"),
    ("policy_put_unknown", UpdatePolicy("nope:1.0-stable", {}), SAME, Fate.FAILED, "There is no policy nope:1.0"),
]

INFERENCES = [
    ("infer_rest_ok", True, InferenceReply(ok=True, kind="ok", output_words=20)),
    ("infer_rest_unknown_block", True, InferenceReply(False, "failed", "nope not found in the DB, err=API returned non-200 status code")),
    ("infer_rest_missing_field", False, InferenceReply(False, "failed", "'seq_no'")),
    ("infer_rest_no_model", False, InferenceReply(False, "failed", "Expecting value: line 1 column 1 (char 0)")),
    ("infer_rest_seqno_string", False, InferenceReply(False, "failed", "'str' object cannot be interpreted as an integer")),
    ("infer_chat_unknown", True, InferenceReply(False, "failed", "nope not found in the DB, err=API returned non-200 status code")),
    ("infer_chat_ok", True, InferenceReply(ok=True, kind="ok", output_words=20)),
    ("infer_chat_openai_list", False, InferenceReply(ok=True, kind="ok", output_words=20)),
    ("infer_completions_ok", True, InferenceReply(ok=True, kind="ok", output_words=20)),
]  # fmt: skip

ENVELOPES: list[tuple[str, Any, Any]] = [
    ("gmetrics_delete", envelope.data, {"deleted_count": 1, "message": "Block deleted"}),
    ("gmetrics_delete_again", envelope.data, Raises("failure", "No document found to delete")),
    ("lmetrics_block_unknown", envelope.data, []),
    ("lmetrics_cluster_empty", envelope.data, {"cluster_metrics": {}, "node_metrics": []}),
    ("lmetrics_cluster", lambda answer: sorted(envelope.data(answer)), ["cluster_metrics", "node_metrics"]),
    ("lmetrics_delete_one", envelope.data, 1),
    ("lmetrics_node", lambda answer: envelope.data(answer)[0]["nodeId"], "node-1"),
    ("gateway_cluster_metrics", lambda answer: sorted(envelope.innermost(answer)["data"]), ["cluster_metrics", "node_metrics"]),
    ("gateway_reassign", lambda answer: envelope.innermost(answer)["data"], "Action performed"),
    ("gateway_remove_instance", lambda answer: envelope.innermost(answer)["data"], "Action performed"),
    ("controller_scale_bad_operation", lambda answer: envelope.innermost(answer)["data"], "scaled instances"),
    ("blocks_create_duplicate", envelope.record, Raises("failure", "E11000 duplicate key error")),
    ("blocks_create_no_id", envelope.record, Raises("failure", "Path `id` is required.")),
    ("blocks_query", lambda answer: sketch(block_records(answer)), [RECORD]),
    ("policy_delete", envelope.data, "Policy deleted successfully."),
    ("policy_delete_extra", envelope.data, "Policy deleted successfully."),
    ("policy_delete_unknown", envelope.data, Raises("failure", "Failed to delete policy.")),
    ("policy_executor_missing", envelope.data, Raises("failure", "Executor not found")),
    ("policy_list_get", envelope.data, Raises("http", HTML)),
    ("parser_mgmt_ok", lambda answer: envelope.innermost(answer)["data"]["status"], "ok"),
    ("parser_mgmt_missing_command", envelope.innermost, Raises("failure", "Missing mgmtCommand")),
    ("parser_mgmt_unknown_block", envelope.innermost, Raises("failure", "500 Server Error")),
    ("parser_unknown_action", envelope.innermost, Raises("failure", "Invalid action: nope")),
    ("parser_createBlock_missing_component", envelope.innermost, Raises("failure", "blockComponentURI")),
    ("parser_createBlock_no_registry", envelope.innermost, Raises("failure", "Request failed with status 500")),
    ("mapping_instances_count", envelope.data, 7),
    ("discovery_get_url", lambda answer: envelope.outer(answer)["port"], 6379),
    ("nodes_healthy", lambda answer: envelope.outer(answer)["nodes"], ["node-1"]),
]  # fmt: skip

DOCUMENTS = [
    ("lmetrics_block", "response", [BUSY, NEW]),
    ("lmetrics_block_after_delete", "response", [STALE, UNTIMED, EXECUTOR]),
    ("lmetrics_query", "response", [STALE]),
    ("lmetrics_restarted_instance_keeps_old_keys", "response", [("in-merge", 1795446699.4555128, 400.0, 0.0)]),
    ("node_metrics_instance_busy", "document", [("in-ab12", 1795446103.470322, 400.0, 1200.0)]),
    ("node_metrics_instance_idle", "document", [("in-ab12", 1795446103.1673346, None, 0.0)]),
]
"""Documents that reach the console inside a block's row: read as such."""

NOT_THE_CLIENTS = {
    "infer_grpc_ok": "gRPC: the console's client speaks REST",
    "infer_grpc_bad_data": "gRPC: the console's client speaks REST",
    "infer_grpc_unknown_block": "gRPC: the console's client speaks REST",
    "policy_init_args": "what AIOS hands to a policy, not what it answers to a client",
    "policy_eval_args": "what AIOS hands to a policy, not what it answers to a client",
}


def answer_of(name: str) -> Answer:
    found = capture(name)
    return Answer(found.service, found.status, Clean(found.content_type.partition(";")[0]), found.body, 0.01)


def replay(name: str) -> bytes:
    found = capture(name)
    return reply(found.status, found.body, found.content_type)


def check(call: Any, expected: Any) -> None:
    if isinstance(expected, Raises):
        with pytest.raises(ReadError) as caught:
            call()
        assert (caught.value.kind, expected.words in str(caught.value)) == (expected.kind, True), str(caught.value)
    else:
        assert call() == expected


def test_every_capture_is_replayed_or_has_a_reason():
    tables = [READS, POLICY_REPORTS, CHANGES, INFERENCES, ENVELOPES, DOCUMENTS]
    replayed = {row[0] for table in tables for row in table}

    assert sorted(replayed | NOT_THE_CLIENTS.keys()) == NAMES
    assert not replayed & NOT_THE_CLIENTS.keys()


@pytest.mark.parametrize(("name", "method", "arguments", "expected"), READS, ids=[row[0] for row in READS])
async def test_a_read(name, method, arguments, expected):
    recorded = capture(name)
    async with Loopback(replay(name)) as server:
        reader = AiosReader(Addresses({recorded.service: server.url}))
        try:
            found = await getattr(reader, method)(*arguments)
        except ReadError as error:
            caught = error
        else:
            caught = None
        await reader.close()

    if isinstance(expected, Raises):
        assert caught is not None
        assert (caught.kind, expected.words in str(caught)) == (expected.kind, True), str(caught)
    else:
        assert caught is None
        assert sketch(found.blocks if method == "fleet" else found) == expected
    asked = "POST /block/aggregate" if method == "fleet" and name != "gmetrics_aggregate" else recorded.line
    assert server.lines[0] == asked


@pytest.mark.parametrize(("name", "expected"), POLICY_REPORTS, ids=[row[0] for row in POLICY_REPORTS])
async def test_a_policy_report(name, expected):
    recorded = capture(name)
    async with Loopback(replay(name)) as server:
        reader = AiosReader(Addresses({recorded.service: server.url}))
        if isinstance(expected, Raises):
            with pytest.raises(ReadError) as caught:
                await reader.policy_report(BLOCK)
            assert (caught.value.kind, expected.words in str(caught.value)) == (expected.kind, True), str(caught.value)
        else:
            assert await reader.policy_report(BLOCK) == expected
        await reader.close()


@pytest.mark.parametrize(("name", "change", "same", "fate", "words"), CHANGES, ids=[row[0] for row in CHANGES])
async def test_a_change(name, change, same, fate, words):
    recorded = capture(name)
    if isinstance(change, RegisterPolicy | UpdatePolicy) and same:
        change = type(change)(**{**{slot: getattr(change, slot) for slot in change.__slots__}, "record": recorded.sent})
    async with Loopback(replay(name)) as server:
        outcome = await AiosMutator(Addresses({recorded.service: server.url})).send(change)

    assert (outcome.fate, words in outcome.message) == (fate, True), outcome.message
    assert len(server.requests) == 1
    if same:
        assert server.lines == [recorded.line]
        assert server.requests[0].json == recorded.sent


@pytest.mark.parametrize(("name", "same", "expected"), INFERENCES, ids=[row[0] for row in INFERENCES])
async def test_an_inference(name, same, expected):
    recorded = capture(name)
    async with Loopback(replay(name)) as server:
        api = next(api for api, path in PATHS.items() if recorded.line.endswith(path))
        inference = HttpInference(api, server.url, "127.0.0.1", 1)
        sent = recorded.sent if same else {"model": BLOCK, "data": {}}
        data = sent.get("data", sent.get("messages", sent.get("prompt")))
        text = data.get("message", "x") if isinstance(data, dict) else data
        limit = data.get("gen_params", {}).get("max_tokens", 1) if isinstance(data, dict) else 1
        found = await inference.infer(sent["model"], sent.get("session_id", "s"), sent.get("seq_no", 1), text, limit)
        await inference.close()

    assert found == expected
    if same:
        assert server.lines == [recorded.line]
        # The recordings left out what the API has as optional.
        left_out = {"infer": {"graph": {}, "selection_query": {}}}.get(api.value, {"session_id": "s", "seq_no": 1})
        assert server.requests[0].json == {**left_out, **recorded.sent}


@pytest.mark.parametrize(("name", "read", "expected"), ENVELOPES, ids=[row[0] for row in ENVELOPES])
def test_an_envelope(name, read, expected):
    check(lambda: read(answer_of(name)), expected)


@pytest.mark.parametrize(("name", "part", "expected"), DOCUMENTS, ids=[row[0] for row in DOCUMENTS])
def test_documents(name, part, expected):
    found = json.loads((FOLDER / f"{name}.json").read_text())
    documents = [found["document"]] if part == "document" else found["response"]["body"]["data"]
    body = json.dumps({"success": True, "data": [{"blockId": BLOCK, "instances": documents}]}).encode()
    (block,) = DocumentReader().rows(Answer("metrics", 200, Clean("application/json"), body, 0.01)).blocks

    assert sketch(block) == expected
    assert block.dropped == 0
    assert all(reading.problems == () for reading in block.instances)
