"""`aios-top lag` over what load tests have kept."""

import json

from aios_top.store.load_runs import LoadRunFolder


def kept(tmp_path, name: str, url: str) -> None:
    report = {
        "block_id": "b",
        "started_at": "2026-01-01T00:00:00Z",
        "target": {"url": url},
        "lag_budget": {"steps": {"decision": {"seconds": 12.0}}},
    }
    LoadRunFolder(tmp_path / "state" / "load").save(name, {"report.json": json.dumps(report).encode()})


def test_the_runs_of_the_aios_that_is_named_are_told_apart(run, tmp_path):
    kept(tmp_path, "20260101T000001Z-b", "http://one:31504/v1/infer")
    kept(tmp_path, "20260101T000002Z-b", "http://one:31510")
    kept(tmp_path, "20260101T000003Z-b", "http://two:31504")
    seen = {
        options: len(json.loads(run("lag", "--block", "b", "--json", *options).out)["runs"])
        for options in ((), ("--host", "one"), ("--host", "one", "--port-offset", "10"), ("--host", "three"))
    }
    assert seen == {(): 3, ("--host", "one"): 1, ("--host", "one", "--port-offset", "10"): 1, ("--host", "three"): 0}
