"""A policy file runs in a child that tells it the time and lets it do nothing but compute."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aios_top.bundle.rule_process import RuleLimits, RuleProcess
from aios_top.model.packed import packed
from aios_top.model.rule_call import Call, Construct, Encoded, Evaluate, Manage, Restore, RuleAnswer, RuleError
from aios_top.shipped import shipped

OURS = (shipped("policy") / "code" / "function.py").read_bytes()
ROOT = Path(__file__).parent.parent.parent
TUTORIAL = (ROOT / "tui/aios_top/testbed/policies/tokenautoscaler/code/function.py").read_bytes()
INPUT = "llm_input_tokens_per_minute_rolling"
OUTPUT = "llm_output_tokens_per_minute_rolling"
TIGHT = RuleLimits(cpu_seconds=0.3, memory_bytes=256 * 1024 * 1024, wall_seconds=60)

RULE = """
import math, os, sys, time
def is_pipe(number):
    try:
        return os.path.exists(f"/proc/self/fd/{{number}}") and os.write(number, b"") == 0
    except OSError:
        return False

class AIOSv1PolicyRule:
    def __init__(self, rule_id, settings, parameters):
        self.rule_id, self.settings, self.parameters = rule_id, settings, parameters
        {at_construction}
    def eval(self, parameters, input_data, context):
        {at_evaluation}
    def management(self, action, data):
        return [action, data]
