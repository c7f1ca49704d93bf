"""Newborns, ghosts, hung instances, restarts, clock skew and the half-hourly wipe, each told apart."""

import pytest

from aios_top.engine.memory import BlockMemory, stale_after
from aios_top.engine.phases import Listing, count, instance_states, take_reading, wiped
from aios_top.model.state import InstanceState, Phase
from aios_top.model.text import clean
from fakes.readings import block, instance

PUSH = 30.0


def phases(rows: tuple[InstanceState, ...]) -> dict[str, Phase]:
    return {str(row.instance_id): row.phase for row in rows}


def listing(*names: str) -> Listing:
    return Listing({clean(name) for name in names})


def pushed(memory: BlockMemory, *names: str, start: float = 1000.0, pushes: int = 2) -> float:
    """Let the instances push `pushes` times; returns the time of the last receipt."""
    now = start
    for number in range(pushes):
        now = start + number * PUSH
        take_reading(memory, block(*(instance(name, now, 300, prompt=100.0 * number) for name in names)), now)
    return now


def test_the_push_period_is_learned_and_sets_the_age_limit() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-a")
    assert memory.push_seconds == PUSH
    assert stale_after(memory.push_seconds) == 80.0
    assert phases(instance_states(memory, None, now + 79)) == {"in-a": Phase.SERVING}
    assert phases(instance_states(memory, None, now + 81)) == {"in-a": Phase.STALE}


def test_true_rates_come_from_counters_between_two_pushes() -> None:
    memory = BlockMemory()
    take_reading(memory, block(instance("in-a", 1000.0, 300, prompt=1000, generated=100)), 1001.0)
    assert instance_states(memory, None, 1001.0)[0].input_rate is None  # one push is no rate
    take_reading(memory, block(instance("in-a", 1000.0, 300, prompt=1000, generated=100)), 1006.0)
    assert instance_states(memory, None, 1006.0)[0].input_rate is None  # the same push again
    take_reading(memory, block(instance("in-a", 1030.0, 300, prompt=2500, generated=130)), 1031.0)
    row = instance_states(memory, None, 1031.0)[0]
    assert row.input_rate == 3000.0
    assert row.output_rate == 60.0


def test_a_true_rate_spans_the_pushes_of_the_last_minute() -> None:
    memory = BlockMemory()
    counted = 0.0
    for number in range(40):  # a push every 3 s; 600 tokens come every 15 s, all at once
        counted += 600.0 if number % 5 == 0 else 0.0
        take_reading(memory, block(instance("in-a", 1000.0 + 3 * number, 300, prompt=counted)), 1000.0 + 3 * number)
    assert instance_states(memory, None, 1117.0)[0].input_rate == pytest.approx(2400.0, rel=0.06)


def test_a_counter_that_fell_is_a_restart_and_no_rate() -> None:
    memory = BlockMemory()
    take_reading(memory, block(instance("in-a", 1000.0, 300, prompt=1000)), 1001.0)
    take_reading(memory, block(instance("in-a", 1030.0, 300, prompt=10)), 1031.0)
    assert instance_states(memory, None, 1031.0)[0].input_rate is None


def test_an_instance_that_has_served_nothing_is_idle() -> None:
    memory = BlockMemory()
    take_reading(memory, block(instance("in-a", 1000.0, None)), 1001.0)
    assert phases(instance_states(memory, None, 1001.0)) == {"in-a": Phase.IDLE}


def test_the_policys_list_tells_starting_serving_removed_and_hung_apart() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-old", "in-hung", "in-new")
    memory.listed |= {clean("in-old"): now, clean("in-hung"): now}
    fresh = [instance(name, now + 90, 300, prompt=500) for name in ("in-new", "in-old")]
    hung = instance("in-hung", now, 300, prompt=100)
    take_reading(memory, block(*fresh, hung), now + 90)
    rows = instance_states(memory, listing("in-hung", "in-born"), now + 90)
    assert phases(rows) == {
        "in-old": Phase.GHOST,  # it was listed before and is not any more
        "in-hung": Phase.STALE,  # still listed, but silent
        "in-new": Phase.SERVING,  # never listed yet: the pod list lags behind a newborn
        "in-born": Phase.STARTING,
    }
    replicas = count(rows, listing("in-hung", "in-born"), None, wiped=False)
    assert (replicas.current, replicas.reporting, replicas.starting, replicas.stale, replicas.ghosts) == (2, 1, 1, 1, 1)


