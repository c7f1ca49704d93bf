"""Every command that changes something: the bytes on the wire, the questions, the refusals, the record."""

import json
import os
import pty
import shlex
import socket
import subprocess
import sys
from hashlib import sha256

import pytest

from aios_top.bundle.archive import pack
from aios_top.shipped import shipped
from fakes.recording_aios import BLOCK, CLUSTER, EXECUTOR_POD, POLICY, RecordingAios

RESET = ("cooldown", "reset", "--block", BLOCK)
UP = ("scale", "--block", BLOCK, "--replicas", "4")
DOWN = ("scale", "--block", BLOCK, "--by", "-1")
RESTART = ("policy", "restart", "--block", BLOCK, "--wait", "0")
DEPLOY = ("policy", "deploy", "--block", BLOCK, "--version", "9.1")
LOAD = ("load", "--block", BLOCK)
MUTATIONS = [RESET, UP, DOWN, RESTART, DEPLOY]
BLOCK_SCALING = f"/controller/block-scaling/{CLUSTER}"

WIRE = {
    RESET: (
        "gateway", "POST", "/blocks/mgmt",
        {"block_id": BLOCK, "service": "autoscaler", "action": "reset_cooldown", "payload": {}, "instance_id": ""},
    ),
    UP: ("gateway", "POST", BLOCK_SCALING, {"block_id": BLOCK, "operation": "scale", "instances_count": 2}),
    DOWN: ("gateway", "POST", BLOCK_SCALING, {"block_id": BLOCK, "operation": "downscale", "instances_list": ["in-aa01"]}),
    RESTART: (
        "controller", "POST", "/cluster-actions/k8s-objects/remove",
        {"objects": [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": EXECUTOR_POD, "namespace": "blocks"}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("argv", WIRE, ids=" ".join)
def test_one_request_goes_out_as_it_was_shown(argv, aios, run):
    aios.evaluate()
    ran = run(*argv, "--yes", *aios.options)

    sent = [(request.service, request.method, request.path, request.json) for request in aios.changes]
    assert sent == [WIRE[argv]]
    assert (ran.code, ran.err) == (0, "")
    assert f"{sent[0][1]}{aios.base}/{sent[0][0]}{sent[0][2]}" in "".join(ran.out.split())
    for word in ("send", "seen", "effect", "undo"):
        assert f"\n{word}" in ran.out
    assert ran.out.splitlines()[-1].startswith("done: ")


def test_a_deploy_uploads_verifies_registers_and_binds(aios, run):
    ran = run(*DEPLOY, "--yes", *aios.options)

    assert ran.code == 0, ran.err
    upload, register, bind = aios.changes
    content = pack(shipped("policy"))
    name = f"tokenautoscaler-explained-9.1-{sha256(content).hexdigest()[:8]}.zip"
    assert aios.files == {name: content}
    assert (upload.service, register.service, register.method, bind.service, bind.method) == (
        "upload", "policies", "POST", "blocks", "PUT",
    )  # fmt: skip
    assert len(register.json) == 17
    assert register.json["version"] == "9.1"
    assert register.json["code"] == f"{aios.base}/files/{name}"
    assert bind.json == {"$set": {"policies.autoscaler.policyRuleURI": "tokenautoscaler-explained:9.1-stable"}}
    assert "restart" in ran.out


def test_served_bytes_that_differ_stop_a_deploy_before_registering(aios, run):
    class Lying(dict):
        def __getitem__(self, key):
            return b"something else"

    aios.files = Lying()
    ran = run(*DEPLOY, "--yes", *aios.options)

    assert ran.code == 1
    assert [request.service for request in aios.changes] == ["upload"]
    assert "failed" in ran.err


def test_a_policy_that_cannot_be_read_is_refused_before_anything_is_sent(aios, run, tmp_path):
    ran = run("policy", "deploy", str(tmp_path / "nowhere"), "--block", BLOCK, "--yes", *aios.options)

    assert ran.code == 2
    assert "nowhere" in ran.err
    assert aios.changes == []


@pytest.mark.parametrize("argv", [*MUTATIONS, LOAD], ids=" ".join)
def test_read_only_refuses_with_that_word_and_sends_nothing(argv, aios, run):
    ran = run(*argv, "--yes", "--read-only", *aios.options)

    assert ran.code == 1
    assert "read-only" in ran.err
    assert ran.err.count("\n") == 1
    assert aios.changes == []


@pytest.mark.parametrize("argv", MUTATIONS, ids=" ".join)
def test_without_a_terminal_a_change_needs_yes(argv, aios, run):
    aios.evaluate()
    ran = run(*argv, *aios.options)

    assert ran.code == 1
    assert ran.err == "aios-top: refused: without a terminal to ask on, this needs --yes\n"
    assert "send" in ran.out
    assert aios.changes == []


@pytest.mark.parametrize(
    ("key", "code", "sent"), [("y", 0, 1), ("n", 1, 0), ("", 1, 0), ("Y", 0, 1), ("yes please", 1, 0)]
)
def test_on_a_terminal_it_asks(key, code, sent, aios):
    aios.evaluate()
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "aios_top", *RESET, *aios.options]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=os.environ) as process:
        os.close(slave)
        shown = _read_until(master, b"[y/N] ")
        os.write(master, f"{key}\n".encode())
        process.wait(timeout=20)
    os.close(master)

    assert b"Reset the cooldown of gemma" in shown
    assert (process.returncode, len(aios.changes)) == (code, sent)


def test_no_answer_is_unknown_and_never_sent_again(aios, run):
    aios.evaluate()
    aios.answers["gateway", BLOCK_SCALING] = (200, None)
    ran = run(*UP, "--yes", *aios.options)

    assert ran.code == 3
    assert ran.err.startswith("unknown: ")
    assert len(aios.changes) == 1


def test_an_inner_failure_is_a_failure_whatever_the_status_says(aios, run):
    aios.evaluate()
    inner = {"success": False, "data": "block not found in cluster"}
    aios.answers["gateway", BLOCK_SCALING] = (200, {"success": True, "data": inner})
    ran = run(*UP, "--yes", *aios.options)

    assert ran.code == 1
    assert "block not found in cluster" in ran.err


def test_a_restart_without_the_pods_name_prints_the_kubectl_line(aios, run):
    aios.answers["mapping", "/getInstances"] = (404, "<html>gone</html>")
    ran = run(*RESTART, "--yes", *aios.options)

    assert ran.code == 1
    assert f"kubectl -n blocks rollout restart deployment/{BLOCK}-executor" in ran.err
    assert aios.changes == []


def test_an_unknown_block_is_named_with_those_there_are(aios, run):
    ran = run("scale", "--block", "nobody", "--by", "1", "--yes", *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert "nobody" in ran.err
    assert BLOCK in ran.err


def test_an_aios_that_is_not_there_is_the_cause_that_is_named(run):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ran = run(*UP, "--yes", "--url", f"metrics=http://127.0.0.1:{port}")

    assert ran.code == 1
    assert "refused: no metrics: " in ran.err
    assert "nothing was sent" in ran.err


def test_every_change_is_recorded_and_the_record_can_be_shown_and_verified(aios, run):
    aios.evaluate()
    run(*RESET, "--yes", *aios.options)
    shown = run("audit", "show", "--json")
    entries = [json.loads(line) for line in shown.out.splitlines()]

    assert [entry["kind"] for entry in entries] == ["intent", "outcome"]
    assert entries[0]["fields"]["request"]["url"] == f"{aios.base}/gateway/blocks/mgmt"
    assert entries[1]["fields"]["fate"] == "done"
    assert shown.err == ""
    assert run("audit", "show", "--last", "1").out.split()[2] == "outcome"
    verified = run("audit", "verify")
    assert (verified.code, verified.err) == (0, "")
    assert "2 lines" in verified.out


def test_a_changed_record_is_found(aios, run, tmp_path):
    aios.evaluate()
    run(*RESET, "--yes", *aios.options)
    path = tmp_path / "state" / "audit.jsonl"
    path.write_text(path.read_text().replace("reset_cooldown", "reset_nothing_", 1))
    ran = run("audit", "verify")

    assert ran.code == 1
    assert "line 1: changed" in ran.err


def test_nothing_is_sent_when_it_cannot_be_recorded(aios, run, tmp_path):
    aios.evaluate()
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "audit.jsonl").mkdir()
    ran = run(*RESET, "--yes", *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert "audit" in ran.err or "record" in ran.err


def test_registered_policy_is_updated_not_duplicated(aios, run):
    ran = run("policy", "deploy", "--yes", *aios.options)

    assert ran.code == 0, ran.err
    assert [(request.service, request.method, request.path) for request in aios.changes][1:] == [
        ("policies", "PUT", f"/policy/{POLICY}")
    ]


def _read_until(descriptor: int, mark: bytes) -> bytes:
    shown = b""
    while mark not in shown:
        shown += os.read(descriptor, 4096)
    return shown


def test_a_change_whose_outcome_was_never_written_is_pointed_out(aios, run, tmp_path):
    aios.evaluate()
    run(*RESET, "--yes", *aios.options)
    path = tmp_path / "state" / "audit.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])

    assert "without an outcome, under way or cut off, it may have happened: 1" in run("audit", "show").err


def test_the_way_back_is_a_command_that_acts_on_the_same_aios(aios, run):
    ran = run(*UP, "--yes", *aios.options)
    undo = " ".join(line.removeprefix("undo").strip() for line in ran.out.split("undo", 1)[1].splitlines())
    command = "aios-top " + undo.split("aios-top ", 1)[1].split(";")[0]
    words = shlex.split(command)
    assert words[:6] == ["aios-top", "scale", "--block", BLOCK, "--replicas", "2"]
    assert words[6:] == aios.options


def test_a_scaling_that_fails_says_what_was_done(aios, run):
    aios.answers["gateway", BLOCK_SCALING] = 200, {"success": True, "data": {"success": False, "data": "no GPU left"}}
    ran = run("scale", "--block", BLOCK, "--by", "2", "--yes", *aios.options)
    assert ran.code == 1
    assert "no GPU left" in ran.err
    assert "none of 2 was started (counted by pods)" in ran.err


def test_a_block_of_the_same_name_in_another_aios_was_not_scaled_by_hand(aios, run):
    with RecordingAios() as other:
        assert run(*UP, "--yes", *other.options).code == 0
        ran = run(*UP, "--yes", *aios.options)
        assert ran.code == 0, ran.err
        assert "scaled by hand" not in ran.out
        assert "scaled by hand" in run(*DOWN, "--yes", *aios.options).out
        assert len(other.changes) == 1
