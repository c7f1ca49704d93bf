"""The guide in the console: the first page, the contents, another page, and out."""

from aios_top.console.app import ConsoleApp
from aios_top.shipped import guide
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text


async def test_pages_are_chosen_from_the_contents_until_one_is_closed() -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f2")
        await pilot.pause()
        assert "First steps" in screen_text(app)
        await pilot.press("pagedown")
        await pilot.pause()
        assert "more lines" in screen_text(app)
        await pilot.press("c")
        await pilot.pause()
        assert "The pages of the guide." in screen_text(app)
        await pilot.press(*["down"] * list(guide()).index("figures"), "enter")
        await pilot.pause()
        assert "What the figures mean" in screen_text(app)
        await pilot.press("q")
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_leaving_the_contents_leaves_the_guide() -> None:
    app = ConsoleApp(FakeCockpit(states.fleet()))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f2", "c", "escape")
        await pilot.pause()
        assert len(app.screen_stack) == 1
