"""`aios-top why` explains from the policy's own records, over HTTP, and verifies them with a file."""

import json

from fakes.recording_aios import BLOCK
from policy.harness import PLAIN


def test_the_newest_decision_is_explained_with_what_follows(aios, run):
    aios.evaluate()
    aios.evaluate()
    ran = run("why", "--block", BLOCK, *aios.options)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{BLOCK}\n")
    text = " ".join(ran.out.split())
    assert "s left. Up rule is met (input 900 > 500 and output 900 > 300)." in text
    assert "it will add 1 if input stays above 500 (now 900) or output stays above 300 (now 900)." in text
    assert "source the policy's own record" in text
    assert "verified same result with the shipped policy" in text
    assert "in-aa01 would go first: lowest input + output" in text
    assert "AbleToScale False CooldownActive" in text
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []
    assert aios.changes == []


def test_all_as_json_says_of_each_whether_it_evaluates_to_the_same(aios, run):
    for _ in range(3):
        aios.evaluate()
    document = json.loads(run("why", "--block", BLOCK, "--all", "--json", *aios.options).out)

    assert [entry["re_evaluated"] for entry in document["decisions"]] == ["same"] * 3
    assert [entry["seq"] for entry in document["decisions"]] == [1, 2, 3]
    assert [entry["outlook"] is None for entry in document["decisions"]] == [True, True, False]
    verification = document["verification"]
    assert (verification["same"], verification["differs"], verification["not_verifiable"]) == (3, 0, 0)
    first = document["decisions"][0]
    assert first["sentence"].startswith("Added 1 (2\u21923). Up rule is met (input 900 > 500 and output 900 > 300).")
    up = next(stage for stage in first["stages"] if stage["name"] == "up rule")
    assert (up["met"], up["decided"]) == (True, True)
    assert up["comparisons"][0] == {
        "name": "input",
        "value": 900.0,
        "sign": ">",
        "limit": 500.0,
        "unit": "tokens/request",
        "parameter": "input_tokens_up_threshold",
        "met": True,
    }


def test_all_in_sentences(aios, run):
    aios.evaluate()
    aios.evaluate()
    ran = run("why", "--block", BLOCK, "--all", *aios.options)

    first, second = ran.out.splitlines()
    assert "Added 1 (2\u21923)." in first
    assert first.endswith("[same]")
    assert "Held: cooldown" in second
    assert ran.err.startswith("2 decisions evaluated again with the shipped policy: all the same; the running code has")


def test_another_policy_file_is_a_finding_and_no_failure(aios, run, tmp_path):
    aios.evaluate()
    other = tmp_path / "function.py"
    other.write_text(PLAIN.read_text().replace("mean_input > self.input_up_threshold or", "False and"))
    ran = run("why", "--block", BLOCK, "--all", "--policy", str(other), *aios.options)
    document = json.loads(run("why", "--block", BLOCK, "--json", "--policy", str(tmp_path), *aios.options).out)

    assert ran.code == 0
    assert ran.err.startswith(f"the deployed code is not {other}: at decision 1 of ")
    assert document["re_evaluated"] == "differs"
    assert document["re_evaluated_note"] == "the file returns hold: No scaling action required."


def test_a_past_moment(aios, run):
    aios.evaluate()
    now = run("why", "--block", BLOCK, "--at", "now", "--json", *aios.options)
    before = run("why", "--block", BLOCK, "--at", "1h ago", *aios.options)

    assert json.loads(now.out)["seq"] == 1
    assert (before.code, before.out) == (1, "")
    assert before.err.startswith(f"aios-top: the oldest decision of {BLOCK} that is known is of ")


def test_without_a_decision_it_tells_what_the_rule_makes_of_the_present(aios, run):
    ran = run("why", "--block", BLOCK, *aios.options)
    before = run("why", "--block", BLOCK, "--at", "1m ago", *aios.options)

    assert ran.code == 0
    assert "inferred by the console" in ran.out
    assert "Up rule is met (input 900 > 500 and output" in ran.out
    assert before.code == 1
    assert before.err.startswith(f"aios-top: nothing is known of {BLOCK} before now")


def test_wrong_arguments_name_the_next_step(aios, run, tmp_path):
    aios.evaluate()
    time = run("why", "--block", BLOCK, "--at", "lunch", *aios.options)
    later = run("why", "--block", BLOCK, "--at", "2126-01-01", *aios.options)
    path = run("why", "--block", BLOCK, "--policy", str(tmp_path / "none"), *aios.options)
    block = run("why", "--block", "nobody", *aios.options)

    assert (time.code, later.code, path.code, block.code) == (2, 2, 2, 1)
    assert (
        later.err
        == "aios-top: --at '2126-01-01' is still to come; leave it out for the newest decision and what follows\n"
    )
    assert "3m ago" in time.err
    assert "no such file or folder" in path.err
    assert f"there are: {BLOCK}" in block.err
