"""How long a request may take and how much may come back."""

from msgspec import Struct

MIB = 1024 * 1024


class Limits(Struct, frozen=True):
    """The caps of every exchange; a sick server can take no more than these."""

    connect_seconds: float = 2.0
    """For the TCP connection, and once more for TLS."""
    read_seconds: float = 4.0
    """From the first byte of the request to the last of the answer."""
    seconds_per_10_mb: float = 1.0
    """More time for a fleet read, by the bytes it is expected to bring."""
    change_seconds: float = 30.0
    upload_bytes_per_second: int = 256 * 1024
    """The slowest line on which an upload is still waited for."""
    answer_bytes: int = 2 * MIB
    list_bytes: int = 16 * MIB
    """For the lists of all records: 5,000 blocks of 3 kB."""
    fleet_bytes: int = 64 * MIB
    """For the first fleet read, and the most that any may bring."""
    bytes_per_instance: int = 4096
    """A live cluster's metric document is 2.9 kB."""
    sockets: int = 16
    """Of all reads together."""

    def upload_seconds(self, size: int) -> float:
        """Return the deadline of an upload of `size` bytes."""
        return self.change_seconds + size / self.upload_bytes_per_second


DEFAULT_LIMITS = Limits()


class FleetAllowance:
    """How much the next fleet read may bring, by what the last one brought."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._instances: int | None = None
        self._size = 0

    @property
    def answer_bytes(self) -> int:
        """All instances last seen at their full size, and one block's allowance for new ones."""
        if not self._instances:
            return self._limits.fleet_bytes  # the first read, or the first after AIOS wiped its store
        wanted = self._limits.answer_bytes + self._instances * self._limits.bytes_per_instance
        return min(self._limits.fleet_bytes, wanted)

    @property
    def seconds(self) -> float:
        """The deadline, longer for a fleet that is known to be large."""
        return self._limits.read_seconds + self._limits.seconds_per_10_mb * self._size / 10_000_000

    def saw(self, instances: int, size: int) -> None:
        """Note what a good answer brought."""
        self._instances, self._size = instances, size

    def forget(self) -> None:
        """Allow the next read as much as the first, e.g. after one that did not fit."""
        self._instances = None
