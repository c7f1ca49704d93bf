"""An address of this machine to listen on."""

from ipaddress import ip_address

from msgspec import Struct


class ListenAddress(Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """The page that Prometheus is to scrape."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"


def listen_address(text: str) -> ListenAddress:
    """Return the address that `HOST:PORT` or `PORT` names; raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValueError(f"'{text}' names no port: it takes HOST:PORT, e.g. 127.0.0.1:9877")
    if host != "localhost":
        try:
            ip_address(host)
        except ValueError:
            raise ValueError(f"'{host}' is no address of this machine: give its IP address, or localhost") from None
    return ListenAddress(host, int(port))
