"""`aios-top exporter`: a process that Prometheus scrapes, beside an AIOS on a real socket."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from fakes.recording_aios import BLOCK, RecordingAios


@contextmanager
def exporter(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run it on a free port; gives its url."""
    command = [sys.executable, "-m", "aios_top", "exporter", "--listen", "127.0.0.1:0", "--poll", "0.5", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as run:
        try:
            assert run.stdout is not None
            said = run.stdout.readline()
            assert said.startswith("serving http://127.0.0.1:"), said
            yield said.split()[1], run
        finally:
            if run.poll() is None:
                run.kill()


def scrape(url: str, accept: str = "*/*") -> tuple[str, str]:
    with urlopen(Request(url, headers={"Accept": accept})) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def value(text: str, name: str, **labels: str) -> float | None:
    samples = (sample for family in prometheus_families(text) for sample in family.samples)
    found = [entry.value for entry in samples if entry.name == name and labels.items() <= entry.labels.items()]
    return found[0] if found else None


def until(url: str, name: str, wanted: float, **labels: str) -> None:
    deadline = time.monotonic() + 20
    while value(scrape(url)[1], name, **labels) != wanted:
        assert time.monotonic() < deadline, scrape(url)[1]
        time.sleep(0.05)


def test_prometheus_scrapes_what_aios_does_not_publish(aios: RecordingAios) -> None:
    with exporter(*aios.options) as (url, process):
        until(url, "aios_block_reporting_replicas", 2, block=BLOCK)
        aios.evaluate()
        until(url, "aios_block_decisions_total", 1, block=BLOCK, action="upscale", origin="reported")
        until(url, "aios_block_desired_replicas", 3, block=BLOCK)
        kind, text = scrape(url)
        assert kind.startswith("text/plain; version=0.0.4")
        left = value(text, "aios_block_cooldown_remaining_seconds", block=BLOCK)
        assert left is not None
        assert 0 < left <= 120
        kind, text = scrape(url, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        assert kind.startswith("application/openmetrics-text")
        assert any(family.name == "aios_block_cooldown_remaining_seconds" for family in openmetrics_families(text))
        assert aios.changes == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_an_aios_that_goes_away_takes_its_figures_along() -> None:
    with RecordingAios() as aios, exporter(*aios.options) as (url, _):
        until(url, "aios_block_up", 1, block=BLOCK)
        aios.answers["metrics", "/block/query"] = (503, {"error": "down"})
        aios.answers["metrics", "/block/aggregate"] = (503, {"error": "down"})
        until(url, "aios_block_up", 0, block=BLOCK)
        text = scrape(url)[1]
        assert value(text, "aios_block_reporting_replicas", block=BLOCK) is None
        assert value(text, "aios_top_endpoint_up", endpoint="metrics") == 0


def test_an_address_that_is_taken(aios: RecordingAios, run) -> None:
    taken = aios.base.removeprefix("http://")
    ran = run("exporter", "--listen", taken, *aios.options)
    assert ran.code == 1
    assert f"cannot listen on {taken}" in ran.err
    assert "--listen" in ran.err


@pytest.mark.parametrize(
    ("text", "said"), [("127.0.0.1", "names no port"), ("example.org:1", "is no address of this machine")]
)
def test_an_address_that_is_none(run, capsys, text: str, said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run("exporter", "--listen", text)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_dashboard_is_printed_without_an_address(run) -> None:
    ran = run("exporter", "--dashboard")
    assert ran.code == 0
    assert json.loads(ran.out)["title"] == "AIOS block autoscaling"
