"""Schemas of AIOS's records: blocks, clusters, registered policies, health rows, pods."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import field

from aios_top.aios.lenient import Finite, Id, Wire, cleaned
from aios_top.model.reading import HealthReading
from aios_top.model.record import BlockRecord, Pod, PolicyRecord, PolicyReference
from aios_top.model.text import Clean, clean

URL_LIMIT = 2048
REASON_LIMIT = 300


def _first_of_one(value: Any) -> Any:
    """Unpack a list of one: AIOS's generator of URL maps writes some of its URLs so."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class PolicyReferenceWire(Wire, frozen=True):
    """A block's entry for one of its policies."""

    policy_rule_uri: Id = field(name="policyRuleURI")
    parameters: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def value(self) -> PolicyReference:
        """Return the model's value."""
        return PolicyReference(clean(self.policy_rule_uri), self.parameters, self.settings)


class ClusterReferenceWire(Wire, frozen=True):
    """The cluster's record inside a block's, of which only the id is needed."""

    id: Id | None = None


class BlockWire(Wire, frozen=True):
    """One record of the blocks database; only its id is required."""

    id: Id
    cluster: ClusterReferenceWire | None = None
    min_instances: int | None = field(default=None, name="minInstances")
    max_instances: int | None = field(default=None, name="maxInstances")
    component_uri: str | None = field(default=None, name="componentUri")
    policies: dict[str, PolicyReferenceWire | None] | None = None

    def value(self) -> BlockRecord:
        """Return the model's value."""
        return BlockRecord(
            clean(self.id),
            cluster_id=cleaned(self.cluster.id) if self.cluster else None,
            min_instances=self.min_instances,
            max_instances=self.max_instances,
            component_uri=cleaned(self.component_uri),
            policies={clean(name): entry.value() for name, entry in (self.policies or {}).items() if entry},
        )


class UrlMapWire(Wire, frozen=True):
    """A cluster's `config`: where its own services are, by its own word. Shown, never dialled."""

    url_map: dict[str, Any] = field(default_factory=dict, name="urlMap")


class ClusterWire(Wire, frozen=True):
    """One record of the clusters database."""

    id: Id
    config: UrlMapWire | None = None

    def urls(self) -> Mapping[str, Clean]:
        """Return the cluster's URL map."""
        listed = self.config.url_map if self.config else {}
        found = {name: _first_of_one(url) for name, url in listed.items()}
        return {clean(name): clean(url, URL_LIMIT) for name, url in found.items() if url and isinstance(url, str)}


class PolicyWire(Wire, frozen=True):
    """One record of the policy registry."""

    name: str
    version: str
    release_tag: str
    policy_rule_uri: str | None = None
    code: str | None = None
    policy_parameters: dict[str, Any] = field(default_factory=dict)
    policy_settings: dict[str, Any] = field(default_factory=dict)

    def value(self, document: Mapping[str, Any]) -> PolicyRecord:
        """Return the model's value; `document` is the record as stored."""
        return PolicyRecord(
            uri=clean(self.policy_rule_uri or f"{self.name}:{self.version}-{self.release_tag}"),
            name=clean(self.name),
            version=clean(self.version),
            release_tag=clean(self.release_tag),
            code=clean(self.code or "", URL_LIMIT),
            parameters=self.policy_parameters,
            settings=self.policy_settings,
            document=document,
        )


class HealthWire(Wire, frozen=True):
    """One row of AIOS's own health judgement."""

    instance_id: Id = field(name="instanceId")
    healthy: bool
    last_metrics: Finite | str | None = field(default=None, name="lastMetrics")
    reason: str | None = None

    def value(self) -> HealthReading:
        """Return the model's value."""
        age_seconds, reason = _age_seconds(self.last_metrics), cleaned(self.reason, REASON_LIMIT)
        return HealthReading(clean(self.instance_id), self.healthy, age_seconds, reason)


class MetadataWire(Wire, frozen=True):
    """A pod's metadata."""

    name: Id
    namespace: str | None = None
    labels: dict[str, Any] = field(default_factory=dict)


class StatusWire(Wire, frozen=True):
    """A pod's status."""

    phase: str | None = None


class PodWire(Wire, frozen=True):
    """One pod as the mapping service passes it on from Kubernetes."""

    metadata: MetadataWire
    status: StatusWire | None = None

    def value(self) -> Pod:
        """Return the model's value."""
        instance_id = self.metadata.labels.get("instanceID")
        return Pod(
            name=clean(self.metadata.name),
            instance_id=clean(instance_id) if isinstance(instance_id, str) else None,
            phase=cleaned(self.status.phase) if self.status else None,
            namespace=cleaned(self.metadata.namespace),
        )


_AGE_TEXT = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*s ago\s*")


def _age_seconds(found: float | str | None) -> float | None:
    """Read `lastMetrics`: seconds, or text like "12.96s ago" from older clusters."""
    if isinstance(found, str):
        match = _AGE_TEXT.fullmatch(found)
        return float(match[1]) if match else None
    return found