def test_without_the_policys_list_nothing_is_called_a_ghost() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-a")
    rows = instance_states(memory, None, now + 200)
    assert phases(rows) == {"in-a": Phase.STALE}
    assert count(rows, None, None, wiped=False).current is None


def test_a_wipe_is_no_scale_down() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-a", "in-b")
    take_reading(memory, block(uptime=500.0), now + 5)
    assert wiped(memory, now + 5)
    rows = instance_states(memory, None, now + 5)
    assert phases(rows) == {"in-a": Phase.SERVING, "in-b": Phase.SERVING}
    take_reading(memory, None, now + 10)  # the block is missing altogether for a moment
    assert len(instance_states(memory, None, now + 10)) == 2
    take_reading(memory, block(*(instance(n, now + 30, 300, prompt=900) for n in ("in-a", "in-b"))), now + 31)
    assert phases(instance_states(memory, None, now + 31)) == {"in-a": Phase.SERVING, "in-b": Phase.SERVING}
    assert not wiped(memory, now + 5 + 36)


def test_a_wipe_forgets_what_was_dead_already() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-a", "in-ghost")
    later = now + 120
    take_reading(memory, block(instance("in-a", later, 300), instance("in-ghost", now, 300)), later)
    take_reading(memory, block(uptime=9.0), later + 5)
    assert phases(instance_states(memory, None, later + 5)) == {"in-a": Phase.SERVING}


@pytest.mark.parametrize("skew", [-300.0, 0.0, 300.0])
def test_a_servers_clock_that_is_off_changes_no_age(skew: float) -> None:
    memory = BlockMemory()
    for number in range(3):
        at = 1000.0 + number * PUSH
        take_reading(memory, block(instance("in-a", at + skew, 300, prompt=float(number))), at + 2)
    row = instance_states(memory, None, 1000.0 + 2 * PUSH + 12)[0]
    assert row.age_seconds == pytest.approx(10.0)
    assert row.phase is Phase.SERVING


def test_a_first_document_may_be_old_and_is_shown_so() -> None:
    memory = BlockMemory()
    take_reading(memory, block(instance("in-a", 1000.0, 300)), 1200.0)
    row = instance_states(memory, None, 1200.0)[0]
    assert row.phase is Phase.STALE
    assert row.age_seconds == 200.0


def test_documents_without_a_stamp_age_by_their_receipt() -> None:
    memory = BlockMemory()
    take_reading(memory, block(instance("in-a", None, 300, prompt=1)), 1000.0)
    take_reading(memory, block(instance("in-a", None, 300, prompt=1)), 1020.0)
    assert instance_states(memory, None, 1020.0)[0].age_seconds == 20.0
    take_reading(memory, block(instance("in-a", None, 300, prompt=61)), 1030.0)
    row = instance_states(memory, None, 1030.0)[0]
    assert row.age_seconds == 0.0
    assert row.input_rate == pytest.approx(120.0)


def test_the_request_rate_comes_from_the_executors_counter() -> None:
    memory = BlockMemory()
    take_reading(memory, block(uptime=100.0, tasks=10), 1000.0)
    assert memory.requests.rates[0] is None
    take_reading(memory, block(uptime=105.0, tasks=15), 1005.0)
    assert memory.requests.rates[0] == 60.0
    take_reading(memory, block(uptime=2.0, tasks=0), 1010.0)  # the executor restarted
    assert memory.requests.rates[0] is None
    take_reading(memory, block(uptime=7.0, tasks=10), 1015.0)
    assert memory.requests.rates[0] == 120.0


def test_a_silent_instances_history_ends_in_a_gap() -> None:
    memory = BlockMemory()
    now = pushed(memory, "in-a")
    instance_states(memory, None, now + 200)
    row = instance_states(memory, None, now + 201)[0]
    values = [value for _, value in row.history["input_average_1m"]]
    assert values[:-1] == [300.0, 300.0]
    assert values[-1] != values[-1]  # NaN, once
    assert row.input_rate is None
