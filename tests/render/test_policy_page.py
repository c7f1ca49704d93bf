"""What the policy page says: parameters and who overrides whom, what holds the policy back, lints, other policies."""

from typing import Any

import pytest
from msgspec.structs import replace

from aios_top.model.deploy import DeployState
from aios_top.model.judge import judge_block
from aios_top.model.lint_facts import Facts, Served
from aios_top.model.lints import lint
from aios_top.model.policy_state import ForcedScale, Pause, PolicyReport, Voice
from aios_top.model.reading import ExecutorReading
from aios_top.model.record import PolicyReference
from aios_top.model.state import FleetState
from aios_top.model.text import clean
from aios_top.render.decisions import block_badge
from aios_top.render.lint import lint_document, lint_rows, lint_summary
from aios_top.render.policy import policy_rows, policy_title
from aios_top.render.policy_diff import diff_lines, differs
from aios_top.render.policy_document import policy_document, policy_lines
from aios_top.render.policy_parameters import parameter_rows
from model.lint_states import CODE, OTHER, facts, registered

WIDTHS = (60, 78, 80, 98, 120)


def lines(given: Facts, columns: int = 80, draft: dict[str, Any] | None = None) -> list[list[str]]:
    return [row.text.split() for row in parameter_rows(given, draft or {}, columns)]


def row_of(given: Facts, name: str, **options: Any) -> list[str]:
    return next(line for line in lines(given, **options) if line[:1] == [name])


def page(given: Facts, columns: int = 80, **options: Any) -> str:
    state = FleetState(at=1.0, sequence=1, blocks={given.block.block_id: given.block}, policies=given.policies or ())
    rows = policy_rows(state, given.block, None, columns, lint(given, 1.0), options.get("draft"))
    return "\n".join(row.text.rstrip() for row in rows)


def flat(text: str) -> str:
    return " ".join(text.split())


