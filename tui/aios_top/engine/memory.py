"""What the console remembers of a block between polls: pushes, histories, what it has inferred."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct, field

from aios_top.engine.requests import Requests
from aios_top.model.curve import Earlier, Sample, joined
from aios_top.model.decision import Decision
from aios_top.model.fact import Backfilled
from aios_top.model.reading import RATE_SECONDS, AnyReading, Counted, Mean, counted, per_minute
from aios_top.model.rule import DEFAULT_PUSH_SECONDS
from aios_top.model.series import NO_TRACK, SeriesView, Track
from aios_top.model.text import Clean
from aios_top.model.window import Window

INSTANCE_COLUMNS = (
    *(f"{direction}_{window.value}" for direction in ("input", "output") for window in Window),
    "input_rate",
    "output_rate",
    "queue",
)
BLOCK_COLUMNS = (
    *(f"{direction}_{window.value}" for direction in ("input", "output") for window in Window),
    "input_rate",
    "output_rate",
    "replicas",
    "reporting",
    "requests",
    "latency",
    "cooldown",
)
UNPACKED_DECISIONS = 16
"""Newest decisions of a block whose records stay unpacked: these are looked at."""
Span = tuple[Counted, Counted]
"""The oldest and the newest push of a minute; the same one where there is no other."""
PACKED_AT_ONCE = 32
"""Most records that are packed at once: a first page holds hundreds, and somebody waits for what it says."""


def stale_after(push_seconds: float | None) -> float:
    """Return the age from which a document is old: two and a half pushes, and the hop to the global store.

    80 s at AIOS's push of 30 s (its own health check says 60 s, which one late push exceeds).
    """
    push = DEFAULT_PUSH_SECONDS if push_seconds is None else push_seconds
    return 2.5 * push + min(5.0, push)


class InstanceMemory:
    """One instance's latest document and its history, one sample per push."""

    __slots__ = (
        "_recent", "_track", "changed_at", "clock_offset", "first_seen", "gap_at", "gap_drawn", "input_rate",
        "output_rate", "reading", "span",
    )  # fmt: skip

    def __init__(self, first_seen: float, track: Track | None = None) -> None:
        """`track` takes the samples, a new one when it is None."""
        self.first_seen = first_seen
        self.reading: AnyReading | None = None
        self.changed_at = first_seen
        """When the console first saw the latest push, unix seconds of its own clock."""
        self.clock_offset: float | None = None
        """Our clock minus the instance's, seconds, by the pushes that were seen to arrive; None before the first."""
        self.input_rate: float | None = None
        self.output_rate: float | None = None
        self.span: Span | None = None
        """The pushes that the rates were computed of."""
        self.gap_drawn = False
        self.gap_at: float | None = None
        """When the last gap was drawn."""
        self._recent: deque[Counted] = deque()
        self._track = Track(INSTANCE_COLUMNS) if track is None else track

    def views(self) -> Mapping[str, SeriesView]:
        """Return the history of every column up to now."""
        return self._track.views()

    def samples(self) -> Sequence[Sample]:
        """Return the history as rows."""
        return self._track.samples()

    def prefill(self, samples: Sequence[Sample]) -> list[float]:
        """Take history where the console did not look; returns the times of what was taken."""
        self._track, taken = filled(self._track, INSTANCE_COLUMNS, samples)
        return taken

    def remember(self, track: Track) -> None:
        """Take another history, that of a recording."""
        self._track = track

    def take(self, reading: AnyReading, received_at: float) -> float | None:
        """Remember a document; returns the seconds since the previous push when this is a new one."""
        earlier = self.reading
        if earlier is not None and not _is_new_push(earlier, reading):
            self.reading = reading
            return None
        seconds = _push_distance(earlier, reading, received_at - self.changed_at)
        self._learn_offset(earlier, reading, received_at)
        self.reading = reading
        self.changed_at = received_at
        self._count(counted(received_at, reading))
        self._measure()
        self._append(received_at, reading)
        self.gap_drawn = False
        return seconds

    def resume(self, pushes: Sequence[Counted], reading: AnyReading, gap: float | None) -> None:
        """Take the newest document, of which only what was counted is left of those before it; `pushes` end with it.

        Leaves what taking all of them would leave, and a gap drawn between or after them, but for the histories.
        """
        if gap is None and pushes[0].received_at >= self.first_seen and _is_unbroken(pushes):
            newest = pushes[-1]
            self.reading, self.changed_at = reading, newest.received_at
            self._recent.extend(pushes[:-1])
            self._forget(newest)
            self._recent.append(newest)
            self._measure()
            return
        known: Counted | None = None
        for push in pushes:
            if push.received_at < self.first_seen:  # before the instance came anew, as after a wipe
                continue
            if gap is not None and gap < push.received_at:
                self._resume_gap(known, gap)
                gap = None
            if known is None or known.stamp is None or known.stamp != push.stamp:
                self.changed_at = push.received_at
                self._count(push)
                self.gap_drawn = False
            known = push
            self.reading = reading
        if self._recent:
            self._measure()
        if gap is not None:
            self._resume_gap(known, gap)

    def _resume_gap(self, known: Counted | None, gap: float) -> None:
        if known is not None and gap >= self.first_seen:
            self._measure()
            self.draw_gap(gap)

    def _learn_offset(self, earlier: AnyReading | None, reading: AnyReading, received_at: float) -> None:
        """Keep the smallest distance of a push, for some are seen late; a clock that was set back is learned anew."""
        if earlier is None or reading.timestamp is None:
            return
        distance = received_at - reading.timestamp
        set_back = earlier.timestamp is not None and reading.timestamp < earlier.timestamp
        known = None if set_back else self.clock_offset
        self.clock_offset = distance if known is None else min(known, distance)

    def draw_gap(self, at: float) -> None:
        """Mark once that the instance stopped reporting; its rates end."""
        if not self.gap_drawn:
            self.gap_drawn = True
            self.gap_at = at
            self.input_rate = self.output_rate = None
            self._recent.clear()
            self._track.append(at, [None] * len(INSTANCE_COLUMNS))

    def _count(self, newest: Counted) -> None:
        """Remember what a push had counted, and forget what is older than a minute.

        A counter that fell means that the instance restarted.
        """
        recent = self._recent
        if recent and newest.restarted_since(recent[-1]):
            recent.clear()
        self._forget(newest)
        recent.append(newest)

    def _forget(self, newest: Counted) -> None:
        oldest = newest.at - RATE_SECONDS
        while len(self._recent) > 1 and self._recent[0].at < oldest:
            self._recent.popleft()

    def _measure(self) -> None:
        """Compute the true rates over the pushes of the last minute; one push is no rate."""
        self.span = oldest, newest = self._recent[0], self._recent[-1]
        seconds = newest.at - oldest.at
        self.input_rate = per_minute(oldest.prompt, newest.prompt, seconds)
        self.output_rate = per_minute(oldest.generated, newest.generated, seconds)

    def _append(self, at: float, reading: AnyReading) -> None:
        if self._track is NO_TRACK:
            return
        sizes = [
            rolling.over(window) if rolling else (0.0 if reading.is_llm else None)
            for rolling in (reading.input_size, reading.output_size)
            for window in Window
        ]
        queue = reading.queue_length.over(Window.ONE_MINUTE) if reading.queue_length else None
        self._track.append(at, [*sizes, self.input_rate, self.output_rate, queue])


