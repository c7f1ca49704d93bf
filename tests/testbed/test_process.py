"""The embedded AIOS as a process: how it starts, what it opens, and that nothing of it outlives anybody."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from aios_top.testbed.embedded import EmbeddedAios, EmbeddedAiosError
from aios_top.testbed.ports import GRPC, NODE_PORTS, node_ports

COMMAND = [sys.executable, "-m", "aios_top.testbed.process"]
SECONDS = 15.0


def until(fact, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not (value := fact()):
        assert time.monotonic() < deadline, "did not become true in time"
        time.sleep(0.02)
    return value


def fetch(url):
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        return json.load(answer)


@pytest.fixture
def start():
    """Start processes that are certainly gone after the test."""
    started = []

    def begin(*arguments, **options):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
        process.wait(SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def about(process):
    return json.loads(process.stdout.readline())


def test_one_line_tells_where_everything_is_and_the_fleet_is_live_at_once(start):
    told = about(start("--scenario", "quiet"))
    assert set(told["urls"]) - {GRPC} == set(NODE_PORTS)
    assert (told["pace"], told["scenario"]) == ("quick", "quiet")
    blocks = {block["id"] for block in fetch(told["urls"]["blocks"] + "/blocks")}
    assert blocks == {"gemma3-27b-block", "llama3-8b-chat", "qwen2-7b-code", "bge-embedding"}

    def fleet():
        request = urllib.request.Request(
            told["urls"]["metrics"] + "/block/query", b"{}", {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            data = json.load(answer)["data"]
        return len(data) == 4 and all(len(block["instances"]) > 1 for block in data)

    until(fleet, 3.0)


def test_the_demo_blocks_run_the_registered_policies(start):
    told = about(start("--scenario", "quiet"))
    for block_id, answers in (("gemma3-27b-block", True), ("llama3-8b-chat", False)):
        url = f"{told['urls']['autoscaler']}/{block_id}/mgmt"

        def state(url=url):
            request = urllib.request.Request(url, b'{"mgmt_action": "get_state"}', {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                error.close()
                return None

        answer = until(state)
        assert (answer["data"] is not None) is answers


def test_it_listens_on_loopback_only(start):
    process = start()
    about(process)
    listening = [found.laddr.ip for found in psutil.Process(process.pid).net_connections() if found.status == "LISTEN"]
    assert len(listening) >= len(NODE_PORTS)
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_nothing_is_left(start, number):
    process = start()
    told = about(process)
    assert Path(told["folder"]).is_dir()
    process.send_signal(number)
    assert process.wait(SECONDS) == 0
    assert not Path(told["folder"]).exists()
    assert process.stderr.read() == b""


def test_the_end_of_standard_input_ends_it(start):
    process = start("--die-with-stdin", stdin=subprocess.PIPE)
    told = about(process)
    process.stdin.close()
    assert process.wait(SECONDS) == 0
    assert not Path(told["folder"]).exists()


def test_it_dies_with_a_parent_that_is_killed():
    code = (
        "import sys, time; from aios_top.testbed.embedded import EmbeddedAios; aios = EmbeddedAios.start('quiet')\n"
        "print(aios.pid, aios._folder, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    pid, folder = parent.stdout.readline().split()
    assert psutil.pid_exists(int(pid))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE)
    assert not Path(folder.decode()).exists()


def test_it_notices_a_killed_parent_even_when_its_input_stays_open(tmp_path):
    reader, writer = os.pipe()
    code = f"""
import subprocess, sys, time
child = subprocess.Popen({COMMAND!r} + ["--die-with-stdin"], stdin={reader}, stdout=subprocess.PIPE)
print(child.pid, child.stdout.readline().decode(), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, pass_fds=[reader])
    pid, _, told = parent.stdout.readline().decode().partition(" ")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    folder = Path(json.loads(told)["folder"])
    until(lambda: not folder.exists())
    until(lambda: not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE)
    os.close(reader)
    os.close(writer)


