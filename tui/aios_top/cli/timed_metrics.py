"""States over time as one OpenMetrics text, which wants every series in one piece."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from aios_top.render.exposition import END, Family, Kind, Labels, Sample, header, sample_line
from aios_top.store.spool import Spool

_SERIES_OF_A_FAMILY = 1 << 32


class TimedMetrics:
    """Takes families moment by moment, and gives them back series by series; the figures wait on disk."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._families: list[Family] = []
        self._places: dict[str, int] = {}
        self._series: dict[tuple[int, Labels], int] = {}
        self._lines: dict[tuple[int, str, Labels], int] = {}

    def take(self, families: Iterable[Family], at: float) -> None:
        """Take what was known at a time, unix seconds."""
        for family in families:
            if family.samples:
                place = self._place(family)
                self._spool.add([self._figure(place, sample, at) for sample in family.samples])

    def lines(self) -> Iterator[str]:
        """Yield the text, with a timestamp at every sample."""
        told = list(self._lines)
        above = None
        for series, at, line, value in self._spool.ordered():
            place, suffix, labels = told[line]
            family = self._families[place]
            if series // _SERIES_OF_A_FAMILY != above:
                above = place
                yield from header(family, openmetrics=True)
            yield sample_line(family, Sample(labels, value, suffix, at), openmetrics=True)
        yield END

    def _place(self, family: Family) -> int:
        place = self._places.setdefault(family.name, len(self._families))
        if place == len(self._families):
            self._families.append(replace(family, samples=()))
        return place

    def _figure(self, place: int, sample: Sample, at: float) -> tuple[int, float, int, float]:
        line = self._lines.setdefault((place, sample.suffix, sample.labels), len(self._lines))
        return self._number(place, sample.labels), at, line, sample.value

    def _number(self, place: int, labels: Labels) -> int:
        """Return the number of a series; the buckets of a histogram are one, which their bounds do not part."""
        if self._families[place].kind is Kind.HISTOGRAM:
            labels = tuple(pair for pair in labels if pair[0] != "le")
        return self._series.setdefault((place, labels), place * _SERIES_OF_A_FAMILY + len(self._series))