class BlockMemory(Struct):
    """One block between polls."""

    instances: dict[Clean, InstanceMemory] = field(default_factory=dict)
    documents: frozenset[Clean] = frozenset()
    """Instance ids of the latest answer."""
    listed: dict[Clean, float] = field(default_factory=dict)
    """Instance ids that the policy lists or has listed lately, each with the time it was first seen there."""
    track: Track = field(default_factory=lambda: Track(BLOCK_COLUMNS))
    push_seconds: float | None = None
    clock_offset: float = 0.0
    """Console's clock minus the instances' clocks, seconds: the median of those that are known."""
    offset_measured: bool = False
    requests: Requests = field(default_factory=Requests)
    seen_at: float | None = None
    missed_polls: int = 0
    wiped_at: float | None = None
    boot_id: Clean | None = None
    cursor: int = 0
    reported: Sequence[Decision] = ()
    """Newest first."""
    acts: tuple[Decision, ...] = ()
    """The last reported UP and DOWN, newest first."""
    inferred: tuple[Decision, ...] = ()
    """Newest first."""
    sample: Sequence[float | None] | None = None
    """The newest sample of `track`, None when the last look added none."""
    inferred_action_at: float | None = None
    inferred_rule: str | None = None
    inferred_members: frozenset[Clean] | None = None
    """Instances that were reporting when the console last looked; None before the first reading."""
    watched_since: float | None = None
    cooldown_reset_at: float | None = None
    earlier: tuple[Earlier, ...] = ()
    """Where the histories come from before the console looked itself."""
    coming: Callable[[Clean], Iterable[Sequence[Sample]]] = lambda _instance_id: ()
    """Reads the history of an instance from before it is first seen: that of a recording."""
    _coming: dict[Clean, list[Sequence[Sample]]] = field(default_factory=dict)
    """History of instances that were not seen yet."""
    _came: set[Clean] = field(default_factory=set)
    """Instances that were given theirs."""

    def views(self) -> Mapping[str, SeriesView]:
        """Return the history of every column up to now."""
        return self.track.views()

    def prefill(self, fact: Backfilled) -> None:
        """Take history where the console did not look: what it saw itself wins, and what was taken before."""
        self.track, taken = filled(self.track, BLOCK_COLUMNS, list(zip(fact.times, fact.values, strict=True)))
        for curve in fact.instances:
            samples = list(zip(curve.times, curve.values, strict=True))
            instance = self.instances.get(curve.instance_id)
            if instance is not None:
                taken += instance.prefill(samples)
            else:
                self._coming.setdefault(curve.instance_id, []).append(samples)
        if taken:
            self.earlier = (*self.earlier, Earlier(fact.source, min(taken), max(taken)))

    def begin(self, instance_id: Clean, at: float) -> InstanceMemory:
        """Remember a new instance, with what others know of it from before it was first seen here."""
        instance = self.instances[instance_id] = InstanceMemory(at)
        if instance_id not in self._came:
            for samples in self._coming.pop(instance_id, ()) or self.coming(instance_id):
                instance.prefill(samples)
                self._came.add(instance_id)
        return instance


