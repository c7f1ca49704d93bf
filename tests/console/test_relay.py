"""States cross to the screen's thread once, newest only."""

import asyncio
import threading

from aios_top.console.relay import Relay
from aios_top.model.state import FleetState
from console.cockpit import FakeCockpit
from console.states import empty, fleet


async def test_a_state_from_another_thread_is_delivered_on_this_one() -> None:
    cockpit = FakeCockpit(empty())
    delivered: list[tuple[int, str]] = []
    relay = Relay(cockpit, lambda state: delivered.append((state.sequence, threading.current_thread().name)))
    publisher = threading.Thread(target=cockpit.publish, args=(fleet(sequence=7),))
    publisher.start()
    publisher.join()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert delivered == [(7, threading.current_thread().name)]
    relay.close()
    assert cockpit.subscribers == []


async def test_a_slow_screen_gets_the_newest_state_once() -> None:
    cockpit = FakeCockpit(empty())
    delivered: list[FleetState] = []
    Relay(cockpit, delivered.append)
    for sequence in range(1, 1001):  # the loop does not turn meanwhile
        cockpit.publish(empty() if sequence < 1000 else fleet(sequence=1000))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [state.sequence for state in delivered] == [1000]


async def test_a_state_after_the_screens_loop_has_ended_is_dropped() -> None:
    cockpit = FakeCockpit(empty())

    def short_life() -> None:
        async def subscribe() -> None:
            Relay(cockpit, lambda _state: None)

        asyncio.run(subscribe())

    screen = threading.Thread(target=short_life)
    screen.start()
    screen.join()
    cockpit.publish(fleet())
