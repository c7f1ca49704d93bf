"""Lines for people without a screen: they fit 80 columns and name what they are."""

import pytest
from msgspec.structs import replace

from aios_top.model.audit import AuditEntry
from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.reading import ExecutorReading
from aios_top.model.state import Averages, BlockState, Cooldown, CooldownPhase, FleetState, Replicas
from aios_top.model.text import clean
from aios_top.model.verdict import Severity, Verdict
from aios_top.model.window import Window
from aios_top.render.changes import changes
from aios_top.render.plain import audit_line, decision_line, fleet_table, restart_line

NOW = 1_795_445_525.5
UP = Decision(
    at=NOW - 3,
    action=Action.UP,
    code=clean("ScaleUp"),
    reason=clean("Token rate exceeded threshold (Input: 812.00, Output: 144.20)"),
    origin=Origin.REPORTED,
    seq=812,
    input_average=812.0,
    output_average=144.2,
    thresholds=Thresholds(500.0, 300.0, 100.0, 50.0),
    current=2,
    proposed=3,
)
HELD = replace(
    UP,
    at=NOW - 1,
    action=Action.HOLD,
    code=clean("CooldownActive"),
    reason=clean("Cooldown active."),
    would=clean("up"),
    cooldown_remaining_seconds=41.2,
    seq=813,
)
BLOCK = BlockState(
    clean("gemma3-27b-block"),
    policy=PolicyReport(Voice.FULL),
    executor=ExecutorReading(10.0),
    replicas=Replicas(current=2, reporting=2, desired=3, minimum=1, maximum=4),
    averages={Window.ONE_MINUTE: Averages(812.0, 144.2, Window.ONE_MINUTE, Origin.MEASURED, 2)},
    input_rate=41_210.0,
    output_rate=1_600.0,
    cooldown=Cooldown(CooldownPhase.COOLING, Origin.REPORTED, NOW + 41.2, 120.0),
    next_evaluation_at=NOW + 12,
    decisions=(HELD, UP),
    verdict=Verdict(Severity.BUSY, "held by cooldown, 41s left", clean("gemma3-27b-block"), "CooldownActive"),
)


def fleet(*blocks: BlockState) -> FleetState:
    verdict = Verdict(Severity.BUSY, "gemma3-27b-block: input 812 > 500 tok/request; held by cooldown, 41s left")
    return FleetState(
        NOW, 1, {block.block_id: block for block in blocks}, verdict=verdict, context="demo", origin_note="simulated"
    )


def test_the_table_names_every_figure():
    lines = fleet_table(fleet(BLOCK))

    assert lines[0] == "demo, simulated at 2026-11-23T14:52:05.500Z"
    assert lines[1].startswith("BUSY gemma3-27b-block: input 812 > 500")
    row = next(line for line in lines if line.startswith("gemma3"))
    assert row.split() == ["gemma3-27b-block", "2→3/4", "812", "144", "41.2k", "1600", "◷", "41s", "12s"]


@pytest.mark.parametrize("name", ["b", "a-block-with-a-name-that-is-much-longer-than-its-column", "名" * 40])
def test_the_table_fits_80_columns(name):
    long = replace(BLOCK, block_id=clean(name), decisions=(replace(UP, reason=clean("because " * 16)),))

    lines = fleet_table(fleet(long))

    assert [line for line in lines if len(line) > 80] == []
    assert len([line for line in lines if line.startswith(name[:8])]) == 1


def test_an_empty_fleet_is_only_its_verdict():
    assert len(fleet_table(fleet())) == 2


def test_what_is_not_known_is_a_question_mark():
    row = next(line for line in fleet_table(fleet(BlockState(clean("new")))) if line.startswith("new"))

    assert row.split() == ["new", "?", "?", "?", "?", "?", "?", "?"]


def test_a_decision_is_one_line_with_reason_and_numbers():
    assert decision_line(clean("gemma"), UP) == (
        "2026-11-23T14:52:02.500Z gemma UP 2→3 ScaleUp: "
        "Token rate exceeded threshold (Input: 812.00, Output: 144.20) [input 812.0 > 500]"
    )
    assert decision_line(clean("gemma"), HELD) == (
        "2026-11-23T14:52:04.500Z gemma COOL CooldownActive: Cooldown active. [cooldown, 41s left; rule asks up]"
    )


def test_an_inferred_decision_carries_its_mark():
    inferred = replace(UP, origin=Origin.INFERRED, reason=clean("in-a1b2 began to report"))

    assert " ~UP 2→3 ScaleUp: in-a1b2 began to report" in decision_line(clean("gemma"), inferred)


def test_a_restart_names_both_lives():
    line = restart_line(clean("gemma"), NOW, clean("b3f1aaaaaaaa"), clean("77ab"))

    assert "gemma autoscaler restarted (boot b3f1aaaa → 77ab)" in line


def test_an_audit_line_stays_one_line():
    line = audit_line(AuditEntry(7, NOW, "intent", {"reason": "a\nb\x1b[31m", "by": "me"}))

    assert line == '    7 2026-11-23T14:52:05.500Z intent   {"by": "me", "reason": "a\\nb\\u001b[31m"}'


def test_changes_tell_actions_replicas_and_verdicts_once():
    calm = replace(
        BLOCK,
        decisions=(replace(HELD, code=clean("WithinRange"), seq=1),),
        replicas=Replicas(current=1, reporting=1),
        verdict=Verdict(Severity.HEALTHY, "within thresholds", code="WithinRange"),
    )
    first = changes(None, fleet(calm))
    told = changes(fleet(calm), fleet(BLOCK))

    assert len(first) == 1
    assert "watching 1 block:" in first[0]
    assert [line.split(" ", 2)[2].split(":")[0] for line in told] == [
        "UP 2→3 ScaleUp",
        "replicas 1 → 2",
        "busy",
    ]
    assert changes(fleet(BLOCK), fleet(BLOCK)) == []


def test_a_block_that_comes_or_goes_is_told():
    assert changes(fleet(), fleet(replace(BLOCK, decisions=())))[0].endswith("gemma3-27b-block appeared")
    assert changes(fleet(BLOCK), fleet())[0].endswith("is gone: AIOS lists it no more")


def test_a_wiped_store_is_no_change_of_replicas():
    wiped = replace(BLOCK, replicas=Replicas(reporting=0, wiped=True))

    assert changes(fleet(BLOCK), fleet(wiped)) == []


def test_a_service_that_is_away_changes_no_count():
    silent = replace(BLOCK, policy=PolicyReport(Voice.SILENT), replicas=replace(BLOCK.replicas, current=None))
    away = replace(silent, missed_polls=2, replicas=replace(silent.replicas, reporting=0))
    assert not any("replicas" in line for line in changes(fleet(silent), fleet(away)))
    fewer = replace(silent, replicas=replace(silent.replicas, reporting=1))
    assert any(line.endswith("replicas 2 \u2192 1") for line in changes(fleet(silent), fleet(fewer)))
