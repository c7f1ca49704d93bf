"""Runs one policy file for the console, within limits; a program of its own.

Started by `aios_top.bundle.rule_process` with nothing but the standard library. Standard input carries one JSON array
of calls a line, standard output one array of answers a line; NaN and the infinities travel as Python's `json` has them.
This holds back accidents of a file that the operator named; it is no fortress against an author who means harm.
"""

import _thread
import builtins
import contextlib
import datetime as dt
import importlib.util
import json
import logging
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

CLASS = "AIOSv1PolicyRule"
MODULE = "aios_policy_rule"
MAX_ERROR = 500
MAX_ANSWER = 16 * 1024 * 1024
LOOK_AT_PARENT_SECONDS = 1.0
ALLOWED = (
    "import", "exec", "compile", "marshal.", "object.__", "code.", "function.", "gc.", "array.", "pickle.",
    "builtins.id", "sys._getframe", "sys.unraisablehook", "sys.excepthook", "cpython.", "time.", "glob.",
)  # fmt: skip
"""Audit events, by their beginnings, that a computation may raise; reading files is judged by path."""
READS = frozenset({"open", "os.listdir", "os.scandir"})
REFUSED_MODULES = frozenset({"ctypes", "_ctypes"})


class Refusals:
    """Refuses what a policy under evaluation must not do, and remembers that it tried."""

    def __init__(self, home: Path) -> None:
        self.armed = False
        self.tried: list[str] = []
        self._readable = tuple({os.path.realpath(path) for path in (home, sys.base_prefix, Path(os.__file__).parent)})

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event; raises PermissionError."""
        if not self.armed:
            return
        if event in READS:
            if not self._reads(event, arguments):
                self._refuse(f"touches a file outside its folder ({event} {arguments[0]!r:.80})")
        elif event == "import" and arguments[0] in REFUSED_MODULES:
            self._refuse(f"imports {arguments[0]}")
        elif not event.startswith(ALLOWED):
            self._refuse(f"tries {event}")

    def refuse_threads(self) -> None:
        """Refuse them here, since not every Python tells its audit hooks of a thread."""

        def refuse(*_arguments: Any, **_named: Any) -> None:
            self._refuse("starts a thread")

        setattr(threading.Thread, "start", refuse)  # noqa: B010 - a type checker rejects the plain assignment
        setattr(_thread, "start_new_thread", refuse)  # noqa: B010

    def _reads(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            mode, flags = arguments[1] or "", arguments[2] or 0
            if not set(mode).isdisjoint("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                return False
        path = "." if arguments[0] is None else arguments[0]
        if isinstance(path, int):
            return False
        real = os.path.realpath(os.fsdecode(path))
        return any(real == root or real.startswith(root + os.sep) for root in self._readable)

    def _refuse(self, what: str) -> None:
        self.tried.append(what)
        raise PermissionError(f"{what}, which is refused here")


class Told:
    """The clock that the policy reads: it stands still at the told time, and moves on only while the policy sleeps."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.steady = 0.0

    def tell(self, wall: float, steady: float | None) -> None:
        """Set Unix and monotonic seconds."""
        self.wall, self.steady = wall, wall if steady is None else steady

    def sleep(self, seconds: float) -> None:
        """Let told time pass instead of real time."""
        self.wall += seconds
        self.steady += seconds

    def install(self) -> None:
        """Put this clock in the place of the standard library's."""
        told, gmtime, localtime = self, time.gmtime, time.localtime

        class ToldDatetime(dt.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return cls.fromtimestamp(told.wall, tz)

            @classmethod
            def utcnow(cls) -> Any:
                return cls.fromtimestamp(told.wall, dt.UTC).replace(tzinfo=None)

        replacements: dict[str, Callable[..., Any]] = {
            "time": lambda: told.wall,
            "time_ns": lambda: int(told.wall * 1e9),
            "sleep": told.sleep,
            "gmtime": lambda seconds=None: gmtime(told.wall if seconds is None else seconds),
            "localtime": lambda seconds=None: localtime(told.wall if seconds is None else seconds),
        }
        for name in ("monotonic", "perf_counter"):
            replacements[name] = lambda: told.steady
            replacements[f"{name}_ns"] = lambda: int(told.steady * 1e9)
        for name, replacement in replacements.items():
            setattr(time, name, replacement)
        setattr(dt, "datetime", ToldDatetime)  # noqa: B010 - a type checker rejects the plain assignment


class Metrics:
    """What the policy finds as `settings["get_metrics"]`."""

    def __init__(self) -> None:
        self.value: Any = None
        self.raises: list[str] | None = None

    def __call__(self) -> Any:
        """Return the told metrics, or raise the told exception."""
        if self.raises is None:
            return self.value
        kind = getattr(builtins, self.raises[0], None)
        usable = isinstance(kind, type) and issubclass(kind, Exception)
        raise (kind if usable else RuntimeError)(self.raises[1])  # type: ignore[misc]


class Worker:
    """Holds the policy's module and its present rule."""

    def __init__(self, refusals: Refusals, told: Told) -> None:
        self._refusals = refusals
        self._told = told
        self._module: ModuleType | None = None
        self._rule: Any = None
        self._parameters: Any = None
        self._metrics = Metrics()
        self._calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "load": self._load,
            "construct": self._construct,
            "restore": self._restore,
            "evaluate": self._evaluate,
            "manage": self._manage,
            "call": self._call,
        }

    def answer(self, call: dict[str, Any]) -> str:
        """Run one call and return its answer as JSON: `[true, value]` or `[false, sentence]`."""
        self._refusals.tried.clear()
        try:
            self._told.tell(call.get("at", 0.0), call.get("monotonic"))
            text = json.dumps([True, self._calls[call["do"]](call)])
            if len(text) > MAX_ANSWER:
                raise ValueError(f"answers with {len(text)} bytes")  # noqa: TRY301 - told like what it raises itself
        except BaseException as error:  # noqa: BLE001 - also an exit is only an answer
            text = json.dumps([False, sentence(error)])
        if self._refusals.tried:
            text = json.dumps([False, f"{self._refusals.tried[0]}, which is refused here"])
        return text

    def _load(self, call: dict[str, Any]) -> None:
        """Import the file as AIOS does."""
        spec = importlib.util.spec_from_file_location(MODULE, call["path"])
        if spec is None or spec.loader is None:
            raise ImportError(call["path"])
        module = importlib.util.module_from_spec(spec)
        sys.modules[MODULE] = module
        self._refusals.armed = True
        spec.loader.exec_module(module)
        if not hasattr(module, CLASS):
            raise AttributeError(f"the file has no class {CLASS}")
        self._module = module

    def _construct(self, call: dict[str, Any]) -> None:
        self._rule = None
        settings = {**call["settings"]}
        if call["collector"]:
            settings["get_metrics"] = self._metrics
        self._parameters = call["parameters"]
        self._rule = getattr(self._module, CLASS)("", settings, self._parameters)

    def _restore(self, call: dict[str, Any]) -> None:
        for name, value in call["attributes"].items():
            setattr(self._made(), name, value)

    def _evaluate(self, call: dict[str, Any]) -> Any:
        self._metrics.value, self._metrics.raises = call.get("metrics"), call.get("raises")
        return self._made().eval(self._parameters, call["input"], None)

    def _manage(self, call: dict[str, Any]) -> Any:
        return self._made().management(call["action"], call["data"])

    def _call(self, call: dict[str, Any]) -> Any:
        return getattr(self._module, call["function"])(*call["arguments"])

    def _made(self) -> Any:
        if self._rule is None:
            raise RuntimeError("the rule has not been constructed")
        return self._rule


