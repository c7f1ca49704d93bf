"""The file of a recording: a SQLite database with a version, opened only when it is one.

Every poll is a row of its own until its segment of some minutes is over; then the segment is written again as columns
and its rows go. Write-ahead logging with synchronous NORMAL: a killed process loses nothing that was committed, a
power cut the last moments.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from aios_top.store.paths import StoreError, make_private

SUFFIX = ".aiosrec"
VERSION = 2
_APPLICATION_ID = 0x41494F53
"""Spells AIOS."""
_SQLITE_MAGIC = b"SQLite format 3\x00"
_BUSY_SECONDS = 5.0
_PAGE_BYTES = 1024
"""A quarter of the usual: a block's part of a segment has some thousand bytes, and half a page of each stays empty."""
_CACHE_KILOBYTES = 256
"""An eighth of the usual: who writes a recording reads little of it again, and would fill the cache within the hour."""

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE progress (polls INTEGER NOT NULL, pruned INTEGER NOT NULL);
INSERT INTO progress VALUES (0, 0);
CREATE TABLE dictionary (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE path (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE shape (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE block (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE document (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, content BLOB NOT NULL);
CREATE TABLE segment (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, polls INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
    dictionary INTEGER NOT NULL, times BLOB NOT NULL, head BLOB NOT NULL
);
CREATE TABLE frame (
    segment INTEGER NOT NULL, block INTEGER NOT NULL,
    figures BLOB NOT NULL, documents BLOB NOT NULL, decided BLOB NOT NULL, samples BLOB NOT NULL
);
CREATE INDEX frame_by_segment ON frame (segment);
CREATE INDEX frame_by_block ON frame (block, segment);
CREATE TABLE poll (
    id INTEGER PRIMARY KEY AUTOINCREMENT, segment INTEGER NOT NULL, session INTEGER NOT NULL, content BLOB NOT NULL
);
CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, block TEXT NOT NULL, content BLOB);
CREATE INDEX event_by_kind ON event (kind, at);
"""

_READ_AS_THEY_ARE = frozenset({1})
"""Older versions whose tables are the same: what their rows lack is missing in a way that readers understand."""
_MIGRATIONS: dict[int, str] = {}
"""SQL that turns a file of another older version into one of the next."""


def create(path: Path) -> tuple[sqlite3.Connection, int]:
    """Make a new file for this user alone; return its connection, and a descriptor that holds it locked.

    The descriptor is to be closed after the connection. Raises StoreError.
    """
    if not _is_sticky(path.parent):  # as /tmp is: others may write there, but not touch this file
        make_private(path.parent)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; name another file with --output") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        connection = _connect(path, "rw")
        connection.executescript(
            f"PRAGMA page_size = {_PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; "
            f"PRAGMA application_id = {_APPLICATION_ID}; "
            f"PRAGMA user_version = {VERSION}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
            f"PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -{_CACHE_KILOBYTES}; BEGIN; {_SCHEMA} COMMIT;"
        )
    except (OSError, sqlite3.Error) as error:
        os.close(descriptor)
        raise StoreError(f"{path}: cannot be made: {error}") from error
    return connection, descriptor


def open_existing(path: Path, *, own: bool = False) -> sqlite3.Connection:
    """Open a recording for reading, also while it is written; raises StoreError that says why it is none.

    One's `own`, which this process writes, is not looked at first: closing any descriptor of a file gives up the locks
    that SQLite holds on it for the whole process.
    """
    if not own:
        _check_file(path)
    connection, version = _readable(path, own=own)
    try:
        _check_version(path, connection, version)
    except StoreError:
        connection.close()
        raise
    if version < VERSION and version not in _READ_AS_THEY_ARE:
        return _migrated(path, connection, version)
    return connection


def _readable(path: Path, *, own: bool) -> tuple[sqlite3.Connection, int]:
    """Return a connection that can read the file, and the version of its format; raises StoreError.

    A file that nobody writes and that has no log beside it is taken as it is: SQLite then puts nothing beside it; so is
    one in a folder that may not be written. One that was cut off is refused by SQLite, unless it is told that it is to
    be repaired.
    """
    problem: sqlite3.Error | None = None
    written = own or being_written(path)
    ways = ((False, False), (True, False), (True, True))
    for immutable, cut_off in ways if written or _has_log(path) else ways[1:]:
        connection = _connect(path, "ro", immutable=immutable)
        if not own and not immutable:
            connection.beside = _Beside(path, written, _index_of(path).exists())
        try:
            if cut_off:
                connection.execute("PRAGMA writable_schema = ON")
            return connection, _version(connection)
        except sqlite3.Error as error:
            connection.close()
            problem = problem or error
    raise StoreError(f"{path}: no recording, or one that is broken at its beginning: {problem}") from problem


def being_written(path: Path) -> bool:
    """Return whether a process holds the recording open for writing; not to be asked about one's own."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in {errno.EWOULDBLOCK, errno.EAGAIN}
    finally:
        os.close(descriptor)
    return False


def size_of(path: Path) -> int:
    """Return the bytes of a recording with its write-ahead log."""
    total = 0
    for name in (path, Path(f"{path}-wal")):
        with contextlib.suppress(FileNotFoundError):
            total += name.stat().st_size
    return total


def delete(path: Path) -> None:
    """Remove a recording with what SQLite keeps beside it."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with contextlib.suppress(FileNotFoundError):
            name.unlink()


def _is_sticky(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and bool(found.st_mode & stat.S_ISVTX)


def _check_file(path: Path) -> None:
    """Refuse what is no regular file of SQLite, without waiting for a FIFO or reading a device for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        reason = "a symbolic link; name the file itself" if error.errno == errno.ELOOP else error.strerror
        raise StoreError(f"{path}: {reason}") from error
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise StoreError(f"{path}: a folder; name a recording in it, 'aios-top recordings list' shows them")
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path}: not a regular file, so no recording")
        if found.st_size == 0:
            raise StoreError(f"{path}: empty, so no recording")
        if os.read(descriptor, len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
            raise StoreError(f"{path}: not a recording of aios-top")
    finally:
        os.close(descriptor)


def _check_version(path: Path, connection: sqlite3.Connection, version: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != _APPLICATION_ID:
        raise StoreError(f"{path}: a SQLite database, but not a recording of aios-top")
    if version > VERSION:
        raise StoreError(
            f"{path}: recorded by a newer aios-top (format {version}; this one reads up to {VERSION}); upgrade it"
        )


def _version(connection: sqlite3.Connection) -> int:
    connection.execute("SELECT name FROM meta LIMIT 1").fetchall()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _migrated(path: Path, connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """Return an older recording in this version's form: a copy in memory, the file stays as it is."""
    copy = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    with contextlib.closing(connection):
        connection.backup(copy)
    try:
        for step in range(version, VERSION):
            copy.executescript(f"BEGIN; {_MIGRATIONS[step]}; PRAGMA user_version = {step + 1}; COMMIT;")
    except (KeyError, sqlite3.Error) as error:
        copy.close()
        raise StoreError(f"{path}: recorded by an older aios-top (format {version}), which cannot be read") from error
    return copy


def _has_log(path: Path) -> bool:
    """Return whether something was written that is not in the file itself, as a killed process leaves it."""
    with contextlib.suppress(OSError):
        return Path(f"{path}-wal").stat().st_size > 0
    return False


def _index_of(path: Path) -> Path:
    return Path(f"{path}-shm")


class _Beside(Struct, frozen=True):
    """What a reader found when it came."""

    path: Path
    written: bool
    """Whether somebody was writing."""
    index: bool
    """Whether there was an index of the log."""

    def tidy(self) -> None:
        """Take away what SQLite has put beside the file for a reader, unless somebody writes it."""
        if being_written(self.path):
            return
        if self.written:  # who wrote it left the log to whoever goes last
            with contextlib.suppress(sqlite3.Error), contextlib.closing(_connect(self.path, "rw")) as last:
                last.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        elif not self.index:
            with contextlib.suppress(OSError):
                _index_of(self.path).unlink()


class _Connection(sqlite3.Connection):
    """A connection after which nothing is left that was not there before."""

    beside: _Beside | None = None

    def close(self) -> None:
        """Close, and tidy up once."""
        super().close()
        beside, self.beside = self.beside, None
        if beside is not None:
            beside.tidy()


def _connect(path: Path, mode: str, *, immutable: bool = False) -> _Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}{'&immutable=1' if immutable else ''}"
    return sqlite3.connect(
        address,
        uri=True,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
        isolation_level=None,
        cached_statements=64,
        factory=_Connection,
    )
