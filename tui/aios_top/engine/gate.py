"""The write gate: nothing is changed while it is closed, whoever asks."""

from aios_top.model.errors import ActionRefusedError


class WriteGate:
    """Open or closed; a read-only one never opens."""

    def __init__(self, *, read_only: bool, writable: bool) -> None:
        self._read_only = read_only
        self._writable = writable and not read_only

    @property
    def read_only(self) -> bool:
        """Whether it was locked at the start."""
        return self._read_only

    @property
    def writable(self) -> bool:
        """Whether changes are sent."""
        return self._writable

    def toggle(self) -> bool:
        """Open or close it; return whether it is open now."""
        self._writable = not self._writable and not self._read_only
        return self._writable

    def check(self) -> None:
        """Raise ActionRefusedError when nothing may be changed."""
        if self._read_only:
            raise ActionRefusedError("read-only: nothing is changed from here; start without --read-only to change it")
        if not self._writable:
            raise ActionRefusedError("write mode is off; press W to turn it on")
