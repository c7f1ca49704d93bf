"""Starts the embedded AIOS as a child process and ends it; imports nothing heavy."""

import json
import shutil
import subprocess
import sys
import threading
from collections import deque
from types import TracebackType
from typing import IO, Any, Self

START_SECONDS = 20.0
STOP_SECONDS = 5.0
KEPT_LINES = 200


class EmbeddedAiosError(RuntimeError):
    """The embedded AIOS did not start; the text says what it wrote before it ended."""


class EmbeddedAios:
    """A child process that serves an AIOS on loopback: `with EmbeddedAios.start() as aios: aios.urls`."""

    def __init__(self, process: subprocess.Popen[bytes], about: dict[str, Any], errors: deque[str]) -> None:
        self._process = process
        self._errors = errors
        self._folder = str(about["folder"])
        self.urls: dict[str, str] = about["urls"]
        """Name of each service -> its base URL."""
        self.pace: str = about["pace"]
        self.scenario: str = about["scenario"]
        self.seed: int = about["seed"]
        self.pid: int = about["pid"]

    @classmethod
    def start(
        cls,
        scenario: str = "spike",
        pace: str = "quick",
        seed: int | None = None,
        *,
        ports: str = "free",
        port_offset: int = 0,
        chaos: bool = False,
    ) -> Self:
        """Start it and return when every service answers; raises EmbeddedAiosError with the child's own words."""
        # -P: a file in the working directory must not pass for a module.
        command = [sys.executable, "-P", "-m", "aios_top.testbed.process", "--die-with-stdin"]
        command += ["--scenario", scenario, "--pace", pace, "--ports", ports, "--port-offset", str(port_offset)]
        command += ["--chaos"] if chaos else []
        command += [] if seed is None else ["--seed", str(seed)]
        # Its own session: a Ctrl+C in the terminal is the parent's to handle.
        process = subprocess.Popen(  # noqa: S603 - this very program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        errors: deque[str] = deque(maxlen=KEPT_LINES)
        if process.stdout is None or process.stderr is None:
            raise EmbeddedAiosError("no pipes to the embedded AIOS")
        drain = threading.Thread(target=_keep, args=(process.stderr, errors), daemon=True)
        drain.start()
        late = threading.Timer(START_SECONDS, process.kill)
        late.start()
        line = process.stdout.readline()
        late.cancel()
        process.stdout.close()
        try:
            return cls(process, json.loads(line), errors)
        except (ValueError, KeyError, TypeError) as error:
            _end(process)
            drain.join(STOP_SECONDS)
            said = "\n".join(errors) or f"exit status {process.returncode}"
            raise EmbeddedAiosError(f"the embedded AIOS did not start: {said}") from error

    @property
    def alive(self) -> bool:
        """Tell whether the child still runs."""
        return self._process.poll() is None

    @property
    def errors(self) -> list[str]:
        """Return the last lines that the child wrote to its standard error."""
        return list(self._errors)

    def stop(self) -> None:
        """End the child and make sure that its folder is gone; harmless when it has ended already."""
        _end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, which it takes as the end; insist when it does not."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _keep(stream: IO[bytes], lines: deque[str]) -> None:
    """Read the stream to its end, so that the child never waits for a reader, and keep the last lines."""
    with stream:
        for line in stream:
            lines.append(line.decode(errors="replace").rstrip())
