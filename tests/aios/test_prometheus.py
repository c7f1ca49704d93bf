"""History from Prometheus: every answer that is none, and a real server that scrapes instances."""

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from aios_top.aios.prometheus import Prometheus
from aios_top.engine.memory import BLOCK_COLUMNS, INSTANCE_COLUMNS
from aios_top.model.errors import ReadError
from aios_top.model.fact import Backfilled

SERIES = '{{"metric":{{"blockID":"{block}"{more}}},"values":[[100,"5"],[115,"NaN"],[130,"7.5"],[210,"8"]]}}'


def server(body: str, status: int = 200) -> Prometheus:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, text=body))
    return Prometheus("http://prometheus:9090/", BLOCK_COLUMNS, INSTANCE_COLUMNS, transport=transport)


async def test_known_blocks_are_kept_and_what_is_no_number_is_a_gap() -> None:
    found = await answered([SERIES.format(block=name, more="") for name in ("a", "unknown")])
    assert (found.block_id, found.source, found.instances) == ("a", "prometheus", ())
    assert found.times == (100.0, 130.0, 145.0, 210.0)
    assert len(found.values[0]) == len(BLOCK_COLUMNS)
    assert found.values[1][BLOCK_COLUMNS.index("input_average_1m")] == 7.5
    assert found.values[1][BLOCK_COLUMNS.index("cooldown")] is None
    assert found.values[2] == (None,) * len(BLOCK_COLUMNS)  # it knows nothing of a minute: no line is drawn over it


async def test_the_instances_of_known_blocks_have_curves_of_their_own() -> None:
    more = [',"instanceID":"in-1"', ',"instanceID":""', ',"instanceID":"in-2\\u001b[2J"']
    series = [SERIES.format(block="a", more=text) for text in more]
    found = await answered([SERIES.format(block="a", more=""), *series, SERIES.format(block="unknown", more=more[0])])
    first, second = found.instances
    assert (first.instance_id, "\x1b" in second.instance_id) == ("in-1", False)
    assert first.times == (100.0, 130.0, 160.0, 210.0)
    assert first.values[1][INSTANCE_COLUMNS.index("output_average_15m")] == 7.5
    assert first.values[1][INSTANCE_COLUMNS.index("queue")] is None
    assert first.values[2] == (None,) * len(INSTANCE_COLUMNS)


async def answered(series: list[str]) -> Backfilled:
    body = f'{{"status":"success","data":{{"resultType":"matrix","result":[{",".join(series)}]}}}}'
    (found,) = await server(body).history(["a", "b"], 0.0, 215.0)
    return found


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("<html>login</html>", 200, "is it one?"),
        ('{"status":"error","error":"parse \x1b[2Jerror"}'.replace("\x1b", "\\u001b"), 400, "refuses the query"),
        ('{"status":"success"}', 200, "refuses the query"),
        ('{"status":"success","data":{"result":[{"metric":{},"values":[[1,2]]}]}}', 200, "is it one?"),
        ("x" * (9 * 1024 * 1024), 200, "more than 8 MiB"),
    ],
)
async def test_what_is_no_answer_is_an_error_with_its_cause(body: str, status: int, said: str) -> None:
    with pytest.raises(ReadError, match=said) as refused:
        await server(body, status).history(["a"], 0.0, 1.0)
    assert "\x1b" not in str(refused.value)


async def test_a_server_that_is_not_there_and_an_address_that_is_none() -> None:
    with pytest.raises(ReadError, match="prometheus"):
        await Prometheus("http://127.0.0.1:1", BLOCK_COLUMNS, INSTANCE_COLUMNS).history(["a"], 0.0, 1.0)
    with pytest.raises(ReadError, match="prometheus"):
        await Prometheus("no url", BLOCK_COLUMNS, INSTANCE_COLUMNS).history(["a"], 0.0, 1.0)


class Instances(BaseHTTPRequestHandler):
    """Three instances of one block, two with 300 tokens of 10 requests a second and one with none."""

    begun = time.monotonic()

    def do_GET(self) -> None:
        seconds = time.monotonic() - self.begun
        lines = []
        for name, share in (("in-1", 1.0), ("in-2", 1.0), ("in-idle", 0.0)):
            labels = f'{{blockID="gemma3-27b-block",instanceID="{name}"}}'
            for metric, rate in (
                ("llm_prompt_tokens_total", 3000.0),
                ("llm_tokens_generated_total", 500.0),
                ("llm_prompts_total", 10.0),
                ("llm_inference_duration_seconds_sum", 20.0),
                ("llm_inference_duration_seconds_count", 10.0),
            ):
                lines.append(f"{metric}{labels} {seconds * rate * share}")
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture
def real(tmp_path: Path) -> Iterator[str]:
    """A Prometheus from the system's packages that scrapes the instances above every second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus on this machine: Debian's package `prometheus` has it")
    instances = ThreadingHTTPServer(("127.0.0.1", 0), Instances)
    threading.Thread(target=instances.serve_forever, daemon=True).start()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: aios\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{instances.server_port}']\n"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Instances) as free:
        port = free.server_port
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
            instances.shutdown()
            instances.server_close()


async def test_a_real_server_gives_the_rates_and_means_of_its_instances(real: str) -> None:
    source = Prometheus(real, BLOCK_COLUMNS, INSTANCE_COLUMNS)
    deadline = time.monotonic() + 60
    found = []
    while time.monotonic() < deadline and not (found and found[0].values[-1][BLOCK_COLUMNS.index("latency")]):
        await asyncio.sleep(0.5)
        try:
            found = await source.history(["gemma3-27b-block"], time.time() - 60.0, time.time())
        except ReadError:  # it is starting
            continue
    (history,) = found
    newest = dict(zip(BLOCK_COLUMNS, history.values[-1], strict=True))
    assert newest["reporting"] == 3.0
    assert newest["input_average_1m"] == pytest.approx(200.0, rel=0.02)  # idle ones count as 0, as the policies have it
    assert newest["output_average_1m"] == pytest.approx(50.0 * 2 / 3, rel=0.02)
    assert newest["latency"] == pytest.approx(2.0, rel=0.02)
    assert newest["input_rate"]  # the minute that it is measured over is not full yet
    assert newest["input_rate"] / newest["requests"] == pytest.approx(300.0, rel=0.02)
    assert [curve.instance_id for curve in history.instances] == ["in-1", "in-2", "in-idle"]
    busy, _, idle = (dict(zip(INSTANCE_COLUMNS, curve.values[-1], strict=True)) for curve in history.instances)
    assert busy["input_average_5m"] == pytest.approx(300.0, rel=0.02)
    assert busy["output_average_15m"] == pytest.approx(50.0, rel=0.02)
    assert busy["input_rate"] == pytest.approx(newest["input_rate"] / 2, rel=0.1)
    assert idle["input_average_1m"] == idle["input_rate"] == 0.0  # as its own document has it, not a gap
