"""`aios-top wait`: a script goes on when the block is as it wants it, and learns what there was when it is not."""

import threading

from fakes.recording_aios import BLOCK


def test_what_holds_already_is_not_waited_for(aios, run):
    ran = run("wait", "--block", BLOCK, "--until", "replicas=2", *aios.options)
    assert (ran.code, ran.out, ran.err) == (0, f"{BLOCK}: replicas=2\n", "")
    assert aios.changes == []


def test_a_decision_that_comes_while_waiting(aios, run):
    ended = threading.Event()

    def decide() -> None:
        while not ended.wait(0.05):
            if any(request.path.endswith("/mgmt") for request in aios.requests):
                aios.evaluate()
                return

    deciding = threading.Thread(target=decide)
    deciding.start()
    ran = run("wait", "--block", BLOCK, "--until", "decision=upscale", "--wait", "30", "--poll", "0.5", *aios.options)
    ended.set()
    deciding.join()
    assert (ran.code, ran.err) == (0, "")


def test_when_time_is_up_it_says_what_there_was(aios, run):
    ran = run("wait", "--block", BLOCK, "--until", "replicas>=9", "--wait", "1.5", "--poll", "0.5", *aios.options)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "aios-top: not within 1.5s: replicas>=9; 2 replicas, 2 reporting\n"


def test_an_aios_that_does_not_answer_is_named_at_the_end(run):
    nowhere = ["--url", "metrics=http://127.0.0.1:1"]
    ran = run("wait", "--block", "b", "--until", "replicas=1", "--wait", "1.5", *nowhere)
    assert ran.code == 1
    assert "not within 1.5s" in ran.err
    assert "no metrics: " in ran.err


def test_an_unknown_block_ends_it_at_once(aios, run):
    ran = run("wait", "--block", "nobody", "--until", "replicas=2", *aios.options)
    assert ran.code == 1
    assert f"no block 'nobody'; there are: {BLOCK}" in ran.err


def test_a_condition_that_is_none_is_a_usage_error(aios, run):
    ran = run("wait", "--block", BLOCK, "--until", "replicas is 2", *aios.options)
    assert ran.code == 2
    assert "no condition" in ran.err
    assert aios.requests == []
