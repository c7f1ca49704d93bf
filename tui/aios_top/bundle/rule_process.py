"""Runs a policy file that the operator named, in a limited child process."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from msgspec import Struct

from aios_top.bundle.child import command, environment
from aios_top.bundle.limits import MAX_SOURCE_BYTES
from aios_top.model.rule_call import (
    Call,
    Construct,
    Encoded,
    Evaluate,
    Manage,
    Restore,
    RuleAnswer,
    RuleCall,
    RuleError,
)
from aios_top.model.span import length
from aios_top.model.text import clean

MAX_LINE_BYTES = 1024 * 1024
"""Calls are sent together up to this size; each line has the limits of time for itself."""
MAX_CALLS = 256
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE = 64 * 1024
_SENTENCE = 300


class RuleLimits(Struct, frozen=True):
    """What a policy may use. Times are per exchange: one call, or up to 256 calls of a batch."""

    cpu_seconds: float = 2.0
    memory_bytes: int = 512 * 1024 * 1024
    wall_seconds: float = 20.0
    """Only a policy that waits for something meets this one before the processor's; generous for loaded machines."""


class RuleProcess:
    """One policy file in one child process; a context manager for one caller at a time.

    The child has no environment, no site-packages, an empty folder of its own, limits of memory and processor time,
    and an audit hook that refuses connections, processes, threads and files; it ends with its parent. The policy's
    clock is told with each call. What the policy raises comes back as a RuleError or, in a batch, as an answer's
    `error`; a process that had to be ended raises RuleError with `ended`.
    """

    def __init__(self, source: bytes, limits: RuleLimits = RuleLimits()) -> None:
        self._source = source
        self._limits = limits
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._ended: str | None = "it has not been started"

    def __enter__(self) -> Self:
        """Start the child and import the file there; raises RuleError."""
        if len(self._source) > MAX_SOURCE_BYTES:
            raise RuleError(f"larger than {MAX_SOURCE_BYTES // 1024} KiB", ended=True)
        self._folder = tempfile.TemporaryDirectory(prefix="aios-top-rule-", ignore_cleanup_errors=True)
        try:
            self._start(Path(self._folder.name))
        except RuleError as error:
            self.close()
            raise RuleError(f"cannot be imported: {error}", ended=True) from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child and remove its folder."""
        self._end("it has been closed")
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def construct(self, settings: Mapping[str, Any], parameters: Mapping[str, Any], at: float = 0.0) -> None:
        """Make the rule as AIOS does when an autoscaler starts; raises RuleError."""
        self._one(Construct(settings, parameters, at))

    def evaluate(self, input_data: Any, metrics: Any, at: float, monotonic: float | None = None) -> Any:
        """Return what one evaluation returns; `metrics` may be an exception for `get_metrics` to raise."""
        return self._one(Evaluate(input_data, metrics, at, monotonic))

    def management(self, action: Any, data: Any = None, at: float = 0.0) -> Any:
        """Return what one management command returns."""
        return self._one(Manage(action, data, at))

    def batch(self, calls: Iterable[RuleCall]) -> list[RuleAnswer]:
        """Run many calls in order; raises RuleError only when the process had to be ended."""
        return [answer for lines in _lines(calls) for answer in self._exchange(lines)]

    def _one(self, call: RuleCall) -> Any:
        answer = self.batch([call])[0]
        if answer.error is not None:
            raise RuleError(answer.error)
        return answer.value

    def _start(self, home: Path) -> None:
        path = home / "function.py"
        path.write_bytes(self._source)
        limits = self._limits
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter and a file of this package
            command("rule_child.py", str(limits.cpu_seconds), str(limits.memory_bytes), str(home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=home,
            env=environment(),
            start_new_session=True,
        )
        self._ended = None
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        loaded = self._exchange([json.dumps({"do": "load", "path": str(path)})])[0]
        if loaded.error is not None:
            raise RuleError(loaded.error)

    def _exchange(self, calls: list[str]) -> list[RuleAnswer]:
        """Send one line and wait for its answers."""
        if self._ended is not None or self._child is None:
            raise RuleError(self._ended or "it has not been started", ended=True)
        line = self._talk(self._child, f"[{','.join(calls)}]\n".encode())
        try:
            answers = json.loads(line)
            if len(answers) != len(calls):
                raise ValueError("another number of answers")  # noqa: TRY301 - as bad as one that cannot be read
            return [_answer(good, value) for good, value in answers]
        except (ValueError, TypeError, RecursionError):
            raise self._end("answered with something that is no answer") from None

    def _talk(self, child: subprocess.Popen[bytes], line: bytes) -> bytes:
        """Write the line and read the answer's, both within the deadline; raises RuleError."""
        given, answers = child.stdin, child.stdout
        if given is None or answers is None:
            raise self._end("has no pipes")
        deadline = time.monotonic() + self._limits.wall_seconds
        rest, pieces, size = memoryview(line), [], 0
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        poll.register(given, select.POLLOUT)
        while True:
            left = deadline - time.monotonic()
            ready = poll.poll(left * 1000) if left > 0 else []
            if not ready:
                raise self._end(f"did not answer within {length(self._limits.wall_seconds)}")
            for descriptor, _ in ready:
                if descriptor == given.fileno():
                    with suppress(BrokenPipeError):  # the reason is told by the end of the answers
                        rest = rest[given.write(rest) or 0 :]
                        if rest:
                            continue
                    poll.unregister(given)
                else:
                    piece = answers.read(_PIECE)
                    if not piece:
                        raise self._end(self._why_it_ended(child))
                    pieces.append(piece)
                    size += len(piece)
                    if piece.endswith(b"\n"):
                        return b"".join(pieces)
                    if size > MAX_ANSWER_BYTES:
                        raise self._end(f"answered with more than {MAX_ANSWER_BYTES // 1024**2} MB")

    def _why_it_ended(self, child: subprocess.Popen[bytes]) -> str:
        try:
            status = child.wait(self._limits.wall_seconds)
        except subprocess.TimeoutExpired:
            return "closed its answers"
        if status in {-signal.SIGPROF, -signal.SIGXCPU}:
            return f"used more than {length(self._limits.cpu_seconds)} of processor time"
        if status >= 0:
            return f"ended its process with status {status}"
        with suppress(ValueError):
            return f"crashed its process ({signal.Signals(-status).name})"
        return f"crashed its process (signal {-status})"

    def _end(self, why: str) -> RuleError:
        """Kill the child if it still runs and remember why."""
        child, self._child = self._child, None
        if child is not None:
            self._ended = why
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            child.wait()
        return RuleError(why, ended=True)


