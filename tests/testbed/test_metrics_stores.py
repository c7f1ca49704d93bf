"""How documents are merged, copied late to the global store, wiped and judged."""

from aios_top.testbed.stores.metrics import MetricStores

INSTANCE = {"blockId": "b", "instanceId": "in-1", "timestamp": 100.0, "queue_length": {"current": 1}, "llm_x": 1.0}
EXECUTOR = {"blockId": "b", "instanceId": "executor", "uptime": 5.0}


def ids(documents):
    return [document["instanceId"] for document in documents]


def the_global(stores):
    return next(iter(stores.global_documents()), None)


def test_documents_are_merged_key_by_key_under_their_node_key():
    stores = MetricStores()
    stores.push(INSTANCE)
    stores.push({"blockId": "b", "instanceId": "in-1", "timestamp": 130.0, "queue_length": {"current": 0}})
    assert stores.of_block("b") == [
        {**INSTANCE, "timestamp": 130.0, "queue_length": {"current": 0}, "nodeKey": "in-1__b"},
    ]


def test_the_global_store_is_written_by_executors_only_and_knows_them_one_push_late():
    stores = MetricStores()
    stores.push(INSTANCE)
    assert stores.global_documents() == []
    stores.push(EXECUTOR)
    assert ids(the_global(stores)["instances"]) == ["in-1"]
    stores.push(EXECUTOR)
    assert ids(the_global(stores)["instances"]) == ["in-1", "executor"]
    stores.push({**INSTANCE, "timestamp": 130.0})
    assert the_global(stores)["instances"][0]["timestamp"] == 100.0


def test_a_wipe_empties_the_cluster_store_and_leaves_the_copy():
    stores = MetricStores()
    stores.push(INSTANCE)
    stores.push(EXECUTOR)
    stores.wipe()
    assert stores.of_block("b") == []
    assert ids(the_global(stores)["instances"]) == ["in-1"]
    stores.push(EXECUTOR)
    assert the_global(stores)["instances"] == []


def test_health_goes_by_the_age_of_the_timestamp_and_never_doubts_the_executor():
    stores = MetricStores()
    stores.push(INSTANCE)
    stores.push({"blockId": "b", "instanceId": "in-2", "timestamp": 40.0})
    stores.push({"blockId": "b", "instanceId": "in-3"})
    stores.push(EXECUTOR)
    stores.push(EXECUTOR)
    assert stores.health("b", wall=115.9) == {
        "success": True,
        "block_id": "b",
        "healthy": False,
        "instances": [
            {"instanceId": "in-1", "healthy": True, "lastMetrics": 115.9 - 100.0},
            {
                "instanceId": "in-2",
                "healthy": False,
                "lastMetrics": 115.9 - 40.0,
                "reason": "stale metrics (last updated 75s ago)",
            },
            {"instanceId": "in-3", "healthy": False, "reason": "missing timestamp"},
            {"instanceId": "executor", "healthy": True, "reason": "executor instance"},
        ],
    }
    assert stores.health("b", wall=100.0)["instances"][0]["healthy"]
    assert stores.health("b", wall=160.0)["instances"][0]["healthy"]
    assert not stores.health("b", wall=160.1)["instances"][0]["healthy"]
    assert stores.health("nope", wall=0) is None


def test_deleting_one_document_takes_the_oldest_of_the_block():
    stores = MetricStores()
    stores.push(INSTANCE)
    stores.push({**INSTANCE, "instanceId": "in-2"})
    assert stores.delete_one("b") == 1
    assert ids(stores.of_block("b")) == ["in-2"]
    assert stores.delete_one("nope") == 0