class TestParameters:
    OVERRIDDEN = facts(
        {"cooldown_seconds": 999},
        own={"cooldown_seconds": 60, "min_replicas": 1},
        policies=(registered(parameters={"cooldown_seconds": 999, "max_replicas": 4}),),
        told={"source": {"cooldown_seconds": "given", "max_replicas": "given", "averaging_period": "default"}},
    )

    def test_value_declaration_and_origin_stand_in_one_line(self) -> None:
        given = facts(own={"min_replicas": 1}, told={"source": {"min_replicas": "given", "max_replicas": "default"}})
        assert lines(given)[1] == ["PARAMETER", "RUNNING", "BLOCK", "FROM"]
        assert row_of(given, "min_replicas") == ["min_replicas", "1", "1", "block"]
        assert row_of(given, "max_replicas") == ["max_replicas", "4", "default"]

    def test_a_registry_that_overrides_is_marked(self) -> None:
        found = lines(self.OVERRIDDEN)
        at = found.index(["cooldown_seconds", "999", "60", "registry"])
        assert " ".join(found[at + 1]) == "! the registry's 999 overrides the block's 60"
        assert row_of(self.OVERRIDDEN, "max_replicas") == ["max_replicas", "4", "registry"]

    def test_what_was_set_while_running_says_so(self) -> None:
        given = facts(
            {"cooldown_seconds": 30}, own={"cooldown_seconds": 60}, told={"source": {"cooldown_seconds": "runtime"}}
        )
        assert row_of(given, "cooldown_seconds") == ["cooldown_seconds", "30", "60", "runtime"]

    def test_what_somebody_gave_stands_before_the_defaults(self) -> None:
        given = facts(told={"source": dict.fromkeys(facts().in_force, "default") | {"scale_up_tolerance": "given"}})
        assert lines(given)[2][0] == "scale_up_tolerance"

    def test_names_that_nothing_reads_are_ignored_ones(self) -> None:
        given = facts(
            own={"cooldwn": 5}, own_settings={"scale_up_cooldown": 45},
            told={"unknown": ("cooldwn",), "unused_settings": ("scale_up_cooldown",)},
        )  # fmt: skip
        assert row_of(given, "cooldwn") == ["cooldwn", "ignored", "5", "block"]
        assert row_of(given, "scale_up_cooldown") == ["scale_up_cooldown", "(setting)", "ignored", "45", "block"]

    def test_the_interval_is_shown_with_its_origin(self) -> None:
        assert row_of(facts(), "intervalSeconds") == ["intervalSeconds", "(setting)", "30", "default"]
        given = facts(own_settings={"intervalSeconds": 30}, policies=(registered(settings={"intervalSeconds": 20}),))
        assert row_of(given, "intervalSeconds") == ["intervalSeconds", "(setting)", "20", "30", "registry"]

    def test_what_the_policy_refuses_is_said_below_it(self) -> None:
        given = facts(told={"errors": {"cooldown_seconds": "'60' is not a number"}})
        found = lines(given)
        at = next(number for number, line in enumerate(found) if line[:1] == ["cooldown_seconds"])
        assert found[at + 1] == ["✗", "'60'", "is", "not", "a", "number"]

    def test_a_draft_stands_beside_what_runs(self) -> None:
        draft = {"cooldown_seconds": 60}
        found = lines(facts(), draft=draft)
        assert found[1] == ["PARAMETER", "RUNNING", "DRAFT", "FROM"]
        assert row_of(facts(), "cooldown_seconds", draft=draft)[:4] == ["cooldown_seconds", "120", "60", "*"]
        assert "draft of 1: e edits, d compares, U sends" in " ".join(found[0])

    def test_a_silent_policys_values_carry_the_mark_of_a_guess(self) -> None:
        given = facts(speaks=False, own={"cooldown_seconds": 60})
        assert row_of(given, "cooldown_seconds") == ["cooldown_seconds", "~60", "60", "block"]
        assert row_of(given, "min_replicas") == ["min_replicas", "~1", "default"]

    @pytest.mark.parametrize("columns", WIDTHS)
    @pytest.mark.parametrize("given", [facts(), OVERRIDDEN, facts(speaks=False)], ids=["own", "overridden", "silent"])
    def test_it_fits_and_cuts_nothing_from_78_columns_on(self, given: Facts, columns: int) -> None:
        rows = [row.text for row in parameter_rows(given, {}, columns)]
        assert max(map(len, rows)) <= columns
        assert columns < 78 or not [text for text in rows if "…" in text]

    def test_a_block_without_a_policy_has_none(self) -> None:
        assert lines(facts(bound=False)) == []


class TestPage:
    def test_a_pause_and_a_queued_scaling_stand_on_top(self) -> None:
        given = facts()
        report = replace(
            given.block.policy,
            paused=Pause(clean("up"), 598.0, clean("release")),
            forced=ForcedScale(clean("upscale"), 2, (), 110.0, ignores_cooldown=True, reason=clean("sale")),
            mode=clean("shadow"),
        )
        shown = flat(page(replace(given, block=replace(given.block, policy=report))))
        assert "paused scaling up for 9m58s more: release; P resumes" in shown
        assert "pending +2 at the next evaluation, whatever the cooldown, forgotten after 110s: sale" in shown
        assert "shadow it records its decisions and carries out none" in shown
        assert shown.index("paused") < shown.index("PARAMETER")

    def test_removals_are_named(self) -> None:
        given = facts()
        forced = ForcedScale(clean("downscale"), None, (clean("in-a"), clean("in-b")), 9.0)
        block = replace(given.block, policy=replace(given.block.policy, forced=forced, paused=Pause(clean("both"))))
        shown = flat(page(replace(given, block=block)))
        assert "pending remove in-a, in-b at the next evaluation, forgotten after 9s" in shown
        assert "paused scaling up and down for ? more; P resumes" in shown

    def test_lints_are_counted_above_and_explained_below(self) -> None:
        shown = flat(page(facts({"max_replicas": None, "use_block_limits": False})))
        assert "lints 1 error, 1 warning" in shown
        above, below = shown.split("PARAMETER")
        assert "✗ nothing limits how many replicas the policy asks for" in above
        assert "(NoMaximum) why AIOS enforces no maxInstances" in below
        assert "do set max_replicas, or use_block_limits true" in shown

    def test_without_a_look_it_says_so(self) -> None:
        given = facts()
        state = FleetState(at=1.0, sequence=1, blocks={given.block.block_id: given.block})
        assert any("lints      not looked yet" in row.text for row in policy_rows(state, given.block, None, 80))

    def test_the_other_policies_are_listed_with_what_is_known_of_them(self) -> None:
        given = facts()
        assert given.block.record is not None
        policies = {
            **given.block.record.policies,
            "loadBalancer": PolicyReference(clean("token-lb:1.0-stable"), {"a": 1}, {"b": 2}),
            "stabilityChecker": PolicyReference(clean("health:1.0-stable")),
        }
        record = replace(given.block.record, policies=policies)
        balancer = registered(uri=clean("token-lb:1.0-stable"))
        block = replace(given.block, record=record)
        shown = [
            line.split() for line in page(replace(given, block=block, policies=(registered(), balancer))).splitlines()
        ]
        assert ["loadBalancer", "token-lb:1.0-stable", "2", "values", "of", "its", "own"] in shown
        assert ["stabilityChecker", "health:1.0-stable", "not", "in", "the", "registry"] in shown

    @pytest.mark.parametrize("columns", WIDTHS)
    def test_it_fits(self, columns: int) -> None:
        shown = page(facts({"max_replicas": None, "use_block_limits": False, "missing_metrics": "zero"}), columns)
        assert max(map(len, shown.splitlines())) <= columns


