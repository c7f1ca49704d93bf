"""What proves to one origin who asks: headers, a client certificate, a private CA; no other origin ever gets them."""

import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field

from aios_top.aios.address import is_loopback
from aios_top.model.secret import Secret

_DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginError(ValueError):
    """A text that names no origin; the message says why."""


class Credentials(Struct, frozen=True):
    """Who asks, for the services of one origin."""

    origin: str = ""
    """`https://host:port`, port included; empty: there is nothing to prove and nothing is covered."""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    certificate: tuple[str, str] | None = None
    """Paths of a client certificate and of its key, PEM."""
    ca_file: str | None = None
    """Path of the certificates that are trusted for the origin, instead of the public ones."""

    def covers(self, url: str) -> bool:
        """Whether a URL is of this origin."""
        return bool(self.origin) and origin_of(url) == self.origin

    @property
    def exposed(self) -> bool:
        """Whether a secret would cross a network in plain text."""
        host = urlsplit(self.origin).hostname or ""
        return bool(self.headers) and self.origin.startswith("http:") and not is_loopback(host)

    def trust(self) -> ssl.SSLContext:
        """Return the TLS settings for the origin; raises OSError for files that cannot be used."""
        context = trusted(self.ca_file)
        if self.certificate is not None:
            # An encrypted key would be asked for on the terminal; an empty passphrase is an error instead.
            context.load_cert_chain(*self.certificate, password=lambda: b"")
        return context


NOBODY = Credentials()


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, the port always named; raises OriginError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise OriginError(f"is malformed ({error})") from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise OriginError("is no origin such as https://aios.example.org")
    host = parts.hostname.rstrip(".")
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}:{_DEFAULT_PORTS[parts.scheme] if port is None else port}"


def checked_origin(text: str) -> str:
    """Return an origin that an operator wrote; raises OriginError for anything that is more, or less, than one."""
    found = origin_of(text)
    parts = urlsplit(text)
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or not text.isprintable():
        raise OriginError("is more than an origin: write scheme, host and port only")
    return found


def trusted(ca_file: str | None = None) -> ssl.SSLContext:
    """Return TLS settings that trust the public certificates, or those in `ca_file`.

    `ssl.create_default_context` takes `SSL_CERT_FILE` from the environment, and with `SSLKEYLOGFILE` writes the
    session's keys to a file.
    """
    import certifi  # noqa: PLC0415 - only an https address needs it, and importlib.resources with it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=certifi.where() if ca_file is None else ca_file)
    return context
