"""What the load, policy and events pages say, word by word."""

import pytest
from msgspec.structs import replace

from aios_top.model.audit import AuditEntry
from aios_top.model.change import Fate, Outcome
from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.deploy import DeployState, DeployStep, StepStatus
from aios_top.model.load import LoadPhase, LoadPlan, LoadSecond, LoadState, Shape
from aios_top.model.record import PolicyRecord
from aios_top.model.spread import Spread
from aios_top.model.state import EndpointState, Link
from aios_top.model.text import clean
from aios_top.render.cells import Row, width
from aios_top.render.effect import load_effect, load_request
from aios_top.render.events import event_rows, events
from aios_top.render.load import banner_row, idle_rows, load_rows
from aios_top.render.policy import differs, policy_rows
from console import states

NOW, BLOCK = states.NOW, "gemma3-27b-block"
PLAN = LoadPlan(BLOCK, requests=20, input_tokens=1500, max_output_tokens=50)
RUNNING = LoadState(
    PLAN, LoadPhase.RUNNING, NOW - 70, "http://127.0.0.1:31504", sent=20, ok=11, failed=1, lost=0,
    errors=(("HTTP 500: worker died", 1),), latencies=tuple(0.5 + 0.1 * number for number in range(11)),
    input_tokens=30_000, expected=20, address="127.0.0.1", latency=Spread(11, 1.0, 1.0, 1.4, None, None, 1.5),
    service=Spread(11, 0.9, 0.9, 1.3, None, None, 1.4), lateness=Spread(12, 0.1, 0.1, 0.1, None, None, 0.2),
)  # fmt: skip


def text(rows: list[Row]) -> str:
    return "\n".join(row.text for row in rows)


def flat(rows: list[Row]) -> str:
    """Return the rows as one line, for sentences that were wrapped."""
    return " ".join(text(rows).split())


class TestLoad:
    def test_the_page_accounts_for_every_request(self) -> None:
        shown = text(load_rows(RUNNING, states.scaling(), NOW, 80))
        assert "20 requests at once, 1500 input tokens each, at most 50 output tokens" in " ".join(shown.split())
        for part in (
            "● RUNNING  70s", "12/20 answered or given up",
            "http://127.0.0.1:31504 (127.0.0.1) infer",
            "sent 20  ok 11  failed 1 5%  lost 0  in flight 8  ~30.0k tokens",
            "p50 1.00s  p90 1.40s  p95 ?  p99 ?  n 11", "p50 900ms", "max 200ms", "500ms ", " 1.50s", "1x HTTP 500: worker died",
        ):  # fmt: skip
            assert part in shown, part

    def test_the_effect_is_told_with_the_time_it_took(self) -> None:
        shown = text(load_rows(RUNNING, states.scaling(), NOW, 80))
        assert "540/500 tok/req 1m" in shown
        assert "+26s    ▲ UP 3→4 input 540.2 > 500" in shown
        assert "WithinRange" not in shown

    def test_without_a_decision_the_newest_evaluation_says_why(self) -> None:
        fresh = replace(RUNNING, started_at=NOW - 20)
        shown = text(load_rows(fresh, states.scaling(), NOW, 80))
        assert "no scaling decision since the start: cooldown, 84s left; rule asks up" in shown
        assert "no evaluation has been seen" in text(
            load_rows(replace(RUNNING, started_at=NOW), states.scaling(), NOW, 90)
        )

    def test_a_stopped_test_says_why_it_stopped(self) -> None:
        ended = replace(RUNNING, phase=LoadPhase.STOPPED, ended_at=NOW - 10, stop_reason="stopped by itself: 3 of 12")
        shown = text(load_rows(ended, None, NOW, 80))
        assert "■ STOPPED  60s" in shown
        assert "stopped by itself: 3 of 12" in shown
        assert "its block is gone" in shown

    def test_offered_answered_and_latency_stand_on_one_axis_with_the_replicas(self) -> None:
        seconds = tuple(LoadSecond(at, 3, 3, 2, 1, 4, 0.5 + at / 100) for at in range(71))
        shown = text(load_rows(replace(RUNNING, seconds=seconds, rate=3.0, factor=1.25), states.scaling(), NOW, 80))
        for part in ("3 sent/s", "2 ok/s", "1.19s of 5s", "3 requests/s offered (planned rate x 1.25)"):
            assert part in shown, part
        order = [shown.index(label) for label in (" sent ", "  ok ", "  p95 ", "  rep ", "   ev ")]
        assert order == sorted(order)

    def test_an_empty_page_says_how_to_fill_it(self) -> None:
        shown = flat(idle_rows(states.scaling(), 80))
        assert "No load test has run in this session. T sends requests to gemma3-27b-block" in shown
        assert "aios-top load --block gemma3-27b-block" in shown
        assert "aios-top load --block BLOCK --num-requests" in flat(idle_rows(None, 80))

    @pytest.mark.parametrize("columns", [30, 58, 60, 78, 80, 118, 200])
    def test_the_banner_always_names_the_key_that_stops(self, columns: int) -> None:
        row = banner_row(RUNNING, NOW, columns)
        assert width(row.text) == columns
        assert row.text.endswith("X stops it ")
        assert ("8 in flight" in row.text) == (columns >= 118)

    @pytest.mark.parametrize("columns", [58, 78, 80, 98])
    def test_nothing_is_cut(self, columns: int) -> None:
        assert "…" not in text(load_rows(RUNNING, states.scaling(), NOW, columns))

    def test_hostile_text_stays_text(self) -> None:
        bad = replace(RUNNING, errors=(("\x1b]0;x\x07[/b]", 2),), stop_reason="\x9b2J")
        shown = text(load_rows(bad, None, NOW, 80))
        assert "␛]0;x␇[/b]" in shown
        assert "<U+009B>2J" in shown


