"""Answers that are no answer, or hold figures that are none: what is shown is true, and the rest is named."""

import asyncio
import gc
import time
import tracemalloc
from typing import Any

import pytest

from aios_top.aios.documents import DocumentReader
from aios_top.aios.exchange import Answer
from aios_top.model.errors import ReadError
from aios_top.model.state import CooldownPhase, Link, Phase
from aios_top.model.text import CELL_LIMIT, clean
from aios_top.model.window import Window
from aios_top.render.block import block_rows
from aios_top.render.decisions import cooldown_text
from aios_top.render.events import events
from aios_top.render.instances import instance_row
from aios_top.render.notes import data_notes
from fakes.loopback import reply
from faults.bodies import GOOD, NO_JSON, NOT_FINITE, OTHER_SHAPE, SIZES, TOO_DEEP, block, document, fleet, with_size
from faults.polled import Polled, polled
from faults.server import FaultServer, failing
from faults.strings import TWINS

REFUSED: dict[str, tuple[bytes, str, str]] = {
    **{f"P-01 {name}": (body, "bad_json", "bad JSON") for name, body in NO_JSON.items() if "int_" not in name},
    "P-03 json_int_5000_digits": (NO_JSON["json_int_5000_digits"], "bad_json", "bad JSON"),
    **{f"P-05 {name}": (body, "bad_json", "too deep") for name, body in TOO_DEEP.items()},
    **{f"P-08 {name}": (body, "shape", "unexpected shape") for name, body in OTHER_SHAPE.items()},
    "P-11 success_false": (b'{"success":false,"error":"\\u001b[2Jno"}', "failure", "metrics says no: \u241b[2Jno"),
    "P-11 success_str": (b'{"success":"yes","data":[]}', "shape", "unexpected shape"),
    "P-11 success_null": (b'{"success":null,"data":[]}', "shape", "unexpected shape"),
}


async def seen(body: bytes, *, polls: int = 1, after: float = 2.0) -> Polled:
    """Return the world after some polls of a server that always says `body`."""
    async with FaultServer(reply(200, body)) as server, polled(server.url) as world:
        for _ in range(polls):
            await world.poll(after=after)
    return world


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_no_answer_is_named_and_the_last_figures_stay(case: str) -> None:
    body, kind, words = REFUSED[case]
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        await world.poll()
        good = world.block.instances
        server.pin(reply(200, body))
        await world.poll()

        problem = str(world.metrics.problem)
        assert world.metrics.problem_kind == kind
        assert words in problem
        assert problem.isprintable()
        assert "RecursionError" not in problem
        assert world.metrics.link is Link.DOWN
        assert [entry.reading for entry in world.block.instances] == [entry.reading for entry in good]
        assert world.block.missed_polls == 1
        shown = "\n".join(row.text for row in block_rows(world.block, Window.ONE_MINUTE, world.clock.now(), 120))
        assert "old" in shown


@pytest.mark.parametrize("name", NOT_FINITE)
async def test_p_02_a_figure_that_is_not_finite_is_left_out_and_said(name: str) -> None:
    world = await seen(with_size(NOT_FINITE[name]))
    broken, whole = world.block.instances
    assert broken.reading is not None
    assert broken.reading.input_size is not None
    assert broken.reading.input_size.over(Window.ONE_MINUTE) is None
    assert broken.phase is Phase.SERVING
    assert whole.phase is Phase.SERVING
    assert world.block.averages[Window.ONE_MINUTE].input_size == 300.0  # of the other one alone
    assert any("not finite" in note for note in data_notes(world.block))
    row = instance_row(broken, world.block, Window.ONE_MINUTE, 300.0, world.clock.now(), 80)
    assert "?" in row.text
    assert "nan" not in row.text


@pytest.mark.parametrize("value", ["2e63", "1e300", "9223372036854775807", "123456789012345678901234567890"])
async def test_p_03_an_enormous_number_keeps_its_column(value: str) -> None:
    world = await seen(with_size(value))
    wide = await seen(GOOD)
    rows = [
        instance_row(entry, here.block, Window.ONE_MINUTE, 300.0, here.clock.now(), 80).text
        for here in (world, wide)
        for entry in here.block.instances
    ]
    assert ">999G" in rows[0]
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize(("value", "shown"), [("-5.0", None), ("-0.0", 0.0), ("-1e-300", None)])
async def test_p_04_below_zero_is_no_figure_and_negative_zero_is_zero(value: str, shown: float | None) -> None:
    world = await seen(with_size(value))
    reading = world.block.instances[0].reading
    assert reading is not None
    assert reading.input_size is not None
    found = reading.input_size.over(Window.ONE_MINUTE)
    assert found == shown
    assert str(found) != "-0.0"
    assert any("negative" in note for note in data_notes(world.block)) is (shown is None)


