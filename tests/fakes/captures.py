"""Recorded exchanges with AIOS's real services."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FOLDER = Path(__file__).parent.parent / "data" / "captures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
PORTS = {
    30100: "blocks",
    30101: "clusters",
    30102: "policies",
    30201: "metrics",
    30501: "parser",
    30600: "gateway",
    31010: "autoscaler",
    31012: "mapping",
    31501: "discovery",
    31504: "inference",
    32300: "controller",
    32301: "cluster_metrics",
    32303: "updater",
    32304: "nodes",
}
"""Ports of the recording; 31010 and 31012 stood for the ones that Kubernetes assigns."""


@dataclass(frozen=True)
class Capture:
    """One exchange."""

    service: str
    line: str
    """Method and path."""
    sent: Any
    status: int
    content_type: str
    body: bytes


def capture(name: str) -> Capture:
    """Read an exchange; its body is serialised as Flask and Express do."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    request, response = found["request"], found["response"]
    url = urlsplit(request["url"])
    body = response["body"]
    text = body if isinstance(body, str) and "html" in response["content_type"] else json.dumps(body)
    return Capture(
        PORTS[url.port],
        f"{request['method']} {url.path}",
        request["body"],
        response["status"],
        response["content_type"],
        text.encode(),
    )
