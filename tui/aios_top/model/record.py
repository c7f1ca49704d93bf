"""What AIOS's databases declare: blocks, clusters, registered policies."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from aios_top.model.text import Clean


class PolicyReference(Struct, frozen=True):
    """A block's entry for one of its policies, e.g. `policies.autoscaler`."""

    uri: Clean
    """`<name>:<version>-<release_tag>`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


AUTOSCALER = "autoscaler"
"""The entry of a block's policies that scales it."""


class BlockRecord(Struct, frozen=True):
    """One record of the blocks database (`GET :30100/blocks`)."""

    block_id: Clean
    cluster_id: Clean | None = None
    min_instances: int | None = None
    """Stored and shown; nothing in AIOS enforces it."""
    max_instances: int | None = None
    """Stored and shown; nothing in AIOS enforces it."""
    component_uri: Clean | None = None
    policies: Mapping[str, PolicyReference] = field(default_factory=dict)

    @property
    def autoscaler(self) -> PolicyReference | None:
        """The autoscaler policy, None when the block has none (its autoscaler then only logs errors)."""
        return self.policies.get(AUTOSCALER)


class PolicyRecord(Struct, frozen=True):
    """One record of the policy registry (`GET :30102/policy/<uri>`)."""

    uri: Clean
    name: Clean
    version: Clean
    release_tag: Clean
    code: Clean
    """URL of the archive as registered: text, never dialled."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """`policy_parameters`: they override the block's own."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`policy_settings`: they override the block's own."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The record as stored, for a PUT, which needs all 17 fields."""


class Pod(Struct, frozen=True):
    """One pod as the block's mapping service lists it (`GET /getInstances`)."""

    name: Clean
    instance_id: Clean | None
    """Label `instanceID`; `executor` for the executor's pod."""
    phase: Clean | None = None
    namespace: Clean | None = None
