"""The configuration file: contexts, theme, keys and load limits; optional, and never half understood."""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from aios_top.model.load import LoadLimits
from aios_top.model.polling import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS
from aios_top.store.checked import TableError, checked
from aios_top.store.paths import CONFIG_VARIABLE, StoreError
from aios_top.store.secrets import SecretSource

MAX_BYTES = 1024 * 1024
BUILT_IN = LoadLimits()
CAPS = ("requests", "rate", "in_flight", "seconds", "tokens_per_request", "tokens_per_run")
"""Limits of a load test that the file can set."""
_OWN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "cookie"}
)
"""Headers that say what a request is, not who sends it; `Authorization` has its own keys."""


class CredentialSettings(Struct, frozen=True):
    """Where the secrets for one origin are; the file itself holds none."""

    origin: str
    """The only scheme, host and port that they are sent to."""
    token: SecretSource | None = None
    """A bearer token."""
    user: str | None = None
    """For basic auth, with `password`."""
    password: SecretSource | None = None
    headers: Mapping[Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}\Z")], SecretSource] = field(default_factory=dict)
    client_certificate: str | None = None
    client_key: str | None = None
    """Where it is not in the certificate's file; like every secret readable by its owner only."""
    ca_file: str | None = None
    """Certificates that are trusted for the origin instead of the public ones."""

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError("needs both user and password, or neither")
        if self.user is not None and (":" in self.user or not self.user.isprintable()):
            raise ValueError("has a user with a colon, which basic auth cannot send")
        if self.token is not None and self.user is not None:
            raise ValueError("has both a token and a user; one header carries one of them")
        taken = {name for name in self.headers if name.lower() in _OWN_HEADERS}
        if taken:
            raise ValueError(f"sets {', '.join(sorted(taken))}, which is not a header of its own to set")
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("has a client_key without client_certificate")


class Context(Struct, frozen=True):
    """One AIOS installation."""

    host: str | None = None
    port_offset: Annotated[int, Meta(ge=0, le=65535 - 32555)] = 0
    """Added to AIOS's own NodePort numbers."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Endpoint name to base URL, for what differs from the host and NodePort convention."""
    production: bool = False
    """Starts with the write gate closed and makes confirm dialogs ask for the block's name."""
    read_only: bool = False
    """Nothing is changed from here, and no key opens the gate."""
    credentials: CredentialSettings | None = None

    def __post_init__(self) -> None:
        if self.host is None and not self.urls:
            raise ValueError("has no address; give it a host, or urls")


class LoadCaps(Struct, frozen=True):
    """Limits for load tests: lower ones freely, higher ones up to ten times with `i_accept_higher_caps`."""

    requests: Annotated[int, Meta(ge=1, le=10 * BUILT_IN.requests)] = BUILT_IN.requests
    rate: Annotated[float, Meta(gt=0, le=10 * BUILT_IN.rate)] = BUILT_IN.rate
    """Requests per second."""
    in_flight: Annotated[int, Meta(ge=1, le=10 * BUILT_IN.in_flight)] = BUILT_IN.in_flight
    seconds: Annotated[float, Meta(gt=0, le=10 * BUILT_IN.seconds)] = BUILT_IN.seconds
    """Longest time that a run may send."""
    tokens_per_request: Annotated[int, Meta(ge=1, le=10 * BUILT_IN.tokens_per_request)] = BUILT_IN.tokens_per_request
    tokens_per_run: Annotated[int, Meta(ge=1, le=10 * BUILT_IN.tokens_per_run)] = BUILT_IN.tokens_per_run
    i_accept_higher_caps: bool = False
    """Whether numbers above the built-in limits are meant; no option of the command line can say so."""
    allow_targets: tuple[str, ...] = ()
    """Hosts, or host:port, that load tests may go to besides loopback."""

    def __post_init__(self) -> None:
        for name in CAPS:
            if getattr(self, name) > getattr(BUILT_IN, name) and not self.i_accept_higher_caps:
                raise ValueError(
                    f"{name} = {getattr(self, name):g} is above the built-in limit {getattr(BUILT_IN, name):g}; "
                    "i_accept_higher_caps = true allows up to ten times as much"
                )

    def limits(self) -> LoadLimits:
        """Return the limits in force."""
        return replace(BUILT_IN, **{name: getattr(self, name) for name in CAPS})