async def test_p_06_the_last_of_equal_keys_counts_once() -> None:
    world = await seen(GOOD.replace(b'"timestamp": 1000.0', b'"instanceId": "in-zz", "timestamp": 1000.0', 1))
    assert [entry.instance_id for entry in world.block.instances] == ["in-aa02", "in-zz"]


async def test_p_07_an_instance_that_occurs_twice_is_one_row_and_marked() -> None:
    world = await seen(fleet(block(document("in-a", 100.0), document("in-a", 200.0), document("in-b"))))
    assert [entry.instance_id for entry in world.block.instances] == ["in-a", "in-b"]
    assert world.block.duplicates == ("in-a",)
    assert any("in-a \u00d72" in note for note in data_notes(world.block))
    assert any("in-a \u00d72" in event.what for event in events(world.states[-1], (), None, lambda _: True))


async def test_p_08_an_empty_list_is_an_answer_and_no_error() -> None:
    world = await seen(fleet())
    assert world.metrics.link is Link.UP
    assert dict(world.states[-1].blocks) == {}


@pytest.mark.parametrize("metrics", [None, {}, "x", 5, True])
async def test_p_08_metrics_of_another_shape_hide_no_instance(metrics: Any) -> None:
    world = await seen(fleet(block(document("in-a", **{SIZES: metrics}), document("in-b"))))
    assert [entry.phase for entry in world.block.instances] == [Phase.SERVING, Phase.SERVING]


async def test_p_09_rows_that_cannot_be_read_are_counted_exactly() -> None:
    rows = [document("in-a"), None, 5, "x", [], {}, document(None), document(7), document({}), document(""), document("in-b")]  # fmt: skip
    world = await seen(fleet(block(*rows)))
    assert [entry.instance_id for entry in world.block.instances] == ["in-a", "in-b"]
    assert world.block.dropped == len(rows) - 2
    assert f"{len(rows) - 2} metric documents could not be read" in list(data_notes(world.block))


async def test_p_09_a_row_that_cannot_be_read_once_is_no_wipe_and_no_removal() -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        await world.poll()
        server.pin(reply(200, fleet(block(document("in-aa01"), {"no": "id"}))))
        await world.poll()
        assert len(world.block.instances) == 2
        assert not world.block.replicas.wiped


@pytest.mark.parametrize("value", ['"412.5"', "true", "null", "[1]", '{"a":1}'])
async def test_p_10_nothing_is_made_a_number_that_is_none(value: str) -> None:
    world = await seen(with_size(value))
    reading = world.block.instances[0].reading
    assert reading is not None
    assert reading.input_size is not None
    assert reading.input_size.over(Window.ONE_MINUTE) is None
    assert reading.problems
    assert len(world.block.instances) == 2


async def test_p_11_a_failure_in_aios_own_words_is_cleaned() -> None:
    async with FaultServer(failing("\x1b]52;c;x\x07" + "long " * 500)) as server, polled(server.url) as world:
        await world.poll()
    problem = str(world.metrics.problem)
    assert problem.startswith("metrics says no: \u241b]52;c;x\u2407long")
    assert len(problem) <= CELL_LIMIT


async def test_p_13_a_fleet_of_20000_instances_is_read_beside_the_loop() -> None:
    """Budgets of the screen itself are the benchmarks'; here: memory, and a loop that goes on turning."""
    body = fleet(block(*(document(f"in-{number:05d}", float(number)) for number in range(20_000))))
    gc.collect()
    tracemalloc.start()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    async with FaultServer(reply(200, body)) as server, polled(server.url) as world:
        beating = asyncio.create_task(beat())
        answer = await world.reads.fleet()
        beating.cancel()
        before = tracemalloc.get_traced_memory()[0]
        await world.poll()
        assert len(world.block.instances) == 20_000
    tracemalloc.stop()
    assert len(answer.blocks[0].instances) == 20_000
    assert before < 80e6
    assert beats > 3


@pytest.mark.parametrize("length", [10_000, 1_000_000])
async def test_p_14_a_name_of_a_megabyte_is_cut_and_kept_nowhere(length: int) -> None:
    long = "x" * length
    world = await seen(fleet(block(document(long), block_id="gemma")))
    (entry,) = world.block.instances
    assert entry.instance_id == "x" * (CELL_LIMIT - 1) + "\u2026"
    assert world.block.averages[Window.ONE_MINUTE].counted == 1
    gc.collect()
    kept = [found for found in gc.get_objects() if isinstance(found, dict) and long in found]
    assert kept == []


def test_p_15_keys_that_collide_cost_no_time() -> None:
    """Both decoders hash with a seed of the process; the body is 2 MiB of keys all the same."""
    keys = {f"{number * 0x1FFFFFFFFFFFFFFF}": number for number in range(60_000)}
    body = fleet(block(document("in-a", **keys)))
    started = time.thread_time()
    rows = DocumentReader().rows(Answer("metrics", 200, clean("application/json"), body, 0.1))
    assert time.thread_time() - started < 2.0  # 20 ms on an idle machine
    assert rows.instances == 1


