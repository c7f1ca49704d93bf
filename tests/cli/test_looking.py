"""Every command that only looks: what it prints, what it asks, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aios_top.cli.commands import demo
from fakes.recording_aios import BLOCK

HEAVY_FOR_HEADLESS = {"textual", "plotext", "aiohttp"}
"""Not rich: httpx imports it for a command line of its own where it finds it."""


def test_once_json_says_everything_about_a_block(aios, run):
    aios.evaluate()
    ran = run("once", "--json", *aios.options)
    document = json.loads(ran.out)

    assert (ran.code, ran.err) == (0, "")
    (block,) = document["blocks"]
    assert document["schema"] == 1
    assert block["block_id"] == BLOCK
    assert [row["instance_id"] for row in block["instances"]] == ["in-aa01", "in-aa02"]
    assert (block["replicas"]["current"], block["replicas"]["reporting"], block["replicas"]["max"]) == (2, 2, 4)
    assert block["policy"]["voice"] == "full"
    assert block["cooldown"]["phase"] == "cooling"
    assert block["cooldown"]["origin"] == "reported"
    assert (block["last_decision"]["code"], block["last_decision"]["action"]) == ("ScaleUp", "upscale")
    assert block["last_decision"]["reason"].startswith("Token rate exceeded threshold")
    assert block["thresholds"]["input_up"] == 500
    assert aios.changes == []


def test_once_is_a_table_within_80_columns(aios, run):
    aios.evaluate()
    ran = run("once", *aios.options)

    assert ran.code == 0
    assert f"\n{BLOCK}" in ran.out
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []


def test_settle_waits_for_a_second_push(aios, run):
    """The recorded documents get a new stamp with every read, so the second look has a rate."""
    ran = run("once", "--json", "--settle", "5", *aios.options)

    rates = json.loads(ran.out)["blocks"][0]["rates"]
    assert (rates["origin"], rates["input_tokens_per_minute"]) == ("measured", 0.0)


def test_settle_gives_up_and_says_what_is_missing(aios, run):
    frozen = aios.documents()
    aios.documents = lambda: frozen
    began = time.monotonic()
    ran = run("once", "--json", "--settle", "0.6", *aios.options)

    assert time.monotonic() - began < 5
    assert json.loads(ran.out)["blocks"][0]["rates"]["note"]


def test_decisions_are_printed_oldest_first_with_their_reasons(aios, run):
    aios.evaluate()
    aios.evaluate()
    ran = run("decisions", *aios.options)

    first, second = ran.out.splitlines()
    assert f" {BLOCK} UP " in first
    assert "ScaleUp: Token rate exceeded threshold" in first
    assert "CooldownActive: Cooldown active." in second


def test_decisions_as_json_lines_and_limited(aios, run):
    for _ in range(3):
        aios.evaluate()
    ran = run("decisions", "--json", "--block", BLOCK, "--limit", "2", *aios.options)

    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [(line["block_id"], line["seq"]) for line in lines] == [(BLOCK, 2), (BLOCK, 3)]


def test_no_decisions_says_why(aios, run):
    ran = run("decisions", *aios.options)

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"{BLOCK}: no evaluation since its autoscaler started\n"


def test_decisions_of_an_unknown_block(aios, run):
    ran = run("decisions", "--block", "nobody", *aios.options)

    assert ran.code == 1
    assert ran.err == f"aios-top: no block 'nobody'; there are: {BLOCK}\n"


def test_policy_show_tells_what_is_in_force(aios, run):
    aios.evaluate()
    plain = run("policy", "show", "--block", BLOCK, *aios.options)
    document = json.loads(run("policy", "show", "--json", "--block", BLOCK, *aios.options).out)

    assert plain.code == 0
    assert "parameter   input_tokens_up_threshold = 500" in plain.out
    assert document["in_force"]["effective"]["cooldown_seconds"] == 120
    assert document["registered"][0]["uri"] == document["declared"]["uri"]


def test_watch_prints_a_document_for_each_poll(aios, run):
    ran = run("watch", "--jsonl", "--count", "2", "--poll", "0.5", *aios.options)

    documents = [json.loads(line) for line in ran.out.splitlines()]
    assert [len(document["blocks"]) for document in documents] == [1, 1]
    assert documents[0]["sequence"] < documents[1]["sequence"]


def test_watch_in_sentences(aios, run):
    ran = run("watch", "--count", "1", *aios.options)

    assert "watching 1 block" in ran.out


def test_following_prints_each_decision_once_and_survives_a_restart(aios):
    aios.evaluate()
    command = [sys.executable, "-m", "aios_top", "decisions", "--follow", "--poll", "0.5", *aios.options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        aios.evaluate()
        second = process.stdout.readline()
        aios.restart()
        aios.evaluate()
        restarted, third = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert " UP " in first
    assert " COOL " in second
    assert "autoscaler restarted (boot" in restarted
    assert " UP " in third
    assert (process.returncode, err) == (130, "")


def test_following_says_when_aios_stops_answering_and_when_it_answers_again(aios):
    command = [sys.executable, "-m", "aios_top", "decisions", "--follow", "--poll", "0.5", *aios.options]
    aios.evaluate()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        usual, aios.answer = aios.answer, lambda _request: (503, {"success": False, "error": "away"})
        lost = process.stderr.readline()
        aios.answer = usual
        back = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert lost.startswith("aios-top: no metrics: ")
    assert lost.endswith("; it is asked again\n")
    assert back == "aios-top: AIOS answers again\n"


def test_no_metrics_is_a_failure_with_cause_and_next_step(run):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ran = run("once", "--json", "--url", f"metrics=http://127.0.0.1:{port}")

    assert ran.code == 1
    assert json.loads(ran.out)["blocks"] == []
    assert ran.err.startswith("aios-top: no metrics: ")
    assert "--host" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "argv", [(), ("once",), ("watch",), ("scale", "--block", "b", "--by", "1"), ("load", "--block", "b")]
)
def test_without_an_address_it_says_how_to_start_the_demo(argv, run):
    ran = run(*argv)

    assert ran.code == 2
    assert "aios-top demo" in ran.err
    assert "--host" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (("--url", "metrics"), "metrics=http"),
        (("--url", "nonsense=http://a"), "the names are metrics"),
        (("--url", "metrics=ftp://a"), "http://"),
        (("--host", "http://a"), "without scheme"),
        (("--url", "metrics=http://a", "--port-offset", "1"), "--port-offset needs --host"),
        (("--context", "nowhere"), "context 'nowhere' is not configured"),
    ],
    ids=" ".join,
)
def test_an_address_that_cannot_be_used_is_a_usage_error(options, about, run):
    ran = run("once", *options) if isinstance(options, tuple) else None

    assert ran is not None
    assert ran.code == 2
    assert about in ran.err
    assert ran.err.count("\n") == 1


def test_a_context_of_the_configuration_is_used(aios, run, tmp_path):
    urls = "\n".join(f'{name} = "{url}"' for name, _, url in (pair.partition("=") for pair in aios.options[1::2]))
    (tmp_path / "config.toml").write_text(
        f'current_context = "lab"\n[contexts.lab]\nread_only = true\n[contexts.lab.urls]\n{urls}\n'
    )
    document = json.loads(run("once", "--json").out)
    refused = run("cooldown", "reset", "--block", BLOCK, "--yes")

    assert document["context"] == "lab"
    assert [block["block_id"] for block in document["blocks"]] == [BLOCK]
    assert refused.code == 1
    assert "read-only" in refused.err


def test_a_broken_configuration_names_file_and_key(run, tmp_path):
    (tmp_path / "config.toml").write_text("curent_context = 'x'\n")
    ran = run("once", "--host", "127.0.0.1")

    assert ran.code == 1
    assert "config.toml" in ran.err
    assert "curent_context" in ran.err


def test_a_reader_that_goes_away_is_no_error(aios):
    command = [sys.executable, "-m", "aios_top", "watch", "--jsonl", "--poll", "0.5", *aios.options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=20)

    assert (process.returncode, err) == (141, b"")


def test_text_that_the_terminal_cannot_print_is_escaped(aios):
    aios.instance_ids = ["in-a\u202eb"]
    done = subprocess.run(
        [sys.executable, "-m", "aios_top", "decisions", *aios.options],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_signs_and_plots_have_the_stand_ins_of_the_console_where_the_encoding_lacks_them(aios, encoding):
    aios.evaluate()

    def printed(*argv: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "aios_top", *argv],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            timeout=60,
            check=True,
        )
        return done.stdout.decode(encoding)

    explained = printed("why", "--block", BLOCK, *aios.options)
    assert "^ UP 2>3" in explained
    assert "\n  + metrics " in explained
    assert "\n> + up rule " in explained
    assert "\n  x down rule " in explained
    plotted = printed("policy", "simulate", "--hours", "0.2")
    assert "\\u" not in explained + plotted
    lines = [line for line in plotted.splitlines() if line.startswith(("replicas ", "actions ", "queue ", "p95 "))]
    assert max(map(len, lines)) <= 80


HEADLESS = [
    ("once", "--json"),
    ("once",),
    ("watch", "--jsonl", "--count", "1"),
    ("watch", "--count", "1"),
    ("decisions",),
    ("cooldown", "reset", "--block", BLOCK, "--yes"),
    ("scale", "--block", BLOCK, "--by", "1", "--yes"),
    ("load", "--block", BLOCK),
    ("policy", "show", "--block", BLOCK),
    ("policy", "restart", "--block", BLOCK, "--yes", "--wait", "0"),
    ("policy", "deploy", "--yes"),
]
LOCAL = [
    ("policy", "pack", "--output", os.devnull),
    ("audit", "show"),
    ("audit", "verify"),
    ("demo", "--list-scenarios"),
]


@pytest.mark.parametrize("argv", [*HEADLESS, *LOCAL], ids=" ".join)
def test_no_headless_command_imports_the_screen_or_a_server(argv, aios):
    aios.evaluate()
    options = aios.options if argv in HEADLESS else []
    program = (
        "import sys\n"
        "from aios_top.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print(code, sorted({HEAVY_FOR_HEADLESS!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv, *options], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stderr.splitlines()[-1] == "0 []", done.stderr


def test_an_internal_error_is_one_line(monkeypatch, run):
    monkeypatch.setattr(demo, "run", lambda _args: 1 // 0)
    ran = run("demo")

    assert ran.code == 70
    assert ran.err.startswith("aios-top: internal error: ZeroDivisionError")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "about"), [(("demo", "--scenario", "x"), "spike"), (("demo", "--port-offset", "5"), "--serve")]
)
def test_a_demo_that_cannot_be_is_a_usage_error(argv, about, run):
    ran = run(*argv)

    assert ran.code == 2
    assert about in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_named_and_no_bug(aios):
    command = [sys.executable, "-m", "aios_top", "once", "--json", *aios.options]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)

    assert ran.returncode == 1
    assert "No space left on device" in ran.stderr
    assert "bug" not in ran.stderr


def test_replicas_that_nobody_counted_are_unknown_and_not_none(aios, run):
    """Another service at the address of the metrics: the block's record and its policy still answer."""
    aios.evaluate()
    wrong = ("--url", f"metrics={aios.base}/policies")
    ran = run("once", "--json", *aios.options, *wrong)
    (block,) = json.loads(ran.out)["blocks"]
    assert ran.code == 1
    assert (block["replicas"]["reporting"], block["replicas"]["current"]) == (None, 2)
    assert block["verdict"]["code"] == "StaleData"
    assert "metrics answers 404" in block["verdict"]["sentence"]
    row = next(line for line in run("once", *aios.options, *wrong).out.splitlines() if line.startswith(f"{BLOCK} "))
    assert row.split()[1] == "?/4"
    ran = run("wait", "--block", BLOCK, "--until", "reporting=0", "--wait", "1", *aios.options, *wrong)
    assert ran.code == 1
    assert "within" not in ran.out


@pytest.mark.parametrize("form", [(), ("--jsonl",)])
def test_watch_that_got_no_answer_at_its_end_has_failed_as_once_has(aios, run, form):
    assert run("watch", *form, "--count", "1", *aios.options).code == 0
    ran = run("watch", *form, "--count", "2", *aios.options, "--url", f"metrics={aios.base}/policies")
    assert ran.code == 1
    assert "no metrics: metrics answers 404" in ran.err
    assert len(ran.out.splitlines()) == (2 if form else 1)