class TestBadge:
    """The fleet's word for a block that somebody told to hold."""

    @pytest.mark.parametrize(
        ("changes", "word"),
        [
            ({"paused": Pause(clean("up"), 9.0)}, "‖ PAUSED"), ({"mode": clean("shadow")}, "◌ SHADOW"), ({}, "= HOLD"),
        ],
    )  # fmt: skip
    def test_a_pause_and_shadow_mode_are_named(self, changes: dict[str, Any], word: str) -> None:
        block = replace(facts().block, policy=replace(facts().block.policy, **changes), executor=ExecutorReading(1.0))
        block = replace(block, verdict=judge_block(block, 1.0))
        assert block_badge(block, 1.0).text == word


class TestDocument:
    """`policy show`: the page's facts without a screen."""

    def document(self, given: Facts) -> dict[str, Any]:
        state = FleetState(
            at=1.0, sequence=1, blocks={given.block.block_id: given.block}, policies=given.policies or ()
        )
        return policy_document(state, given.block)

    def test_overrides_orders_and_other_policies_are_in_it(self) -> None:
        given = TestParameters.OVERRIDDEN
        assert given.block.record is not None
        policies = {**given.block.record.policies, "loadBalancer": PolicyReference(clean("lb:1.0-x"), {"a": 1})}
        report = replace(
            given.block.policy,
            paused=Pause(clean("up"), 60.4, clean("release")),
            forced=ForcedScale(clean("downscale"), None, (clean("in-a"),), 9.0),
        )
        block = replace(given.block, policy=report, record=replace(given.block.record, policies=policies))
        document = self.document(replace(given, block=block))
        assert document["overridden"] == [
            {"kind": "parameter", "name": "cooldown_seconds", "block": 60, "registry": 999}
        ]
        assert document["paused"] == {"direction": "up", "remaining_seconds": 60.4, "reason": "release"}
        assert (document["queued"]["operation"], document["queued"]["instances"]) == ("downscale", ["in-a"])
        assert document["other_policies"] == [
            {"name": "loadBalancer", "uri": "lb:1.0-x", "registered": False, "parameters": {"a": 1}, "settings": {}}
        ]
        lines = policy_lines(document)
        assert "  paused      up for 60s more: release" in lines
        assert "  queued      downscale in-a at the next evaluation" in lines
        assert "  overridden  cooldown_seconds: the registry's 999 stands over the block's 60" in lines
        assert "  beside it   loadBalancer: lb:1.0-x (not in the registry)" in lines

    def test_what_is_in_force_stands_with_its_origin(self) -> None:
        given = facts(told={"source": {"cooldown_seconds": "given"}, "errors": {"mode": "no"}, "unknown": ("cooldwn",)})
        document = self.document(given)
        assert document["in_force"]["effective"]["cooldown_seconds"] == 120
        assert document["in_force"]["generation"] == 1
        lines = policy_lines(document)
        assert "  parameter   cooldown_seconds = 120 (given)" in lines
        assert "  error       mode: no" in lines
        assert "  ignored     cooldwn: the policy has no such parameter" in lines

    def test_who_gave_a_value_is_told_in_the_words_of_the_console(self) -> None:
        told = {"source": {"cooldown_seconds": "given", "min_replicas": "given", "max_replicas": "runtime"}}
        record = registered(parameters={"cooldown_seconds": 999})
        own = {"cooldown_seconds": 60, "min_replicas": 2}
        lines = policy_lines(self.document(facts(own=own, policies=(record,), told=told)))
        givers = {line.split()[1]: line.rpartition(" ")[2] for line in lines if line.startswith("  parameter")}
        assert {name: givers[name] for name in told["source"]} == {
            "cooldown_seconds": "(registry)", "min_replicas": "(block)", "max_replicas": "(runtime)",
        }  # fmt: skip

    def test_of_a_silent_policy_the_records_are_shown_as_declared(self) -> None:
        record = registered(parameters={"cooldown_seconds": 999})
        document = self.document(
            facts(speaks=False, own={"cooldown_seconds": 60, "min_replicas": 2}, policies=(record,))
        )
        assert document["in_force"] is None
        lines = policy_lines(document)
        assert {"  declared    cooldown_seconds = 999", "  declared    min_replicas = 2"} <= set(lines)

    def test_of_a_block_without_a_policy_nothing_is_assumed(self) -> None:
        given = facts(speaks=False)
        bare = replace(given.block, record=replace(given.block.record, policies={}))
        lines = policy_lines(self.document(replace(given, block=bare)))
        assert lines[0].endswith(": no autoscaler policy")
        assert not [line for line in lines if line.startswith("  note")]

    def test_without_any_of_it_nothing_is_claimed(self) -> None:
        document = self.document(facts())
        assert [document[key] for key in ("overridden", "paused", "queued", "other_policies")] == [[], None, None, []]
        assert not [
            line for line in policy_lines(document) if line.startswith(("  paused", "  queued", "  overridden"))
        ]


