"""The load command: the tutorial client's flags, words and meaning."""

import json
import re

import pytest

from fakes.recording_aios import BLOCK


def test_the_tutorials_flags_give_the_tutorials_words(aios, run):
    ran = run(
        "load",
        "--block",
        BLOCK,
        "--num-requests",
        "3",
        "--input-tokens",
        "7",
        "--max-output-tokens",
        "5",
        *aios.options,
    )
    lines = ran.out.splitlines()

    assert (ran.code, ran.err) == (0, "")
    assert lines[:2] == [
        "Starting test with 3 concurrent requests.",
        "Each request will have 7 input tokens and ask for max 5 output tokens.",
    ]
    sessions = [re.fullmatch(r"Session ([0-9a-f-]{36}): Latency: \d+\.\d\ds", line) for line in lines[2:5]]
    assert all(sessions)
    assert lines[5] == "Test finished."
    assert lines[6].startswith("3 sent: 3 ok, 0 failed")
    sent = [request.json for request in aios.requests if request.service == "inference"]
    assert {body["session_id"] for body in sent} == {match[1] for match in sessions if match}
    for body in sent:
        assert body["model"] == BLOCK
        assert isinstance(body["seq_no"], int)
        assert body["data"]["mode"] == "chat"
        assert len(body["data"]["message"].split()) == 7
        assert body["data"]["gen_params"] == {"temperature": 0.1, "top_p": 0.95, "max_tokens": 5}


def test_the_tutorials_defaults(aios, run):
    ran = run("load", "--block", BLOCK, *aios.options)

    assert ran.out.startswith(
        "Starting test with 1 concurrent requests.\n"
        "Each request will have 100 input tokens and ask for max 100 output tokens.\n"
    )


def test_the_same_seed_sends_the_same_words(aios, run):
    for _ in range(2):
        run("load", "--block", BLOCK, "--seed", "7", *aios.options)
    run("load", "--block", BLOCK, "--seed", "8", *aios.options)

    first, second, other = [
        request.json["data"]["message"] for request in aios.requests if request.service == "inference"
    ]
    assert first == second
    assert first != other


def test_a_failure_inside_a_200_counts_and_is_told(aios, run):
    aios.answers["inference", "/v1/infer"] = (200, {"success": False, "message": "block not found in the DB"})
    ran = run("load", "--block", BLOCK, *aios.options)

    assert ran.code == 1
    assert "(failed: block not found in the DB)" in ran.out, ran.out
    assert "1 x block not found in the DB" in ran.out


def test_a_request_without_an_answer_is_an_unknown_outcome(aios, run):
    aios.hold.add(("inference", "/v1/infer"))
    ran = run("load", "--block", BLOCK, "--timeout", "1", *aios.options)

    assert ran.code == 3
    assert "no answer within" in ran.out
    assert "1 without an answer" in ran.out


def test_json_on_standard_output_stands_alone(aios, run):
    ran = run("load", "--block", BLOCK, "--num-requests", "2", "--json", "-", *aios.options)
    report = json.loads(ran.out)

    assert (ran.code, ran.err) == (0, "")
    assert report["counts"]["ok"] == 2
    assert report["latency_seconds"]["n"] == 2


def test_json_to_a_file(aios, run, tmp_path):
    ran = run("load", "--block", BLOCK, "--json", str(tmp_path / "report.json"), *aios.options)

    assert "latency from planned send time: p50" in ran.out
    assert json.loads((tmp_path / "report.json").read_text())["plan"]["requests"] == 1


@pytest.mark.parametrize(
    ("target", "about"),
    [("http://10.1.2.3:31504", "--allow-target 10.1.2.3"), ("http://169.254.1.1:80", "never a target")],
)
def test_another_machine_is_refused_before_a_packet(target, about, run):
    ran = run("load", "--block", BLOCK, "--url", f"inference={target}", "--yes")

    assert ran.code == 1
    assert about in ran.err


def test_an_allowed_machine_still_wants_a_yes(run):
    ran = run("load", "--block", BLOCK, "--url", "inference=http://10.1.2.3:31504", "--allow-target", "10.1.2.3")

    assert ran.code == 1
    assert "--yes" in ran.err


@pytest.mark.parametrize("flags", [("--num-requests", "2001"), ("--input-tokens", "32001")])
def test_caps_cannot_be_raised_by_a_flag(flags, aios, run):
    ran = run("load", "--block", BLOCK, *flags, *aios.options)

    assert ran.code == 1
    assert "these limits protect the block" in ran.err
    assert not [request for request in aios.requests if request.service == "inference"]


def audit_lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]


def test_a_load_test_is_recorded_before_it_is_sent_and_when_it_has_ended(aios, run, tmp_path):
    ran = run("load", "--block", BLOCK, "--num-requests", "3", "--input-tokens", "7", *aios.options)

    assert ran.code == 0
    intent, outcome = audit_lines(tmp_path)
    assert (intent["kind"], outcome["kind"]) == ("intent", "outcome")
    assert "Load test on" in json.dumps(intent)
    assert '"requests": 3' in json.dumps(intent)
    assert "3 sent: 3 ok, 0 failed, 0 without an answer" in json.dumps(outcome)


def test_a_load_test_that_cannot_be_recorded_is_not_sent(aios, run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "file" / "below"))
    ran = run("load", "--block", BLOCK, *aios.options)

    assert ran.code == 1
    assert "nothing was sent" in ran.err
    assert not [request for request in aios.requests if request.service == "inference"]


def test_an_unknown_block_is_refused_before_a_request(aios, run):
    ran = run("load", "--block", "nope", "--num-requests", "2", *aios.options)

    assert ran.code == 1
    assert f"there is no block nope; known blocks: {BLOCK}" in ran.err
    assert not [request for request in aios.requests if request.service == "inference"]


def test_production_wants_a_yes_for_load_on_this_machine_too(aios, run, tmp_path):
    urls = ", ".join(f'{pair.split("=", 1)[0]} = "{pair.split("=", 1)[1]}"' for pair in aios.options[1::2])
    (tmp_path / "config.toml").write_text(f"[contexts.prod]\nproduction = true\nurls = {{ {urls} }}\n")
    refused = run("load", "--block", BLOCK, "--context", "prod")

    assert refused.code == 1
    assert "--yes" in refused.err
    assert not [request for request in aios.requests if request.service == "inference"]
    assert run("load", "--block", BLOCK, "--context", "prod", "--yes").code == 0


def test_an_unwritable_report_is_noticed_before_anything_is_sent(aios, run, tmp_path):
    ran = run("load", "--block", BLOCK, "--json", str(tmp_path / "none" / "x.json"), *aios.options)

    assert ran.code == 1
    assert "nothing was sent" in ran.err
    assert not [request for request in aios.requests if request.service == "inference"]
