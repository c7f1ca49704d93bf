"""Reads secrets from where they are kept: a file of this user alone, the environment, or the system's keyring."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from aios_top.model.secret import Secret
from aios_top.store.paths import StoreError

MAX_BYTES = 16 * 1024
_ENTRY = r"[^/]+/[^/]+"


class SecretSource(Struct, frozen=True):
    """Where one secret is; the configuration never holds the secret itself."""

    file: str | None = None
    """Path of a file that only its owner may read."""
    env: str | None = None
    """Name of an environment variable."""
    keyring: Annotated[str, Meta(pattern=_ENTRY)] | None = None
    """`service/user` of the system's keyring; needs the extra `keyring`."""

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.file, self.env, self.keyring)) != 1:
            raise ValueError('names one place: { file = "PATH" }, { env = "NAME" } or { keyring = "SERVICE/USER" }')

    def __str__(self) -> str:
        if self.file is not None:
            return f"file {self.file}"
        return f"${self.env}" if self.env is not None else f"keyring {self.keyring}"


def read_secret(source: SecretSource, environ: Mapping[str, str]) -> Secret:
    """Return the secret; raises StoreError with the place and the next step, and never with what was found there."""
    if source.file is not None:
        return _checked(_content(Path(source.file).expanduser()), str(source))
    if source.env is not None:
        if source.env not in environ:
            raise StoreError(f"the environment variable {source.env} is not set; it should hold a secret")
        return _checked(environ[source.env], str(source))
    return _checked(_from_keyring(source.keyring or ""), str(source))


def private_file(name: str) -> Path:
    """Return the path of a regular file that only this user may read; raises StoreError for any other."""
    path = Path(name).expanduser()
    with _opened(path):
        return path


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file that only this user may read; judged by the open file, so that it cannot be swapped."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would never answer
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; it should hold a secret") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path}: not a regular file; it should hold a secret")
        if found.st_uid != os.geteuid():
            raise StoreError(f"{path}: belongs to another user; copy it to use it")
        if found.st_mode & 0o077:
            raise StoreError(f"{path}: others may read this secret; run chmod 600 {path}")
        yield descriptor
    finally:
        os.close(descriptor)


def _content(path: Path) -> str:
    with _opened(path) as descriptor:
        try:
            return os.read(descriptor, MAX_BYTES + 1).decode("ascii")
        except UnicodeDecodeError as error:
            raise StoreError(f"{path}: holds more than ASCII; a secret of a header cannot") from error
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from error


def _checked(text: str, place: str) -> Secret:
    """Return a value that a header can carry."""
    value = text.strip()
    if not value:
        raise StoreError(f"{place}: holds nothing; it should hold a secret")
    if len(value) > MAX_BYTES or not value.isascii() or not value.isprintable():
        raise StoreError(f"{place}: holds more than one line of printable ASCII; a secret of a header cannot")
    return Secret(value)


def _from_keyring(entry: str) -> str:
    service, _, user = entry.partition("/")
    try:
        keyring: Any = import_module("keyring")
    except ImportError as error:
        raise StoreError("a keyring needs the extra: pip install 'aios-top[keyring]'") from error
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # every backend raises its own
        raise StoreError(f"keyring {entry}: {type(error).__name__}; unlock it, or keep the secret in a file") from error
    if found is None:
        raise StoreError(f"keyring {entry}: no such entry; run keyring set {service} {user}")
    return str(found)