"""

HANG = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"


def policy(evaluation="return None", construction="pass"):
    return RULE.format(at_evaluation=evaluation, at_construction=construction).encode()


def document(name, tokens, output=0):
    return {"instanceId": name, INPUT: {"average_1m": tokens}, OUTPUT: {"average_1m": output}}


def evaluate(source, limits=TIGHT, input_data=None, metrics=None):
    with RuleProcess(source, limits) as rule:
        rule.construct({}, {})
        return rule.evaluate(input_data, metrics, 1000.0)


def sentence(source, limits=TIGHT):
    with pytest.raises(RuleError) as caught:
        evaluate(source, limits)
    return str(caught.value), caught.value.ended


def test_encoded_metrics_are_told_like_plain_ones():
    source = policy("return [input_data, self.settings['get_metrics'](), self.parameters]")
    metrics = {"block_metrics": [document("in-\u00fc", 600.125)], "none": None}
    plain = evaluate(source, input_data={"a": 1}, metrics=metrics)
    encoded = evaluate(source, input_data={"a": 1}, metrics=Encoded(json.dumps(metrics, ensure_ascii=False)))
    assert encoded == plain == [{"a": 1}, metrics, {}]


@pytest.mark.parametrize("source", [OURS, TUTORIAL], ids=["ours", "tutorial"])
def test_the_told_time_is_the_policys_time(source):
    """The cooldown of 120 s judges told seconds, whichever way a policy reads its clock."""
    current, metrics = {"current_instances": ["in-1"]}, {"block_metrics": [document("in-1", 600)]}
    with RuleProcess(source) as rule:
        rule.construct({}, {"cooldown_seconds": 120}, at=1_000.0)
        calls = [Evaluate(current, metrics, at) for at in (1_000.0, 1_119.0, 1_120.0, 1_121.0)]
        results = [answer.value for answer in rule.batch(calls)]

    assert [result.get("operation", result["reason"]) for result in results] == [
        "upscale",
        "Cooldown active.",
        "Cooldown active.",
        "upscale",
    ]


def test_every_clock_of_the_standard_library_is_told():
    source = policy(
        "import datetime; t = time.time(); time.sleep(5); "
        "return [t, time.time(), time.monotonic(), time.time_ns(), time.perf_counter(), time.gmtime()[:6], "
        "datetime.datetime.now(datetime.timezone.utc).isoformat(), datetime.datetime.utcnow().isoformat()]"
    )
    with RuleProcess(source) as rule:
        rule.construct({}, {})
        assert rule.evaluate(None, None, 100.5, 7.0) == [
            100.5,
            105.5,
            12.0,
            105_500_000_000,
            12.0,
            [1970, 1, 1, 0, 1, 45],
            "1970-01-01T00:01:45.500000+00:00",
            "1970-01-01T00:01:45.500000",
        ]
        assert rule.evaluate(None, None, 200.0)[:3] == [200.0, 205.0, 205.0]


def test_it_is_constructed_and_evaluated_as_aios_does_it():
    source = policy(
        "return [self.rule_id, self.settings['get_metrics'](), parameters is self.parameters, context, input_data]"
    )
    with RuleProcess(source) as rule:
        rule.construct({"intervalSeconds": 30}, {"a": 1})
        assert rule.evaluate({"x": 1}, {"m": 2}, 1.0) == ["", {"m": 2}, True, None, {"x": 1}]
        assert rule.management("ask", {"y": None}) == ["ask", {"y": None}]


def test_numbers_cross_exactly():
    values = [math.inf, -math.inf, -0.0, 0.1 + 0.2, 5e-324, 2**80, True, None, 1, 1.0, "\ud800", "é"]
    returned = evaluate(policy("return [input_data, self.settings['get_metrics']()]"), TIGHT, values, [math.nan])

    assert [repr(value) for value in returned[0]] == [repr(value) for value in values]
    assert math.isnan(returned[1][0])


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        (math.inf, "Token rate exceeded threshold (Input: inf, Output: 0.00)"),
        (math.nan, "No scaling action required."),
        ("600", "An error occurred: unsupported operand type(s) for +=: 'int' and 'str'"),
    ],
)
def test_strange_metrics_decide_as_on_aios(tokens, reason):
    given = {"current_instances": ["in-1"]}, {"block_metrics": [document("in-1", tokens)]}
    assert evaluate(OURS, TIGHT, *given)["reason"] == reason


@pytest.mark.parametrize("error", [ConnectionError("boom"), RuntimeError("boom"), RuleError("boom")])
def test_a_collector_that_raises_raises_in_the_policy(error):
    given = {"current_instances": ["in-1"]}
    assert evaluate(OURS, TIGHT, given, error) == {"skip": True, "reason": "An error occurred: boom"}


def test_without_a_collector():
    with RuleProcess(OURS) as rule:
        answers = rule.batch([Construct({}, {}, collector=False), Evaluate({"current_instances": ["a"]}, {}, 1.0)])
    assert answers[1].value["reason"] == "Metrics collector not configured."


def test_a_function_of_the_module_can_be_called():
    source = policy() + b"def add(a, b): return a + b\n"
    with RuleProcess(source) as rule:
        answers = rule.batch([Call("add", (1, 2.5)), Call("none")])
    assert answers[0] == RuleAnswer(3.5)
    assert answers[1].error == "AttributeError: module 'aios_policy_rule' has no attribute 'none'"


def test_a_batch_keeps_its_order_across_many_lines_and_restores_state():
    with RuleProcess(policy("return [time.time(), getattr(self, 'mark', None)]")) as rule:
        rule.construct({}, {})
        calls = [call for at in range(400) for call in (Restore({"mark": at * 2}), Evaluate(None, "x" * 9000, at))]
        answers = rule.batch(calls)

    assert answers[1::2] == [RuleAnswer([at, at * 2]) for at in range(400)]


def test_what_a_policy_raises_is_an_answer_and_the_next_call_works():
    source = policy("return {'ok': 1}[input_data]")
    with RuleProcess(source) as rule:
        assert rule.batch([Evaluate("ok", None, 1.0)])[0].error == "RuntimeError: the rule has not been constructed"
        answers = rule.batch([Construct(), Evaluate("no", None, 1.0), Evaluate("ok", None, 1.0), Manage("a")])
        with pytest.raises(RuleError, match="KeyError: 'no'") as caught:
            rule.evaluate("no", None, 1.0)

    assert answers == [RuleAnswer(None), RuleAnswer(error="KeyError: 'no'"), RuleAnswer(1), RuleAnswer(["a", None])]
    assert not caught.value.ended


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"class A(:\n", "cannot be imported: line 1: invalid syntax"),
        (
            b"import requests\n",
            "cannot be imported: ModuleNotFoundError: No module named 'requests'; only the standard",
        ),
        (b"x = 1\n", "cannot be imported: AttributeError: the file has no class AIOSv1PolicyRule"),
        (b"raise SystemExit(3)\n", "cannot be imported: SystemExit: 3"),
        (b"import os\nos._exit(7)\n", "cannot be imported: ended its process with status 7"),
        (
            b"open('x', 'w')\n",
            "cannot be imported: touches a file outside its folder (open 'x'), which is refused here",
        ),
        (b"#" * 300_000, "larger than 256 KiB"),
    ],
    ids=lambda value: value.decode()[:20] if isinstance(value, bytes) else "",
)
def test_a_file_that_cannot_be_imported_says_why(source, message):
    with pytest.raises(RuleError) as caught:
        RuleProcess(source, TIGHT).__enter__()
    assert str(caught.value).startswith(message)
    assert caught.value.ended


def test_a_constructor_that_raises():
    with RuleProcess(policy(construction="parameters['x']")) as rule, pytest.raises(RuleError, match="KeyError: 'x'"):
        rule.construct({}, {})


REFUSED = {
    "socket": ("import socket; socket.socket()", "tries socket.__new__"),
    "name lookup": ("import socket; socket.getaddrinfo('localhost', 80)", "tries socket.getaddrinfo"),
    "subprocess": ("import subprocess; subprocess.run(['true'])", "tries subprocess.Popen"),
    "system": ("os.system('true')", "tries os.system"),
    "fork": ("os.fork()", "tries os.fork"),
    "kill": ("os.kill(os.getppid(), 9)", "tries os.kill"),
    "thread": ("import threading; threading.Thread(target=print).start()", "starts a thread"),
    "write": ("open('made', 'w')", "touches a file outside its folder (open 'made')"),
    "append": ("os.open('made', os.O_WRONLY | os.O_CREAT)", "touches a file outside its folder (open 'made')"),
    "remove": ("os.remove(__file__)", "tries os.remove"),
    "make folder": ("os.mkdir('made')", "tries os.mkdir"),
    "read": ("open('/etc/hostname')", "touches a file outside its folder (open '/etc/hostname')"),
    "read through a link": ("open('../../../etc/hostname')", "touches a file outside its folder"),
    "list": ("os.listdir('/')", "touches a file outside its folder (os.listdir '/')"),
    "native code": ("import ctypes", "imports ctypes"),
    "more memory": ("import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "tries resource.setrlimit"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_computation_is_refused_also_when_the_policy_hides_it(name):
    attempt, message = REFUSED[name]
    source = policy(f"try:\n            {attempt}\n        except Exception: pass\n        return 'done'")

    said, ended = sentence(source)

    assert said.startswith(message)
    assert said.endswith("which is refused here")
    assert not ended


def test_it_may_read_itself_and_the_standard_library():
    assert evaluate(policy("import email.mime.text, zoneinfo; return open(__file__).read(7)")) == "\nimport"


@pytest.mark.parametrize(
    ("attempt", "message", "ended"),
    [
        ("while True: pass", "used more than 300ms of processor time", True),
        ("return len([0] * 10**9)", "MemoryError: it needs more memory than it is given here", False),
        ("os._exit(5)", "ended its process with status 5", True),
        ("sys.exit('bye')", "SystemExit: bye", False),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", False),
        ("return self.eval(1, 2, 3)", "RecursionError: maximum recursion depth exceeded", False),
        ("return {1, 2}", "TypeError: Object of type set is not JSON serializable", False),
        ("return 'x' * 20_000_000", "ValueError: answers with 20000010 bytes", False),
        (
            "[os.write(n, b'{]\\n') for n in range(3, 9) if is_pipe(n)]",
            "answered with something that is no answer",
            True,
        ),
        ("import signal; signal.raise_signal(11)", "crashed its process (SIGSEGV)", True),
    ],
)
def test_accidents_end_in_a_sentence(attempt, message, ended):
    said, gone = sentence(policy(attempt))

    assert said.startswith(message)
    assert gone is ended


def test_printing_and_reading_disturb_nothing():
    source = policy("print('x' * 100_000); sys.stderr.write('y'); return [sys.stdin.read(), dict(os.environ)]")
    read, environment = evaluate(source)
    assert read == ""
    assert set(environment) <= {"LC_CTYPE", "LD_LIBRARY_PATH"}


def test_a_policy_that_waits_for_ever_is_ended_at_the_deadline_and_stays_ended():
    source = policy(HANG)
    with RuleProcess(source, RuleLimits(wall_seconds=0.5)) as rule:
        rule.construct({}, {})
        for _ in range(2):
            with pytest.raises(RuleError, match=r"did not answer within 500ms") as caught:
                rule.evaluate(None, None, 1.0)
            assert caught.value.ended


def test_a_closed_rule_says_so_and_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with RuleProcess(policy()) as rule:
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuleError, match="it has been closed"):
        rule.evaluate(None, None, 1.0)


def test_what_cannot_be_told_is_refused_before_it_is_sent():
    with RuleProcess(policy("return 1")) as rule:
        rule.construct({}, {})
        with pytest.raises(RuleError, match="cannot be told: Object of type set"):
            rule.evaluate({1}, None, 1.0)
        assert rule.evaluate(1, None, 1.0) == 1


PARENT = """
import sys
from aios_top.bundle.rule_process import RuleProcess
rule = RuleProcess(sys.argv[1].encode()).__enter__()
rule.construct({}, {})
print(rule.evaluate(None, None, 1.0), flush=True)
rule.evaluate("hang", None, 1.0)
"""


def test_it_ends_with_its_parent(tmp_path):
    """Also when the parent is killed in the middle of an evaluation; then the child removes its folder."""
    source = policy(f"if not input_data: return os.getpid()\n        {HANG}")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, source.decode()], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    for _ in range(600):
        if not alive(child) and not list(tmp_path.iterdir()):
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its parent by 30 s")


def alive(process_id):
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_packed_record_is_told_as_it_was():
    with RuleProcess(policy("return input_data")) as rule:
        rule.construct({}, {})
        assert rule.evaluate(packed({"seq": 7, "reason": "none"}), None, 1.0) == {"seq": 7, "reason": "none"}