class TestTitle:
    def test_it_names_the_block_or_the_deploy(self) -> None:
        assert policy_title(facts().block, None).text == "policy of gemma"
        assert policy_title(None, None).text == "policy"
        assert policy_title(None, DeployState("a:1-x", ("b",), ())).text == "deploy a:1-x to b"


class TestRegistry:
    def test_the_bound_policy_and_the_one_before_are_marked(self) -> None:
        older, newer = registered(uri=clean("tokens:1.9-stable")), registered(uri=clean("tokens:2.1-stable"))
        shown = page(facts(policies=(older, registered(), newer))).splitlines()
        (before,) = [line for line in shown if "tokens:1.9-stable" in line]
        assert "B goes back to it; no block" in before
        (bound,) = [line for line in shown if line.startswith(">")]
        assert "tokens:2.0-stable" in bound
        assert bound.endswith("gemma")
        assert "B goes back" not in next(line for line in shown if "tokens:2.1-stable" in line)


class TestLints:
    REPORT = lint(facts({"missing_metrics": "zero", "scale_down_selection": "newest"}, startup_seconds=()), 5.0)

    def test_rows_say_what_why_and_what_to_do(self) -> None:
        shown = [row.text.rstrip() for row in lint_rows(self.REPORT, 80)]
        assert shown[0] == " ! warning an instance without a figure counts as 0 (MissingCountsAsZero)"
        assert shown[1].startswith("   why     a metric that is late")
        assert "   do      set missing_metrics conservative" in shown
        assert shown[-2].startswith(" not seen  CooldownShorterThanStartup: ")

    def test_brief_rows_leave_the_reasons_out(self) -> None:
        shown = [row.text.rstrip() for row in lint_rows(self.REPORT, 80, brief=True)]
        assert len(shown) == 2

    def test_the_summary_counts(self) -> None:
        assert lint_summary(self.REPORT) == "1 warning; 1 lint could not be checked"
        assert lint_summary(lint(facts(), 1.0)) == "nothing found"

    def test_the_document_holds_everything(self) -> None:
        (block,) = lint_document([self.REPORT])["blocks"]
        assert block["counts"] == {"error": 0, "warning": 1, "note": 0}
        (finding,) = block["findings"]
        assert set(finding) == {"code", "level", "sentence", "why", "advice"}
        assert (finding["code"], finding["level"]) == ("MissingCountsAsZero", "warning")
        assert block["not_checked"][0]["code"] == "CooldownShorterThanStartup"


