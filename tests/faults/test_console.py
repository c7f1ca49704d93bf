"""The whole console on a real terminal that is small, huge, colourless, stalled or typed at by a machine."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fakes.recording_aios import BLOCK, RecordingAios
from fakes.terminal import TerminalProcess
from faults import terminal_bytes

COLOUR = re.compile(r"\x1b\[(?:[0-9;:]*[;:])?(?:3[0-79]|38|4[0-79]|48|9[0-7]|10[0-7])(?:[;:][0-9;:]*)?m")

FULL_PAINT = b"\n\x1b[2;1H"
"""Only a paint of the whole screen goes from line to line; a partial one moves to each of its pieces."""


@pytest.fixture
def aios() -> Iterator[RecordingAios]:
    with RecordingAios() as running:
        running.evaluate()
        yield running


def console(folder: Path, aios: RecordingAios, *options: str, **more: object) -> TerminalProcess:
    own = {"AIOS_TOP_STATE": str(folder / "state"), "AIOS_TOP_CONFIG": str(folder / "config.toml")}
    environment = {**own, **more.pop("environment", {})}  # type: ignore[arg-type]
    command = [sys.executable, "-m", "aios_top", *options, *aios.options]
    return TerminalProcess(command, environment=environment, **more)  # type: ignore[arg-type]


def polls(aios: RecordingAios) -> int:
    return sum(request.service == "metrics" for request in aios.requests)


def leave(terminal: TerminalProcess) -> None:
    terminal.rest(0.3)  # an escape before it would make another key of it
    terminal.send("q")
    assert terminal.wait_exit(30) == 0
    assert terminal.missing_resets == []
    assert terminal.attributes == terminal.attributes_before


def test_m_01_the_real_console_gives_the_terminal_back(aios: RecordingAios, tmp_path: Path) -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):  # the others in test_terminal
        with console(tmp_path, aios) as terminal:
            terminal.wait_for(BLOCK, 30)
            started = time.monotonic()
            terminal.process.send_signal(number)
            assert terminal.wait_exit(30) == code
            assert time.monotonic() - started < 10  # 0.3 s on an idle machine
            assert terminal.missing_resets == []
            assert terminal.attributes == terminal.attributes_before


def test_m_04_after_a_stop_the_screen_is_whole_and_the_age_tells(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, "--poll", "0.5") as terminal:
        terminal.wait_for(BLOCK, 30)
        process = psutil.Process(terminal.process.pid)
        terminal.send("\x1a")
        terminal.wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
        terminal.rest(0.2)
        assert terminal.missing_resets == []
        assert terminal.attributes == terminal.attributes_before
        asked = polls(aios)
        time.sleep(1.5)
        assert polls(aios) == asked
        terminal.forget()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: polls(aios) > asked + 1)
        terminal.wait_until(
            lambda: all(text in terminal.screen for text in (BLOCK, "live", "REPL", "decisions", "q quit"))
        )
        leave(terminal)


@pytest.mark.parametrize(("columns", "lines"), [(1, 1), (20, 5)])
def test_m_09_a_terminal_without_room_gets_one_sentence_and_no_changes(
    columns: int, lines: int, aios: RecordingAios, tmp_path: Path
) -> None:
    with console(tmp_path, aios) as terminal:
        terminal.wait_for(BLOCK, 30)
        terminal.resize(columns, lines)
        terminal.rest(0.6)
        if (columns, lines) == (20, 5):
            assert "WORKING" in terminal.screen or "HEALTHY" in terminal.screen or "DEGRADED" in terminal.screen
            assert "REPL" not in terminal.screen
        terminal.send("C")
        terminal.rest(0.3)
        terminal.send("y")
        terminal.rest(0.3)
        assert terminal.process.poll() is None
        assert aios.changes == []
        terminal.send("\x1b")
        terminal.resize(90, 26)
        terminal.wait_for("REPL", 20)
        leave(terminal)


def test_m_09_a_terminal_that_does_not_know_its_size_is_taken_for_80x24(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        terminal.resize(80, 24, told=(0, 0))
        terminal.forget()
        terminal.wait_until(lambda: "REPL" in terminal.screen and "quit" in terminal.screen.splitlines()[23], 20)
        terminal.send("C")
        terminal.wait_for("reset_cooldown", 20)
        terminal.send("y")
        terminal.wait_until(lambda: len(aios.changes) == 1, 20)
        leave(terminal)


def test_m_10_a_huge_terminal_is_painted_once_and_then_cell_by_cell(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios) as terminal:
        terminal.wait_for(BLOCK, 30)
        terminal._stream.feed = lambda _data: None  # type: ignore[method-assign] # an emulator of that size is slow
        for columns, lines in ((500, 200), (1000, 1000)):
            before = len(terminal.output)
            terminal.resize(columns, lines)
            cells = columns * lines
            terminal.wait_until(lambda before=before, cells=cells: len(terminal.output) > before + cells, 60)
            quiet(terminal)
            assert len(terminal.output) - before <= 2 * 2.5e6  # at most two paints: the old one was under way
            before = len(terminal.output)
            terminal.rest(2.0)
            assert len(terminal.output) - before <= 30_000  # two seconds see three changes of a cell or so
        terminal.send("q")
        assert terminal.wait_exit(30) == 0


def quiet(terminal: TerminalProcess) -> None:
    """Take output until less than 10 kB come within a second and a half."""
    while True:
        before = len(terminal.output)
        terminal.rest(1.5)
        if len(terminal.output) - before < 10_000:
            return


def test_m_11_a_storm_of_resizes_ends_at_the_last_size(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        terminal.rest(0.5)
        before, started = len(terminal.output), time.monotonic()
        for number in range(400):
            terminal.resize(100 + number % 40, 30 + number % 10)
            terminal.pump(0.005)
        terminal.resize(118, 38)
        seconds = time.monotonic() - started
        terminal.wait_until(lambda: "quit" in terminal.screen.splitlines()[37], 20)
        terminal.rest(1.0)
        paints = terminal.output[before:].count(FULL_PAINT)
        assert 2 <= paints <= 30 * max(1.0, seconds / 2.0)  # a busy machine takes longer for 400, and paints on
        leave(terminal)


def test_m_12_without_colours_states_are_told_by_words(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, environment={"NO_COLOR": "1"}, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        for key in "12345":
            terminal.send(key)
            terminal.rest(0.3)
        terminal.send("1")
        leave(terminal)
    assert COLOUR.findall(terminal.output.decode("utf-8", "replace")) == []
    assert "WORKING" in terminal_bytes.text(terminal.output)


@pytest.mark.parametrize("encoding", ["ascii"])
def test_m_13_a_terminal_without_unicode_gets_ascii(encoding: str, aios: RecordingAios, tmp_path: Path) -> None:
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with console(tmp_path, aios, environment=plain, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        terminal.rest(2.5)
        for key in "12345":
            terminal.send(key)
            terminal.rest(0.3)
        shown = terminal.screen
        terminal.send("1")
        leave(terminal)
    assert terminal.output.isascii()
    assert "??" not in terminal_bytes.text(terminal.output)
    assert "+-" in shown


def test_m_14_a_paste_is_no_typing(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        paste(terminal, b"C\ny\nA4\r\ny:scale 9\r\ny\rq")
        terminal.rest(0.5)
        assert terminal.process.poll() is None
        paste(terminal, b"Cy\n" * 350_000)
        started = time.monotonic()
        terminal.send("5")
        terminal.wait_for("events", 30)
        assert time.monotonic() - started < 15  # a megabyte on a busy machine; the pages answer at once after it
        assert aios.changes == []
        leave(terminal)
    assert not (tmp_path / "state" / "audit.jsonl").exists()


def paste(terminal: TerminalProcess, content: bytes) -> None:
    """Paste as a terminal does, without waiting for ever on a program that does not read."""
    os.set_blocking(terminal._master, False)
    left = b"\x1b[200~" + content + b"\x1b[201~"
    deadline = time.monotonic() + 60
    while left:
        assert time.monotonic() < deadline
        try:
            left = left[os.write(terminal._master, left[:4096]) :]
        except BlockingIOError:
            terminal.pump(0.01)
    os.set_blocking(terminal._master, True)


def test_m_15_clipboard_and_title_are_left_alone_until_asked(aios: RecordingAios, tmp_path: Path) -> None:
    with console(tmp_path, aios, columns=120, lines=40) as terminal:
        terminal.wait_for(BLOCK, 30)
        for key in "12345j?":
            terminal.send(key)
            terminal.rest(0.2)
        terminal.send("\x1b")
        terminal.rest(1.0)
        assert terminal_bytes.kinds(terminal.output) <= terminal_bytes.VOCABULARY
        terminal.send("1c")
        terminal.wait_until(lambda: b"\x1b]52;c;" in terminal.output)
        leave(terminal)


def test_m_07_a_stalled_line_stops_no_poll_and_is_repainted_after(aios: RecordingAios, tmp_path: Path) -> None:
    """Nobody reads for eight seconds, while the screen has more to say than the line holds."""
    with console(tmp_path, aios, "--poll", "0.5", columns=200, lines=60) as terminal:
        terminal.wait_for(BLOCK, 30)
        process = psutil.Process(terminal.process.pid)
        held = process.memory_info().rss
        for _ in range(40):
            for key in "12345":
                terminal.send(key)
            time.sleep(0.05)
        asked, started = polls(aios), time.monotonic()
        gaps = []
        while time.monotonic() - started < 6:
            before, since = polls(aios), time.monotonic()
            while polls(aios) == before and time.monotonic() - since < 5:
                time.sleep(0.02)
            gaps.append(time.monotonic() - since)
        assert polls(aios) - asked >= 3
        assert max(gaps) < 4.0  # half a second on an idle machine
        assert process.memory_info().rss - held < 30e6
        terminal.rest(0.5)
        terminal.send("1")
        terminal.wait_until(lambda: "REPL" in terminal.screen and "live" in terminal.screen, 20)
        leave(terminal)
