"""A draft that decides beside the running policy, on what that one sees, before any deploy."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.model.decision import Decision
from aios_top.model.text import Clean
from aios_top.model.verification import PolicyFile

MAX_ROWS = 512


class ShadowPlan(Struct, frozen=True):
    """What is to decide beside which block's policy."""

    block_id: Clean
    file: PolicyFile
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that differ from those in force, by name."""

    @property
    def words(self) -> str:
        """The draft in a few words."""
        changed = ", ".join(f"{name}={value}" for name, value in self.changes.items())
        return f"{self.file.name}{f' with {changed}' if changed else ', parameters as in force'}"


class ShadowRow(Struct, frozen=True):
    """One evaluation of both."""

    running: Decision
    draft: Decision | None
    """None when the draft could not be evaluated on it; `note` says why."""
    agrees: bool | None
    note: Clean | None = None
    live: bool = False
    """Whether the running policy decided it while the shadow was on."""


class ShadowState(Struct, frozen=True):
    """What the comparison has shown so far."""

    plan: ShadowPlan
    started_at: float
    rows: tuple[ShadowRow, ...] = ()
    """Newest first, at most 512."""
    agreed: int = 0
    disagreed: int = 0
    skipped: int = 0
    """Evaluations that could not be compared."""
    first_disagreement: ShadowRow | None = None
    problem: Clean | None = None
    """Why the draft cannot be run, None when it can."""
    running: bool = True

    @property
    def agreement(self) -> float | None:
        """The share of evaluations with the same verdict, None before the first."""
        compared = self.agreed + self.disagreed
        return self.agreed / compared if compared else None

    @property
    def disagreements(self) -> tuple[ShadowRow, ...]:
        """The rows where they disagree, newest first."""
        return tuple(row for row in self.rows if row.agrees is False)

    def with_rows(self, fresh: tuple[ShadowRow, ...]) -> "ShadowState":
        """Return the state with more rows, given oldest first."""
        first = self.first_disagreement or next((row for row in fresh if row.agrees is False), None)
        return replace(
            self,
            rows=(*reversed(fresh), *self.rows)[:MAX_ROWS],
            agreed=self.agreed + sum(row.agrees is True for row in fresh),
            disagreed=self.disagreed + sum(row.agrees is False for row in fresh),
            skipped=self.skipped + sum(row.agrees is None for row in fresh),
            first_disagreement=first,
            problem=None,
        )
