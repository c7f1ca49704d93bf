"""`policy lint`: what it prints, its exit codes, and that it only asks."""

import json
import shlex

import pytest

from aios_top.bundle.archive import pack
from aios_top.shipped import shipped
from fakes.recording_aios import BLOCK

ARCHIVE = "tokenautoscaler-explained.zip"


@pytest.fixture
def sound(aios):
    """The block's policy with limits and an archive that is served."""
    aios.files[ARCHIVE] = pack(shipped("policy"))
    aios.evaluate()
    return aios


def codes(ran, level):
    (block,) = json.loads(ran.out)["blocks"]
    return {entry["code"] for entry in block["findings"] if entry["level"] == level}


def test_an_error_among_the_findings_is_exit_code_1(aios, run):
    aios.evaluate()
    ran = run("policy", "lint", "--json", *aios.options)

    assert (ran.code, ran.err) == (1, "")
    assert "CodeNotServed" in codes(ran, "error")
    assert aios.changes == []


def test_without_an_error_it_ends_with_0_and_strict_counts_warnings(aios, run):
    aios.answers["blocks", "/blocks"] = (200, [{"id": BLOCK, "minInstances": 1, "maxInstances": 4}])
    ran = run("policy", "lint", "--json", *aios.options)
    strict = run("policy", "lint", "--strict", *aios.options)

    assert (codes(ran, "error"), codes(ran, "warning")) == (set(), {"NoAutoscaler"})
    assert (ran.code, strict.code) == (0, 1)
    (advice,) = [
        entry["advice"] for entry in json.loads(ran.out)["blocks"][0]["findings"] if entry["level"] == "warning"
    ]
    assert advice.startswith(f"deploy one: aios-top policy deploy --restart --block {BLOCK} ")
    assert set(aios.options) <= set(shlex.split(advice))


def test_each_finding_is_said_with_its_reason_and_what_to_do(sound, run):
    ran = run("policy", "lint", "--block", BLOCK, *sound.options)

    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{BLOCK}: ")
    for number, line in enumerate(lines):
        if "(SizeNotRate)" in line:
            following = "\n".join(lines[number:])
            assert following.index("   why ") < following.index("   do ")
            break
    else:
        raise AssertionError("SizeNotRate is not among the findings")
    assert max(map(len, lines)) <= 100


def test_a_local_policy_is_compared(sound, run, tmp_path):
    (tmp_path / "code").mkdir()
    source = (shipped("policy") / "code" / "function.py").read_text()
    (tmp_path / "code" / "function.py").write_text(source + "# mine\n")
    (tmp_path / "registration.json").write_bytes((shipped("policy") / "registration.json").read_bytes())
    ran = run("policy", "lint", "--policy", str(tmp_path), "--json", *sound.options)
    same = run("policy", "lint", "--policy", str(shipped("policy")), "--json", *sound.options)

    assert "ServedBytesDiffer" in codes(ran, "warning")
    assert "ServedBytesDiffer" not in codes(same, "warning")


def test_a_given_start_up_time_is_compared_with_the_cooldown(sound, run):
    ran = run("policy", "lint", "--startup", "121", "--json", *sound.options)

    assert "CooldownShorterThanStartup" in codes(ran, "warning")


def test_an_unusable_path_and_an_unknown_block_are_named(aios, run, tmp_path):
    unusable = run("policy", "lint", "--policy", str(tmp_path / "nowhere"), *aios.options)
    unknown = run("policy", "lint", "--block", "nobody", *aios.options)

    assert (unusable.code, unknown.code) == (2, 1)
    assert "nowhere" in unusable.err
    assert BLOCK in unknown.err


def test_read_only_does_not_hinder_a_look(sound, run):
    assert run("policy", "lint", "--read-only", *sound.options).out.startswith(BLOCK)
