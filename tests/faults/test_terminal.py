"""The console gives the terminal back, whatever ends it, on a real pseudo-terminal."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from aios_top.console.guard import Guard
from aios_top.console.terminal import Terminal
from fakes.terminal import TerminalProcess

APPS = str(Path(__file__).with_name("apps.py"))


@contextmanager
def running(name: str, folder: Path, **options: object) -> Iterator[TerminalProcess]:
    with TerminalProcess([sys.executable, APPS, name, str(folder)], **options) as terminal:
        terminal.wait_for("READY")
        yield terminal


def check_given_back(terminal: TerminalProcess) -> None:
    assert terminal.missing_resets == []
    assert terminal.attributes == terminal.attributes_before


def test_the_apps_own_exit_code_is_the_processs(tmp_path: Path) -> None:
    with running("Calm", tmp_path) as terminal:
        assert terminal.attributes != terminal.attributes_before
        terminal.send("q")
        assert terminal.wait_exit() == 5
        check_given_back(terminal)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131), (signal.SIGINT, 130)]
)
def test_m_01_a_signal_ends_it_with_its_own_code(number: int, code: int, tmp_path: Path) -> None:
    with running("Calm", tmp_path) as terminal:
        terminal.process.send_signal(number)
        assert terminal.wait_exit() == code
        check_given_back(terminal)


def test_m_01_usr1_is_ignored(tmp_path: Path) -> None:
    with running("Calm", tmp_path) as terminal:
        terminal.process.send_signal(signal.SIGUSR1)
        terminal.send("q")
        assert terminal.wait_exit() == 5


@pytest.mark.parametrize("name", ["Blocked", "Spinning"])
def test_m_02_a_signal_ends_it_while_the_event_loop_hangs(name: str, tmp_path: Path) -> None:
    with running(name, tmp_path) as terminal:
        terminal.send("b")
        terminal.wait_until(lambda: b"blocked" in terminal.output)
        started = time.monotonic()
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert time.monotonic() - started < 8  # two seconds of grace and a busy machine
        check_given_back(terminal)


@pytest.mark.parametrize(("key", "message"), [("h", "bad"), ("w", "worker of"), ("r", "render failed")])
def test_m_03_a_crash_leaves_a_short_message_and_a_private_report(key: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with running("Crashing", folder) as terminal:
        terminal.send(key)
        assert terminal.wait_exit() == 70
        check_given_back(terminal)
    said = terminal.output.rpartition(b"?1049l")[2].decode()
    assert f"internal error: ValueError: {message}" in said
    assert len(said.splitlines()) <= 20
    assert "\x1b[2J" not in said
    (report,) = folder.iterdir()
    assert str(report) in said.replace("\r\n", "")
    assert report.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in report.read_text()
    assert "CANARY" not in said
    assert "CANARY" not in report.read_text().replace('token = "CANARY-TOKEN"', "").replace('secret = "CANARY', "")


def test_m_05_a_closed_window_ends_it_although_hangups_are_ignored(tmp_path: Path) -> None:
    with running("Calm", tmp_path, ignore_hangup=True) as terminal:
        terminal.close_terminal()
        assert terminal.process.wait(8) == 129


def test_m_06_a_dead_output_ends_it(tmp_path: Path) -> None:
    with running("OutputDies", tmp_path) as terminal:
        terminal.send("b")
        assert terminal.wait_exit() == 129


def test_m_04_it_stops_and_comes_back(tmp_path: Path) -> None:
    with running("Calm", tmp_path) as terminal:
        process = psutil.Process(terminal.process.pid)
        terminal.send("\x1a")
        terminal.wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
        terminal.wait_until(lambda: not terminal.missing_resets)  # what it wrote last may still be on its way
        check_given_back(terminal)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: terminal.output.count(b"READY") > 1)
        terminal.send("q")
        assert terminal.wait_exit() == 5


@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_m_08_without_a_terminal_it_says_so_and_writes_no_escapes(missing: str, tmp_path: Path) -> None:
    master, slave = os.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave) | {missing: subprocess.PIPE}
    try:
        done = subprocess.Popen([sys.executable, APPS, "Calm", str(tmp_path)], **streams)
        out, err = done.communicate(timeout=20)
        said = (out or b"") + (err or b"")
        if missing != "stderr":
            said += os.read(master, 4096)
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 2
    assert f"{missing} is not one".encode() in said
    assert b"\x1b" not in said


@pytest.mark.parametrize("term", ["dumb", ""])
def test_m_08_a_terminal_that_cannot_move_its_cursor_is_refused(term: str, tmp_path: Path) -> None:
    command = [sys.executable, APPS, "Calm", str(tmp_path)]
    with TerminalProcess(command, environment={"TERM": term}) as terminal:
        assert terminal.wait_exit() == 2
        assert b"\x1b" not in terminal.output
        assert b"TERM is" in terminal.output


class Screen:
    """A loop that does not turn, as the guard sees it."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.ended: list[int] = []
        self.stalls = 0
        self.over = threading.Event()

    def end(self, code: int) -> None:
        self.ended.append(code)
        self.over.set()

    def stalled(self) -> None:
        self.stalls += 1
        self.over.set()


