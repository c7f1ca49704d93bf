"""Follows blocks from state to state and keeps what a post-mortem draws and counts: bounded, however long it was."""

import math
from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from aios_top.engine.scaling_lag import ScalingLag
from aios_top.model.decision import Decision, Origin
from aios_top.model.report import BlockStory, Curve, Direction, Peak, Stretch
from aios_top.model.state import Averages, BlockState, CooldownPhase, FleetState, Phase
from aios_top.model.text import Clean
from aios_top.model.verdict import Severity

COLUMNS = 600
"""Parts of the time axis; of each at most four values are kept: the first, the lowest, the highest, the last."""
_PATIENCE = 3.0
"""Polls that may fail to come before nobody is taken to have looked."""


class CurveMaker:
    """A curve in few points, in which every peak is still there."""

    def __init__(self, start: float, end: float) -> None:
        self._start = start
        self._length = max((end - start) / COLUMNS, 1e-9)
        self._points: list[tuple[float, float | None]] = []
        self._part: list[tuple[float, float]] = []
        self._column = -1

    def add(self, at: float, value: float | None) -> None:
        """Add a value; None where nothing is known."""
        if value is None or not math.isfinite(value):
            self._close()
            if self._points and self._points[-1][1] is not None:
                self._points.append((at, None))
            return
        column = int((at - self._start) / self._length)
        if column != self._column:
            self._close()
            self._column = column
        self._part.append((at, value))
        if len(self._part) > 8:
            self._part = _outline(self._part)

    def curve(self) -> Curve:
        """Return it."""
        self._close()
        return tuple(self._points)

    def _close(self) -> None:
        self._points += _outline(self._part)
        self._part = []
        self._column = -1


