"""What the commands tell a running policy: the bytes on the wire, what it answered, and the exit codes."""

import json

import pytest

from aios_top.bundle.archive import pack
from aios_top.shipped import shipped
from fakes.recording_aios import BLOCK, EXECUTOR_POD, POLICY

ARCHIVE = "tokenautoscaler-explained.zip"
SET = ("policy", "set", "cooldown_seconds=60")
PAUSE = ("policy", "pause", "--duration", "90s", "--direction", "up", "--reason", "release")
RESUME = ("policy", "resume")
FORCE = ("policy", "force", "--up", "2")
REMOVE = ("policy", "force", "--remove", "in-aa01", "--ignore-cooldown", "--expires", "60")
CANCEL = ("policy", "force", "--cancel")
OLDER = "tokenautoscaler-explained:0.9-stable"
MGMT = ("gateway", "/blocks/mgmt")
OK = {"status": "ok"}
PAYLOADS = {
    PAUSE: ("pause", {"seconds": 90.0, "direction": "up", "reason": "release"}),
    FORCE: (
        "force_scale", {"operation": "upscale", "instances_count": 2, "expires_s": 120.0, "ignore_cooldown": False},
    ),
    REMOVE: (
        "force_scale",
        {"operation": "downscale", "instances_list": ["in-aa01"], "expires_s": 60.0, "ignore_cooldown": True},
    ),
}  # fmt: skip
CHANGES = [SET, PAUSE, FORCE, REMOVE]


@pytest.fixture
def aios(aios):
    """Registered twice: the version that is bound, and the one before."""
    aios.registry[OLDER] = {**aios.registry[POLICY], "version": "0.9", "policy_rule_uri": OLDER}
    aios.files[ARCHIVE] = pack(shipped("policy"))
    aios.evaluate()
    return aios


def answers(aios, said):
    aios.answers[MGMT] = (200, {"success": True, "data": said})


def command(argv, *more):
    return (*argv, "--block", BLOCK, *more)


@pytest.mark.parametrize("argv", PAYLOADS, ids=" ".join)
def test_one_request_goes_out_as_it_was_shown(argv, aios, run):
    answers(aios, OK)
    ran = run(*command(argv, "--yes"), *aios.options)

    action, payload = PAYLOADS[argv]
    (request,) = aios.changes
    assert (request.service, request.method, request.path) == ("gateway", "POST", "/blocks/mgmt")
    assert request.json == {
        "block_id": BLOCK, "service": "autoscaler", "action": action, "payload": payload, "instance_id": "",
    }  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "done: the policy answered: ok"
    for word in ("send", "seen", "effect", "undo"):
        assert f"\n{word}" in ran.out


def test_parameters_are_tried_and_then_set(aios, run):
    answers(aios, {"status": "ok", "changed": {"cooldown_seconds": [120, 60]}, "generation": 2})
    ran = run(*command(SET, "--yes"), *aios.options)

    tried, made = (request.json["payload"] for request in aios.changes)
    assert made == {"parameters": {"cooldown_seconds": 60}, "expect_generation": 1}
    assert tried == {**made, "dry_run": True}
    assert ran.code == 0
    assert "cooldown_seconds 120 \u2192 60, generation 2" in ran.out.splitlines()[-1]
    assert "it lasts until the executor restarts" in " ".join(ran.out.split())


def test_what_the_policy_refuses_when_trying_is_named_and_not_set(aios, run):
    answers(aios, {"status": "error", "reason": "no", "errors": {"cooldown_seconds": "too short"}})
    ran = run(*command(SET, "--yes"), *aios.options)

    assert (ran.code, len(aios.changes)) == (1, 1)
    assert ran.err == "failed: the policy refused: cooldown_seconds: too short\n"


@pytest.mark.parametrize("argv", CHANGES, ids=" ".join)
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (None, "the policy gave no answer: it does not know this action"),
        ({"status": "not_implemented", "action": "x", "supported": ["get_state"]}, "does not know this action"),
    ],
)
def test_a_policy_that_does_not_know_the_action_is_a_failure(argv, said, words, aios, run):
    answers(aios, said)
    ran = run(*command(argv, "--yes"), *aios.options)

    assert (ran.code, len(aios.changes)) == (1, 1)
    assert ran.err.startswith("failed: ")
    assert words in ran.err


@pytest.mark.parametrize("argv", CHANGES, ids=" ".join)
def test_no_answer_is_unknown_and_never_sent_again(argv, aios, run):
    aios.answers[MGMT] = (200, None)
    ran = run(*command(argv, "--yes"), *aios.options)

    assert (ran.code, len(aios.changes)) == (3, 1)
    assert ran.err.startswith("unknown: ")


