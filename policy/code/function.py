"""Scale a block as the tutorial's token autoscaler does, more safely where parameters ask for it, and explain it all.

With the tutorial's parameters every evaluation answers as the tutorial's policy; every other parameter is opt-in. Each
decision leaves a record, management commands read and steer. One file, standard library only: AIOS loads it by path
and does not put this folder on `sys.path`.

An evaluation runs through stages: collect, match, measure, rule, pause, cooldown, limits, pending, stabilization,
safety, victim. `decide` is all of them but the first; it is pure, so `reevaluate` can take a recorded decision again.

Evaluations run in AIOS's loop thread, management in web threads. `get_metrics` may hang for ever, so the lock is never
held across it; what follows is pure computation, about a millisecond for 64 instances, and is done under the lock on
the state as it is then: a pause or a reset that arrives while metrics are awaited counts.
"""

import hashlib
import logging
import math
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

POLICY_NAME = "tokenautoscaler-explained"
POLICY_VERSION = "1.0"
RECORD_SCHEMA = 1

INPUT_KEY = "llm_input_tokens_per_minute_rolling"
OUTPUT_KEY = "llm_output_tokens_per_minute_rolling"
"""Mean tokens per request in AIOS's window, whatever the names say; the counters below give true rates."""
COUNTER_KEYS = ("llm_prompt_tokens_total", "llm_tokens_generated_total")
WINDOW_SECONDS = {"current": 0.0, "average_1m": 60.0, "average_5m": 300.0, "average_15m": 900.0}
"""AIOS's windows; a rate is counted over the same time, over one push for `current`."""

MAX_RECORDS = 512
MAX_RECORDS_PER_ANSWER = 256
MAX_ITEMS = 64
"""Instances, and items of any foreign list or object, that a record keeps; the counts are always of all."""
MAX_TEXT = 500
MAX_SAMPLES = 64
EXACT_INTEGER = 2**53
"""Up to here a JSON number is the same integer for every reader."""
CONFIRM_TIMEOUT_S = 120.0
"""AIOS lists a new or removed instance within 20 to 100 seconds; later than this the scale call probably failed."""
SETTINGS_READ = frozenset({"get_metrics", "clock", "intervalSeconds"})
"""`intervalSeconds` is read by AIOS's runner, the others here; any other setting has no reader."""


# --- Values that are safe to send ------------------------------------------------------------------------------------


NUMBERS = (int, float)
MAX_FLOAT = sys.float_info.max


def _text(value: Any, *, quoted: bool = False) -> str:
    """Return bounded text of any value, without control characters."""
    text = (value if isinstance(value, str) and not quoted else repr(value))[:MAX_TEXT]
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_finite(value: Any) -> bool:
    """Whether a value is a number that JSON and floats can carry; `True` is not one."""
    return isinstance(value, NUMBERS) and not isinstance(value, bool) and -MAX_FLOAT <= value <= MAX_FLOAT


def _number(value: Any) -> float | None:
    """Return a finite number as a float, anything else as None."""
    return float(value) if _is_finite(value) else None


def _exact(value: Any) -> float | None:
    """Return a number as it is where JSON keeps it, so that sums come out the same again; else as `_number` does."""
    return value if type(value) is int and -EXACT_INTEGER <= value <= EXACT_INTEGER else _number(value)


def _json_safe(value: Any, depth: int = 6) -> Any:
    """Copy a value as JSON can carry it, bounded: non-finite numbers become null, foreign objects text."""
    if value is None or isinstance(value, bool) or _is_finite(value):
        return value
    if isinstance(value, NUMBERS):
        return None
    if depth and isinstance(value, Mapping):
        return {_text(k): _json_safe(v, depth - 1) for k, v in list(value.items())[:MAX_ITEMS]}
    if depth and isinstance(value, list | tuple):
        return [_json_safe(v, depth - 1) for v in value[:MAX_ITEMS]]
    return _text(value)


def _copied(value: Any) -> Any:
    """Copy plain JSON values deeply, several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {k: _copied(v) if isinstance(v, dict | list) else v for k, v in value.items()}
    return [_copied(v) if isinstance(v, dict | list) else v for v in value]


def _dig(value: Any, *path: str) -> Any:
    """Follow a path of keys, None where it ends early."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _strangers(given: Any, known: Iterable[str]) -> list[str]:
    """List the given names that nothing reads."""
    return sorted(_text(name) for name in given if name not in known) if isinstance(given, Mapping) else []


# --- Time ------------------------------------------------------------------------------------------------------------


class Instant(NamedTuple):
    """One reading of a clock: Unix seconds, and monotonic seconds where the clock has them."""

    wall: Any
    """A number, unless somebody wrote something else to `last_action_ts`."""
    monotonic: float | None

    def since(self, earlier: "Instant") -> float:
        """Return the seconds since an earlier reading of the same clock, monotonic ones if it has them."""
        if self.monotonic is None or earlier.monotonic is None:
            return self.wall - earlier.wall  # type: ignore[no-any-return]
        return self.monotonic - earlier.monotonic


class Clock:
    """Reads `settings["clock"]`: an object with `time()` and perhaps `monotonic()`, or a callable; else the system."""

    def __init__(self, given: Any) -> None:
        self.refused = given is not None and not callable(getattr(given, "time", given))
        self._source: Any = time if given is None or self.refused else given

    def read(self) -> Instant:
        """Take one reading."""
        source = self._source
        wall = source.time() if hasattr(source, "time") else source()
        return Instant(wall, source.monotonic() if hasattr(source, "monotonic") else None)


# --- Parameters and requests -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or one value of a management command: its name, and what it may be."""

    name: str
    default: Any
    """A parameter whose default is None may be null."""
    description: str
    kind: str = "number"
    minimum: float = 0
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def attribute(self) -> str:
        """The policy's attribute that holds this parameter; the tutorial's names differ from its parameters'."""
        return self.name.replace("_tokens_", "_")

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the value."""
        schema: dict[str, Any] = {"type": self.kind}
        if self.choices:
            schema["enum"] = list(self.choices)
        elif self.kind == "array":
            names = {"type": "string", "minLength": 1}
            schema |= {"items": names, "uniqueItems": True, "minItems": self.minimum, "maxItems": self.maximum}
        elif self.kind == "string":
            schema["maxLength"] = MAX_TEXT
        elif self.kind in {"number", "integer"}:
            schema |= {"minimum": self.minimum} | ({} if self.maximum is None else {"maximum": self.maximum})
        if self.default is None and not self.required:
            schema["type"] = [self.kind, "null"]
        return schema | ({} if self.required else {"default": self.default}) | {"description": self.description}

    @property
    def noun(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return " or ".join([", ".join(self.choices[:-1]), self.choices[-1]])
        if self.kind in {"number", "integer"}:
            noun = "a whole number" if self.kind == "integer" else "a number"
            return f"{noun} of at least {self.minimum}" + (
                "" if self.maximum is None else f" and at most {self.maximum}"
            )
        words = {
            "boolean": "true or false",
            "array": f"a list of {self.minimum} to {self.maximum} different instance ids",
            "object": "an object",
            "string": f"text of at most {MAX_TEXT} characters",
        }
        return words[self.kind]

    def allows(self, value: Any) -> bool:
        """Whether this value will work as meant."""
        if value is None:
            return self.default is None and not self.required
        if self.choices:
            return isinstance(value, str) and value in self.choices
        if self.kind == "boolean":
            return isinstance(value, bool)
        if self.kind == "array":
            names = isinstance(value, list) and all(isinstance(i, str) and i for i in value)
            return names and len(set(value)) == len(value) and self.minimum <= len(value) <= (self.maximum or math.inf)
        if self.kind == "string":
            return isinstance(value, str) and len(value) <= MAX_TEXT
        if self.kind == "object":
            return isinstance(value, Mapping)
        in_range = _is_finite(value) and self.minimum <= value <= (math.inf if self.maximum is None else self.maximum)
        return in_range and (self.kind == "number" or value == int(value))

    def problem(self, value: Any) -> str | None:
        """Say why this value will not work as meant, None if it will."""
        return None if self.allows(value) else f"{_text(value, quoted=True)} is not {self.noun}"

    def taken(self, value: Any) -> Any:
        """Return an allowed value as the policy keeps it."""
        if self.kind == "array":
            return list(value)
        return int(value) if self.kind == "integer" and value is not None else value


def _choice(name: str, description: str, *choices: str) -> Field:
    return Field(name, choices[0], description, "string", choices=choices)


def _flag(name: str, description: str) -> Field:
    return Field(name, False, description, "boolean")


WINDOWS = tuple(WINDOW_SECONDS)
TUTORIAL_PARAMETERS = (
    Field("input_tokens_up_threshold", 500, "mean input tokens above it scale up"),
    Field("output_tokens_up_threshold", 300, "mean output tokens above it scale up"),
    Field("input_tokens_down_threshold", 100, "both means below theirs may scale down"),
    Field("output_tokens_down_threshold", 50, "both means below theirs may scale down"),
    Field("min_replicas", 1, "only more instances than this scale down", "integer", 1),
    Field("averaging_period", "average_1m", "window; another name reads 0", "string", choices=WINDOWS),
    Field("cooldown_seconds", 120, "seconds without action after an action, up or down"),
)
OPT_IN_PARAMETERS = (
    Field("max_replicas", None, "no upscale beyond it; null: no maximum", "integer", 1),
    _flag("use_block_limits", "also keep to minInstances and maxInstances of the block's record"),
    _choice(
        "replica_basis",
        "what the minimum counts: instances that report, or all that AIOS lists",
        "reporting",
        "current",
    ),
    _choice("signal", "AIOS's windows, or tokens per minute from the counters", "rolling", "counter_rate"),
    Field("queue_length_up_threshold", None, "mean queue length above it scales up too; null: not looked at"),
    Field("max_metric_age_seconds", None, "older metrics count as missing; null: any age", minimum=1),
    _choice("missing_metrics", "how a missing value counts", "zero", "conservative", "skip"),
    Field("min_reporting_fraction", 0, "below this part of reporting instances nothing happens", maximum=1),
    Field("scale_up_cooldown_seconds", None, "cooldown before an upscale; null: cooldown_seconds"),
    Field("scale_down_cooldown_seconds", None, "cooldown before a downscale; null: cooldown_seconds"),
    Field("scale_up_stabilization_window_seconds", 0, "an upscale needs the rule met this long", maximum=3600),
    Field("scale_down_stabilization_window_seconds", 0, "a downscale needs the rule met this long", maximum=3600),
    Field("scale_up_tolerance", 0, "part of a threshold by which it must be exceeded", maximum=1),
    Field("scale_down_tolerance", 0, "part of a threshold by which it must be undercut", maximum=1),
    _flag("scale_down_safety_check", "no downscale after which the rest would be above an up threshold"),
    Field("max_scale_up_step", 1, "instances added at once, in proportion to the load", "integer", 1, 100),
    Field("max_scale_down_step", 1, "instances removed at once, in proportion to the load", "integer", 1, MAX_ITEMS),
    _flag("block_while_pending", "no upscale while an instance that was asked for has not reported yet"),
    Field("pending_timeout_seconds", 600, "an instance that has not reported for so long is no longer waited for"),
    _choice("scale_down_selection", "which instance is removed", "lowest_tokens", "least_active", "newest"),
    Field("protected_instances", [], "instances that are never removed", "array", maximum=MAX_ITEMS),
    _choice("mode", "shadow decides and records, and changes nothing", "active", "shadow"),
    Field("decision_history_size", MAX_RECORDS, "decisions that are kept", "integer", 1, 4096),
)
PARAMETERS = TUTORIAL_PARAMETERS + OPT_IN_PARAMETERS
"""The tutorial's are reported when wrong, never refused; a wrong opt-in one stops scaling, which is the safe side."""
PARAMETERS_BY_NAME = {f.name: f for f in PARAMETERS}
OPT_IN = frozenset(f.name for f in OPT_IN_PARAMETERS)
ATTRIBUTES = tuple(f.attribute for f in PARAMETERS)