def filled(track: Track, columns: Sequence[str], samples: Sequence[Sample]) -> tuple[Track, list[float]]:
    """Return a track with samples where it has none, and the times of those that were taken.

    Samples of other columns, as another version may have recorded them, are left out.
    """
    merged, taken = joined(track.samples(), [entry for entry in samples if len(entry[1]) == len(columns)])
    if not taken:
        return track, taken
    full = Track(columns)
    for at, values in merged:
        full.append(at, values)
    return full, taken


def _is_unbroken(pushes: Sequence[Counted]) -> bool:
    """Return whether no instance restarted between pushes that all are different ones."""
    for earlier, later in pairwise(pushes):  # noqa: SIM110 - a generator takes twice as long
        if later.restarted_since(earlier):
            return False
    return True


def server_means(spans: Iterable[Span]) -> tuple[float | None, float | None]:
    """Return the mean inference duration and the mean time to first token, seconds, over several instances' pushes."""
    found = [(oldest.means(), newest.means()) for oldest, newest in spans]
    return (
        mean(_mean_since(oldest.inference, newest.inference) for oldest, newest in found),
        mean(_mean_since(oldest.first_token, newest.first_token) for oldest, newest in found),
    )


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are known, None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mean_since(earlier: Mean | None, later: Mean | None) -> float | None:
    return None if earlier is None or later is None else later.since(earlier)


def _is_new_push(earlier: AnyReading, reading: AnyReading) -> bool:
    """Judge by the instance's own stamp; documents of older SDKs have none, there the counters must do."""
    if reading.timestamp is not None and earlier.timestamp is not None:
        return reading.timestamp != earlier.timestamp
    return reading != earlier


def _push_distance(earlier: AnyReading | None, reading: AnyReading, waited: float) -> float | None:
    """Return the seconds between two pushes by the instance's clock, by ours where it has no stamp."""
    if earlier is None:
        return None
    if reading.timestamp is not None and earlier.timestamp is not None:
        distance = reading.timestamp - earlier.timestamp
        return distance if distance > 0 else None
    return waited if waited > 0 else None
