"""`aios-top record` with history from before it: the curves of a replay do not begin empty either."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from aios_top.aios.address import Addresses
from aios_top.cli.installation import Installation
from aios_top.cli.recording import header_of
from aios_top.engine.replay import Replay
from aios_top.engine.session_options import SessionOptions
from aios_top.model.recording import RecordingHeader
from aios_top.model.state import FleetState, Link
from aios_top.store.paths import StoreError
from aios_top.store.recording_reader import open_recording
from fakes.recording_aios import BLOCK, RecordingAios


class Answers(BaseHTTPRequestHandler):
    """What Prometheus says to a query_range: a block's value is 4, an instance's is 5."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        end, by_instance = float(asked["end"][0]), "instanceID" in asked["query"][0]
        metric = {"blockID": BLOCK} | ({"instanceID": "in-aa01"} if by_instance else {})
        values = [[end - 60.0 + step, "5" if by_instance else "4"] for step in (0, 15, 30, 45)]
        body = json.dumps({"status": "success", "data": {"result": [{"metric": metric, "values": values}]}}).encode()
        self.send_response(200 if self.path.startswith("/api/v1/query_range?") else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def prometheus() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def recorded(
    aios: RecordingAios, path: Path, until: Callable[[FleetState], object], *options: str
) -> Iterator[FleetState]:
    """Record until something is in the file; gives that state."""
    command = [sys.executable, "-m", "aios_top", "record", "--poll", "0.5", "--output", str(path), *options]
    with subprocess.Popen([*command, *aios.options], stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 60.0
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
                with suppress(StoreError), open_recording(path) as recording:
                    if recording.times and until(state := Replay(recording).state(time.time())):
                        yield state
                        return
            process.kill()
            pytest.fail(f"not recorded: {process.stderr.read() if process.stderr else ''}")
        finally:
            process.send_signal(signal.SIGINT)


def sources(state: FleetState) -> list[str]:
    return [entry.source for entry in state.blocks[BLOCK].earlier] if BLOCK in state.blocks else []


def test_it_begins_with_what_prometheus_knows(aios, prometheus, tmp_path) -> None:
    with recorded(aios, tmp_path / "a.aiosrec", sources, "--prometheus", prometheus) as state:
        block = state.blocks[BLOCK]
        assert sources(state) == ["prometheus"]
        assert [value for _, value in block.history["reporting"]][:4] == [4.0] * 4
        instance = next(entry for entry in block.instances if entry.instance_id == "in-aa01")
        assert [value for _, value in instance.history["output_average_5m"]][:4] == [5.0] * 4


def test_a_prometheus_that_is_not_there_is_said_and_does_not_stop_it(aios, tmp_path) -> None:
    def asked(state: FleetState) -> bool:
        return "prometheus" in state.endpoints

    with recorded(aios, tmp_path / "a.aiosrec", asked, "--prometheus", "http://127.0.0.1:1") as state:
        assert state.endpoints["prometheus"].link is Link.DOWN
        assert sources(state) == []


def test_it_begins_with_the_run_before_of_the_same_aios(aios, tmp_path) -> None:
    def some_polls(state: FleetState) -> bool:
        return BLOCK in state.blocks and state.polls >= 4

    folder = tmp_path / "state" / "recordings"
    folder.mkdir(parents=True)
    with recorded(aios, folder / "a.aiosrec", some_polls) as state:
        assert sources(state) == []
    with recorded(aios, tmp_path / "b.aiosrec", sources) as state:
        assert sources(state) == ["recording"]
        assert "recording" not in state.endpoints


def test_two_on_one_host_are_told_apart_by_their_ports() -> None:
    def header(offset: int, context: str = "host") -> RecordingHeader:
        return header_of(Installation(Addresses.build("host", offset), SessionOptions(context=context)))

    assert header(0).same_aios(header(0))
    assert not header(0).same_aios(header(100))
    assert not header(0).same_aios(header(0, "prod"))
    assert header(0).services == "http://host:30201 http://host:30100"
