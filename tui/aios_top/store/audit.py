"""The audit file: one JSON line per step of a change, each tied to the line before it by its SHA-256.

The chain shows an edited, inserted or removed line; it cannot show that lines are missing at the end.
"""

import contextlib
import errno
import fcntl
import getpass
import json
import math
import os
import platform
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from aios_top.model.audit import AuditEntry
from aios_top.store.paths import StoreError, make_private

FIRST = "0" * 64
"""What the first line gives as the digest of the line before it."""
MAX_LINE_BYTES = 256 * 1024
_LOCK_SECONDS = 2.0
_TAIL_BYTES = 64 * 1024


class Verification(Struct, frozen=True):
    """What a check of the whole file found; line numbers count from 1."""

    lines: int
    problems: tuple[tuple[int, str], ...] = ()
    """Lines that were changed, removed or put in since they were written."""
    torn: tuple[int, ...] = ()
    """Lines that ended in the middle, as a kill or a full disk leaves them; no sign of tampering."""


class AuditLog:
    """The operator's record on disk; satisfies `engine.ports.Audit`.

    A line is written with one call on a descriptor opened for appending, under an exclusive lock that covers the
    reading of the last line too, so two consoles keep one chain. Every line is on the disk before the method returns.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._thread_lock = threading.Lock()
        self._read_to = 0
        self._entries: list[AuditEntry] = []
        self._who = {"user": _user(), "host": platform.node()}

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def intent(self, fields: Mapping[str, Any]) -> int:
        """Write what is about to be sent; return its number. Raises OSError: then nothing may be sent."""
        return self._append("intent", fields)

    def outcome(self, intent: int, fields: Mapping[str, Any]) -> None:
        """Write what became of the intent with that number."""
        self._append("outcome", {"intent": intent, **fields})

    def refused(self, fields: Mapping[str, Any]) -> None:
        """Write what was not sent, and why."""
        self._append("refused", fields)

    def note(self, fields: Mapping[str, Any]) -> None:
        """Write what was found out between the steps of a change."""
        self._append("note", fields)

    def entries(self) -> Sequence[AuditEntry]:
        """Return all readable entries, oldest first; only what is new since the last call is read."""
        with self._thread_lock:
            try:
                with self._open(os.O_RDONLY) as descriptor:
                    self._read_new(descriptor)
            except FileNotFoundError:
                self._entries, self._read_to = [], 0
            return tuple(self._entries)

    def verify(self) -> Verification:
        """Check every line and the chain through all of them."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return Verification(0)
        return _verify(content)

    def _append(self, kind: str, fields: Mapping[str, Any]) -> int:
        try:
            make_private(self._path.parent)
        except StoreError as error:
            raise OSError(errno.EACCES, str(error)) from error
        with self._thread_lock, self._open(os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor, _locked(descriptor):
            last = _last_line(descriptor)
            seq = _next_seq(descriptor, last)
            line = self._line(seq, kind, fields, last)
            # A torn line is ended and stays: the file only ever grows, and the chain goes through the torn line.
            _write(descriptor, (b"" if last.whole else b"\n") + line + b"\n")
            os.fsync(descriptor)
            if seq == 1:
                _sync_folder(self._path.parent)
        return seq

    def _line(self, seq: int, kind: str, fields: Mapping[str, Any], last: "_Line") -> bytes:
        document = {
            "seq": seq,
            "at": datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "kind": kind,
            **self._who,
            "previous": last.digest,
            "fields": _plain(fields),
        }
        # ASCII only: an id or a reason from a server can neither end the line nor act on a terminal that shows it.
        body = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")[:-1]
        line = body + _seal(body)
        if len(line) > MAX_LINE_BYTES:
            raise OSError(errno.EFBIG, f"an audit line of {len(line)} bytes is too long", str(self._path))
        return line

    @contextlib.contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        """Open the file itself and never what a link points to."""
        descriptor = os.open(self._path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(self._path))
            yield descriptor
        finally:
            os.close(descriptor)

    def _read_new(self, descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        if size < self._read_to:  # replaced by a shorter file
            self._entries, self._read_to = [], 0
        content = os.pread(descriptor, size - self._read_to, self._read_to)
        whole = content.rfind(b"\n") + 1
        self._read_to += whole
        self._entries += [entry for line in content[:whole].split(b"\n") if (entry := _entry(line)) is not None]


class _Line(Struct, frozen=True):
    """The last line of the file as the next one needs to know it."""

    content: bytes
    whole: bool
    """Whether it ends with a line feed; an empty file counts as whole."""

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest() if self.content else FIRST


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the file for this process; gives up after two seconds, for a change cannot wait for ever."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.EAGAIN, "another process holds the audit file") from None
            time.sleep(0.005)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _last_line(descriptor: int) -> _Line:
    """Read backwards to the last line feed but one."""
    end = os.fstat(descriptor).st_size
    tail = b""
    start = end
    while start > 0 and b"\n" not in tail[:-1]:
        step = min(_TAIL_BYTES, start)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    whole = not tail or tail.endswith(b"\n")
    return _Line(tail.rstrip(b"\n").rsplit(b"\n", 1)[-1], whole)


def _next_seq(descriptor: int, last: _Line) -> int:
    """Return the number after the last readable one; only behind a torn line has the whole file to be read."""
    if not last.content:
        return 1
    entry = _entry(last.content)
    if entry is not None:
        return entry.seq + 1
    lines = os.pread(descriptor, os.fstat(descriptor).st_size, 0).split(b"\n")
    return 1 + max((entry.seq for line in lines if (entry := _entry(line)) is not None), default=0)


def _write(descriptor: int, content: bytes) -> None:
    """Write everything or raise: a disk that fills up may take a part first."""
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(line: bytes) -> AuditEntry | None:
    """Return a line's entry, None when it is torn or not ours."""
    try:
        document = json.loads(line)
        return AuditEntry(
            seq=int(document["seq"]),
            at=datetime.fromisoformat(document["at"]).timestamp(),
            kind=str(document["kind"]),
            fields=dict(document["fields"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _seal(body: bytes) -> bytes:
    """Return the end of a line: the digest of everything before it, so that an edited line names itself."""
    return b',"sha256":"%s"}' % sha256(body).hexdigest().encode("ascii")


_SEAL_BYTES = len(_seal(b""))


def _verify(content: bytes) -> Verification:
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    problems: list[tuple[int, str]] = []
    torn: list[int] = []
    previous, seq = FIRST, 0
    for number, line in enumerate(lines, start=1):
        entry = _entry(line)
        if entry is None:
            # What a kill leaves is the beginning of a line; the line after it gives its digest.
            (torn.append(number) if line.startswith(b"{") else problems.append((number, "no audit line")))
        elif line[-_SEAL_BYTES:] != _seal(line[:-_SEAL_BYTES]):
            problems.append((number, "changed after it was written"))
            seq = entry.seq
        else:
            if json.loads(line).get("previous") != previous:
                problems.append((number, "does not follow the line before it: that one was changed, removed or put in"))
            elif entry.seq != seq + 1:
                problems.append((number, f"number {entry.seq} follows number {seq}"))
            seq = entry.seq
        previous = sha256(line).hexdigest()
    return Verification(len(lines), tuple(problems), tuple(torn))


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: bytes become their digest, a number that is none becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if isinstance(value, bytes):
        return {"bytes": len(value), "sha256": sha256(value).hexdigest()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)


def _user() -> str:
    """Return the user's name, or the number where the system does not know a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
