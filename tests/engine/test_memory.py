"""What is remembered of an instance: taken document by document, or resumed from what is left of them."""

from hypothesis import given
from hypothesis import strategies as st

from aios_top.engine.memory import InstanceMemory, server_means
from aios_top.model.reading import InstanceReading, Mean, counted
from aios_top.model.series import NO_TRACK
from aios_top.model.text import clean

NAME = clean("i-1")
PUSH = st.tuples(
    st.sampled_from([0.0, 5.0, 30.0, 30.0, 90.0]),  # seconds since the document before
    st.sampled_from([None, -40.0, 0.0, 30.0, 30.0]),  # what the stamp adds
    st.sampled_from([None, -100.0, 0.0, 50.0]),  # what the counters add
)


def state_of(memory: InstanceMemory) -> dict[str, object]:
    """What is remembered of an instance, its histograms read."""
    found = {name: getattr(memory, name) for name in ("changed_at", "input_rate", "output_rate", "gap_drawn")}
    found["recent"] = [
        (push.received_at, push.stamp, push.at, push.prompt, push.generated, push.means()) for push in memory._recent
    ]
    return found | {"means": server_means([memory.span])} if memory.span else found


def documents(pushes: list[tuple[float, float | None, float | None]]) -> list[tuple[float, InstanceReading]]:
    """Documents with the time of each's receipt, that differ from one to the next."""
    at, stamp, tokens, found = 1000.0, 990.0, 500.0, []
    for number, (seconds, ahead, more) in enumerate(pushes):
        at, stamp, tokens = at + seconds + 1.0, stamp + (ahead or 0.0), max(0.0, tokens + (more or 0.0))
        reading = InstanceReading(
            NAME,
            None if ahead is None else stamp,
            prompt_tokens_total=None if more is None else tokens,
            generated_tokens_total=tokens,
            inference=None if more is None else Mean(tokens / 10.0, float(number)),
            first_token=Mean(tokens / 20.0, float(number)),
            active_sessions=float(number),
        )
        found.append((at, reading))
    return found


@given(
    st.lists(PUSH, min_size=1, max_size=8),
    st.one_of(st.none(), st.floats(900.0, 1500.0)),
    st.sampled_from([900.0, 1030.0, 1100.0]),
)
def test_a_memory_that_is_resumed_is_the_one_that_saw_everything(
    pushes: list[tuple[float, float | None, float | None]], gap: float | None, first_seen: float
) -> None:
    found = documents(pushes)
    seen, resumed = InstanceMemory(first_seen, NO_TRACK), InstanceMemory(first_seen, NO_TRACK)
    waiting = gap
    for at, reading in found:
        if at < first_seen:
            continue
        if waiting is not None and waiting < at:
            if seen.reading is not None and waiting >= first_seen:
                seen.draw_gap(waiting)
            waiting = None
        seen.take(reading, at)
    if waiting is not None and seen.reading is not None and waiting >= first_seen:
        seen.draw_gap(waiting)
    resumed.resume([counted(*entry) for entry in found], found[-1][1], gap)
    assert state_of(resumed) == state_of(seen)
    assert resumed.reading == seen.reading