@pytest.mark.parametrize("argv", [*CHANGES, RESUME, CANCEL, ("policy", "rollback")], ids=" ".join)
def test_read_only_refuses_with_that_word_and_sends_nothing(argv, aios, run):
    ran = run(*command(argv, "--yes", "--read-only"), *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert "read-only" in ran.err


@pytest.mark.parametrize("argv", [*CHANGES, ("policy", "rollback")], ids=" ".join)
def test_without_a_terminal_a_change_needs_yes(argv, aios, run):
    ran = run(*command(argv), *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert ran.err == "aios-top: refused: without a terminal to ask on, this needs --yes\n"


@pytest.mark.parametrize(("argv", "why"), [(RESUME, "is not paused"), (CANCEL, "no scaling by hand is queued")])
def test_what_is_not_there_is_not_ended(argv, why, aios, run):
    ran = run(*command(argv, "--yes"), *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert why in ran.err


def test_a_dry_run_shows_everything_and_sends_nothing_though_read_only(aios, run):
    ran = run(*command(SET, "--dry-run", "--read-only"), *aios.options)

    assert (ran.code, ran.err, aios.changes) == (0, "", [])
    assert ran.out.splitlines()[-1] == "dry run: nothing of this was sent"
    assert run("audit", "show").out == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("cooldown_seconds=120",), 1, "cooldown_seconds=120 is in force already"),
        (("cooldown_seconds=soon",), 1, "cooldown_seconds: soon is not a number"),
        (("cooldwn_seconds=5",), 1, "did you mean cooldown_seconds?"),
        (("input_tokens_down_threshold=900",), 1, "input: scales down below 900, but up above 500"),
        (("cooldown_seconds",), 2, "write NAME=VALUE"),
        (("cooldown_seconds=",), 2, "type a value"),
        (("cooldown_seconds=1", "cooldown_seconds=2"), 2, "cooldown_seconds is given twice"),
    ],
)
def test_values_that_cannot_work_are_refused_before_anything_is_sent(words, code, said, aios, run):
    ran = run(*command(("policy", "set", *words), "--yes"), *aios.options)

    assert (ran.code, aios.changes) == (code, [])
    assert said in ran.err


def test_a_rollback_binds_the_version_before(aios, run):
    ran = run(*command(("policy", "rollback"), "--yes"), *aios.options)

    (request,) = aios.changes
    assert (request.service, request.method, request.path) == ("blocks", "PUT", f"/blocks/{BLOCK}")
    assert request.json == {"$set": {"policies.autoscaler.policyRuleURI": OLDER}}
    assert (ran.code, aios.bound) == (0, OLDER)
    assert f"aios-top policy restart --block {BLOCK}" in " ".join(ran.out.split())


def test_a_rollback_with_restart_does_both(aios, run):
    ran = run(*command(("policy", "rollback"), "--restart", "--yes"), *aios.options)

    bind, restart = aios.changes
    assert (bind.service, restart.service) == ("blocks", "controller")
    assert restart.json["objects"][0]["metadata"]["name"] == EXECUTOR_POD
    assert (ran.code, ran.out.count("done: ")) == (0, 2)


def test_a_rollback_that_fails_restarts_nothing(aios, run):
    aios.answers["blocks", f"/blocks/{BLOCK}"] = (500, {"message": "mongo is gone"})
    ran = run(*command(("policy", "rollback"), "--to", OLDER, "--restart", "--yes"), *aios.options)

    assert ran.code == 1
    assert "mongo is gone" in ran.err
    assert not [request for request in aios.changes if request.service == "controller"]


