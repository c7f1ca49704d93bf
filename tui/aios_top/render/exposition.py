"""Metric families as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0."""

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct, field

Labels = tuple[tuple[str, str], ...]
"""Names and values in the order in which they are written."""

OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
END = "# EOF"
"""The last line of an OpenMetrics text; without it a reader knows that the text was cut."""


class Kind(StrEnum):
    """What a family's samples mean."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


class Sample(Struct, frozen=True):
    """One value; `suffix` stands after the family's name, e.g. `_bucket`."""

    labels: Labels
    value: float
    suffix: str = ""
    at: float | None = None
    """Unix seconds; None: now."""


class Family(Struct, frozen=True):
    """All samples of one name."""

    name: str
    """Without `_total`, `_info`: the kind says them."""
    kind: Kind
    about: str
    unit: str = ""
    samples: Sequence[Sample] = field(default=())


def labels(**named: str | None) -> Labels:
    """Return labels; one without a value is left out, which means the same in both formats."""
    return tuple((name, value) for name, value in named.items() if value)


def lines(families: Iterable[Family], *, openmetrics: bool) -> Iterator[str]:
    """Yield the text line by line; families without samples are left out."""
    for family in families:
        if family.samples:
            yield from header(family, openmetrics=openmetrics)
            yield from (sample_line(family, sample, openmetrics=openmetrics) for sample in family.samples)
    if openmetrics:
        yield END


def header(family: Family, *, openmetrics: bool) -> Iterator[str]:
    """Yield what stands above a family's samples."""
    name = family.name if openmetrics else family.name + _ending(family.kind)
    kind = Kind.GAUGE if family.kind is Kind.INFO and not openmetrics else family.kind
    yield f"# HELP {name} {escaped(family.about)}"
    yield f"# TYPE {name} {kind}"
    if openmetrics and family.unit:
        yield f"# UNIT {name} {family.unit}"


def sample_line(family: Family, sample: Sample, *, openmetrics: bool) -> str:
    """Return one sample's line; a time is in seconds in OpenMetrics and in milliseconds in the older format."""
    name = family.name + (sample.suffix or _ending(family.kind))
    told = ",".join(f'{label}="{escaped(value)}"' for label, value in sample.labels)
    shown = f"{name}{{{told}}}" if told else name
    line = f"{shown} {number(sample.value)}"
    if sample.at is None:
        return line
    return f"{line} {sample.at:.3f}" if openmetrics else f"{line} {round(1000 * sample.at)}"


def escaped(text: str) -> str:
    """Return text as it stands between quotation marks."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def number(value: float) -> str:
    """Return a value; whole numbers keep their point, as the bounds of a histogram must."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))


def _ending(kind: Kind) -> str:
    return {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(kind, "")
