"""`aios-top policy simulate`: figures without AIOS, the same ones for the same seed."""

import json
from pathlib import Path

import pytest

from aios_top.cli.main import main

SHORT_RUN = ("policy", "simulate", "--hours", "0.5", "--rate", "12/m")


def test_one_run_prints_its_figures_and_its_course(run) -> None:
    ran = run(*SHORT_RUN, "--parameters", "tutorial")
    assert ran.code == 0
    assert ran.err == ""
    assert "parameters tutorial" in ran.out
    assert "aios-gemma3 at 12 requests/min for 30m, seed 42" in ran.out
    assert "replica-hours" in ran.out
    assert "▲" in ran.out


def test_json_is_the_whole_run_and_the_same_again(run) -> None:
    first, again = (run(*SHORT_RUN, "--set", "cooldown_seconds=300", "--seed", "7", "--json") for _ in range(2))
    assert first.out == again.out
    (found,) = json.loads(first.out)["runs"]
    assert found["plan"]["parameters"] == {"cooldown_seconds": 300}
    assert found["plan"]["seed"] == 7
    assert found["ups"] > 0
    assert found["samples"]


def test_two_sets_run_beside_each_other(run) -> None:
    ran = run(*SHORT_RUN, "--compare", "tutorial", "conservative", "--json")
    assert ran.code == 0, ran.err
    tutorial, conservative = json.loads(ran.out)["runs"]
    assert (tutorial["plan"]["name"], conservative["plan"]["name"]) == ("tutorial", "conservative")
    assert tutorial["ups"] > conservative["ups"]
    table = run(*SHORT_RUN, "--compare", "tutorial", "conservative")
    assert "change" in table.out


def test_a_sweep_varies_one_parameter(run) -> None:
    ran = run(*SHORT_RUN, "--sweep", "cooldown_seconds=30..300/3")
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.out.splitlines() if line[:2] in {"a ", "b ", "c "}]
    assert [row[1] for row in rows] == ["30", "165", "300"]
    hours = [float(row[2]) for row in rows]
    assert hours == sorted(hours, reverse=True)
    assert hours[0] > hours[-1]


def test_another_policy_file_is_run(run, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "class AIOSv1PolicyRule:\n"
        "    def __init__(self, *a): self.seen = 0\n"
        "    def eval(self, *a):\n"
        "        self.seen += 1\n"
        "        one = {'skip': False, 'operation': 'upscale', 'instances_count': 2}\n"
        "        return one if self.seen == 3 else {'skip': True}\n"
        "    def management(self, *a): return None\n"
    )
    ran = run(*SHORT_RUN, "--policy", str(path), "--json")
    (found,) = json.loads(ran.out)["runs"]
    assert [(round(s["at"]), s["replicas"]) for s in found["scalings"]] == [(135, 3)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--parameters", "nonsense"), 2, "conservative, throughput, tutorial"),
        (("--set", "cooldown_seconds"), 2, "write NAME=VALUE"),
        (("--sweep", "cooldown_seconds=30..300", "--compare", "tutorial", "tutorial"), 2, "give one of them"),
        (("--compare", "tutorial", "tutorial", "--parameters", "tutorial"), 2, "leave --parameters out"),
        (("--min", "5", "--max", "4"), 2, "--min 5 is above --max 4"),
        (("--policy", "/nowhere/function.py"), 2, "/nowhere/function.py: no such file or folder"),
    ],
)
def test_what_cannot_be_run_says_why(run, arguments, code, message) -> None:
    ran = run(*SHORT_RUN, *arguments)
    assert ran.code == code
    assert message in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sweep", "cooldown_seconds=300..30"), "write NAME=FROM..TO"),
        (("--sweep", "=30..300"), "write NAME=FROM..TO"),
        (("--sweep", "cooldown_seconds=30..300/1"), "2 to 26"),
        (("--rate", "fast"), "12/m"),
        (("--rate", "2000/s"), "is not between"),
        (("--hours", "0"), "is not between"),
        (("--profile", "nonsense"), "invalid choice"),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_would_be_one(capsys, arguments, message) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*SHORT_RUN, *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_policy_that_cannot_be_made_ends_every_run(run, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        "class AIOSv1PolicyRule:\n"
        "    def __init__(self, *a): raise OSError('boom')\n"
        "    def eval(self, *a): pass\n"
        "    def management(self, *a): pass\n"
    )
    for more in ((), ("--sweep", "cooldown_seconds=30..60/2")):
        ran = run(*SHORT_RUN, "--policy", str(path), *more)
        assert ran.code == 1
        assert "boom" in ran.err


def test_a_policy_that_always_raises_is_a_failure_with_its_reason(run, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "class AIOSv1PolicyRule:\n"
        "    def __init__(self, *a): pass\n"
        "    def eval(self, *a): raise RuntimeError('boom')\n"
        "    def management(self, *a): return {}\n"
    )
    ran = run(*SHORT_RUN, "--policy", str(path))
    assert ran.code == 1
    assert "evaluations failed, the first at 75s: " in ran.out
    assert "boom" in ran.err