RUNTIME_FLOORS: dict[str, int | None] = {
    **dict.fromkeys(("input_up_threshold", "output_up_threshold", "input_down_threshold", "output_down_threshold")),
    "min_replicas": 1,
    "cooldown_seconds": 0,
}
"""Keys of `update_thresholds`, which are attribute names, with the lowest value each is set to."""

MAX_FORCED_STEP = 10
"""Instances that one command may add or remove: AIOS creates as many as it is told, also by a slip of the hand."""
_DIRECTION = _choice("direction", "which way", "both", "up", "down")
_SECONDS = Field("seconds", None, "then it ends by itself", "number", 1, 86_400, required=True)
_REASON = Field("reason", "", "shown with the decisions", "string")
_LAID_OVER = Field("parameters", {}, "new values by parameter name", "object")
_FORCED = (
    _choice("operation", "what to do", "upscale", "downscale", "cancel"),
    Field("expires_s", 120, "dropped when no evaluation could do it within", "number", 1, 3600),
    _flag("ignore_cooldown", "do not wait for the cooldown"),
    _REASON,
)
REQUESTS: dict[str, tuple[Field, ...]] = {
    "get_decisions": (
        Field("since", None, "last seq the client has", "integer"),
        Field("boot_id", None, "of the start that seq belongs to", "string"),
        Field("limit", MAX_RECORDS_PER_ANSWER, "at most 256 are sent", "integer", 1),
        _choice("detail", "brief leaves out the long fields", "full", "brief"),
    ),
    "set_parameters": (
        Field("parameters", None, "new values by parameter name", "object", required=True),
        Field("expect_generation", None, "refused when the generation is another", "integer"),
        _flag("dry_run", "only say what would change"),
    ),
    "pause": (_SECONDS, _DIRECTION, _REASON),
    "hold": (_SECONDS,),
    "resume": (_DIRECTION,),
    "force_scale upscale": (
        Field("instances_count", None, "instances to add", "integer", 1, MAX_FORCED_STEP, required=True),
        *_FORCED,
    ),
    "force_scale downscale": (
        Field("instances_list", None, "who goes", "array", 1, MAX_FORCED_STEP, required=True),
        *_FORCED,
    ),
    "force_scale cancel": _FORCED[:1],
    "dry_run": (_LAID_OVER,),
}


