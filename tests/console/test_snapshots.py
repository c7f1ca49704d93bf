"""Every view at every size, as rows of characters.

Run with UPDATE_SNAPSHOTS=1 to write them anew; look at every line of the difference.
"""

import pytest
from msgspec.structs import replace

from aios_top.console.app import ConsoleApp
from console import states
from console.cockpit import FakeCockpit, FakeGate
from console.screen import matches_snapshot, screen_text

SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("view", "key"), [("fleet", "1"), ("block", "2")])
async def test_view(view: str, key: str, size: tuple[int, int]) -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=size) as pilot:
        await pilot.press(key)
        await pilot.pause()
        matches_snapshot(app, f"{view}-{size[0]}x{size[1]}")


VARIANTS = {
    "fleet-small-60x16": ((60, 16), (), {}),
    "block-small-60x16": ((60, 16), ("2",), {}),
    "chart-80x24": ((80, 24), ("2", "m"), {}),
    "block-inferred-80x24": ((80, 24), ("j", "j", "2"), {}),
    "block-stale-80x24": ((80, 24), ("j", "j", "j", "j", "2"), {}),
    "block-bare-120x40": ((120, 40), ("G", "2"), {}),
    "decision-120x40": ((120, 40), ("right_curly_bracket", "left_curly_bracket"), {}),
    "fleet-read-only-80x24": ((80, 24), (), {"gate": FakeGate(writable=False, read_only=True)}),
    "fleet-production-80x24": ((80, 24), (), {"gate": FakeGate(writable=False), "production": True}),
}


@pytest.mark.parametrize(("name", "variant"), VARIANTS.items(), ids=VARIANTS)
async def test_variant(name: str, variant: tuple[tuple[int, int], tuple[str, ...], dict[str, object]]) -> None:
    size, keys, cockpit = variant
    app = ConsoleApp(FakeCockpit(states.fleet(), **cockpit))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        for key in keys:
            await pilot.press(key)
        await pilot.pause()
        matches_snapshot(app, name)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_before_the_first_poll(size: tuple[int, int]) -> None:
    app = ConsoleApp(FakeCockpit(states.empty()))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        matches_snapshot(app, f"empty-{size[0]}x{size[1]}")


async def test_ascii_only_has_the_same_shape() -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()), ascii_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        matches_snapshot(app, "fleet-ascii-80x24")
        assert screen_text(app).isascii()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (20, 5), (40, 12), (79, 19), (120, 20), (180, 21), (500, 200)])
async def test_no_size_is_refused(size: tuple[int, int]) -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=size) as pilot:
        for key in ("2", "m", "escape", "1"):
            await pilot.press(key)
        await pilot.pause()
        assert app.is_running


async def test_nothing_is_cut_at_80x24() -> None:
    for keys in ((), ("2",), ("j", "2"), ("j", "j", "2"), ("G", "2"), ("W",)):
        app = ConsoleApp(FakeCockpit(states.fleet()))
        async with app.run_test(size=(80, 24)) as pilot:
            for key in keys:
                await pilot.press(key)
            await pilot.pause()
            assert "\u2026" not in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_why_there_are_no_decisions_is_told_to_its_end(size: tuple[int, int]) -> None:
    quiet = replace(states.silent(), decisions=())
    app = ConsoleApp(FakeCockpit(states.fleet(quiet)))
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await pilot.pause()
        shown = " ".join(screen_text(app).replace("│", " ").split())
        told = "no decisions seen yet: the policy does not tell, so they are inferred from what changes"
        assert [word for word in told.split() if word not in shown] == []