def _outline(part: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the first, the lowest, the highest and the last of some points, each once and in order."""
    if len(part) < 3:
        return list(part)
    low, high = min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])
    return sorted({part[0], low, high, part[-1]})


class StepMaker:
    """A value that changes now and then."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float | None]] = []

    def add(self, at: float, value: float | None) -> None:
        """Add a value; only a change is kept."""
        if self._points[-1:] and self._points[-1][1] == value:
            return
        if value is not None or self._points:
            self._points.append((at, value))

    def curve(self) -> Curve:
        """Return it."""
        return tuple(self._points)


class StretchMaker:
    """The times at which something was so."""

    def __init__(self) -> None:
        self._found: list[Stretch] = []

    def add(self, before: float, at: float, *, so: bool) -> None:
        """Say that it was so, or not, between two polls."""
        if not so:
            return
        if self._found and self._found[-1].end == before:
            self._found[-1] = replace(self._found[-1], end=at)
        else:
            self._found.append(Stretch(before, at))

    def stretches(self) -> tuple[Stretch, ...]:
        """Return them."""
        return tuple(self._found)


class _Compared(Struct):
    values: CurveMaker
    up: StepMaker = field(default_factory=StepMaker)
    down: StepMaker = field(default_factory=StepMaker)
    over: StretchMaker = field(default_factory=StretchMaker)
    peak: Peak | None = None


class _Block:
    """One block so far."""

    def __init__(self, start: float, end: float) -> None:
        self._sides = {name: _Compared(CurveMaker(start, end)) for name in ("input", "output")}
        self._replicas = {name: StepMaker() for name in ("reporting", "current", "desired", "minimum", "maximum")}
        self._cooling, self._old = StretchMaker(), StretchMaker()
        self._severities: dict[Severity, float] = {}
        self._lag = ScalingLag()
        self._lags: dict[str, list[float]] = {}
        self._seen: set[tuple[object, ...]] | None = None
        self._peak: Peak | None = None
        self._last: BlockState | None = None

    def take(self, block: BlockState, at: float, before: float | None) -> None:
        """Take it as of a poll; `before` is the poll before, None after a time in which nobody looked."""
        if before is not None and self._last is not None:
            self._count(self._last, before, at)
        self._draw(block, at)
        self._measure(block, at)
        self._last = block

    def absent(self, at: float) -> None:
        """Say that nothing is known of it from now on."""
        for side in self._sides.values():
            for line in (side.values, side.up, side.down):
                line.add(at, None)
        for steps in self._replicas.values():
            steps.add(at, None)
        self._last = None

    def story(self, block_id: Clean, known: BlockState) -> BlockStory:
        """Return what is kept."""
        return BlockStory(
            block_id=block_id,
            unit=known.signal.long_unit,
            window=known.window.label,
            directions=[
                Direction(
                    name, side.values.curve(), side.up.curve(), side.down.curve(), side.peak, side.over.stretches()
                )
                for name, side in self._sides.items()
            ],
            replicas={name: steps.curve() for name, steps in self._replicas.items()},
            peak_reporting=self._peak,
            cooling=self._cooling.stretches(),
            lags={step: tuple(found) for step, found in self._lags.items()},
            old=self._old.stretches(),
            severities=dict(self._severities),
            origins=_origins(known),
        )

    def _count(self, block: BlockState, before: float, at: float) -> None:
        """Count the time between two polls as what the first of them showed."""
        self._old.add(before, at, so=block.stale)
        if block.verdict is not None:
            severity = block.verdict.severity
            self._severities[severity] = self._severities.get(severity, 0.0) + at - before
        self._cooling.add(before, at, so=block.cooldown.at(before) is CooldownPhase.COOLING)
        for name, value, limit, _down in _compared(block):
            above = value is not None and limit is not None and value > limit and not block.stale
            self._sides[name].over.add(before, at, so=above)

    def _draw(self, block: BlockState, at: float) -> None:
        for name, value, up, down in _compared(block):
            side = self._sides[name]
            shown = None if block.stale else value
            side.values.add(at, shown)
            side.up.add(at, up)
            side.down.add(at, down)
            if shown is not None and math.isfinite(shown) and (side.peak is None or shown > side.peak.value):
                side.peak = Peak(shown, at)
        counts = block.replicas
        unseen = block.stale or counts.wiped
        reporting = None if unseen else counts.reporting
        self._replicas["reporting"].add(at, reporting)
        for name in ("current", "desired", "minimum", "maximum"):
            self._replicas[name].add(at, getattr(counts, name))
        if reporting is not None and (self._peak is None or reporting > self._peak.value):
            self._peak = Peak(reporting, at)

    def _measure(self, block: BlockState, at: float) -> None:
        known = {entry.key: entry for entry in block.decisions[:64]}
        fresh: list[Decision] = []
        if self._seen is not None:
            fresh = [entry for key, entry in known.items() if key not in self._seen]
        self._seen = set(known) | (self._seen if self._seen is not None and len(self._seen) < 4096 else set())
        for step, seconds in self._lag.take(block, fresh, at):
            self._lags.setdefault(step, []).append(seconds)


class Chronicle:
    """All blocks, state by state."""

    def __init__(self, start: float, end: float) -> None:
        """From the first poll to the last, unix seconds."""
        self._ends = start, end
        self._blocks: dict[Clean, _Block] = {}
        self._known: dict[Clean, BlockState] = {}
        self._unseen: list[Stretch] = []
        self._at: float | None = None
        self.polls = 0
        self.newest: FleetState | None = None

    def take(self, state: FleetState) -> None:
        """Take a state."""
        before = self._at
        if before is not None and state.at - before > _PATIENCE * max(state.poll_seconds, 1.0):
            self._unseen.append(Stretch(before, state.at))
            for block in self._blocks.values():
                block.absent(before)
            before = None
        for block_id, found in state.blocks.items():
            name = Clean(block_id)
            story = self._blocks.setdefault(name, _Block(*self._ends))
            story.take(found, state.at, before)
            self._known[name] = found
        for gone in self._blocks.keys() - state.blocks.keys():
            self._blocks[gone].absent(state.at)
        self._at = state.at
        self.polls += 1
        self.newest = state

    def unseen(self) -> tuple[Stretch, ...]:
        """Return when nobody looked."""
        return tuple(self._unseen)

    def stories(self) -> list[BlockStory]:
        """Return the blocks."""
        return [block.story(name, self._known[name]) for name, block in self._blocks.items()]


def _compared(block: BlockState) -> Sequence[tuple[str, float | None, float | None, float | None]]:
    """Return per direction what its policy compares, and the limits for up and down."""
    means, limits = block.compared, block.thresholds
    return (
        ("input", means.input_size, limits.input_up, limits.input_down),
        ("output", means.output_size, limits.output_up, limits.output_down),
    )


def _origins(block: BlockState) -> dict[str, Origin]:
    """Return how the figures of a block are known."""
    means: Averages = block.compared
    told = block.replicas.current is not None
    bounds = {
        name: block.thresholds_origin if block.in_force.get(f"{short}_replicas") is not None else Origin.DECLARED
        for name, short in (("minimum", "min"), ("maximum", "max"))
    }
    reports = any(row.phase in {Phase.SERVING, Phase.IDLE} for row in block.instances)
    return {
        "compared": means.origin if reports else Origin.MEASURED,
        "thresholds": block.thresholds_origin,
        "reporting": Origin.MEASURED,
        "current": Origin.REPORTED if told else Origin.UNKNOWN,
        "desired": Origin.REPORTED if told else Origin.INFERRED,
        "cooldown": block.cooldown.origin,
        **bounds,
    }
