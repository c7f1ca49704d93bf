"""The recorded exchanges, and how a fresh answer is held against one."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Exchange:
    """One recorded HTTP request and what AIOS answered."""

    name: str
    method: str
    url: str
    body: Any
    status: int
    content_type: str
    answer: Any


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_bytes())
    return document


def body_of(name: str) -> Any:
    """The recorded answer's body."""
    return load(name)["response"]["body"]


def http_exchanges() -> list[Exchange]:
    """Every recorded HTTP exchange; gRPC calls and documents that passed a queue are tested elsewhere."""
    found = []
    for path in sorted(CAPTURES.glob("*.json")):
        document = load(path.stem)
        request = document.get("request", {})
        if "url" in request:
            response = document["response"]
            found.append(
                Exchange(
                    path.stem,
                    request["method"],
                    request["url"],
                    request["body"],
                    response["status"],
                    response["content_type"],
                    response["body"],
                )
            )
    return found


def shape(value: Any) -> Any:
    """Key sets and JSON types; a list is the set of its members' shapes, so its length does not count."""
    match value:
        case dict():
            return {key: shape(member) for key, member in value.items()}
        case list():
            return ["of", *sorted({json.dumps(shape(member), sort_keys=True) for member in value})]
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case None:
            return "null"
    raise TypeError(type(value))


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def without_addresses(text: str) -> str:
    """A message with the ports taken out, which differ from run to run."""
    return _ADDRESS.sub("127.0.0.1:PORT", text)
