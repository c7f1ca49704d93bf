"""The load that makes a real policy decide, on an embedded AIOS: it stops by itself and tells the lag."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import aios_top
from aios_top.testbed.embedded import EmbeddedAios

BLOCK = "gemma3-27b-block"
SCHEMA = json.loads((Path(aios_top.__file__).parent / "guide" / "load-report.schema.json").read_text())
INTERVAL_SECONDS = 3.0
"""Between two evaluations at the quick pace."""


@pytest.fixture(scope="module")
def options():
    with EmbeddedAios.start("quiet", "quick") as aios:
        urls = {name: url for name, url in aios.urls.items() if name not in {"mapping", "autoscaler"}}
        per_block = {name: f"{aios.urls[name]}/{{block}}" for name in ("mapping", "autoscaler")}
        yield [word for name, url in (urls | per_block).items() for word in ("--url", f"{name}={url}")]


def test_until_upscale_stops_by_itself_and_tells_the_lag_and_when_it_was_foreseen(options, run, tmp_path):
    ran = run("load", "--block", BLOCK, "--until", "upscale", "--json", str(tmp_path / "report.json"), *options)

    assert ran.code == 0, ran.err
    assert re.search(r"value above 500 after \d+s, pushed at \+\d+s, decided at \+\d+s", ran.out)
    assert "stopped: goal reached: the policy decided to scale up" in ran.out
    for step in ("threshold crossed", "evaluation", "decision", "replica requested", "replica reporting"):
        assert re.search(rf"^  {step} +\d+\.\d", ran.out, re.MULTILINE), ran.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(report)] == []
    assert (report["stop_cause"], report["phase"]) == ("goal", "finished")
    steps = report["lag_budget"]["steps"]
    times = [steps[name]["seconds"] for name in list(steps)[:-1]]
    assert times == sorted(times)
    assert abs(report["prediction"]["error_seconds"]) <= INTERVAL_SECONDS + 1.0  # and what a loaded machine adds
    assert steps["p95_recovered"]["note"]

    ran = run("lag", "--block", BLOCK)
    assert ran.code == 0
    assert len(re.findall(r"^20\d\d-", ran.out, re.MULTILINE)) == 1
    found = json.loads(run("lag", "--block", BLOCK, "--json").out)
    assert found["runs"][0]["seconds"]["decision"] == steps["decision"]["seconds"]
    assert [row["step"] for row in found["steps"]] == list(steps)[1:]


def test_lag_without_a_scale_up_names_the_command_that_makes_one(run):
    ran = run("lag", "--block", "nobody")
    assert ran.code == 1
    assert "run aios-top load --block nobody --until upscale" in ran.err


def test_lag_imports_neither_client_nor_screen():
    program = (
        "import sys; from aios_top.cli.main import main; main(['lag', '--block', 'b', '--json']); "
        "print(sorted({'httpx', 'aiohttp', 'textual'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
