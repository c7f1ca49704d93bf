"""Whatever a state holds, every view's rows fit the columns they were given and say why they are empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aios_top.model.decision import Action, Decision, Origin
from aios_top.model.explained import explained
from aios_top.model.load import LoadPhase, LoadPlan, LoadState
from aios_top.model.recording import RecordingPhase, RecordingState
from aios_top.model.state import BlockState, EndpointState, FleetState, Link, Phase, Replicas
from aios_top.model.text import clean
from aios_top.model.window import Window
from aios_top.render.block import block_rows
from aios_top.render.brief import brief_rows
from aios_top.render.cells import columns_of
from aios_top.render.fleet import block_row, summary_cells, table_columns, table_head
from aios_top.render.header import Mode, header_row, verdict_rows
from aios_top.render.instances import instance_head, instance_note, instance_row
from aios_top.render.log import log_note, log_rows, newest_decisions, story_rows
from console import states

NOW = states.NOW + 0.5
FLEET = states.fleet()
BLOCKS = tuple(FLEET.blocks.values())
WINDOW = Window.ONE_MINUTE
WIDTHS = st.integers(min_value=40, max_value=220)


@given(st.sampled_from(BLOCKS), WIDTHS, st.sampled_from(Window))
def test_a_block_fits(block: BlockState, columns: int, window: Window) -> None:
    for line in block_rows(block, window, NOW, columns):
        assert columns_of(line.cells) <= columns + 2, line.text  # trailing spaces are cut by the panel
        assert len(line.text.rstrip()) <= columns, line.text


@given(WIDTHS, st.sampled_from(Window))
def test_the_fleet_table_fits_and_lines_up(columns: int, window: Window) -> None:
    table = table_columns(columns, FLEET.blocks, window)
    rows = [table_head(table)]
    rows += [block_row(block, table, window, NOW, selected=False, marked=False) for block in BLOCKS]
    assert len({columns_of(line.cells) for line in rows}) == 1
    assert len(rows[0].text.rstrip()) <= columns


@given(st.sampled_from(BLOCKS), WIDTHS)
def test_instances_fit_and_line_up(block: BlockState, columns: int) -> None:
    head = instance_head(block, WINDOW, columns)
    assert columns_of(head.cells) <= columns
    for entry in block.instances:
        line = instance_row(entry, block, WINDOW, 300, NOW, columns)
        if entry.phase is Phase.SERVING:
            assert columns_of(line.cells) == columns_of(head.cells)


@given(WIDTHS, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_the_header_is_one_full_line(
    columns: int, writable: bool, read_only: bool, production: bool, paused: bool
) -> None:
    mode = Mode(writable, read_only, production, paused, WINDOW)
    for state in (FLEET, states.empty(), replace(FLEET, at=NOW - 500)):
        assert columns_of(header_row(state, mode, NOW, columns).cells) == columns


def test_the_header_names_mode_age_and_clock() -> None:
    mode = Mode(writable=True, read_only=False, production=False, paused=False, window=WINDOW)
    line = header_row(FLEET, mode, NOW, 80).text
    assert "ctx:demo  WRITE  ● live 2s  simulated, quick pace" in line
    assert "READ-ONLY" in header_row(FLEET, replace(mode, read_only=True), NOW, 80).text
    assert "LOCKED" in header_row(FLEET, replace(mode, writable=False), NOW, 80).text
    assert "ctx:demo PRODUCTION" in header_row(FLEET, replace(mode, production=True), NOW, 80).text
    assert "PAUSED 76s" in header_row(replace(FLEET, at=NOW - 76), replace(mode, paused=True), NOW, 80).text
    assert "! no poll for 76s" in header_row(replace(FLEET, at=NOW - 76), mode, NOW, 80).text
    assert "connecting" in header_row(states.empty(), mode, NOW, 80).text


def test_the_header_does_not_call_live_what_does_not_answer() -> None:
    mode = Mode(writable=True, read_only=False, production=False, paused=False, window=WINDOW)
    down = EndpointState("metrics", Link.DOWN, last_ok=NOW - 24)
    line = header_row(replace(FLEET, endpoints={"metrics": down}), mode, NOW, 80).text
    assert "! no answer for 24s" in line
    assert "live" not in line
    beside = {"metrics": down, "cluster_metrics": EndpointState("cluster_metrics", Link.UP, last_ok=NOW)}
    assert "live 2s" in header_row(replace(FLEET, endpoints=beside), mode, NOW, 80).text
    once = {"metrics": replace(down, last_ok=NOW - 3)}
    assert "live 2s" in header_row(replace(FLEET, endpoints=once), mode, NOW, 80).text
    never = {"metrics": EndpointState("metrics", Link.DOWN)}
    assert "! no answer yet" in header_row(replace(FLEET, endpoints=never), mode, NOW, 80).text


@pytest.mark.parametrize("columns", range(50, 130))
def test_the_header_leaves_out_whole_parts(columns: int) -> None:
    mode = Mode(writable=True, read_only=False, production=False, paused=False, window=WINDOW)
    assert "…" not in header_row(FLEET, mode, NOW, columns).text


def test_a_long_verdict_takes_its_lines() -> None:
    lines = [line.text for line in verdict_rows(FLEET.verdict, 80, 2)]
    assert lines[0].startswith(" ✗ BROKEN  mistral-7b-block: no data")
    assert len(lines) == 2
    assert all(len(line) <= 80 for line in lines)
    assert verdict_rows(None, 80, 2)[0].text == " ◌ WAITING  for the first poll"


def test_the_summary_leaves_out_whole_parts() -> None:
    whole = "".join(cell.text for cell in summary_cells(FLEET, WINDOW, NOW, 120))
    assert whole == " 6 blocks 15/38 replicas  in 97.4k out 48.4k tok/min  2 cooling  1 stale  mean 1m"
    assert "".join(cell.text for cell in summary_cells(FLEET, WINDOW, NOW, 30)) == " 6 blocks 15/38 repl"


def test_the_summary_of_what_nobody_knows_is_not_0() -> None:
    silent = {
        name: replace(block, missed_polls=2, input_rate=None, output_rate=None) for name, block in FLEET.blocks.items()
    }
    assert all(block.stale for block in silent.values())
    told = "".join(cell.text for cell in summary_cells(replace(FLEET, blocks=silent), WINDOW, NOW, 120))
    assert " 6 blocks ?/38 replicas  in ? out ? tok/min " in told


def test_figures_of_a_block_are_named_for_what_they_are() -> None:
    text = "\n".join(line.text for line in block_rows(FLEET.blocks["gemma3-27b-block"], WINDOW, NOW, 100))
    for part in (
        "reporting 3", "current 4", "desired 4", "min 1", "max 8", "◷ 75s of 120s", "next evaluation in 3s",
        "tokens/request, mean 1m (what the policy compares)", "true tok/min", "540", "108%▲", "24.4k",
        "up above 500, down below 100", "latency 1.84s", "first token 310ms", "data <5s old", "push every 3s",
    ):  # fmt: skip
        assert part in text
    assert "tokens/min" not in text


def test_what_is_inferred_or_unknown_says_so() -> None:
    text = "\n".join(line.text for line in block_rows(FLEET.blocks["qwen2-7b-block"], WINDOW, NOW, 100))
    assert "◷ ~30s of 120s (inferred)" in text
    assert "current ?" in text
    assert "next evaluation ? (not told)" in text


@pytest.mark.parametrize(
    ("index", "phase", "said"),
    [
        (3, Phase.STARTING, "◌ starting 22s, has not reported yet"),
        (0, Phase.IDLE, "○ idle: no request served yet, counts as 0"),
        (0, Phase.STALE, "! silent for 1s"),
        (0, Phase.GHOST, "× removed 1s ago, its document lingers"),
    ],
)
def test_a_replica_that_does_not_serve_says_why(index: int, phase: Phase, said: str) -> None:
    block = FLEET.blocks["gemma3-27b-block"]
    entry = replace(block.instances[index], phase=phase)
    assert said in instance_row(entry, block, WINDOW, 300, NOW, 80).text


def test_every_empty_list_says_why() -> None:
    bare = FLEET.blocks["asr-whisper-block"]
    assert "no metric documents" in instance_note(bare)
    assert "503" in instance_note(replace(bare, problem=clean("http: 503")))
    assert instance_note(FLEET.blocks["gemma3-27b-block"]) == ""
    assert log_note([bare]) == "no decisions: no autoscaler policy"
    assert "inferred" in log_note([FLEET.blocks["qwen2-7b-block"]])
    assert "does not answer" in log_note([FLEET.blocks["mistral-7b-block"]])
    assert "next evaluation" in log_note([FLEET.blocks["gemma3-27b-block"]])
    assert log_note([]) == "no decisions: no blocks"
    assert log_note([], polled=False) == "waiting for the first poll"


def test_the_log_is_the_newest_of_all_blocks() -> None:
    entries = newest_decisions(FLEET, 4)
    assert [entry.at for _, entry in entries] == sorted((entry.at for _, entry in entries), reverse=True)
    assert len(entries) == 4
    rows = log_rows(entries, 80, names=16, selected=1)
    assert [line.selected for line in rows] == [False, True, False, False]
    assert all(columns_of(line.cells) <= 80 for line in rows)
    name, newest = entries[0]
    story = story_rows(explained(FLEET.blocks[name], newest, NOW), 40)
    assert all(columns_of(line.cells) <= 40 for line in story)
    assert "Source: the policy's own record" in " ".join(line.text.strip() for line in story)


def test_the_newest_of_the_fleet_are_the_newest_also_of_a_policy_that_was_started_where_the_clock_is_behind() -> None:
    def logged(at: float, seq: int, boot: str) -> Decision:
        held = Action.HOLD, clean("WithinRange"), clean("No scaling action required."), Origin.REPORTED
        return Decision(at, *held, seq=seq, boot_id=clean(boot))

    template = next(iter(FLEET.blocks.values()))
    logs = {
        "a": (logged(1000, 2, "new"), logged(970, 1, "new"), logged(1030, 9, "old"), logged(1001, 8, "old")),
        "b": (logged(1025, 5, "b"), logged(995, 4, "b")),
        "c": (),
    }
    state = replace(
        FLEET,
        blocks={
            clean(name): replace(template, block_id=clean(name), decisions=entries) for name, entries in logs.items()
        },
    )
    every = sorted((entry.at for entries in logs.values() for entry in entries), reverse=True)
    for number in range(8):
        assert [entry.at for _, entry in newest_decisions(state, number)] == every[:number]
    assert [name for name, _ in newest_decisions(state, 3)] == ["a", "b", "a"]


def test_the_brief_names_limits_load_and_silent_services() -> None:
    load = LoadState(LoadPlan("b", requests=20), LoadPhase.RUNNING, NOW - 3, sent=20, ok=5, failed=1)
    text = "\n".join(line.text for line in brief_rows(FLEET, BLOCKS[0], load, NOW))
    assert "limits in force: up 500/300  down 100/50" in text
    assert "20/20 sent  5 ok  1 failed  0 lost" in text
    assert "● metrics answers in <50ms" in text
    assert "load test idle" in "\n".join(line.text for line in brief_rows(FLEET, None, None, NOW))


def test_a_thousand_replicas_and_no_replica_are_both_drawn() -> None:
    base = FLEET.blocks["gemma3-27b-block"]
    many = replace(base, replicas=Replicas(current=1000, reporting=1000, maximum=8))
    few = replace(base, replicas=Replicas())
    for block in (many, few):
        assert block_rows(block, WINDOW, NOW, 100)


def test_a_state_before_the_first_poll_is_drawn() -> None:
    state = FleetState(at=NOW, sequence=0)
    assert "".join(cell.text for cell in summary_cells(state, WINDOW, NOW, 80)).startswith(" 0 blocks 0 replicas")
    assert brief_rows(state, None, None, NOW)


def test_that_it_is_simulated_outranks_what_is_recorded() -> None:
    recording = RecordingState(RecordingPhase.ON, "/tmp/a.aiosrec", NOW - 60, NOW, 2_500_000, 30)
    mode = Mode(True, False, False, False, WINDOW, recording=recording)
    state = replace(FLEET, context="demo", origin_note="simulated, quick pace")
    assert "simulated, quick pace" in header_row(state, mode, NOW, 80).text
    wide = header_row(state, mode, NOW, 120).text
    assert "simulated, quick pace" in wide
    assert "rec " in wide
