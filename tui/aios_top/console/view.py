"""What the operator is looking at, as opposed to what is the case."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.model.audit import AuditEntry
from aios_top.model.deploy import DeployState
from aios_top.model.lint import LintReport
from aios_top.model.load import LoadState
from aios_top.model.recording import RecordingPhase, RecordingState
from aios_top.model.shadow import ShadowState
from aios_top.model.state import BlockState, FleetState
from aios_top.model.window import Window
from aios_top.render.load import runs
from aios_top.render.timebar import Travel


class Page(StrEnum):
    """The five views, in the order of the keys 1 to 5."""

    FLEET = "fleet"
    BLOCK = "block"
    LOAD = "load"
    POLICY = "policy"
    EVENTS = "events"


class Sort(StrEnum):
    """The columns by which the fleet can be sorted, in the order of the key `s`."""

    NAME = "name"
    STATE = "state"
    REPLICAS = "replicas"
    INPUT = "input"
    OUTPUT = "output"

    def next(self) -> "Sort":
        """Return the column that follows."""
        orders = list(Sort)
        return orders[(orders.index(self) + 1) % len(orders)]


class Wide(StrEnum):
    """How much fits side by side."""

    CARDS = "cards"
    """Below 80x20: one column, everything shortened."""
    ONE = "one"
    """80 to 119 columns: one panel per page."""
    TWO = "two"
    THREE = "three"
    """180 columns and more."""


SPANS_SECONDS = (300, 900, 1800)
"""Lengths of the time axis, in the order of the key `z`; the history holds half an hour at a poll of 2 s."""


class ViewState(Struct, frozen=True):
    """Everything that decides what is drawn and is not a fact about AIOS; a key makes a new one."""

    page: Page = Page.FLEET
    block_id: str | None = None
    """The selected block, by id; None before the first state."""
    window: Window = Window.ONE_MINUTE
    """The averaging window of the screen; always named beside the figures."""
    sort: Sort = Sort.NAME
    descending: bool = False
    filter: str = ""
    """The fleet filter as typed (`regex`, `!inverse`, `-f fuzzy`)."""
    marked: frozenset[str] = frozenset()
    paused: bool = False
    """The display stands still; polling goes on."""
    low_bandwidth: bool = False
    """Drawn every 20 seconds and after keys only: for slow lines."""
    span_seconds: int = SPANS_SECONDS[0]
    """Length of the time axis."""
    maximised: str | None = None
    """Name of the panel that has the screen for itself."""
    decision: int | None = None
    """The selected decision, counted from the newest; None when none is."""
    focus: str = "fleet"
    """Name of the panel that the movement keys go to."""
    columns: int = 80
    lines: int = 24
    writable: bool = False
    read_only: bool = False
    """Started with --read-only: the write gate cannot be opened."""
    production: bool = False
    """The context is marked production: a change asks for the block's name."""
    load: LoadState | None = None
    deploy: DeployState | None = None
    shadow: ShadowState | None = None
    """The draft that decides beside some block's policy."""
    lint: LintReport | None = None
    """What was last found wrong with the selected block; only asked for on the policy page."""
    drafts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Parameters that the operator has changed and not sent, by block id."""
    audit: tuple[AuditEntry, ...] = ()
    """Newest last, at most a screenful is needed."""
    travel: Travel | None = None
    """Where in the past the console is; None: it is live."""
    recording: RecordingState | None = None
    """The recording of this console; None where there can be none."""
    now: float = 0.0
    """Unix seconds of the engine's clock when this was made; widgets get later times through `tick`."""

    @property
    def tiny(self) -> bool:
        """Whether there is room for one sentence only, and none to show what a change would send."""
        return self.columns < 40 or self.lines < 10

    @property
    def has_banner(self) -> bool:
        """Whether a line stands over every page: the recording had to stop, or a load test runs."""
        failed = self.recording is not None and self.recording.phase is RecordingPhase.FAILED
        return failed or runs(self.load)

    @property
    def wide(self) -> Wide:
        """The layout for this terminal size."""
        if self.columns < 80 or self.lines < 20:
            return Wide.CARDS
        if self.columns < 120:
            return Wide.ONE
        return Wide.TWO if self.columns < 180 else Wide.THREE

    def block(self, state: FleetState) -> BlockState | None:
        """Return the selected block of `state`, None when it is gone or nothing is selected."""
        return None if self.block_id is None else state.blocks.get(self.block_id)

    @property
    def draft(self) -> Mapping[str, Any]:
        """The selected block's draft, empty when there is none."""
        return self.drafts.get(self.block_id or "", {})

    def drafted(self, block_id: str, values: Mapping[str, Any]) -> "ViewState":
        """Return the view with another draft for a block; an empty one removes it."""
        rest = {name: draft for name, draft in self.drafts.items() if name != block_id}
        return replace(self, drafts={**rest, block_id: values} if values else rest)

    def zoomed(self) -> "ViewState":
        """Return the view with the next length of the time axis."""
        following = (SPANS_SECONDS.index(self.span_seconds) + 1) % len(SPANS_SECONDS)
        return replace(self, span_seconds=SPANS_SECONDS[following])