class TestLoadEffect:
    @pytest.mark.parametrize(
        ("plan", "part"),
        [
            (PLAN, "30.0k input tokens in all; each request has 1500 input tokens, above the limit 500"),
            (replace(PLAN, input_tokens=500), "below the limit 500: the queue grows, but the policy sees no cause"),
            (replace(PLAN, input_tokens=400, max_output_tokens=301), "may lift the 1m mean above the output limit 300"),
        ],
    )
    def test_it_is_said_before(self, plan: LoadPlan, part: str) -> None:
        assert part in load_effect(plan, states.scaling())

    def test_without_limits_nothing_is_promised(self) -> None:
        assert "no limit is known" in load_effect(PLAN, states.bare())

    def test_the_request_is_shown(self) -> None:
        assert load_request(PLAN, "http://h:1") == (
            "POST http://h:1/v1/infer  20 times at once, model gemma3-27b-block, max_tokens 50"
        )
        rated = replace(PLAN, shape=Shape.POISSON)
        assert load_request(rated, "http://h:1").startswith("POST http://h:1/v1/infer  at most 20 times, model")


class TestPolicy:
    def test_bound_registered_and_running_stand_side_by_side(self) -> None:
        shown = flat(policy_rows(states.fleet(), states.scaling(), None, 100))
        assert "bound tokenautoscaler-explained:2.0-stable registered http://h/b.zip" in shown
        assert "running tokenautoscaler-explained 2.0-stable code sha256 9f319f319f31 boot b7 mode active" in shown
        assert "speaks explains its decisions" in shown
        assert "careful" not in shown

    def test_a_policy_that_waits_for_a_restart_is_named(self) -> None:
        block = states.scaling()
        assert block.record is not None
        reference = replace(block.record.policies["autoscaler"], uri=clean("tokenautoscaler-explained:2.1-stable"))
        waiting = replace(block, record=replace(block.record, policies={"autoscaler": reference}))
        assert differs(block) == ""
        assert differs(waiting) == (
            "tokenautoscaler-explained 2.0-stable runs, tokenautoscaler-explained:2.1-stable is bound: it takes effect "
            "when the executor restarts (aios-top policy restart --block gemma3-27b-block)"
        )
        assert "not in the registry" in text(policy_rows(states.fleet(), waiting, None, 100))

    def test_a_silent_policy_shows_declared_parameters_as_such(self) -> None:
        shown = flat(policy_rows(states.fleet(), states.silent(), None, 100))
        assert "parameters as declared nothing proves that they are in force: ~" in shown
        assert "tells nothing: decisions and cooldown are inferred (~)" in shown
        assert "? (only the policy itself could say)" in shown

    def test_no_policy_and_no_answer_are_told_apart(self) -> None:
        assert "no autoscaler policy is bound" in text(policy_rows(states.fleet(), states.bare(), None, 100))
        unreachable = text(policy_rows(states.fleet(), states.stale(), None, 100))
        assert "its autoscaler does not answer: no complete answer from autoscaler" in unreachable

    def test_registered_policies_name_their_users_and_copies(self) -> None:
        fleet = states.fleet()
        doubled = replace(fleet, policies=(*fleet.policies, fleet.policies[1]))
        shown = flat(policy_rows(doubled, states.scaling(), None, 100))
        assert "2 records of this name (AIOS loads the first)" in shown
        assert "tokenautoscaler:2.0-stable qwen2-7b-block" in shown
        unused = PolicyRecord(clean("x:1-y"), clean("x"), clean("1"), clean("y"), clean("u"))
        assert "x:1-y no block" in flat(policy_rows(replace(fleet, policies=(unused,)), states.scaling(), None, 100))

    def test_the_steps_of_a_deploy(self) -> None:
        steps = (
            DeployStep("inspect", StepStatus.DONE, "2 files"),
            DeployStep("upload", StepStatus.RUNNING, fraction=0.62),
            DeployStep("register", StepStatus.FAILED, "HTTP 500"),
            DeployStep("bind", StepStatus.SKIPPED),
            DeployStep("restart"),
        )
        deploy = DeployState("a:1-x", (BLOCK,), steps)
        lines = [row.text.rstrip() for row in policy_rows(states.fleet(), None, deploy, 80)]
        assert lines[0] == " ✓ 1 inspect              2 files"
        assert lines[1] == " ▸ 2 upload               [███████·····] 62%"
        assert lines[2] == " ✗ 3 register             HTTP 500"
        assert lines[3] == " - 4 bind                 skipped"
        assert lines[4] == " · 5 restart"
        assert "leaving this page does not stop it" in lines[5]
        ended = replace(deploy, outcome=Outcome(Fate.FAILED, "served bytes differ; nothing was registered"))
        assert "FAILED served bytes differ; nothing was registered" in flat(
            policy_rows(states.fleet(), None, ended, 80)
        )


