"""Where each AIOS service is: NodePort conventions of one host, overridden one by one."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import quote, urlsplit

NODE_PORTS: Mapping[str, int] = MappingProxyType(
    {
        "metrics": 30201,
        "cluster_metrics": 32301,
        "blocks": 30100,
        "clusters": 30101,
        "policies": 30102,
        "files": 32555,
        "upload": 30186,
        "gateway": 30600,
        "controller": 32300,
        "updater": 32303,
        "parser": 30501,
        "inference": 31504,
        "discovery": 31501,
        "grpc": 31500,
        "nodes": 32304,
    }
)
"""Service -> NodePort as AIOS's installer publishes it."""

STAND_IN_PORTS: Mapping[str, int] = MappingProxyType({"mapping": 31900, "autoscaler": 31901})
"""Services of each block's executor. Kubernetes chooses their node ports and no API tells them; these are the
ports under which the embedded AIOS serves all blocks, so they are a guess on loopback and nothing elsewhere."""

NAMES = (*NODE_PORTS, *STAND_IN_PORTS)
PLACEHOLDER = "{block}"
MAX_PORT = 65535

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


class AddressError(ValueError):
    """An address that cannot be used; the message names the cause and the next step."""


class Addresses:
    """Base URL of every service that has one; the only source of the URLs that are dialled."""

    def __init__(self, urls: Mapping[str, str], *, guessed: Iterable[str] = ()) -> None:
        self._urls = {name: _checked(name, url) for name, url in urls.items()}
        self._guessed = frozenset(guessed)

    @classmethod
    def build(
        cls, host: str | None = None, port_offset: int = 0, overrides: Mapping[str, str] | None = None
    ) -> "Addresses":
        """Apply the NodePort conventions to `host`, if any, then the overrides by name."""
        urls = {} if host is None else _conventional(host, port_offset)
        given = overrides or {}
        guessed = set() if host is None else set(STAND_IN_PORTS) & urls.keys()
        return cls({**urls, **given}, guessed=guessed - given.keys())

    def url(self, name: str, block_id: str | None = None) -> str | None:
        """Return a service's base URL without a trailing slash, None where none is configured.

        A block id takes the place of `{block}`, which stays in the text when none is given.
        """
        template = self._urls.get(_known(name))
        if template is None or block_id is None:
            return template
        return template.replace(PLACEHOLDER, quote(block_id, safe=""))

    def names(self) -> tuple[str, ...]:
        """Return the configured services, in the order of AIOS's map."""
        return tuple(name for name in NAMES if name in self._urls)

    def is_guess(self, name: str) -> bool:
        """Whether nobody gave this address: it is the place where the embedded AIOS would have it."""
        return name in self._guessed

    @property
    def needs_tls(self) -> bool:
        """Whether any service is reached over https."""
        return any(url.startswith("https:") for url in self._urls.values())


def parse_overrides(texts: Iterable[str]) -> dict[str, str]:
    """Read `NAME=URL` options; raises AddressError."""
    found: dict[str, str] = {}
    for text in texts:
        name, separator, url = text.partition("=")
        if not separator:
            raise AddressError(f"{text!r} is no NAME=URL: write e.g. metrics=http://10.0.0.5:30201")
        found[_known(name)] = url
    return found


def is_loopback(host: str) -> bool:
    """Whether a host, as `--host` takes it, is this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    address = _ip(host)
    return address is not None and address.is_loopback


def _known(name: str) -> str:
    if name not in NAMES:
        raise AddressError(f"there is no service {name!r}: the names are {', '.join(NAMES)}")
    return name


def _conventional(host: str, port_offset: int) -> dict[str, str]:
    netloc = _netloc(host)
    urls = {name: _conventional_url(name, netloc, port + port_offset) for name, port in NODE_PORTS.items()}
    if is_loopback(host):
        for name, port in STAND_IN_PORTS.items():
            urls[name] = f"{_conventional_url(name, netloc, port + port_offset)}/{PLACEHOLDER}"
    return urls


def _conventional_url(name: str, netloc: str, port: int) -> str:
    if not 0 < port <= MAX_PORT:
        raise AddressError(f"the port offset gives {name} port {port}: choose one that stays within 1 to {MAX_PORT}")
    return f"http://{netloc}:{port}"


def _netloc(host: str) -> str:
    """Return the host as a URL holds it: IPv6 in brackets."""
    address = _ip(host)
    if address is not None:
        return f"[{address}]" if address.version == 6 else str(address)
    if not _HOST_NAME.fullmatch(host):
        raise AddressError(
            f"{host!r} is no host: give a name or an IP address without scheme and port, or one URL each by --url"
        )
    return host


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        return None


def _checked(name: str, url: str) -> str:
    """Return a base URL in the one form in which it is used; raises AddressError."""
    _known(name)
    problem = _problem(url, per_block=name in STAND_IN_PORTS)
    if problem is not None:
        # A refused URL may hold a password: what stands before an `@` is never repeated.
        shown = f"…@{url.rpartition('@')[2]}" if "@" in url else url
        raise AddressError(f"the URL of {name}, {shown!r}, {problem}")
    return url.rstrip("/")


def _problem(url: str, *, per_block: bool) -> str | None:
    # `urlsplit` drops tabs and line ends silently and browsers read a backslash as a slash: refused before parsing.
    if not url.isprintable() or not url.isascii() or " " in url or "\\" in url:
        return "holds a character that no URL has: percent-encode it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is malformed ({error})"
    if parts.scheme not in {"http", "https"}:
        return "must begin with http:// or https://"
    if "@" in parts.netloc:
        return "holds a user name or password: AIOS reads none, take it out"
    if not parts.hostname or port == 0:
        return "names no host" if not parts.hostname else "names port 0: AIOS listens on a real one"
    if _ip(parts.hostname) is None and not _HOST_NAME.fullmatch(parts.hostname):
        return "has no valid host name"
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        return "must end with its path: take out ? and #"
    return _placeholder_problem(parts.path, per_block=per_block)


def _placeholder_problem(path: str, *, per_block: bool) -> str | None:
    rest = path.replace(PLACEHOLDER, "") if per_block else path
    if "{" in rest or "}" in rest:
        return f"may hold no braces but {PLACEHOLDER}" if per_block else f"cannot hold {PLACEHOLDER}: it is per block"
    return None
