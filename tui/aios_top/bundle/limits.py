"""How large a policy may be, and the error that says what is wrong with one."""

from collections.abc import Sequence

from msgspec import Struct

from aios_top.model.errors import ActionRefusedError

MAX_ARCHIVE_BYTES = 5 * 1024 * 1024
MAX_UNPACKED_BYTES = 20 * 1024 * 1024
MAX_RATIO = 100
"""Unpacked to packed; only judged above `RATIO_FROM_BYTES`, for short repeated text is harmless."""
RATIO_FROM_BYTES = 64 * 1024
MAX_MEMBERS = 200
MAX_NAME_BYTES = 255
MAX_SOURCE_BYTES = 256 * 1024
MAX_REQUIREMENTS_BYTES = 64 * 1024
MAX_REGISTRATION_BYTES = 1024 * 1024


class ZipLimits(Struct, frozen=True):
    """How large a zip may be for what it is."""

    members: int = MAX_MEMBERS
    unpacked_bytes: int = MAX_UNPACKED_BYTES
    ratio: int = MAX_RATIO


class BundleError(ActionRefusedError):
    """A policy that will not be deployed, with every reason that was found."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