def test_without_a_version_before_it_names_the_others(aios, run):
    del aios.registry[OLDER]
    ran = run(*command(("policy", "rollback"), "--yes"), *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert f"holds no version of tokenautoscaler-explained before {POLICY}; others: none" in ran.err


def test_a_rollback_to_what_is_not_registered_is_refused(aios, run):
    ran = run(*command(("policy", "rollback"), "--to", "x:1-y", "--yes"), *aios.options)

    assert (ran.code, aios.changes) == (1, [])
    assert "x:1-y is not in the policy registry" in ran.err


def test_every_change_is_in_the_record(aios, run):
    answers(aios, OK)
    for argv in CHANGES:
        run(*command(argv, "--yes"), *aios.options)
    entries = [json.loads(line) for line in run("audit", "show", "--json").out.splitlines()]

    actions = [entry["fields"]["request"]["body"]["action"] for entry in entries if entry["kind"] == "intent"]
    assert actions == ["set_parameters", "set_parameters", "pause", "force_scale", "force_scale"]
    assert run("audit", "verify").code == 0


class TestDiff:
    def test_equal_is_said_and_is_exit_code_0(self, aios, run):
        ran = run(*command(("policy", "diff"), "--exit-code", "--policy", str(shipped("policy"))), *aios.options)

        assert (ran.code, ran.err, aios.changes) == (0, "", [])
        assert "  parameters: what is declared is what runs" in ran.out
        assert "is what is served, sha256 " in ran.out

    def test_declared_parameters_that_do_not_run_yet(self, aios, run):
        aios.parameters = {"cooldown_seconds": 60, "cooldwn": 1}
        ran = run(*command(("policy", "diff"), "--exit-code"), *aios.options)

        lines = ran.out.splitlines()
        assert ran.code == 1
        assert lines[:2] == ["--- running", "+++ declared (block, overlaid by the registry)"]
        assert lines[lines.index("-cooldown_seconds = 120") + 1] == "+cooldown_seconds = 60"
        assert "+cooldwn = 1    (the policy has no such parameter)" in lines
        assert run(*command(("policy", "diff")), *aios.options).code == 0

    def test_code_that_is_served_against_code_that_is_here(self, aios, run, tmp_path):
        (tmp_path / "code").mkdir()
        source = (shipped("policy") / "code" / "function.py").read_text()
        (tmp_path / "code" / "function.py").write_text(source + "# mine \x1b[31m\n")
        (tmp_path / "registration.json").write_bytes((shipped("policy") / "registration.json").read_bytes())
        ran = run(*command(("policy", "diff"), "--exit-code", "--policy", str(tmp_path)), *aios.options)

        assert ran.code == 1
        assert f"--- served {aios.base}/files/{ARCHIVE} code/function.py" in ran.out
        assert f"+++ local {tmp_path} code/function.py" in ran.out
        assert "+# mine \u241b[31m" in ran.out
        assert "\x1b" not in ran.out

    def test_what_cannot_be_compared_is_said(self, aios, run):
        aios.files.clear()
        ran = run(*command(("policy", "diff"), "--exit-code"), *aios.options)

        assert ran.code == 0
        assert f"  code: {aios.base}/files/{ARCHIVE}: " in ran.out


class TestRealPolicy:
    """The shipped policy itself answers here, loaded as AIOS loads it."""

    def in_force(self, aios, run):
        shown = json.loads(run("policy", "show", "--block", BLOCK, "--json", *aios.options).out)
        return shown["in_force"]

    def test_parameters_are_set_and_marked_as_lasting_until_the_restart(self, aios, run):
        ran = run(*command(("policy", "set", "cooldown_seconds=60", "max_replicas=4"), "--yes"), *aios.options)

        assert (ran.code, ran.err) == (0, "")
        last = " ".join(ran.out.splitlines()[-1:])
        assert "cooldown_seconds 120 \u2192 60" in last
        assert "max_replicas null \u2192 4" in last
        told = self.in_force(aios, run)
        assert (told["effective"]["cooldown_seconds"], told["source"]["cooldown_seconds"]) == (60, "runtime")
        lint = run("policy", "lint", "--json", *aios.options)
        assert '"RuntimeOnly"' in lint.out
        assert '"NoMaximum"' not in lint.out

    def test_a_dry_run_tells_what_it_would_have_decided_and_changes_nothing(self, aios, run):
        ran = run(
            *command(
                ("policy", "set", "input_tokens_up_threshold=5000", "output_tokens_up_threshold=5000"), "--dry-run"
            ),
            *aios.options,
        )

        assert ran.code == 0
        assert "its last evaluation would have decided WithinRange" in " ".join(ran.out.split())
        assert self.in_force(aios, run)["generation"] == 1

    def test_a_pause_holds_and_a_resume_ends_it(self, aios, run):
        assert (
            run(*command(PAUSE, "--yes"), *aios.options)
            .out.splitlines()[-1]
            .startswith("done: scaling up is paused for ")
        )
        again = run("policy", "lint", "--json", *aios.options)
        assert '"PolicyPaused"' in again.out
        ran = run(*command(RESUME, "--yes"), *aios.options)
        assert (ran.code, ran.out.splitlines()[-1]) == (0, "done: scaling goes on")

    def test_a_forced_scaling_is_queued_and_taken_back(self, aios, run):
        ran = run(*command(FORCE, "--yes"), *aios.options)
        assert ran.out.splitlines()[-1] == "done: upscale of 2 is queued for the next evaluation"
        back = run(*command(CANCEL, "--yes"), *aios.options)
        assert (back.code, back.out.splitlines()[-1]) == (0, "done: no scaling is queued any more")

    def test_what_the_policy_itself_refuses_is_a_failure_with_its_words(self, aios, run):
        run(*command(("policy", "set", "max_replicas=3"), "--yes"), *aios.options)
        ran = run(*command(("policy", "force", "--up", "9"), "--yes"), *aios.options)
        assert ran.code == 1
        assert ran.err.startswith("failed: the policy refused: ")
        assert "3" in ran.err

    def test_every_value_that_the_console_accepts_the_policy_accepts(self, aios, run):
        """The console checks by the policy's own schemas: what passes here must not fail there, and the reverse."""
        words = (
            "missing_metrics=conservative",
            "max_replicas=6",
            'protected_instances=["in-aa01"]',
            "scale_up_tolerance=0.1",
            "use_block_limits=true",
            "signal=counter_rate",
            "queue_length_up_threshold=5",
        )
        ran = run(*command(("policy", "set", *words), "--yes"), *aios.options)
        assert (ran.code, ran.err) == (0, "")
        for word in (
            "missing_metrics=never",
            "max_replicas=0",
            "protected_instances=1",
            "scale_up_tolerance=-1",
            "signal=size",
        ):
            refused = run(*command(("policy", "set", word), "--yes"), *aios.options)
            assert (refused.code, "nothing was sent" in refused.err) == (1, True), word