def _lines(calls: Iterable[RuleCall]) -> Iterator[list[str]]:
    """Encode calls and group them into lines."""
    line: list[str] = []
    size = 0
    for call in calls:
        text = _encoded(call)
        if line and (size + len(text) > MAX_LINE_BYTES or len(line) == MAX_CALLS):
            yield line
            line, size = [], 0
        line.append(text)
        size += len(text)
    if line:
        yield line


def _encoded(call: RuleCall) -> str:
    try:
        text = json.dumps(_wire(call), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise RuleError(f"cannot be told: {error}") from error
    if isinstance(call, Evaluate) and isinstance(call.metrics, Encoded):
        return f'{text[:-1]}, "metrics": {call.metrics.text}}}'
    return text


def _plain(value: object) -> dict[str, Any]:
    """Return a mapping that is no dict, such as a packed record, as one."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _wire(call: RuleCall) -> dict[str, Any]:
    match call:
        case Construct():
            return {
                "do": "construct",
                "settings": call.settings,
                "parameters": call.parameters,
                "collector": call.collector,
                "at": call.at,
                "monotonic": call.monotonic,
            }
        case Restore():
            return {"do": "restore", "attributes": call.attributes}
        case Evaluate():
            given = call.metrics
            seen = {} if isinstance(given, Encoded) else {"metrics": given}
            if isinstance(given, Exception):
                seen = {"raises": [type(given).__name__, str(given)]}
            return {"do": "evaluate", "input": call.input_data, "at": call.at, "monotonic": call.monotonic, **seen}
        case Manage():
            return {
                "do": "manage",
                "action": call.action,
                "data": call.data,
                "at": call.at,
                "monotonic": call.monotonic,
            }
        case Call():
            return {"do": "call", "function": call.function, "arguments": call.arguments, "at": call.at}


def _answer(good: bool, value: Any) -> RuleAnswer:
    return RuleAnswer(value) if good else RuleAnswer(error=clean(value, _SENTENCE))