class TestEvents:
    def everything(self, _name: str = "") -> bool:
        return True

    def shown(self, *audit: AuditEntry, load: LoadState | None = None, columns: int = 120) -> list[str]:
        return [row.text.rstrip() for row in event_rows(events(states.fleet(), audit, load, self.everything), columns)]

    def test_holds_are_left_to_the_blocks_log(self) -> None:
        found = events(states.fleet(), (), None, self.everything)
        assert {event.kind for event in found} == {"decision", "data"}
        assert not [event for event in found if "cooldown" in event.what]
        assert [event.at for event in found] == sorted((event.at for event in found), reverse=True)

    def test_an_action_stands_with_its_outcome(self) -> None:
        request = {"block_id": BLOCK, "change": "ResetCooldown"}
        intent = AuditEntry(7, NOW - 9, "intent", {"title": "Reset the cooldown", "by": "you@host", "request": request})
        done = AuditEntry(8, NOW - 8, "outcome", {"intent": 7, "fate": "done", "seconds": 0.112, "message": "ok"})
        assert any(
            "action" in line and BLOCK in line and "you@host" in line and "Reset the cooldown: done in 112ms" in line
            for line in self.shown(intent, done)
        )
        unknown = AuditEntry(8, NOW - 8, "outcome", {"intent": 7, "fate": "unknown", "message": "no answer in 30s"})
        assert any("Reset the cooldown: unknown, no answer in 30s" in line for line in self.shown(intent, unknown))

    def test_the_requests_of_a_deploy_are_told_apart(self) -> None:
        changes = ("UploadArchive", "UpdatePolicy", "BindPolicy", "RestartExecutor")
        audit = []
        for number, change in enumerate(changes):
            request = {"change": change, "block_id": BLOCK}
            fields = {"title": f"Deploy p:1.0 to {BLOCK}", "by": "you", "request": request}
            audit.append(AuditEntry(2 * number, NOW - 20 + number, "intent", fields))
            audit.append(
                AuditEntry(2 * number + 1, NOW - 20 + number, "outcome", {"intent": 2 * number, "fate": "done"})
            )
        lines = [line for line in self.shown(*audit) if "Deploy" in line]
        assert [line.split(", ")[-1].strip() for line in lines] == [
            "restart: done", "bind: done", "register: done", "upload: done",
        ]  # fmt: skip

    def test_an_intent_without_an_outcome_is_said_to_be_open(self) -> None:
        under_way = AuditEntry(7, NOW - 9, "intent", {"title": "Scale up", "by": "you@host"})
        assert any("Scale up: sent, no answer yet" in line for line in self.shown(under_way))
        intent = AuditEntry(7, NOW - 36, "intent", {"title": "Scale up", "by": "you@host"})
        assert any("no outcome recorded: it may or may not have happened" in line for line in self.shown(intent))

    def test_a_refusal_names_its_reason(self) -> None:
        refused = AuditEntry(3, NOW - 9, "refused", {"title": "Scale up", "by": "you", "reason": "was 2, is 3"})
        assert any("Scale up: refused, was 2, is 3" in line for line in self.shown(refused))

    def test_a_load_test_has_a_beginning_and_an_end(self) -> None:
        ended = replace(RUNNING, phase=LoadPhase.FINISHED, ended_at=NOW - 1, ok=19)
        lines = self.shown(load=ended)
        assert any("load test started, 20 requests at once, 1500 input tokens" in line for line in lines)
        assert any("load test finished: 19 ok, 1 failed, 0 lost" in line for line in lines)

    def test_a_load_test_of_another_process_comes_from_the_record_and_ones_own_is_told_once(self) -> None:
        request = {"change": "LoadTest", "block_id": BLOCK}
        intent = AuditEntry(7, NOW - 9, "intent", {"title": "Load test", "by": "you@host", "request": request})
        done = AuditEntry(8, NOW - 8, "outcome", {"intent": 7, "fate": "done", "seconds": 1.0})
        assert any("Load test: no end recorded: it runs, or was cut off" in line for line in self.shown(intent))
        (line,) = [line for line in self.shown(intent, done) if "Load test" in line]
        assert " load " in line
        assert "done in 1.00s" in line
        own = LoadState(LoadPlan(BLOCK), LoadPhase.RUNNING, NOW - 8)
        assert not [line for line in self.shown(intent, load=own) if "Load test" in line]
        assert [line for line in self.shown(intent, load=own) if "load test started" in line]

    def test_replicas_that_change_without_the_policy_are_events_unless_the_record_says_who(self) -> None:
        before, after = (
            Decision(at, Action.HOLD, clean("x"), clean("y"), Origin.REPORTED, seq=number, current=current)
            for number, (at, current) in enumerate(((NOW - 40, 6), (NOW - 10, 0)))
        )
        fleet = states.fleet()
        fleet = replace(fleet, blocks={BLOCK: replace(fleet.blocks[BLOCK], decisions=(after, before))})

        def outside(*audit: AuditEntry) -> list[str]:
            return [event.what for event in events(fleet, audit, None, self.everything) if event.kind == "outside"]

        assert outside() == ["6\u21920 replicas: the policy did not ask for it; removed by hand, or lost"]

        def sent(at: float, block_id: str = BLOCK, change: str = "ScaleDown") -> AuditEntry:
            return AuditEntry(7, at, "intent", {"title": "x", "request": {"block_id": block_id, "change": change}})

        assert outside(sent(NOW - 20)) == []
        for other in (sent(NOW - 101), sent(NOW - 5), sent(NOW - 20, "other"), sent(NOW - 20, change="Manage")):
            assert len(outside(other)) == 1

    def test_data_problems_are_events(self) -> None:
        fleet = replace(
            states.fleet(), endpoints={"metrics": EndpointState("metrics", Link.DOWN, clean("timeout"), NOW - 12)}
        )
        found = [event.what for event in events(fleet, (), None, self.everything) if event.kind == "data"]
        assert "metrics down: timeout" in found
        assert any(what.startswith("3 polls failed since then: metrics answers 503") for what in found)

    def test_the_filter_hides_other_blocks_but_no_problem_of_the_services(self) -> None:
        fleet = replace(
            states.fleet(), endpoints={"metrics": EndpointState("metrics", Link.DOWN, clean("timeout"), NOW - 12)}
        )
        found = events(fleet, (), None, lambda name: name == "qwen2-7b-block")
        assert {event.block_id for event in found} == {"qwen2-7b-block", ""}

    @pytest.mark.parametrize("columns", [58, 78, 80, 118])
    def test_long_events_go_on_in_the_next_line(self, columns: int) -> None:
        lines = self.shown(columns=columns)
        assert all(width(line) <= columns for line in lines)
        told = " ".join(" ".join(lines).split())
        assert "metrics answers 503" in told.replace(" BLOCK", "")

    def test_inferred_decisions_say_so_where_there_is_room(self) -> None:
        assert any("~ inferred" in line for line in self.shown(columns=120))