def test_the_line_can_go_to_a_descriptor_of_its_own(start):
    reader, writer = os.pipe()
    start("--ready-fd", str(writer), pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as lines:
        assert set(json.loads(lines.readline())["urls"]) - {GRPC} == set(NODE_PORTS)
        assert lines.read() == ""


def test_a_busy_port_is_named_with_its_service(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--ports", "nodeports", "--port-offset", str(port - NODE_PORTS["blocks"]))
        assert process.wait(SECONDS) == 1
        said = process.stderr.read().decode()
        assert process.stdout.read() == b""
    assert f"port {port} for the blocks service cannot be used on 127.0.0.1" in said
    assert "--port-offset" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("offset", ["40000", "-30100"])
def test_an_offset_that_leaves_the_range_is_refused_with_the_range(start, offset):
    process = start("--ports", "nodeports", "--port-offset", offset)
    assert process.wait(SECONDS) == 1
    assert "choose one from -30099 to 32980" in process.stderr.read().decode()


def test_node_ports_are_aios_own_plus_the_offset():
    assert node_ports()["metrics"] == 30201
    assert node_ports(20000)["files"] == 52555


def test_an_embedded_aios_is_gone_after_its_block():
    with EmbeddedAios.start("quiet") as aios:
        assert fetch(aios.urls["nodes"] + "/healthy_nodes")["success"]
        assert aios.alive
    assert not aios.alive
    assert not Path(aios._folder).exists()
    aios.stop()


def test_an_embedded_aios_that_is_killed_leaves_no_folder_behind():
    with EmbeddedAios.start("quiet") as aios:
        os.kill(aios.pid, signal.SIGKILL)
        until(lambda: not aios.alive)
    assert not Path(aios._folder).exists()


def test_an_embedded_aios_that_cannot_start_says_why():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        offset = taken.getsockname()[1] - NODE_PORTS["blocks"]
        with pytest.raises(EmbeddedAiosError, match="for the blocks service cannot be used"):
            EmbeddedAios.start(ports="nodeports", port_offset=offset)


def test_a_policy_that_prints_and_starts_threads_neither_blocks_nor_keeps_the_process(start):
    told_process = start("--scenario", "quiet", "--die-with-stdin", stdin=subprocess.PIPE)
    told = about(told_process)
    source = (
        "import threading, time\n"
        "print('x' * 200_000)\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "class AIOSv1PolicyRule:\n"
        "    def __init__(self, rule_id, settings, parameters): pass\n"
        "    def eval(self, parameters, input_data, context): time.sleep(600)\n"
        "    def management(self, action, data): return 'printed'\n"
    )
    url = f"{told['urls']['autoscaler']}/llama3-8b-chat/mgmt"

    def managed():
        request = urllib.request.Request(url, b'{"mgmt_action": "x"}', {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return {}

    until(managed)
    deploy(told["urls"], "llama3-8b-chat", source)
    # Somebody has to read what policies print: here the test does, as EmbeddedAios does for its users.
    assert told_process.stderr.read(200_000).startswith(b"x")
    until(lambda: managed().get("data") == "printed")
    told_process.stdin.close()
    assert told_process.wait(SECONDS) == 0


def deploy(urls, block_id, source):
    """Replace the tutorial policy's archive and restart the block's executor."""
    from fakes.embedded import zipped

    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="tokenautoscaler.zip"\r\n\r\n'
    body = head.encode() + zipped(source) + f"\r\n--{boundary}--\r\n".encode()
    send(urls["upload"] + "/upload", body, f"multipart/form-data; boundary={boundary}")
    pods = fetch(f"{urls['mapping']}/{block_id}/getInstances")["data"]
    objects = {"objects": [{"kind": "Pod", "metadata": {"name": pods[0]["metadata"]["name"], "namespace": "blocks"}}]}
    send(urls["controller"] + "/cluster-actions/k8s-objects/remove", json.dumps(objects).encode(), "application/json")


def send(url, body, content_type):
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)
