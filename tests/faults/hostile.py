"""An AIOS run by an attacker: every name, reason and message is hostile, and all of it is valid JSON."""

import json
import time
from typing import Any

from fakes.recording_aios import CLUSTER, RecordingAios, Request
from faults.strings import STRINGS

WORDS = ("reason", "rule", "message", "policy_name", "policy_version", "code", "text", "because")


class HostileAios(RecordingAios):
    """One block for each hostile text, named by it, with one instance named by it."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        super().__init__()
        self.texts = [text for text in (texts or STRINGS).values() if text]
        self.evaluate()

    def answer(self, request: Request) -> tuple[int, Any]:
        match request.service, request.method, request.path:
            case "metrics", _, "/block/aggregate" | "/block/query":
                data = [{"blockId": text, "instances": [self._document(text)]} for text in self.texts]
                return 200, {"success": True, "data": data}
            case "blocks", "GET", "/blocks":
                return 200, [self._record(text) for text in self.texts]
            case "policies", "POST", "/policy/query":
                data = [{"name": text, "version": text, "release_tag": text, "code": text, "description": text,
                         "policy_parameters": {text: text}} for text in self.texts]  # fmt: skip
                return 200, {"success": True, "data": data}
            case "gateway", "POST", "/blocks/mgmt":
                status, said = super().answer(request)
                return status, spoilt(said, request.json["block_id"])
            case "mapping", _, _:
                return 200, {"success": False, "error": self.texts[40]}
        return super().answer(request)

    def _document(self, text: str) -> dict[str, Any]:
        document = self.documents()[0]
        return {**document, "instanceId": text, "nodeId": text, "blockId": text, "timestamp": time.time() - 1}

    def _record(self, text: str) -> dict[str, Any]:
        return {
            "id": text, "componentUri": text, "minInstances": 1, "maxInstances": 4, "cluster": {"id": CLUSTER},
            "policies": {"autoscaler": {"policyRuleURI": text, "parameters": {text: text}}, text: {"policyRuleURI": text}},
        }  # fmt: skip


def spoilt(value: Any, text: str) -> Any:
    """Return an answer of the policy with the hostile text wherever it has words."""
    if isinstance(value, dict):
        return {
            key: text if key in WORDS and isinstance(member, str) else spoilt(member, text)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [spoilt(member, text) for member in value]
    return value


def dumped(value: Any) -> bytes:
    """Return JSON in ASCII, lone surrogates included."""
    return json.dumps(value).encode()
