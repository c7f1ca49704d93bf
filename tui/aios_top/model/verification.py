"""Whether the code that decides is the file at hand: what re-evaluating its records has shown."""

from collections.abc import Mapping

from msgspec import Struct, field

from aios_top.model.decision import Decision
from aios_top.model.explanation import Match, Reevaluation
from aios_top.model.text import Clean


class PolicyFile(Struct, frozen=True):
    """A policy's source on this machine."""

    name: Clean
    """As the operator named it."""
    source: bytes
    sha256: str
    policy_name: str | None = None
    """Its `POLICY_NAME`, which an explained policy reports when it runs."""
    chosen: bool = False
    """Whether the operator named it, rather than it being the one that is shipped."""


class Verification(Struct, frozen=True):
    """What a policy file makes of one block's decisions."""

    file_name: Clean
    file_sha256: str
    results: Mapping[tuple[object, ...], Reevaluation] = field(default_factory=dict)
    """By `Decision.key`."""
    replays: Mapping[tuple[object, ...], Decision] = field(default_factory=dict)
    """What the file decides on what the console polled, for decisions that nobody recorded; by `Decision.key`."""
    first_difference: Decision | None = None
    """The oldest decision that the file comes to another result on."""
    problem: Clean | None = None
    """Why the file cannot be run, None when it can."""

    def count(self, match: Match) -> int:
        """Return how many decisions came out like this."""
        return sum(1 for result in self.results.values() if result.match is match)