def sentence(error: BaseException) -> str:
    """Return what a policy raised, in one bounded line."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, MemoryError):
        return "MemoryError: it needs more memory than it is given here"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception may not even be printable
        text = "without a printable message"
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        text += "; only the standard library is at hand here"
    return text[:MAX_ERROR]


def limit(memory: int) -> None:
    """Limit this process for good: memory, files, processes; the processor time is counted for each line."""
    for name, value in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_NPROC", 0), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(ValueError, OSError, AttributeError):  # no system has all of them
            resource.setrlimit(getattr(resource, name), (value, value))


def end_with_parent(clean_up: Callable[[], None]) -> None:
    """Look once a second whether the parent is still there, also in the middle of an evaluation."""
    parent = os.getppid()

    def look(_signal: int, _frame: Any) -> None:
        if os.getppid() != parent:
            clean_up()
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_AT_PARENT_SECONDS, LOOK_AT_PARENT_SECONDS)


def channel() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from the standard descriptors, so that what a policy prints goes nowhere."""
    given, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    return given, answers


def main() -> None:
    """Answer lines until the input ends."""
    cpu_seconds, memory, home = float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    given, answers = channel()
    refusals, told = Refusals(home), Told()

    def clean_up() -> None:
        refusals.armed = False
        shutil.rmtree(home, ignore_errors=True)

    limit(memory)
    end_with_parent(clean_up)
    logging.raiseExceptions = False
    told.install()
    refusals.refuse_threads()
    sys.addaudithook(refusals)
    worker = Worker(refusals, told)
    for line in given:
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # ends the process, unless this line is done before
        answers.write(b"[" + ",".join(map(worker.answer, json.loads(line))).encode() + b"]\n")
        answers.flush()
        signal.setitimer(signal.ITIMER_PROF, 0)
    clean_up()
    os._exit(0)


if __name__ == "__main__":
    main()
