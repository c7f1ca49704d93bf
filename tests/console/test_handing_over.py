"""The key E: the incident on the screen as one file, from the running console and from a replay."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from aios_top.cli.opened import opened
from aios_top.cli.past import FilePast, OwnPast
from aios_top.console.app import ConsoleApp
from aios_top.console.dialogs.capsule import AFTER_SECONDS, CapsuleDialog, WrittenDialog
from aios_top.console.ports import Past
from aios_top.console.recorded import RecordedCockpit
from aios_top.model.capsule import CapsuleWritten
from aios_top.model.recording import RecordingPhase, RecordingState
from aios_top.store.recording_reader import open_recording
from console import states
from console.cockpit import FakeCockpit
from console.screen import screen_text
from fakes.incident import BLOCK, SILENT, incident

LAST_SECONDS = 226.0
"""From the story's first poll to its last."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "story.aiosrec"
    asyncio.run(incident(path))
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files go to a folder of the test's own, and so do private ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "none.toml"))
    return tmp_path


def written(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.aioscap"))


def told(dialog: WrittenDialog, columns: int = 300) -> str:
    return "\n".join("".join(cell.text for cell in line.cells) for line in dialog.body(columns))


async def until(fact: Callable[[], bool]) -> None:
    for _ in range(400):
        if fact():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("never so")


async def pressed(app: ConsoleApp, *keys: str, size: tuple[int, int] = (100, 40)) -> tuple[str, list[str]]:
    """The screen after the keys, and everything that was toasted."""
    toasts: list[str] = []
    app.toast = lambda message, *_: toasts.append(message)  # type: ignore[method-assign]
    async with app.run_test(size=size) as pilot:
        for key in keys:
            await pilot.press(key)
            if key == "E":
                await until(lambda: isinstance(app.screen, CapsuleDialog) or bool(toasts))
        await until(lambda: isinstance(app.screen, WrittenDialog) or not app.workers)
        await pilot.pause()
        return told(app.screen) if isinstance(app.screen, WrittenDialog) else screen_text(app), toasts


def replaying(story: Path, at: float | None = None) -> tuple[ConsoleApp, FilePast]:
    past = FilePast(open_recording(story))
    begin = past.moment(past.times()[-1] if at is None else at)
    return ConsoleApp(RecordedCockpit(begin), past=past, moment=begin), past  # type: ignore[arg-type]


TO_WRITE = ("tab",) * 6


async def test_a_replay_is_handed_over_around_the_moment_on_the_screen(story: Path, here: Path) -> None:
    app, past = replaying(story)
    first, last = past.times()[0], past.times()[-1]
    screen, toasts = await pressed(app, "E", *TO_WRITE, "enter")
    (path,) = written(here)
    assert path.name.startswith("story-2026")
    for words in (str(path), f"aios-top replay {path}", f"aios-top report {path}"):
        assert words in screen
    assert toasts == ["Writing it."]
    with opened(path) as found:
        assert (found.recording.times[0], found.recording.times[-1]) == (first, last)
        assert set(found.recording.block_ids()) == {BLOCK, SILENT}


async def test_what_followed_the_moment_is_in_it_for_a_while(story: Path) -> None:
    dialog = CapsuleDialog("story", 1000.0, (0.0, 5000.0))
    assert dialog.fields["from"].text != dialog.fields["to"].text
    assert dialog._moment("to") == 1000.0 + AFTER_SECONDS
    assert dialog._moment("from") == 100.0


async def test_range_names_and_note_are_asked_for(story: Path, here: Path) -> None:
    app, past = replaying(story)
    keys = ["E", *"2m", "tab", *"30s", "tab", *"yes", "tab", *"late", "tab", "tab", "tab", "enter"]
    screen, _ = await pressed(app, *keys)
    (path,) = written(here)
    assert path.name.startswith("aios-2026"), screen  # not the name of the context
    with opened(path) as found:
        assert found.manifest is not None
        assert (found.manifest["note"], found.manifest["names_redacted"]) == ("late", True)
        last = past.times()[-1]
        assert (found.recording.times[0], found.recording.times[-1]) == (last - 120, last - 30)
        assert set(found.recording.block_ids()) == {"block-1", "block-2"}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["yesterday-ish"], "not a time"),
        (["10s", "1m"], "from is later than to"),
        (["2001-01-01", "2001-01-02"], "nothing was recorded in that time"),
        (["1m", "10s", "perhaps"], "without names: yes or no"),
        (["1m", "10s", "no", "", " "], "file: a name for it"),
    ],
)
async def test_what_cannot_be_written_is_said_while_it_is_typed(story: Path, here: Path, typed, words) -> None:
    app, _ = replaying(story)
    keys = ["E"]
    for text in typed:
        keys += [*("space" if letter == " " else "minus" if letter == "-" else letter for letter in text), "tab"]
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press(keys[0])
        await until(lambda: isinstance(app.screen, CapsuleDialog))
        await pilot.press(*keys[1:-1])
        await pilot.pause()
        assert words in screen_text(app)
        await pilot.press("escape")
    assert written(here) == []