@pytest.fixture
def line() -> Iterator[Terminal]:
    master, slave = os.openpty()
    yield Terminal(slave, slave, None)
    os.close(slave)
    os.close(master)


def test_m_07_a_screen_that_stands_still_is_told_once(line: Terminal) -> None:
    screen = Screen()
    with Guard(line, screen.asked.append, stalled=screen.stalled, stall_seconds=0.0, end=screen.end):
        assert screen.over.wait(10)
        time.sleep(1.2)  # one more look of the guard
    assert (screen.stalls, screen.asked) == (1, [])


def test_m_07_a_terminal_that_answers_no_more_is_told_although_the_screen_turns(line: Terminal) -> None:
    screen = Screen()
    with Guard(line, screen.asked.append, stalled=screen.stalled, stall_seconds=1.5, end=screen.end) as guard:
        for _ in range(30):
            guard.beat()
            guard.asked()
            guard.answered()
            time.sleep(0.1)
        assert screen.stalls == 0
        guard.asked()
        deadline = time.monotonic() + 20
        while not screen.stalls and time.monotonic() < deadline:
            guard.beat()
            guard.asked()  # a later question does not make up for the first
            time.sleep(0.1)
    assert (screen.stalls, screen.asked) == (1, [])


def test_m_07_a_line_that_nobody_reads_is_told_while_the_screen_still_turns(line: Terminal) -> None:
    os.set_blocking(line.output_fd, False)
    screen = Screen()
    with Guard(line, screen.asked.append, stalled=screen.stalled, stall_seconds=1.1, end=screen.end) as guard:
        deadline = time.monotonic() + 20
        while not screen.over.wait(0.01) and time.monotonic() < deadline:
            guard.beat()
            with suppress(BlockingIOError):  # the system moves what was written on, and there is room once more
                os.write(line.output_fd, b" " * 1024)
    assert (screen.stalls, screen.asked) == (1, [])


def test_a_screen_that_turns_is_left_alone(line: Terminal) -> None:
    screen = Screen()
    with Guard(line, screen.asked.append, stalled=screen.stalled, stall_seconds=60.0, end=screen.end) as guard:
        guard.beat()
        time.sleep(1.2)
    assert (screen.stalls, screen.asked, screen.ended, guard.code) == (0, [], [], None)


def test_the_handlers_of_before_are_put_back(line: Terminal) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    screen = Screen()
    with Guard(line, screen.asked.append, leave_seconds=0.05, end=screen.end) as guard:
        assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGTERM)
        assert screen.over.wait(10)
        assert guard.code == 143
    assert screen.asked[0] == 143
    assert screen.ended[0] == 143
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.set_wakeup_fd(-1) == -1
