"""Reads a metric document field by field, after the typed decoder refused it: what is wrong is named, not guessed."""

import math
from collections.abc import Mapping
from typing import Any

from aios_top.model.reading import ExecutorReading, InstanceReading, Mean
from aios_top.model.text import Clean, clean
from aios_top.model.window import Rolling

_KINDS = {bool: "a truth value", str: "text", list: "a list", dict: "an object", type(None): "null"}


class FieldReader:
    """One document and the problems found in it so far."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.problems: list[Clean] = []

    def number(self, key: str) -> float | None:
        """Return a finite number that is not negative; None when it is absent or anything else."""
        return self._number(self._document, key, key)

    def rolling(self, key: str) -> Rolling | None:
        """Return a rolling object with the windows that are usable."""
        if key not in self._document:
            return None
        found = self._document[key]
        if not isinstance(found, Mapping):
            self._note(key, _kind(found))
            return None
        windows = ("current", "average_1m", "average_5m", "average_15m")
        return Rolling(*(self._number(found, window, f"{key}.{window}") for window in windows))

    def mean(self, name: str) -> Mean | None:
        """Return a collapsed histogram, None unless both of its numbers are usable."""
        total, count = self.number(f"{name}_sum"), self.number(f"{name}_count")
        return None if total is None or count is None else Mean(total, count)

    def text(self, key: str) -> Clean | None:
        """Return a text that is not empty."""
        found = self._document.get(key)
        if isinstance(found, str):
            return clean(found) if found else None
        if found is not None:
            self._note(key, _kind(found))
        return None

    def _number(self, holder: Mapping[str, Any], key: str, path: str) -> float | None:
        if key not in holder:
            return None
        value = holder[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._note(path, _kind(value))
            return None
        try:
            number = float(value)
        except OverflowError:
            self._note(path, "too large")
            return None
        if math.isfinite(number) and number >= 0:
            return number + 0.0  # turns -0.0 into 0.0
        self._note(path, "negative" if number < 0 else "not finite")
        return None

    def _note(self, path: str, problem: str) -> None:
        self.problems.append(clean(f"{path}: {problem}"))


def read_instance(document: Mapping[str, Any], instance_id: Clean) -> InstanceReading:
    """Return an instance's reading with a problem for every field that cannot be used."""
    fields = FieldReader(document)
    return InstanceReading(
        instance_id,
        timestamp=fields.number("timestamp"),
        input_size=fields.rolling("llm_input_tokens_per_minute_rolling"),
        output_size=fields.rolling("llm_output_tokens_per_minute_rolling"),
        prompt_tokens_total=fields.number("llm_prompt_tokens_total"),
        generated_tokens_total=fields.number("llm_tokens_generated_total"),
        prompts_total=fields.number("llm_prompts_total"),
        errors_total=fields.number("llm_inference_errors_total"),
        inference=fields.mean("llm_inference_duration_seconds"),
        first_token=fields.mean("llm_time_to_first_token_seconds"),
        per_output_token=fields.mean("llm_time_per_output_token_seconds"),
        active_sessions=fields.number("llm_active_sessions"),
        queue_length=fields.rolling("queue_length"),
        tokens_per_second=fields.number("llm_tokens_per_second"),
        node_id=fields.text("nodeId"),
        problems=tuple(fields.problems),
    )


def read_executor(document: Mapping[str, Any]) -> ExecutorReading:
    """Return the executor's reading; what cannot be used is None."""
    tasks = document.get("tasks_processed")
    counted = FieldReader(tasks).number("tasks_processed_total") if isinstance(tasks, Mapping) else None
    return ExecutorReading(FieldReader(document).number("uptime"), counted)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")