async def test_a_file_that_is_there_stays(story: Path, here: Path) -> None:
    (here / "x").write_text("mine")
    app, _ = replaying(story)
    _, toasts = await pressed(app, "E", *("tab",) * 4, "x", "tab", "tab", "enter")
    assert any("exists already" in toast for toast in toasts)
    assert (here / "x").read_text() == "mine"


async def test_the_running_console_hands_over_its_own_recording(story: Path, here: Path) -> None:
    state = RecordingState(RecordingPhase.ON, str(story), polls=3)
    asked = []

    def gather(fleet):
        asked.append(fleet.at)
        return ()

    past = OwnPast(lambda: state, gather)
    engine = FakeCockpit(replace(states.fleet(), at=past.times()[-1], context="prod"))
    screen, _ = await pressed(ConsoleApp(engine, past=past), "E", *TO_WRITE, "enter")
    (path,) = written(here)
    assert path.name.startswith("prod-2026")
    assert str(path) in screen
    assert asked == [past.times()[-1]]  # what AIOS serves was asked for, once
    past.close()


class Empty:
    """A console that has recorded nothing."""

    closed = False

    def times(self) -> list[float]:
        return []


@pytest.mark.parametrize(
    ("past", "state", "words"),
    [
        (None, None, "Nothing can be recorded here"),
        (Empty(), RecordingState(RecordingPhase.OFF), "nothing is recorded; R begins to record"),
        (Empty(), RecordingState(RecordingPhase.FAILED, problem="the disk is full"), "the disk is full; R tries again"),
        (Empty(), RecordingState(RecordingPhase.ON), "the first poll is not recorded"),
    ],
)
async def test_where_nothing_is_recorded_it_says_why_and_how(past: Past | None, state, words: str, here: Path) -> None:
    engine = FakeCockpit(states.fleet(), record=state)
    _, toasts = await pressed(ConsoleApp(engine, past=past), "E")
    assert any(words in toast for toast in toasts), toasts
    assert written(here) == []


async def test_on_the_load_page_it_names_the_report(story: Path, here: Path) -> None:
    app, _ = replaying(story)
    _, toasts = await pressed(app, "3", "E")
    assert toasts == ["No load test has run in this session."]


def test_a_long_path_and_what_is_missing_are_whole_on_a_narrow_screen() -> None:
    path = "/a/very/long/path/" + "x" * 90 + "/it's here.aioscap"
    dialog = WrittenDialog(CapsuleWritten(path, 120_000, 2, 0.0, 60.0, ("p:1.0-stable: no address",)))
    assert max(map(len, told(dialog, 60).splitlines())) <= 60
    text = "".join(line.strip() for line in told(dialog, 60).splitlines())
    assert path.replace(" ", "") in text.replace(" ", "")
    assert "p:1.0-stable: no address" in text
    assert "'\"'\"'" in text  # quoted for a shell
