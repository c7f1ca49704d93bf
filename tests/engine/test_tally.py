"""Counters that only grow: what was decided while somebody watched, and how long a scale-up took."""

from collections.abc import Sequence

from msgspec.structs import replace

from aios_top.engine.tally import Tally
from aios_top.model.decision import Action, Decision, Origin, Thresholds
from aios_top.model.policy_state import PolicyReport, Voice
from aios_top.model.state import Averages, BlockState, FleetState, InstanceState, Phase
from aios_top.model.tallies import DecisionKind
from aios_top.model.text import Clean, clean
from aios_top.model.window import Window

NOW = 1_000_000.0


def decision(seq: int, action: Action = Action.HOLD, *, at: float = NOW, boot: str = "b1", code: str = "X") -> Decision:
    return Decision(at, action, clean(code), clean("why"), Origin.REPORTED, seq=seq, boot_id=clean(boot))


def block(
    decisions: Sequence[Decision] = (), *, voice: Voice = Voice.FULL, size: float = 0.0, reporting: str = "a"
) -> BlockState:
    """A block; `decisions` are given oldest first, `reporting` names an instance by each letter."""
    rows = tuple(InstanceState(clean(name), Phase.SERVING, None, 0.0, NOW) for name in reporting)
    return BlockState(
        clean("b"),
        policy=PolicyReport(voice),
        decisions=tuple(reversed(decisions)),
        thresholds=Thresholds(input_up=500.0),
        averages={Window.ONE_MINUTE: Averages(size, 0.0, counted=1)},
        instances=rows,
    )


def counted(*blocks: BlockState, seconds: float = 10.0) -> Tally:
    """Take a block's states, some seconds apart."""
    tally = Tally()
    for number, entry in enumerate(blocks):
        tally.take(FleetState(NOW + number * seconds, number + 1, {entry.block_id: entry}))
    return tally


def numbers(tally: Tally) -> dict[str, int]:
    return {str(kind.code): count for kind, count in tally.blocks()[Clean("b")].decisions.items()}


def test_what_was_decided_before_counts_nothing_but_shows() -> None:
    assert numbers(counted(block([decision(1), decision(2, code="Y")]))) == {"X": 0, "Y": 0}


def test_each_decision_counts_once() -> None:
    told = [decision(number) for number in range(1, 5)]
    confirmed = [*told[:-1], replace(told[-1], confirmation=clean("confirmed"))]
    assert numbers(counted(block(told[:1]), block(told[:3]), block(told), block(confirmed), block(told))) == {"X": 3}


def test_a_policy_that_is_not_heard_yet_has_no_past() -> None:
    """Otherwise all that it remembers would count as new when it is heard at last."""
    told = [decision(number) for number in range(1, 9)]
    assert numbers(counted(block(voice=Voice.UNASKED), block(voice=Voice.UNREACHABLE), block(told))) == {"X": 0}
    assert numbers(counted(block([]), block(told))) == {"X": 8}


def test_a_restarted_policy_goes_on_counting() -> None:
    before, after = [decision(number) for number in range(1, 4)], [decision(1, boot="b2", at=NOW + 30)]
    assert numbers(counted(block(before), block([*before, *after]))) == {"X": 1}


def test_many_decisions_are_not_forgotten_and_counted_again() -> None:
    told = [decision(number) for number in range(1, 2001)]
    states = [block(told[max(0, end - 512) : end]) for end in range(400, 2001, 100)]
    assert numbers(counted(*states)) == {"X": 1600}


def test_kinds_are_kept_apart() -> None:
    inferred = replace(decision(2), origin=Origin.INFERRED)
    tally = counted(block(), block([decision(1, Action.UP), inferred]))
    kinds = tally.blocks()[Clean("b")].decisions
    assert kinds[DecisionKind(Action.UP, clean("X"), Origin.REPORTED)] == 1
    assert kinds[DecisionKind(Action.HOLD, clean("X"), Origin.INFERRED)] == 1


def test_a_block_that_is_gone_is_forgotten() -> None:
    tally = counted(block())
    tally.take(FleetState(NOW, 9))
    assert tally.blocks() == {}


def test_the_lag_of_a_scale_up_by_step() -> None:
    up = [decision(1, Action.UP, at=NOW + 30)]
    tally = counted(
        block(), block(size=600.0), block(size=600.0), block(up, size=600.0), block(up), block(up, reporting="ab")
    )
    lags = tally.blocks()[Clean("b")].lags
    assert {step: spread.total_seconds for step, spread in lags.items()} == {
        "decision": 20.0,
        "replica": 20.0,
        "total": 40.0,
    }
    assert {sum(spread.counts) for spread in lags.values()} == {1}


def test_a_replica_that_nobody_asked_for_is_no_lag() -> None:
    assert counted(block(), block(reporting="ab")).blocks()[Clean("b")].lags == {}


def test_two_scale_ups_are_answered_in_order() -> None:
    ups = [decision(1, Action.UP, at=NOW + 10), decision(2, Action.UP, at=NOW + 20)]
    states = [block(), block(ups[:1]), block(ups), block(ups, reporting="ab"), block(ups, reporting="abc")]
    replica = counted(*states).blocks()[Clean("b")].lags["replica"]
    assert (sum(replica.counts), replica.total_seconds) == (2, 20.0 + 20.0)


def test_a_replica_that_never_comes_is_given_up() -> None:
    up = [decision(1, Action.UP, at=NOW + 1000)]
    tally = counted(block(), block(up), block(up), block(up, reporting="ab"), seconds=1000.0)
    assert set(tally.blocks()[Clean("b")].lags) == {"decision"}