class TestDiff:
    def test_nothing_differs(self) -> None:
        given = facts()
        assert not differs(given)
        assert diff_lines(given) == [
            "--- running", "+++ declared (block, overlaid by the registry)",
            "  parameters: what is declared is what runs", "", "  code: policy/ is what is served, sha256 c0dec0dec0de",
        ]  # fmt: skip

    def test_a_draft_is_compared_with_what_runs(self) -> None:
        shown = diff_lines(facts(), {"cooldown_seconds": 60, "cooldwn": 1})
        assert shown[1:5] == [
            "+++ draft", "-cooldown_seconds = 120", "+cooldown_seconds = 60",
            "+cooldwn = 1    (the policy has no such parameter)",
        ]  # fmt: skip

    def test_declared_values_that_do_not_run_yet(self) -> None:
        given = facts(own={"cooldown_seconds": 60}, policies=(registered(parameters={"min_replicas": 2}),))
        shown = diff_lines(given)
        assert {"-cooldown_seconds = 120", "+cooldown_seconds = 60", "-min_replicas = 1", "+min_replicas = 2"} <= set(
            shown
        )
        assert differs(given)

    def test_of_a_silent_policy_nothing_is_claimed(self) -> None:
        shown = diff_lines(facts(speaks=False, own={"cooldown_seconds": 60}))
        assert shown[0] == "--- assumed (the policy does not tell what runs)"
        assert not [line for line in shown if line.startswith("-cooldown")]
        assert shown[2] == "  parameters: cannot be compared, since nothing tells what runs"

    def test_without_a_policy_there_is_nothing_to_compare(self) -> None:
        given = facts(speaks=False)
        absent = replace(given, block=replace(given.block, policy=PolicyReport(Voice.ABSENT)))
        assert diff_lines(absent) == [
            "  nothing to compare: the block has no autoscaler policy; aios-top policy deploy binds one"
        ]

    def test_code_and_requirements_line_by_line(self) -> None:
        new = replace(OTHER, requirements=("numpy==2.0",))
        shown = diff_lines(facts(local=new))
        assert "--- served http://files:32555/tokens.zip code/function.py" in shown
        assert "+++ local policy/ code/function.py" in shown
        assert {"-class AIOSv1PolicyRule: ...", "+class AIOSv1PolicyRule: pass", "+numpy==2.0"} <= set(shown)
        assert differs(facts(local=new))

    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            ({"served": None}, "  code: the registered archive could not be asked for"),
            ({"served": Served("http://h/a.zip", problem="404")}, "  code: http://h/a.zip: 404"),
            (
                {"served": Served("http://h/a.zip", replace(CODE, problems=("no zip",)))},
                "  code: http://h/a.zip: no zip",
            ),
            ({"local": None}, "  code: there is no local policy of this uri; name one with --policy PATH "),
        ],
    )
    def test_what_cannot_be_compared_is_said(self, missing: dict[str, Any], said: str) -> None:
        assert diff_lines(facts(**missing))[-1].startswith(said)
        assert not differs(facts(**missing))

    def test_text_of_a_server_cannot_act(self) -> None:
        evil = replace(OTHER, source="x = '\x1b[2J'")
        assert not [line for line in diff_lines(facts(local=evil)) if "\x1b" in line]