@pytest.mark.parametrize("stamp", [4_102_444_800.0, -1.0, 0.0, 1e18])
async def test_p_16_an_impossible_stamp_ages_nothing_but_by_its_receipt(stamp: float) -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        for beat in range(5):
            odd, even = document("in-a", at=stamp + beat), document("in-b", at=1000 + 30 * beat)
            server.pin(reply(200, fleet(block(odd, even))))
            await world.poll(after=30.0)
        ages = {str(entry.instance_id): entry.age_seconds for entry in world.block.instances}
        assert ages["in-b"] is not None
        assert ages["in-b"] < 1.0
        assert world.block.instances[-1].phase is Phase.SERVING


async def test_p_16_one_impossible_stamp_is_forgotten_with_the_next_good_one() -> None:
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        for stamp in (1000.0, 4_102_444_800.0, 1060.0, 1090.0):
            server.pin(reply(200, fleet(block(document("in-a", at=stamp)))))
            await world.poll(after=30.0)
        assert world.block.instances[0].age_seconds == 0.0
        await world.poll(after=20.0)
        assert world.block.instances[0].age_seconds == 20.0
        assert world.block.instances[0].phase is Phase.SERVING


async def test_p_16_a_stamp_that_is_a_text_is_none() -> None:
    world = await seen(GOOD.replace(b'"timestamp": 1000.0', b'"timestamp": "now"'))
    assert [entry.age_seconds for entry in world.block.instances] == [0.0, 0.0]


async def test_p_16_equal_stamps_are_old_data_after_two_and_a_half_pushes() -> None:
    """80 s at AIOS's period of 30 s: 75 s, and the way over its two stores."""
    async with FaultServer(reply(200, GOOD)) as server, polled(server.url) as world:
        await world.poll()
        await world.poll(after=79.0)
        assert {entry.phase for entry in world.block.instances} == {Phase.SERVING}
        await world.poll(after=2.0)
        assert {entry.phase for entry in world.block.instances} == {Phase.STALE}
        assert world.block.replicas.reporting == 0


STATE = (
    '{"success":true,"data":{"schema":1,"status":"ok","policy_name":"p","policy_version":"1","boot_id":"b",'
    '"cooldown":{"up":{"remaining_s":%s,"total_s":120},"down":{"remaining_s":5,"total_s":120}}}}'
)


@pytest.mark.parametrize("value", ["7", "-5", "NaN", "Infinity", '"soon"', "null", "[]", "true"])
async def test_p_17_a_cooldown_that_is_no_time_is_unknown_and_shows_no_timer(value: str) -> None:
    record = {"id": "gemma", "policies": {"autoscaler": {"policyRuleURI": "p:1-s"}}}
    async with (
        FaultServer(reply(200, GOOD)) as metrics,
        FaultServer(reply(200, [record])) as blocks,
        FaultServer(reply(200, (STATE % value).encode())) as gateway,
        polled(metrics.url, blocks=blocks.url, gateway=gateway.url) as world,
    ):
        await world.poll()
        cooldown, now = world.block.cooldown, world.clock.now()
        text = cooldown_text(world.block, now)[0]
        if value == "7":
            assert cooldown.remaining_seconds(now) == 7.0
            assert "7s" in text
        else:
            assert cooldown.at(now) is CooldownPhase.UNKNOWN
            assert cooldown.remaining_seconds(now) is None
            assert "?" in text or "unknown" in text


async def test_p_23_twins_are_two_rows_that_look_different_and_are_marked() -> None:
    names = ["in-ab", *TWINS.values()]
    world = await seen(fleet(block(*(document(name) for name in names))))
    shown = [str(entry.instance_id) for entry in world.block.instances]
    assert len(set(shown)) == len(names)
    rows = {
        entry.instance_id: instance_row(entry, world.block, Window.ONE_MINUTE, 300.0, world.clock.now(), 200).text
        for entry in world.block.instances
    }
    for name, row in rows.items():
        assert (f"!{name}" in row) is (not name.isascii()), row
    odd = [name for name in shown if not name.isascii()]
    assert odd
    assert any("look like others" in note for note in data_notes(world.block))
    assert clean(TWINS["nfc"]) != clean(TWINS["nfd"])


def test_a_failed_read_raises_nothing_else() -> None:
    """P-05 again: the depth is checked before any decoder sees the body."""
    for body in TOO_DEEP.values():
        with pytest.raises(ReadError, match="too deep"):
            DocumentReader().rows(Answer("metrics", 200, clean("application/json"), body, 0.1))