class RefusedError(ValueError):
    """A management command that is not carried out; says why, and of which values."""

    def __init__(self, reason: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.answer = {"status": "error", "reason": reason} | ({} if errors is None else {"errors": dict(errors)})


def _asked(request: str, data: Any) -> dict[str, Any]:
    """Read a command's data, with defaults; an unknown name is refused, because it was meant to do something."""
    given = {} if data is None else data
    if not isinstance(given, Mapping):
        raise RefusedError(f"data must be an object, not {_text(given, quoted=True)}")
    fields = REQUESTS[request]
    strangers = _strangers(given, {f.name for f in fields})
    if strangers and request != "get_decisions":
        raise RefusedError(f"unknown: {', '.join(strangers)}; known are {', '.join(f.name for f in fields)}")
    for f in fields:
        if f.name in given and not f.allows(given[f.name]):
            raise RefusedError(f"{f.name} must be {f.noun}, not {_text(given[f.name], quoted=True)}")
        if f.required and f.name not in given:
            raise RefusedError(f"{f.name} is missing: {f.noun}")
    return {f.name: f.taken(given.get(f.name, f.default)) for f in fields}


class Rules(SimpleNamespace):
    """The parameters as one evaluation finds them, by attribute; nothing says that they are what they should be."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Rules":
        """Take values by parameter name, defaults for the rest."""
        return cls(**{f.attribute: values.get(f.name, f.default) for f in PARAMETERS})

    def pairs(self) -> Iterable[tuple[Field, Any]]:
        """Return each parameter with its value."""
        return zip(PARAMETERS, vars(self).values(), strict=True)

    def named(self) -> dict[str, Any]:
        """Return the values by parameter name."""
        return {f.name: value for f, value in self.pairs()}

    def changed(self) -> dict[str, Any]:
        """Return those that differ from the default, by parameter name."""
        return {f.name: value for f, value in self.pairs() if value is not f.default and value != f.default}

    def can_be_recorded(self) -> bool:
        """Whether a record shows these values exactly."""
        return all(_json_safe(value) == value for value in self.changed().values()) and _is_finite(
            self.cooldown_seconds
        )

    def problems(self, names: Iterable[str] = OPT_IN) -> dict[str, str]:
        """Name the parameters that will not work as meant, among these names."""
        given = ((f, value) for f, value in self.pairs() if value is not f.default and f.name in names)
        problems = {f.name: str(f.problem(value)) for f, value in given if not f.allows(value)}
        minimum, maximum = self.min_replicas, self.max_replicas
        if "max_replicas" not in problems and maximum is not None and _is_finite(minimum) and maximum < minimum:
            problems["max_replicas"] = f"{maximum} is below min_replicas {minimum}"
        return problems

    def all_problems(self) -> dict[str, str]:
        """Name also the thresholds that contradict each other, which the tutorial's policy does not mind."""
        problems = self.problems(PARAMETERS_BY_NAME)
        for kind in ("input", "output"):
            up_name, down_name = f"{kind}_tokens_up_threshold", f"{kind}_tokens_down_threshold"
            up, down = getattr(self, f"{kind}_up_threshold"), getattr(self, f"{kind}_down_threshold")
            if problems.keys().isdisjoint({up_name, down_name}) and down > up:
                problems[down_name] = f"{down} is above {up_name} {up}: between them the block only ever scales up"
        return problems

    def cooldown(self, direction: str) -> Any:
        """Return the seconds that a direction waits after any action."""
        own = getattr(self, f"scale_{direction}_cooldown_seconds")
        return self.cooldown_seconds if own is None else own


# --- What is remembered ----------------------------------------------------------------------------------------------


class Sample(NamedTuple):
    """An instance's token counters at its own time stamp."""

    timestamp: float
    totals: tuple[float | None, float | None]


History = tuple[Sample, ...]
"""One instance's pushes, oldest first: a rate is counted from the first to the last."""


def _sampled(history: History, document: Mapping[str, Any], window_s: float) -> History:
    """Add this push's counters; begin anew where a difference would be none: a restart, a clock that went back."""
    timestamp = _number(document.get("timestamp"))
    if timestamp is None:
        return ()
    sample = Sample(timestamp, (_number(document.get(COUNTER_KEYS[0])), _number(document.get(COUNTER_KEYS[1]))))
    if not history or timestamp < history[-1].timestamp:
        return (sample,)
    if timestamp == history[-1].timestamp:
        return history
    pairs = zip(sample.totals, history[-1].totals, strict=True)
    if any((new is None) != (old is None) or (new is not None and old is not None and new < old) for new, old in pairs):
        return (sample,)
    history = (*history, sample)
    while len(history) > MAX_SAMPLES or (len(history) > 2 and timestamp - history[1].timestamp >= window_s):
        history = history[1:]
    return history


def _rates(history: History) -> tuple[float | None, float | None]:
    """Return input and output tokens per minute, None where they are not known."""
    if len(history) < 2:
        return None, None
    minutes = (history[-1].timestamp - history[0].timestamp) / 60.0
    grown = zip(history[-1].totals, history[0].totals, strict=True)
    rate_in, rate_out = (None if a is None or b is None else _number((a - b) / minutes) for a, b in grown)
    return rate_in, rate_out


@dataclass(slots=True)
class Before:
    """All that is remembered and can change a decision; times are in seconds before it."""

    last_action_ts: Any = None
    """Unix seconds of the last action."""
    cooldown: dict[str, Any] = field(default_factory=lambda: {"up": None, "down": None})
    """Per direction the time since the action that it waits for, None when it waits for none."""
    paused: dict[str, Any] | None = None
    """`direction`, `reason`, `remaining_s`."""
    force: dict[str, Any] | None = None
    """`operation`, `instances_count` or `instances_list`, `ignore_cooldown`, `reason`, `remaining_s`."""
    windows: dict[str, Any] = field(default_factory=lambda: {"up": None, "down": None})
    """Per direction how long every evaluation has found its rule met, None when the last one did not."""
    seen: dict[str, float] = field(default_factory=dict)
    """Per instance the time since AIOS first listed it."""
    pending: list[str] = field(default_factory=list)
    """Those of them that have never reported."""
    counters: dict[str, Any] = field(default_factory=dict)
    """Per instance its earlier pushes; in a record only the one that its rate is counted from."""
    unlisted: int = 0
    """Instances that the last upscale asked for and AIOS does not list yet."""

    def recorded(self, histories: Mapping[str, History]) -> dict[str, Any]:
        """Return the record's `state_before`."""
        bases = {key: [h[0].timestamp, *h[0].totals] for key, h in histories.items() if len(h) > 1}
        return {
            "last_action_ts": _json_safe(self.last_action_ts),
            "cooldown": _json_safe(self.cooldown),
            "paused": self.paused,
            "force": self.force,
            "windows": self.windows,
            "seen": {_text(i): age for i, age in islice(self.seen.items(), MAX_ITEMS)},
            "pending": [_text(i) for i in self.pending[:MAX_ITEMS]],
            "counters": dict(islice(bases.items(), MAX_ITEMS)),
            "unlisted": self.unlisted,
        }

    @classmethod
    def restored(cls, recorded: Mapping[str, Any]) -> "Before":
        """Read a record's `state_before`."""
        counters = {key: (Sample(base[0], (base[1], base[2])),) for key, base in recorded["counters"].items()}
        return cls(**{**recorded, "counters": counters})

    def can_be_recorded(self) -> bool:
        """Whether the record shows this exactly."""
        values = (self.last_action_ts, *self.cooldown.values())
        return all(value is None or _is_finite(value) for value in values)


# --- One evaluation --------------------------------------------------------------------------------------------------


class Signal(NamedTuple):
    """Mean input and output as each rule judges them, and over how many instances."""

    up: tuple[float, float]
    down: tuple[float, float]
    count: int


@dataclass(slots=True)
class Evaluation:
    """What one evaluation saw and concluded, filled stage by stage."""

    input_data: Any
    started: Instant
    now: Instant
    """When the metrics were there: the time of the decision."""
    metrics: Any = None
    collected: bool = False
    current: list[str] | None = None
    """The ids AIOS lists, None when it sent something else than a list of names."""
    documents: list[Any] = field(default_factory=list)
    """Metric documents of instances that AIOS lists as current."""
    fresh: list[Any] = field(default_factory=list)
    """Those of them that are not too old."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    """One per document in their order, then one per current instance without; filled by `read`."""
    was_read: bool = False
    missing: list[str] = field(default_factory=list)
    histories: dict[str, History] = field(default_factory=dict)
    signal: Signal | None = None
    queue: float | None = None
    rule: str | None = None
    """`up` or `down` when its thresholds are met, whatever was decided."""
    victims: list[Any] = field(default_factory=list)
    """Who goes, or would go when the down rule could act."""
    limited: str | None = None
    """Why fewer than asked for are added or removed."""
    forced: dict[str, Any] | None = None
    """What became of a forced scaling."""
    code: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    """What AIOS gets; empty until a stage concludes."""
    intended: dict[str, Any] | None = None
    """What AIOS would have got, had this not been shadow mode."""
    steps: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = _dig(self.input_data, "current_instances")
        if isinstance(ids, list | tuple) and all(isinstance(i, str) for i in ids):
            self.current = list(dict.fromkeys(ids))

    def step(self, stage: str, result: str, detail: str | None = None) -> None:
        """Note what a stage found."""
        self.steps.append({"stage": stage, "result": result} | ({} if detail is None else {"detail": _text(detail)}))

    def skip(self, code: str, reason: str) -> None:
        """Conclude without action."""
        self.code, self.result = code, {"skip": True, "reason": reason}

    def act(self, code: str, operation: str, what: Mapping[str, Any], reason: str) -> None:
        """Conclude with a scale operation."""
        self.code, self.result = code, {"skip": False, "operation": operation, **what, "reason": reason}

    def fail(self, error: Exception) -> None:
        """Conclude with an error as a skip, because AIOS's runner would hide the exception's text."""
        self.step("error", type(error).__name__, str(error))
        self.skip("EvalError", f"An error occurred: {error}")

    @property
    def operation(self) -> str | None:
        """`upscale`, `downscale` or None."""
        operation: str | None = self.result.get("operation")
        return operation

    @property
    def outcome(self) -> str:
        """The operation, else `hold` or `error`."""
        return self.operation or ("error" if self.code == "EvalError" else "hold")

    @property
    def count(self) -> int:
        """Instances that exist as far as is known: listed, or reporting where the list is none."""
        return len(self.documents) if self.current is None else len(self.current)

    def limits(self, rules: Rules) -> tuple[Any, Any]:
        """Return the minimum and the maximum in force; None is no maximum."""
        minimum, maximum = rules.min_replicas, rules.max_replicas
        if rules.use_block_limits:
            block_min, block_max = (_dig(self.input_data, "block_data", k) for k in ("minInstances", "maxInstances"))
            if _is_finite(block_min) and block_min > minimum:
                minimum = block_min
            if _is_finite(block_max) and block_max >= 1 and (maximum is None or block_max < maximum):
                maximum = block_max
        return minimum, maximum

    def read(self, rules: Rules, before: Before, most: int | None = None) -> None:
        """Read every document once, `most` of them into entries."""
        period = None if isinstance(rules.averaging_period, list | dict) else rules.averaging_period
        window_s = WINDOW_SECONDS.get(period, 60.0)
        max_age_s = _number(rules.max_metric_age_seconds)
        self.entries, self.histories, self.was_read = [], {}, True
        for document in self.documents:
            key = _text(document.get("instanceId"))
            history = _sampled(before.counters.get(key, ()), document, window_s)
            if history:
                self.histories[key] = history
            if most is None or len(self.entries) < most:
                self.entries.append(_entry(document, key, period, self.now, history, max_age_s))
        reporting = {_text(d.get("instanceId")) for d in self.documents}
        self.missing = [i for i in self.current or () if _text(i) not in reporting]
        self.entries += [dict(_NO_ENTRY, id=_text(i)) for i in self.missing[:most]]

    def again(self) -> "Evaluation":
        """Return an evaluation of the same inputs at the same time."""
        return Evaluation(self.input_data, self.started, self.now, self.metrics, self.collected)


_VALUES = ("input", "output", "rate_in", "rate_out", "queue", "sessions", "age_s", "timestamp", "counters")
_NO_ENTRY = {"id": None, **dict.fromkeys(_VALUES), "status": "missing"}


def _entry(
    document: Mapping[str, Any], key: str, period: Any, now: Instant, history: History, max_age_s: float | None
) -> dict[str, Any]:
    """Read what one document said: an absent value is null and `partial`, an unusable one null and `invalid`."""
    values, status = [], "ok"
    for name in (INPUT_KEY, OUTPUT_KEY):
        window = document.get(name, {})
        absent = isinstance(window, Mapping) and period not in window
        values.append(None if absent else _exact(_dig(window, period)))
        if absent and status == "ok":
            status = "partial"
        elif not absent and values[-1] is None:
            status = "invalid"
    timestamp = _number(document.get("timestamp"))
    age_s = None if timestamp is None else now.wall - timestamp
    if max_age_s is not None and age_s is not None and age_s > max_age_s:
        status = "stale"
    rate_in, rate_out = _rates(history)
    return {
        "id": key,
        "input": values[0],
        "output": values[1],
        "rate_in": rate_in,
        "rate_out": rate_out,
        "queue": _number(_dig(document, "queue_length", period)),
        "sessions": _number(document.get("llm_active_sessions")),
        "age_s": age_s,
        "timestamp": timestamp,
        "counters": [_number(document.get(name)) for name in COUNTER_KEYS],
        "status": status,
    }


def decide(work: Evaluation, rules: Rules, before: Before) -> None:
    """Conclude an evaluation from its inputs, the parameters and what is remembered, and from nothing else."""
    if not work.result:
        try:
            _judge(work, rules, before)
        except Exception as error:  # noqa: BLE001 (whatever a metrics document can cause)
            work.fail(error)
    if before.force is not None and work.code not in {"InvalidParameters", "Superseded"}:
        try:
            _force(work, rules, before, before.force)
        except Exception as error:  # noqa: BLE001 (whatever a parameter of the tutorial's can cause)
            work.forced = {"operation": before.force["operation"], "result": "refused", "detail": _text(str(error))}
            work.fail(error)
    if work.operation and rules.mode == "shadow":
        work.intended = work.result
        work.skip("Shadow", f"Shadow mode, not done: {work.result['operation']}. {work.result['reason']}")


def _judge(work: Evaluation, rules: Rules, before: Before) -> None:
    """Apply the stages in the tutorial's order; the first that concludes wins."""
    _match(work)
    if not work.result:
        _check_parameters(work, rules)
    if not work.result:
        _measure(work, rules, before)
    if work.signal is None:
        return
    rule_error = _find_rule(work, rules, work.signal)
    if _is_held(work, rules, before):
        return
    if rule_error is not None:
        raise rule_error
    if work.rule == "up":
        _scale_up(work, rules, before, work.signal)
    elif work.rule == "down":
        _scale_down(work, rules, before, work.signal)
    else:
        tolerated = _is_tolerated(work, rules, work.signal)
        work.skip("WithinTolerance" if tolerated else "WithinRange", "No scaling action required.")


def _match(work: Evaluation) -> None:
    current = work.input_data.get("current_instances")
    if not current:
        work.step("match", "no instances")
        work.skip("NoInstances", "No current instances provided.")
        return
    work.documents = work.fresh = [d for d in work.metrics.get("block_metrics", []) if d.get("instanceId") in current]
    work.step("match", "ok" if work.documents else "none", f"{len(work.documents)} documents")
    if not work.documents:
        work.skip("NoMetrics", "No metrics found for the specified instances.")


def _check_parameters(work: Evaluation, rules: Rules) -> None:
    """Refuse to scale by opt-in parameters that will not work as meant: a limit with a slip in it is no limit."""
    problems = rules.problems()
    if problems:
        text = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        work.step("parameters", "invalid", text)
        work.skip("InvalidParameters", _text(f"Invalid parameters: {text}"))


# -- measure: the means that the rules compare


def _measure(work: Evaluation, rules: Rules, before: Before) -> None:
    reads_windows = rules.signal == "rolling" and rules.missing_metrics == "zero"
    looks_closer = rules.max_metric_age_seconds is not None or rules.min_reporting_fraction
    if looks_closer or not reads_windows or rules.queue_length_up_threshold is not None:
        work.read(rules, before)
    if looks_closer:
        _drop_stale(work, rules)
    if work.result:
        return
    if reads_windows:
        means = _window_means(work.fresh, rules.averaging_period)
        work.signal = Signal(means, means, len(work.fresh))
    else:
        _measure_entries(work, rules)
    if work.signal is None:
        return
    work.step("signal", "ok", "input {:.2f}, output {:.2f}".format(*work.signal.up))
    if rules.queue_length_up_threshold is not None:
        lengths = [e["queue"] for e in work.entries if e["queue"] is not None and e["status"] != "stale"]
        work.queue = sum(lengths) / len(work.fresh)
        work.step("queue", "ok" if lengths else "unknown", f"{work.queue:.2f}")


def _drop_stale(work: Evaluation, rules: Rules) -> None:
    by_document = zip(work.documents, work.entries, strict=False)
    work.fresh = [document for document, entry in by_document if entry["status"] != "stale"]
    stale = len(work.documents) - len(work.fresh)
    if stale:
        work.step("age", "stale", f"{stale} of {len(work.documents)} documents")
    if not work.fresh:
        work.skip("StaleMetrics", f"All metrics are older than {rules.max_metric_age_seconds:g} s.")
        return
    reporting = len({_text(d.get("instanceId")) for d in work.fresh})
    total = len({e["id"] for e in work.entries})
    if reporting < rules.min_reporting_fraction * total:
        work.step("reporting", "too few", f"{reporting} of {total}")
        work.skip("NoUsableMetrics", f"Only {reporting} of {total} instances report.")


def _window(document: Any, key: str, period: Any) -> Any:
    """Read a window's value as the tutorial does: anything missing counts as 0."""
    return document.get(key, {}).get(period, 0)


def _window_means(documents: list[Any], period: Any) -> tuple[float, float]:
    """Average input and output; a value that is no number raises with the words of the tutorial's sum."""
    total_input: Any = 0
    total_output: Any = 0
    for document in documents:
        total_input += _window(document, INPUT_KEY, period)
        total_output += _window(document, OUTPUT_KEY, period)
    return total_input / len(documents), total_output / len(documents)


def _value_names(rules: Rules) -> tuple[str, str]:
    return ("input", "output") if rules.signal == "rolling" else ("rate_in", "rate_out")


def _measure_entries(work: Evaluation, rules: Rules) -> None:
    """Average the values that are there, and treat those that are not as `missing_metrics` says.

    Conservative is how Kubernetes' autoscaler does it: an instance that tells nothing counts as idle when more
    instances are asked for and as busy, at its up threshold, when fewer are.
    """
    columns = [[None if e["status"] == "stale" else e[name] for e in work.entries] for name in _value_names(rules)]
    usable = [[value for value in column if value is not None] for column in columns]
    count = len(work.entries)
    silent = count - min(map(len, usable))
    if not any(usable) or (silent and rules.missing_metrics == "skip"):
        work.step("signal", "no data", f"{silent} of {count} instances without a usable value")
        work.skip("NoUsableMetrics", f"{silent} of {count} instances report no usable value.")
        return
    if rules.missing_metrics == "conservative":
        busy = [
            sum(values) + (count - len(values)) * threshold
            for values, threshold in zip(usable, (rules.input_up_threshold, rules.output_up_threshold), strict=True)
        ]
        idle_means = sum(usable[0]) / count, sum(usable[1]) / count
        work.signal = Signal(idle_means, (busy[0] / count, busy[1] / count), count)
    else:
        means = sum(usable[0]) / max(1, len(usable[0])), sum(usable[1]) / max(1, len(usable[1]))
        work.signal = Signal(means, means, max(map(len, usable)))


# -- rule: which thresholds are met


def _eased(threshold: Any, tolerance: float) -> Any:
    """Move a threshold by a tolerance; an untouched one may be anything that the tutorial accepts."""
    return threshold * (1 + tolerance) if tolerance else threshold


def _find_rule(work: Evaluation, rules: Rules, signal: Signal) -> Exception | None:
    """Find the rule whose thresholds are met; a threshold that cannot be compared matters only after the cooldown."""
    try:
        work.rule = _rule_met(work, rules, signal, rules.scale_up_tolerance, rules.scale_down_tolerance)
    except Exception as error:  # noqa: BLE001 (raised by the caller in its turn)
        return error
    work.step("rule", work.rule or "none")
    return None


def _rule_met(work: Evaluation, rules: Rules, signal: Signal, up: float, down: float) -> str | None:
    """Return the rule that is met with these tolerances; up is tested first."""
    if _tokens_exceed(rules, signal, up):
        return "up"
    if work.queue is not None and work.queue > _eased(rules.queue_length_up_threshold, up):
        return "up"
    below_input = signal.down[0] < _eased(rules.input_down_threshold, -down)
    return "down" if below_input and signal.down[1] < _eased(rules.output_down_threshold, -down) else None


def _tokens_exceed(rules: Rules, signal: Signal, tolerance: float) -> bool:
    above_input = signal.up[0] > _eased(rules.input_up_threshold, tolerance)
    return bool(above_input or signal.up[1] > _eased(rules.output_up_threshold, tolerance))


def _is_tolerated(work: Evaluation, rules: Rules, signal: Signal) -> bool:
    return bool(rules.scale_up_tolerance or rules.scale_down_tolerance) and bool(_rule_met(work, rules, signal, 0, 0))


# -- pause and cooldown: whether this direction may act now, or either one when no rule is met


def _is_held(work: Evaluation, rules: Rules, before: Before) -> bool:
    """Conclude when a pause or the cooldown forbids what the rule asks for; without a rule, both directions."""
    asked = (work.rule,) if work.rule else ("up", "down")
    cooling = {direction: _is_cooling(rules, before, direction) for direction in ("up", "down")}
    if before.paused is not None and all(before.paused["direction"] in {"both", direction} for direction in asked):
        work.step("pause", "blocked", before.paused["reason"])
        work.skip("Paused", _paused_reason(before.paused))
        return True
    if all(cooling[direction] for direction in asked):
        left = [_timer(rules, before.cooldown, direction)["remaining_s"] for direction in asked]
        work.step("cooldown", "blocked", None if None in left else f"{min(left):.1f} s left")
        work.skip("CooldownActive", "Cooldown active.")
        return True
    work.step("cooldown", "over")
    return False


def _paused_reason(paused: Mapping[str, Any]) -> str:
    which = {"both": "Scaling is", "up": "Scaling up is", "down": "Scaling down is"}[paused["direction"]]
    why = f": {paused['reason']}" if paused["reason"] else "."
    return f"{which} paused for another {paused['remaining_s']:.0f} s{why}"


def _is_cooling(rules: Rules, before: Before, direction: str) -> bool:
    age = before.cooldown[direction]
    if isinstance(age, Exception):  # a stamp that is no time was written to last_action_ts
        raise age
    return age is not None and not age > rules.cooldown(direction)


def _timer(rules: Rules, ages: Mapping[str, Any], direction: str) -> dict[str, Any]:
    """Give the seconds left and in total; null where the stamp or the period is no number."""
    age, total_s = ages[direction], _number(rules.cooldown(direction))
    if age is None:
        return {"remaining_s": 0.0, "total_s": total_s}
    known = total_s is not None and _is_finite(age)
    return {"remaining_s": max(0.0, total_s - age) if known else None, "total_s": total_s}  # type: ignore[operator]


# -- up


def _scale_up(work: Evaluation, rules: Rules, before: Before, signal: Signal) -> None:
    maximum = work.limits(rules)[1]
    room = None if maximum is None else int(maximum - work.count - before.unlisted)
    if room is not None and room < 1:
        work.step("limits", "at maximum", f"{work.count} listed, {before.unlisted} on the way, maximum {maximum:g}")
        work.skip("TooManyReplicas", f"At the maximum of {maximum:g} instances.")
        return
    waiting = _waited_for(work, rules, before) if rules.block_while_pending else []
    if waiting:
        work.step("pending", "blocked", ", ".join(waiting[:5]))
        work.skip("ReplicasPending", f"{len(waiting)} instances have not reported yet.")
        return
    if not _is_stable(work, rules, before):
        return
    step = _proportional_step(work, rules, signal)
    if room is not None and room < step:
        step, work.limited = room, "TooManyReplicas"
    cause = (
        "Token rate" if _tokens_exceed(rules, signal, rules.scale_up_tolerance) else f"Queue length {work.queue:.2f}"
    )
    reason = "{} exceeded threshold (Input: {:.2f}, Output: {:.2f})".format(cause, *signal.up)
    work.act("ScaleUp", "upscale", {"instances_count": step}, reason)


def _waited_for(work: Evaluation, rules: Rules, before: Before) -> list[str]:
    """Name the instances that are on their way: asked for, or listed, and not yet heard of."""
    never, reporting = set(before.pending), {_text(d.get("instanceId")) for d in work.documents}
    listed = [
        i
        for i in work.current or ()
        if i not in reporting
        and (i in never or i not in before.seen)
        and before.seen.get(i, 0.0) < rules.pending_timeout_seconds
    ]
    return [*listed, *["not listed yet"] * before.unlisted]


def _is_stable(work: Evaluation, rules: Rules, before: Before) -> bool:
    """Whether every evaluation in the direction's window found the rule met; concludes when not."""
    direction = str(work.rule)
    window_s = getattr(rules, f"scale_{direction}_stabilization_window_seconds")
    held_s = before.windows[direction] or 0.0
    if not window_s or held_s >= window_s:
        return True
    work.step("stabilization", "blocked", f"{held_s:.1f} of {window_s:g} s")
    work.skip("Stabilizing", f"Scaling {direction} has been asked for during {held_s:.0f} of {window_s:g} s.")
    return False


def _proportional_step(work: Evaluation, rules: Rules, signal: Signal) -> int:
    """Return how many instances to add so that the load per instance comes down to the threshold."""
    most = int(rules.max_scale_up_step)
    if most == 1:
        return 1
    loads = [(signal.up[0], rules.input_up_threshold), (signal.up[1], rules.output_up_threshold)]
    if work.queue is not None:
        loads.append((work.queue, rules.queue_length_up_threshold))
    ratio = max((_ratio(load, threshold) or 0.0 for load, threshold in loads), default=0.0)
    wanted = math.ceil(min(signal.count * ratio, signal.count + most + 1.0)) - signal.count
    if wanted > most:
        work.limited = "ScaleUpLimit"
    return max(1, min(most, wanted))


def _ratio(value: float | None, threshold: Any) -> float | None:
    """Return how far a mean is towards its threshold; 1 is there."""
    known = value is not None and _is_finite(threshold) and threshold > 0
    return _number(value / threshold) if known else None  # type: ignore[operator]


# -- down


def _scale_down(work: Evaluation, rules: Rules, before: Before, signal: Signal) -> None:
    minimum = work.limits(rules)[0]
    counts_all = rules.replica_basis == "current" and work.current is not None
    count = len(work.current or ()) if counts_all else len(work.fresh)
    if not count > minimum:
        work.step("limits", "at minimum")
        work.skip("TooFewReplicas", "No scaling action required.")
        return
    if not _is_stable(work, rules, before):
        return
    candidates = _candidates(work, rules, before)
    step = min(_removable(work, rules, signal, minimum, count), max(1, len(candidates)))
    victims = candidates[:step]
    named = all(victims)
    work.step("victim", ", ".join(map(_text, victims)) if victims and named else "no id" if victims else "none may go")
    if not victims or not named:
        work.skip("NoVictim", "No scaling action required.")
        return
    while rules.scale_down_safety_check and victims and not _is_safe_without(len(victims), rules, signal):
        victims.pop()
    if not victims:
        work.step("safety", "blocked", "the rest would be above an up threshold")
        work.skip("UnsafeScaleDown", "One instance less would be above an up threshold.")
        return
    work.victims = victims
    reason = "Token rate below threshold (Input: {:.2f}, Output: {:.2f})".format(*signal.down)
    work.act("ScaleDown", "downscale", {"instances_list": list(victims)}, reason)


def _removable(work: Evaluation, rules: Rules, signal: Signal, minimum: Any, count: int) -> int:
    """Return how many instances may go so that the load per instance stays within the down thresholds."""
    most = int(rules.max_scale_down_step)
    if most == 1:
        return 1
    loads = [(signal.down[0], rules.input_down_threshold), (signal.down[1], rules.output_down_threshold)]
    needed = math.ceil(signal.count * max(_ratio(load, threshold) or 0.0 for load, threshold in loads))
    wanted = min(signal.count - needed, count - minimum)
    if wanted > most:
        work.limited = "ScaleDownLimit"
    return max(1, int(min(most, wanted)))


def _is_safe_without(removed: int, rules: Rules, signal: Signal) -> bool:
    rest = signal.count - removed
    thresholds = (rules.input_up_threshold, rules.output_up_threshold)
    projected = (mean * signal.count / rest if rest > 0 else math.inf for mean in signal.down)
    return all(mean <= threshold for mean, threshold in zip(projected, thresholds, strict=True))


def _candidates(work: Evaluation, rules: Rules, before: Before) -> list[Any]:
    """Return the ids of instances that may be removed, first choice first; equals keep the order of the metrics."""
    protected = set(rules.protected_instances)
    load = _loads(work, rules)
    ranked = [(document, load[n]) for n, document in enumerate(work.fresh) if load[n] is not None]
    if protected:
        ranked = [(document, tokens) for document, tokens in ranked if document.get("instanceId") not in protected]
    if rules.scale_down_selection == "lowest_tokens":
        ranked.sort(key=lambda entry: entry[1])
    elif rules.scale_down_selection == "newest":
        ranked.sort(key=lambda entry: before.seen.get(entry[0].get("instanceId"), 0.0))
    else:
        ranked.sort(key=lambda entry: (*_activity(entry[0], rules.averaging_period), entry[1]))
    ids = [document.get("instanceId") for document, _ in ranked]
    return list(dict.fromkeys(ids)) if len(ids) > 1 and all(isinstance(i, str) for i in ids) else ids


def _loads(work: Evaluation, rules: Rules) -> list[Any]:
    """Return input plus output of each fresh document; None where it is unknown, which is not the same as idle."""
    if rules.signal == "rolling" and rules.missing_metrics == "zero":
        period = rules.averaging_period
        return [_window(d, INPUT_KEY, period) + _window(d, OUTPUT_KEY, period) for d in work.fresh]
    first, second = _value_names(rules)
    entries = [e for e in work.entries if e["status"] not in {"stale", "missing"}]
    return [None if e[first] is None or e[second] is None else e[first] + e[second] for e in entries]


def _activity(document: Any, period: Any) -> tuple[float, float]:
    """Return sessions and queue, infinite where unknown: the unknown goes last."""
    values = _number(document.get("llm_active_sessions")), _number(_dig(document, "queue_length", period))
    sessions, queue = (math.inf if value is None else value for value in values)
    return sessions, queue


# -- what an operator asked for


def _force(work: Evaluation, rules: Rules, before: Before, force: Mapping[str, Any]) -> None:
    """Do what `force_scale` queued, whatever the rule says; a pause and, unless ignored, the cooldown hold it back."""
    direction = "up" if force["operation"] == "upscale" else "down"
    waits_for = None
    if before.paused is not None and before.paused["direction"] in {"both", direction}:
        waits_for = "paused"
    elif not force["ignore_cooldown"] and _is_cooling(rules, before, direction):
        waits_for = "cooldown"
    elif not work.current:
        waits_for = "no instance list"
    problem = None if waits_for else force_problem(force, rules, work, before.unlisted)
    result = "waiting" if waits_for else "refused" if problem else "done"
    work.forced = {"operation": force["operation"], "result": result, "detail": waits_for or problem}
    work.step("force", result, waits_for or problem)
    if result == "done":
        key = "instances_count" if direction == "up" else "instances_list"
        work.victims = list(force.get("instances_list", ()))
        why = f": {force['reason']}" if force["reason"] else "."
        work.act("ForcedScale", force["operation"], {key: force[key]}, f"Forced by management{why}")


def force_problem(force: Mapping[str, Any], rules: Rules, work: Evaluation, unlisted: int) -> str | None:
    """Say why a forced scaling cannot be done on these instances, None if it can."""
    minimum, maximum = work.limits(rules)
    if force["operation"] == "upscale":
        count = work.count + unlisted + force["instances_count"]
        return None if maximum is None or count <= maximum else f"{count} instances, the maximum is {maximum:g}"
    victims = set(force["instances_list"])
    unknown, protected = victims.difference(work.current or ()), victims.intersection(rules.protected_instances)
    if unknown or protected:
        word, names = ("not listed", unknown) if unknown else ("protected", protected)
        return f"{word}: {', '.join(sorted(map(_text, names)))}"
    count = work.count - len(victims)
    return None if count >= minimum else f"{count} instances, the minimum is {minimum}"


# --- The record of an evaluation -------------------------------------------------------------------------------------


def make_record(work: Evaluation, rules: Rules, before: Before, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Tell all of an evaluation in plain JSON values; `identity` are the fields that only the policy knows."""
    if not work.was_read:
        work.read(rules, before, MAX_ITEMS)
    replicas = _replicas(work, rules)
    timers = _cooldown(work, rules, before)
    mean_input, mean_output = work.signal.up if work.signal else (None, None)
    return {
        "schema": RECORD_SCHEMA,
        **identity,
        "ts": work.now.wall,
        "eval_ms": round(work.now.since(work.started) * 1000.0, 3),
        "mode": _json_safe(rules.mode),
        "outcome": work.outcome,
        "code": work.code,
        "reason": _text(work.result["reason"]),
        "result": _json_safe(work.result),
        "would": _would(work, rules, before),
        "replicas": replicas,
        "averages": {
            "input": _number(mean_input),
            "output": _number(mean_output),
            "queue": work.queue,
            "period": _json_safe(rules.averaging_period),
            "signal": _json_safe(rules.signal),
            "down": _down_means(work.signal),
        },
        "thresholds": {
            "input_up": _json_safe(rules.input_up_threshold),
            "output_up": _json_safe(rules.output_up_threshold),
            "input_down": _json_safe(rules.input_down_threshold),
            "output_down": _json_safe(rules.output_down_threshold),
            "queue_up": _json_safe(rules.queue_length_up_threshold),
        },
        "instances": work.entries[:MAX_ITEMS],
        "cooldown": timers,
        "conditions": _conditions(work, before, timers["remaining_s"]),
        "force": work.forced,
        "steps": work.steps,
        "parameters": _json_safe(rules.changed()),
        "state_before": before.recorded(work.histories),
        "complete": _is_complete(work, rules, before),
        "confirm": {"expected": None, "state": "n/a", "after_s": None},
    }


def _is_complete(work: Evaluation, rules: Rules, before: Before) -> bool:
    """Whether the record alone is enough to take the decision again, exactly."""
    ids = [*(d.get("instanceId") for d in work.documents), *work.missing]
    return (
        work.code not in {"NoCollector", "EvalError", "Superseded"}
        and (work.current is not None or not _dig(work.input_data, "current_instances"))
        and len(ids) == len(work.entries) <= MAX_ITEMS
        and all(entry["id"] == i and entry["status"] != "invalid" for entry, i in zip(work.entries, ids, strict=True))
        and all(abs(e[name] or 0) <= EXACT_INTEGER for e in work.entries for name in ("input", "output"))
        and rules.can_be_recorded()
        and before.can_be_recorded()
    )


def _replicas(work: Evaluation, rules: Rules) -> dict[str, Any]:
    documents = _dig(work.metrics, "block_metrics")
    instances = [d for d in documents if _dig(d, "instanceId") != "executor"] if isinstance(documents, list) else []
    try:
        minimum, maximum = work.limits(rules)
    except TypeError:  # one of them is no number, and parameter_errors says so
        minimum, maximum = rules.min_replicas, rules.max_replicas
    change = work.result.get("instances_count", 0) - len(work.result.get("instances_list", ()))
    return {
        "current": None if work.current is None else len(work.current),
        "reporting": len(work.documents),
        "stale": len(work.documents) - len(work.fresh),
        "missing": [_text(i) for i in work.missing[:MAX_ITEMS]],
        "extra": max(0, len(instances) - len(work.documents)),
        "min": _json_safe(minimum),
        "max": _json_safe(maximum),
        "block_min": _json_safe(_dig(work.input_data, "block_data", "minInstances")),
        "block_max": _json_safe(_dig(work.input_data, "block_data", "maxInstances")),
        "proposed": None if work.current is None else len(work.current) + change,
    }


def _would(work: Evaluation, rules: Rules, before: Before) -> dict[str, Any] | None:
    """Say what the thresholds alone ask for, so that a blocked action is visible; None without a signal."""
    if work.signal is None:
        return None
    mean_input, mean_output = work.signal.up
    victims = work.victims or (_candidates(work, rules, before)[:1] if work.rule == "down" else [])
    return {
        "rule": work.rule,
        "input": _number(mean_input),
        "output": _number(mean_output),
        "margin": {
            "input": _ratio(mean_input, rules.input_up_threshold),
            "output": _ratio(mean_output, rules.output_up_threshold),
            "queue": _ratio(work.queue, rules.queue_length_up_threshold),
        },
        "victims": [_text(victim) for victim in victims if victim],
        "result": _json_safe(work.intended),
    }


def _down_means(signal: Signal | None) -> dict[str, Any] | None:
    """Return the means that the down rule compared, where they are others."""
    if signal is None or signal.down == signal.up:
        return None
    return {"input": _number(signal.down[0]), "output": _number(signal.down[1])}


def _cooldown(work: Evaluation, rules: Rules, before: Before) -> dict[str, Any]:
    """Return the timers after the decision, and in front the one that counts for the rule, else the longest."""
    ages = {"up": 0.0, "down": 0.0} if work.operation else before.cooldown
    timers = {direction: _timer(rules, ages, direction) for direction in ("up", "down")}
    counts = timers.get(work.rule or "") or max(
        timers.values(), key=lambda t: (t["remaining_s"] or 0.0, t["total_s"] or 0.0)
    )
    since = work.now.wall if work.operation else before.last_action_ts
    return {**counts, "since": _json_safe(since), **timers}


SCALING_ACTIVE_FAILURES = {
    "NoCollector": "InvalidMetricSourceType",
    "NoInstances": "ScalingDisabled",
    "NoMetrics": "FailedGetPodsMetric",
    "NoUsableMetrics": "FailedGetPodsMetric",
    "StaleMetrics": "FailedGetPodsMetric",
    "InvalidParameters": "InvalidParameters",
    "EvalError": "FailedComputeMetricsReplicas",
}
"""Reason of ScalingActive=False per code, in the words of Kubernetes' HorizontalPodAutoscaler where it has one."""
NOT_ABLE_TO_SCALE = frozenset({"Paused", "CooldownActive", "ReplicasPending", "Shadow", "Superseded"})


def _conditions(work: Evaluation, before: Before, cooling_s: float | None) -> list[dict[str, Any]]:
    """Judge the three conditions that a HorizontalPodAutoscaler reports."""
    failure = SCALING_ACTIVE_FAILURES.get(work.code)
    able = ("True", "ReadyForNewScale")
    if work.code in NOT_ABLE_TO_SCALE:
        able = ("False", work.code)
    elif failure and before.paused is not None:
        able = ("False", "Paused")
    elif failure and cooling_s:
        able = ("False", "CooldownActive")
    elif work.code == "Stabilizing":
        able = ("True", f"Scale{str(work.rule).capitalize()}Stabilized")
    if work.code == "EvalError" and not work.collected:
        failure = SCALING_ACTIVE_FAILURES["NoMetrics"]
    limited = work.code if work.code in {"TooManyReplicas", "TooFewReplicas"} else work.limited
    states = {
        "AbleToScale": able,
        "ScalingActive": ("False", failure) if failure else ("True", "ValidMetricFound"),
        "ScalingLimited": ("True", limited) if limited else ("False", "DesiredWithinRange"),
    }
    return [
        {"type": kind, "status": status, "reason": reason, "since": work.now.wall}
        for kind, (status, reason) in states.items()
    ]


# --- Taking a recorded decision again --------------------------------------------------------------------------------


def decide_again(record: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Take a recorded decision again and return the record of it; pure, and without any clock.

    `record` is a full one whose `complete` is true. `parameters` are by name, defaults for those left out; None means
    those of the record. With these, `result` comes out the same, or the record was made by other code. With others it
    says what they would have done then; a window that the record does not hold reads as absent. Raises ValueError.
    """
    if not isinstance(record, Mapping) or record.get("complete") is not True:
        raise ValueError("the record is not complete: what it was decided on cannot be restored")
    try:
        rules = Rules.of(record["parameters"] if parameters is None else parameters)
        now = Instant(record["ts"], None)
        work = Evaluation(_inputs_of(record), now, now, {"block_metrics": _documents_of(record)}, collected=True)
        before = Before.restored(record["state_before"])
        decide(work, rules, before)
        return make_record(work, rules, before, {key: record[key] for key in ("seq", "boot_id", "generation")})
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"not a record of schema {RECORD_SCHEMA}: {type(error).__name__} {error}") from error


def reevaluate(record: Mapping[str, Any], parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the `result` of `decide_again`, to be compared with the record's own."""
    result: dict[str, Any] = decide_again(record, parameters)["result"]
    return result


def _inputs_of(record: Mapping[str, Any]) -> dict[str, Any]:
    limits = record["replicas"]
    block = {"minInstances": limits["block_min"], "maxInstances": limits["block_max"]}
    return {"current_instances": list(dict.fromkeys(e["id"] for e in record["instances"])), "block_data": block}


def _documents_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Build the metric documents that a record's entries were read from."""
    period = record["averages"]["period"]
    documents = []
    for entry in record["instances"]:
        windows = {INPUT_KEY: entry["input"], OUTPUT_KEY: entry["output"], "queue_length": entry["queue"]}
        document = {name: {period: value} for name, value in windows.items() if value is not None}
        values = {"timestamp": entry["timestamp"], "llm_active_sessions": entry["sessions"]}
        if entry["status"] != "missing":
            totals = dict(zip(COUNTER_KEYS, entry["counters"], strict=True))
            documents.append({"instanceId": entry["id"], **document, **values, **totals})
    return documents


# --- The journal -----------------------------------------------------------------------------------------------------


class PendingAction(NamedTuple):
    """A scale operation whose effect on the instance list has not been seen yet."""

    record: dict[str, Any]
    operation: str
    since: Instant
    before: frozenset[str]
    count: int
    victims: frozenset[Any]

    def unlisted(self, current: Iterable[str]) -> int:
        """Return how many of the instances asked for are not in the list."""
        new = sum(1 for i in current if i not in self.before)
        return max(0, self.count - new) if self.operation == "upscale" else 0

    def seen_in(self, current: Iterable[str]) -> bool:
        """Whether the list shows the effect: the new ids after an upscale, no victim after a downscale."""
        return not self.unlisted(current) if self.operation == "upscale" else self.victims.isdisjoint(current)


class Journal:
    """The decisions since this start, bounded; a kept record changes only in its key `confirm`, which is replaced."""

    def __init__(self) -> None:
        self.boot_id = uuid.uuid4().hex
        self.seq = 0
        self.counts = {"up": 0, "down": 0, "hold": 0, "error": 0}
        self.records: deque[dict[str, Any]] = deque(maxlen=MAX_RECORDS)
        self.conditions: list[dict[str, Any]] = []
        self.pending: PendingAction | None = None

    def count(self, work: Evaluation) -> None:
        """Give a decision its number, also one that cannot be recorded."""
        self.seq += 1
        self.counts[{"upscale": "up", "downscale": "down"}.get(work.outcome, work.outcome)] += 1

    def follow_up(self, current: list[str] | None, now: Instant) -> int:
        """See whether the last action took effect, which AIOS never tells; return the instances still to be listed."""
        if self.pending is None:
            return 0
        if current and self.pending.seen_in(current):
            self._settle("confirmed", now)
        elif now.since(self.pending.since) > CONFIRM_TIMEOUT_S:
            self._settle("timed_out", now)
        return 0 if self.pending is None else self.pending.unlisted(current or ())

    def _settle(self, state: str, now: Instant) -> None:
        if self.pending is not None:
            record, after_s = self.pending.record, now.since(self.pending.since)
            record["confirm"] = {**record["confirm"], "state": state, "after_s": after_s}
            self.pending = None

    def keep(self, record: dict[str, Any], work: Evaluation, size: Any) -> None:
        """Keep a record, and begin to wait for its effect if it has one."""
        if self.records.maxlen != size:
            self.records = deque(self.records, size)
        for condition, earlier in zip(record["conditions"], self.conditions, strict=False):
            if condition["status"] == earlier["status"]:
                condition["since"] = earlier["since"]
        self.conditions = record["conditions"]
        self.records.append(record)
        if work.operation and work.current is not None:
            self._settle("timed_out", work.now)
            record["confirm"] = {"expected": record["replicas"]["proposed"], "state": "pending", "after_s": None}
            listed, victims = frozenset(work.current), frozenset(work.result.get("instances_list", ()))
            count = work.result.get("instances_count", 0)
            self.pending = PendingAction(record, work.operation, work.now, listed, count, victims)

    def page(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Answer with the records after the cursor, oldest first; without a cursor with the newest ones."""
        since, limit = asked["since"], min(asked["limit"], MAX_RECORDS_PER_ANSWER)
        oldest = self.records[0]["seq"] if self.records else None
        latest = self.records[-1]["seq"] if self.records else 0
        foreign = asked["boot_id"] not in (None, self.boot_id) or (since or 0) > self.seq
        start = 0 if foreign else since or 0
        found = [record for record in self.records if record["seq"] > start]
        found = found[-limit:] if since is None else found[:limit]
        brief = asked["detail"] == "brief"
        return {
            "status": "ok",
            "boot_id": self.boot_id,
            "oldest_seq": oldest,
            "latest_seq": latest,
            "gap": foreign or (since is not None and oldest is not None and start < oldest - 1),
            "next_since": found[-1]["seq"] if found else start,
            "decisions": [_brief(record) if brief else dict(record) for record in found],
        }


LONG_FIELDS = frozenset({"result", "thresholds", "instances", "conditions", "steps", "state_before", "parameters"})


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in LONG_FIELDS}


class Order(NamedTuple):
    """A pause or a forced scaling that an operator asked for; it ends by itself."""

    what: dict[str, Any]
    since: Instant
    seconds: float

    def remaining_s(self, now: Instant) -> float:
        """Return the seconds until it ends."""
        return self.seconds - now.since(self.since)

    def as_state(self, now: Instant) -> dict[str, Any]:
        """Return what a decision depends on."""
        return {**self.what, "remaining_s": self.remaining_s(now)}

    def report(self, now: Instant) -> dict[str, Any]:
        """Return what a client is told, with the wall times."""
        left = self.remaining_s(now)
        return {**self.what, "since": self.since.wall, "until": now.wall + left, "remaining_s": left}


# --- The policy ------------------------------------------------------------------------------------------------------


def _own_sha256() -> str | None:
    """Hash this file, to tell which code is running; None when it was not loaded from a readable file."""
    try:
        return hashlib.sha256(Path(globals()["__file__"]).read_bytes()).hexdigest()
    except (KeyError, TypeError, OSError):
        return None


CODE_SHA256 = _own_sha256()


class AIOSv1PolicyRule:
    """Scales a block by the tokens of its instances, within the bounds that its parameters and operators set."""

    def __init__(self, rule_id: str, settings: Any, parameters: Any) -> None:
        self.cooldown_seconds: Any
        self.rule_id = rule_id
        self.settings = settings
        self.parameters = parameters
        self.logger = logging.getLogger(f"TokensAutoscalerPolicy-{rule_id}")
        for f in PARAMETERS:
            setattr(self, f.attribute, parameters.get(f.name, f.default))
        self._constructed = self._rules()
        self._updated: set[str] = set()
        self._generation = 1
        self.last_action_ts = None

        self._lock = threading.RLock()
        self._clock = Clock(_dig(settings, "clock"))
        self._booted = self._clock.read()
        self._journal = Journal()
        self._policy_rule_uri: str | None = None
        self._started = 0
        """Evaluations begun; one that ends after a later one has decided comes too late."""
        self._decided = 0
        self._in_progress: Instant | None = None
        self._last_eval: tuple[Instant, Instant] | None = None
        self._last_work: tuple[Evaluation, Before] | None = None
        self._interval_s: float | None = None
        self._pause_s: float | None = None
        """From the end of one evaluation to the start of the next, which is what AIOS's interval means."""

        self._paused: Order | None = None
        self._force: Order | None = None
        self._met: dict[str, Instant | None] = {"up": None, "down": None}
        """Per direction the first of the evaluations in a row that found its rule met."""
        self._seen: dict[str, tuple[Instant, bool]] = {}
        """Per listed instance when AIOS first listed it, and whether it has reported since."""
        self._counters: dict[str, History] = {}

    def _rules(self) -> Rules:
        return Rules(**{attribute: getattr(self, attribute) for attribute in ATTRIBUTES})

    # -- cooldown

    @property
    def last_action_ts(self) -> Any:
        """Unix seconds of the action that started the cooldown, None when there is none."""
        return self._last_action_ts

    @last_action_ts.setter
    def last_action_ts(self, value: Any) -> None:
        # A stamp written from outside has no monotonic twin: the cooldown is then counted on the wall clock.
        stamp = None if value is None else Instant(value, None)
        self._last_action_ts, self._last_action = value, None
        self._acted: dict[str, Instant | None] = {"up": stamp, "down": stamp}

    def _start_cooldown(self, operation: str, now: Instant) -> None:
        self._last_action_ts, self._last_action = now.wall, operation
        self._acted = {"up": now, "down": now}

    def _cooldown_ok(self, now: float) -> bool:
        return bool(self._last_action_ts is None or (now - self._last_action_ts) > self.cooldown_seconds)

    def _cooldown_ages(self, now: Instant) -> dict[str, Any]:
        """Return the time since the action that each direction waits for; an exception where that is no time."""
        ages: dict[str, Any] = {}
        for direction, stamp in self._acted.items():
            try:
                ages[direction] = None if stamp is None else now.since(stamp)
            except Exception as error:  # noqa: BLE001 (raised when an evaluation gets that far)
                ages[direction] = error
        return ages

    # -- evaluation

    def eval(self, parameters: Any, input_data: Any, context: Any) -> dict[str, Any]:  # noqa: ARG002 (AIOS's contract)
        """Decide on this block once, as AIOS's runner asks every interval; never raises."""
        number, work = self._begin(input_data)
        try:
            self._collect(work)
        except Exception as error:  # noqa: BLE001 (whatever a collector can cause)
            work.fail(error)
        with self._lock:
            work.now = self._clock.read()
            rules, before = self._rules(), self._before(work)
            if number < self._decided:
                work.skip("Superseded", "A later evaluation has decided already.")
            decide(work, rules, before)
            self._decided = max(self._decided, number)
            self._remember(work)
            self._record(work, rules, before)
        self.logger.info("%s %s: %s", work.outcome, work.code, _text(work.result["reason"]))
        return work.result

    def _begin(self, input_data: Any) -> tuple[int, Evaluation]:
        with self._lock:
            started = self._clock.read()
            self._in_progress = started
            self._started += 1
            if self._last_eval is not None:
                self._interval_s = started.since(self._last_eval[0])
                self._pause_s = started.since(self._last_eval[1])
            return self._started, Evaluation(input_data, started, now=started)

    def _collect(self, work: Evaluation) -> None:
        collector = self.settings.get("get_metrics")
        if not callable(collector):
            work.step("collect", "no collector")
            work.skip("NoCollector", "Metrics collector not configured.")
            return
        work.metrics = collector()
        work.collected = True
        work.step("collect", "ok")
        self.logger.debug("collected %r", work.metrics)

    def _before(self, work: Evaluation) -> Before:
        """Bring the state together that this evaluation is decided with; what has expired is forgotten."""
        now = work.now
        if self._paused is not None and self._paused.remaining_s(now) <= 0:
            self._paused = None
        if self._force is not None and self._force.remaining_s(now) <= 0:
            self._force = None
        known = {i: self._seen[i] for i in work.current or () if i in self._seen}
        return Before(
            last_action_ts=self._last_action_ts,
            cooldown=self._cooldown_ages(now),
            paused=self._paused.as_state(now) if self._paused else None,
            force=self._force.as_state(now) if self._force else None,
            windows={way: None if first is None else now.since(first) for way, first in self._met.items()},
            seen={i: now.since(first) for i, (first, _) in known.items()},
            pending=[i for i, (_, reported) in known.items() if not reported],
            counters=self._counters,
            unlisted=self._journal.follow_up(work.current, now),
        )

    def _remember(self, work: Evaluation) -> None:
        """Update the state that the next decision depends on."""
        now = work.now
        if work.operation:
            self._start_cooldown(work.operation, now)
        if work.forced is not None and work.forced["result"] != "waiting":
            self._force = None
        for way, first in self._met.items():
            self._met[way] = (first or now) if work.rule == way else None
        if work.current is not None:
            reporting = {i for d in work.documents if isinstance(i := d.get("instanceId"), str)}
            earlier = ((i, *self._seen.get(i, (now, False))) for i in work.current)
            self._seen = {i: (first, reported or i in reporting) for i, first, reported in earlier}

    def _record(self, work: Evaluation, rules: Rules, before: Before) -> None:
        """Keep the record; one that cannot be made must not change the decision."""
        self._journal.count(work)
        self._last_work = (work, before)
        try:
            uri = _dig(work.input_data, "block_data", "policies", "autoscaler", "policyRuleURI")
            self._policy_rule_uri = None if uri is None else _text(uri)
            record = make_record(work, rules, before, self._identity())
            if work.documents:  # a wiped metrics store is no reason to forget the counters
                self._counters = work.histories
            size = rules.decision_history_size
            history = PARAMETERS_BY_NAME["decision_history_size"]
            self._journal.keep(record, work, history.taken(size) if history.allows(size) else history.default)
        except Exception:
            self.logger.exception("decision %d (%s) stands but could not be recorded", self._journal.seq, work.code)
        self._last_eval = (work.started, self._clock.read())
        self._in_progress = None

    def _identity(self) -> dict[str, Any]:
        return {"seq": self._journal.seq, "boot_id": self._journal.boot_id, "generation": self._generation}

    # -- management

    def management(self, action: Any, data: Any) -> dict[str, Any]:
        """Answer one management command; `data` may be anything a client sent, also None."""
        answers: dict[str, Callable[[Any], dict[str, Any]]] = {
            "reset_cooldown": self._reset_cooldown,
            "update_thresholds": self._update_thresholds,
            "get_state": self._get_state,
            "get_decisions": self._get_decisions,
            "get_parameters": self._get_parameters,
            "set_parameters": self._set_parameters,
            "pause": self._pause,
            "hold": self._hold,
            "resume": self._resume,
            "force_scale": self._force_scale,
            "dry_run": self._dry_run,
        }
        answer = answers.get(action) if isinstance(action, str) else None
        if answer is None:
            return {"status": "not_implemented", "action": _json_safe(action), "supported": list(answers)}
        try:
            return answer(data)
        except RefusedError as refusal:
            return refusal.answer
        except Exception as error:
            self.logger.exception("management action %s failed", action)
            return {"status": "error", "reason": f"Management action failed:{error} "}

    def _reset_cooldown(self, data: Any) -> dict[str, Any]:
        """Let the next evaluation act at once; any data is accepted, as by the tutorial, but no misspelt direction."""
        direction = data.get("direction", "both") if isinstance(data, Mapping) else "both"
        if not _DIRECTION.allows(direction):
            raise RefusedError(f"direction must be {_DIRECTION.noun}, not {_text(direction, quoted=True)}")
        with self._lock:
            if direction == "both":
                self.last_action_ts = None
            else:
                self._acted[direction] = None
        return {"status": "ok", "message": "Cooldown timer reset successfully"}

    def _update_thresholds(self, data: Any) -> dict[str, Any]:
        """Change thresholds until the next restart, all of those given or none; an older name for `set_parameters`."""
        try:
            changes = {
                key: data[key] if floor is None else max(floor, data[key])
                for key, floor in RUNTIME_FLOORS.items()
                if key in data
            }
        except Exception:  # noqa: BLE001 (the answer that existing clients of this action know)
            return {"status": "not_implemented", "action": "update_thresholds"}
        if not changes:
            return {"status": "error", "reason": "No valid threshold parameters provided"}
        with self._lock:
            self._change(changes)
            config = {key: _json_safe(getattr(self, key)) for key in RUNTIME_FLOORS}
        return {"status": "ok", "message": "Thresholds updated successfully", "current_config": config}

    def _change(self, changes: Mapping[str, Any]) -> None:
        for attribute, value in changes.items():
            setattr(self, attribute, value)
        self._updated |= changes.keys()
        self._generation += 1

    def _get_state(self, _data: Any) -> dict[str, Any]:
        with self._lock:
            now, journal, rules = self._clock.read(), self._journal, self._rules()
            ages = self._cooldown_ages(now)
            state: dict[str, Any] = {
                "status": "ok",
                "schema": RECORD_SCHEMA,
                "boot_id": journal.boot_id,
                "policy_name": POLICY_NAME,
                "policy_version": POLICY_VERSION,
                "policy_rule_uri": self._policy_rule_uri,
                "code_sha256": CODE_SHA256,
                "now": now.wall,
                "uptime_s": now.since(self._booted),
                "mode": _json_safe(rules.mode),
                "paused": _reported(self._paused, now),
                "force": _reported(self._force, now),
                "seq": journal.seq,
                "parameters_generation": self._generation,
                "eval_in_progress_since": self._in_progress.wall if self._in_progress else None,
                "last_eval": self._last_eval_times(),
                "interval_observed_s": self._interval_s,
                "next_eval_in_s": self._next_eval_in_s(now),
                "cooldown": {
                    "up": _timer(rules, ages, "up"),
                    "down": _timer(rules, ages, "down"),
                    "last_action_ts": _json_safe(self._last_action_ts),
                    "last_action": self._last_action,
                },
                "pending_action": self._pending_action(),
                "counts": dict(journal.counts),
                "conditions": journal.conditions,
                "last_decision": dict(journal.records[-1]) if journal.records else None,
            }
        return dict(_copied(state))

    def _last_eval_times(self) -> dict[str, float] | None:
        if self._last_eval is None:
            return None
        started, finished = self._last_eval
        duration_ms = round(finished.since(started) * 1000.0, 3)
        return {"started": started.wall, "finished": finished.wall, "duration_ms": duration_ms}

    def _next_eval_in_s(self, now: Instant) -> float | None:
        """Estimate the seconds to the next evaluation; None while one runs and while the interval is unknown."""
        if self._last_eval is None or self._in_progress is not None:
            return None
        pause_s = self._pause_s if self._pause_s is not None else _number(_dig(self.settings, "intervalSeconds"))
        return None if pause_s is None else max(0.0, pause_s - now.since(self._last_eval[1]))

    def _pending_action(self) -> dict[str, Any] | None:
        pending = self._journal.pending
        if pending is None:
            return None
        expected = pending.record["confirm"]["expected"]
        return {"op": pending.operation, "expected": expected, "since": pending.since.wall, "confirmed": False}

    def _get_decisions(self, data: Any) -> dict[str, Any]:
        asked = _asked("get_decisions", data)
        with self._lock:
            page = self._journal.page(asked)
        return dict(_copied(page))

    def _get_parameters(self, _data: Any) -> dict[str, Any]:
        """Report what is in force, which only the policy knows: the registry's record overlays the block's."""
        with self._lock:
            rules, updated, generation = self._rules(), set(self._updated), self._generation
        errors = rules.all_problems()
        if self._clock.refused:
            errors["settings.clock"] = "is neither callable nor has time(): the system clock is used"
        return {
            "status": "ok",
            "generation": generation,
            "effective": {name: _json_safe(value) for name, value in rules.named().items()},
            "defaults": {f.name: _json_safe(f.default) for f in PARAMETERS},
            "source": {f.name: self._source(f, rules, updated) for f in PARAMETERS},
            "parameter_errors": errors,
            "unknown_parameters": _strangers(self.parameters, PARAMETERS_BY_NAME),
            "unused_settings": _strangers(self.settings, SETTINGS_READ),
            "schemas": {f.name: f.schema for f in PARAMETERS},
        }

    def _source(self, parameter: Field, rules: Rules, updated: set[str]) -> str:
        attribute = parameter.attribute
        if attribute in updated or getattr(rules, attribute) is not getattr(self._constructed, attribute):
            return "runtime"
        return "given" if parameter.name in self.parameters else "default"

    def _set_parameters(self, data: Any) -> dict[str, Any]:
        """Change parameters until the next restart, all of those given or none."""
        asked = _asked("set_parameters", data)
        with self._lock:
            if asked["expect_generation"] not in (None, self._generation):
                text = f"the generation is {self._generation}, not {asked['expect_generation']}: read them again"
                raise RefusedError(f"The parameters have changed: {text}", {"expect_generation": text})
            old, new = self._rules(), self._laid_over(self._rules(), asked["parameters"])
            both = zip(old.pairs(), new.pairs(), strict=True)
            changed = {f.name: [earlier, later] for (f, earlier), (_, later) in both if earlier != later}
            if changed and not asked["dry_run"]:
                self._change({PARAMETERS_BY_NAME[name].attribute: later for name, (_, later) in changed.items()})
            generation = self._generation
        return {
            "status": "ok",
            "dry_run": asked["dry_run"],
            "changed": _json_safe(changed),
            "generation": generation,
            "persisted": False,
            "applies": "nothing was changed" if asked["dry_run"] else "next evaluation",
            "note": "in force until the autoscaler restarts; the block's record keeps its own values",
        }

    def _laid_over(self, rules: Rules, given: Mapping[str, Any]) -> Rules:
        """Return the rules with other values; raises RefusedError for those that will not work as meant.

        What was wrong before and is not touched does not stand in the way.
        """
        values = rules.named()
        errors = {_text(name): "is no parameter of this policy" for name in given if name not in values}
        accepted = {name: value for name, value in given.items() if name in values}
        new = Rules.of(values | accepted)
        earlier = rules.all_problems()
        found = new.all_problems().items()
        errors |= {name: p for name, p in found if name in given or earlier.get(name) != p}
        if errors:
            raise RefusedError("; ".join(f"{name}: {problem}" for name, problem in errors.items()), errors)
        return Rules.of(values | {name: PARAMETERS_BY_NAME[name].taken(value) for name, value in accepted.items()})

    def _pause(self, data: Any) -> dict[str, Any]:
        return self._paused_for(**_asked("pause", data))

    def _hold(self, data: Any) -> dict[str, Any]:
        return self._paused_for(**_asked("hold", data), direction="both", reason="hold")

    def _paused_for(self, seconds: float, direction: str, reason: str) -> dict[str, Any]:
        """Let no evaluation scale for a time; a new pause takes the place of an earlier one."""
        with self._lock:
            now = self._clock.read()
            self._paused = Order({"direction": direction, "reason": _text(reason)}, now, seconds)
            return {"status": "ok", "paused": self._paused.report(now)}

    def _resume(self, data: Any) -> dict[str, Any]:
        """End a pause, or the half of it that is named."""
        direction = _asked("resume", data)["direction"]
        with self._lock:
            now, paused = self._clock.read(), self._paused
            if paused is not None and direction != "both" and paused.what["direction"] != direction:
                left = {"up": "down", "down": "up"}[direction]
                self._paused = paused._replace(what={**paused.what, "direction": left})
            else:
                self._paused = None
            return {"status": "ok", "paused": _reported(self._paused, now)}

    def _force_scale(self, data: Any) -> dict[str, Any]:
        """Queue a scaling for the next evaluation, because a policy cannot act by itself."""
        operation = data.get("operation") if isinstance(data, Mapping) else None
        if not isinstance(operation, str) or f"force_scale {operation}" not in REQUESTS:
            raise RefusedError(f"operation must be upscale, downscale or cancel, not {_text(operation, quoted=True)}")
        what = _asked(f"force_scale {operation}", data)
        with self._lock:
            now = self._clock.read()
            if operation == "cancel":
                self._force = None
                return {"status": "ok", "force": None}
            seconds = what.pop("expires_s")
            order = Order({**what, "reason": _text(what["reason"])}, now, seconds)
            self._check_force(order.what, now)
            self._force = order
            report = order.report(now)
        return {"status": "ok", "applies": "next evaluation", "expires_at": report["until"], "force": report}

    def _check_force(self, what: Mapping[str, Any], now: Instant) -> None:
        """Refuse at once what the next evaluation could not do as far as is known; that one checks it again."""
        rules, direction = self._rules(), "up" if what["operation"] == "upscale" else "down"
        invalid, paused = rules.problems(), _reported(self._paused, now)
        if invalid:
            raise RefusedError(f"no scaling with invalid parameters: {', '.join(invalid)}", invalid)
        if rules.mode == "shadow":
            raise RefusedError("mode is shadow, which never scales")
        if paused is not None and paused["direction"] in {"both", direction}:
            raise RefusedError(f"paused for another {paused['remaining_s']:.0f} s; resume first")
        work = self._last_work[0] if self._last_work else None
        if work is not None and work.current is not None:
            problem = force_problem(what, rules, work, 0)
            if problem:
                raise RefusedError(problem)

    def _dry_run(self, data: Any) -> dict[str, Any]:
        """Take the last decision again with other parameters: its inputs, its state, its time; changes nothing."""
        given = _asked("dry_run", data)["parameters"]
        with self._lock:
            rules = self._laid_over(self._rules(), given)
            if self._last_work is None or not self._last_work[0].collected:
                raise RefusedError("no inputs yet: the last evaluation got no metrics, or there was none")
            last, before = self._last_work
            work = last.again()
            work.step("collect", "stored")
            decide(work, rules, before)
            record = make_record(work, rules, before, self._identity())
        return {"status": "ok", "record": dict(_copied(record))}


def _reported(order: Order | None, now: Instant) -> dict[str, Any] | None:
    """Tell of an order that has not expired."""
    return order.report(now) if order is not None and order.remaining_s(now) > 0 else None