class RecordingSettings(Struct, frozen=True):
    """What the console keeps of what it saw."""

    enabled: bool = True
    """Whether the console records from its start; the key R begins and ends it at any time."""
    megabytes: Annotated[float, Meta(ge=10, le=1_000_000)] = 1024.0
    """Size of all recordings together, from which on the oldest go."""
    hours: Annotated[float, Meta(ge=1, le=87_600)] = 168.0
    """Age from which recordings go."""
    folder: str | None = None
    """Where they are kept; None: `recordings` in the state folder."""


class Config(Struct, frozen=True):
    """The whole file; every key has a default, so that a missing file is a complete configuration."""

    current_context: str | None = None
    contexts: Mapping[str, Context] = field(default_factory=dict)
    theme: str | None = None
    poll_seconds: Annotated[float, Meta(ge=SHORTEST_POLL_SECONDS, le=LONGEST_POLL_SECONDS)] = 2.0
    keys: Mapping[str, str] = field(default_factory=dict)
    """Action id to key."""
    load: LoadCaps = field(default_factory=LoadCaps)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    _given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.current_context is not None and self.current_context not in self.contexts:
            names = ", ".join(self.contexts) or "none"
            raise ValueError(f"current_context '{self.current_context}' is not one of the contexts ({names})")

    def gives(self, key: str) -> bool:
        """Whether a key is in the file, e.g. `theme` or `load.requests`."""
        return key in self._given

    def context(self, name: str | None) -> Context | None:
        """Return the context `name`, or the current one for None; raises StoreError for a name that is not there."""
        wanted = self.current_context if name is None else name
        if wanted is None:
            return None
        if wanted not in self.contexts:
            names = ", ".join(self.contexts) or "none is configured"
            raise StoreError(f"context '{wanted}' is not configured; known: {names}")
        return self.contexts[wanted]


def read_config(path: Path) -> Config:
    """Read the file; a missing one gives the defaults. Raises StoreError that names file, key and next step."""
    content = _read(path)
    if content is None:
        return Config()
    try:
        table = tomllib.loads(content.decode("utf-8"))
        return replace(checked(Config, table), _given=_given(table))
    except UnicodeDecodeError as error:
        raise StoreError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise StoreError(f"{path}: not TOML: {error}; correct it, or move it away to use the defaults") from error
    except TableError as error:
        raise StoreError(f"{path}: {error}") from error


def _given(table: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys that a file holds, those of its tables with the table before a dot."""
    inside = [f"{name}.{key}" for name, entry in table.items() if isinstance(entry, Mapping) for key in entry]
    return frozenset([*table, *inside])


def _read(path: Path) -> bytes | None:
    """Return the bytes of a regular file of this user or of root, None when there is no file.

    Opened without waiting, for a FIFO would never answer; judged by the open file, so that it cannot be swapped.
    """
    try:
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - Path.open takes no opener; closed below
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}; name another file with {CONFIG_VARIABLE}") from error
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path}: not a regular file; name another one with {CONFIG_VARIABLE}")
        if found.st_uid not in {os.geteuid(), 0}:
            raise StoreError(f"{path}: belongs to another user and could send you anywhere; copy it to use it")
        if found.st_mode & stat.S_IWOTH:
            raise StoreError(f"{path}: everybody may change it; run chmod o-w {path}")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StoreError(f"{path}: larger than {MAX_BYTES // 1024} KiB; that is no configuration file")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
