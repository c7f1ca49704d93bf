"""Compares a document's keys and JSON types with a recorded one's."""

import json
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent.parent / "data" / "captures"


def captured(name: str) -> dict[str, Any]:
    return json.loads((CAPTURES / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """Return the value with every leaf replaced by the name of its type; lists become their length's absence."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return "list"
    return type(value).__name__
