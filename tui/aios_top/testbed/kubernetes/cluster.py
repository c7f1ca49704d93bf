"""What the cluster controller acts on: all deployed blocks, and the nodes they run on."""

from typing import Any

from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.workload import Workload
from aios_top.testbed.kubernetes.deployed import DeployedBlock
from aios_top.testbed.site import Site
from aios_top.testbed.stores.records import Records

MAX_INSTANCES_PER_BLOCK = 256
"""AIOS has no such limit; a laptop has."""

NOT_FOUND = "(404)\nReason: NotFound\n"


class ActionError(Exception):
    """An action that failed; the text is what the controller answers."""


class Cluster:
    """Deployed blocks by id; every change happens at once and partial work is never undone."""

    def __init__(self, site: Site, blocks: Records) -> None:
        self._site = site
        self._blocks = blocks
        self.deployed: dict[str, DeployedBlock] = {}

    def deploy(self, block_id: str, profile: ReplicaProfile, workload: Workload | None = None) -> DeployedBlock:
        """Make room for a block; its executor and instances are started by the caller."""
        block = DeployedBlock(self._site, block_id, profile, workload)
        self.deployed[block_id] = block
        return block

    def scale_up(self, block_id: str, count: Any, allocation: Any) -> None:
        """Start `count` instances, each on the node that its entry of `allocation` names; raises ActionError."""
        block = self._block(block_id)
        try:
            for index in range(count):
                if len(block.instances) >= MAX_INSTANCES_PER_BLOCK:
                    raise ActionError(f"the embedded AIOS holds at most {MAX_INSTANCES_PER_BLOCK} instances per block")
                node_id = allocation[index]["node_id"] if allocation is not None else self.least_loaded_node(block_id)
                block.add_instance(node_id, self._site.pace.replica_start_seconds)
        except (TypeError, IndexError, KeyError) as error:
            raise ActionError(str(error)) from error

    def scale_down(self, block_id: str, instance_ids: Any) -> None:
        """Remove the instances one by one, stopping at the first that is not there; raises ActionError."""
        if not isinstance(instance_ids, list):
            raise ActionError(f"'{type(instance_ids).__name__}' object is not iterable")
        for instance_id in instance_ids:
            self.remove_instance(block_id, instance_id)

    def remove_instance(self, block_id: Any, instance_id: Any) -> None:
        """Remove one instance, also the last one; raises ActionError."""
        block = self.deployed.get(str(block_id))
        if block is None or instance_id not in block.instances:
            raise ActionError(NOT_FOUND)
        block.remove_instance(instance_id)

    def reassign(self, block_id: str, instance_id: str) -> None:
        """Make an instance anew under its id, also one that never existed; raises ActionError."""
        block = self._block(block_id)
        if instance_id in block.instances:
            block.remove_instance(instance_id)
        block.add_instance(self.least_loaded_node(block_id), self._site.pace.replica_start_seconds, instance_id)

    def remove_block(self, block_id: str) -> None:
        """Delete everything of a block; raises ActionError."""
        block = self.deployed.pop(block_id, None)
        if block is None:
            raise ActionError(NOT_FOUND)
        block.stop()

    def delete_object(self, kind: Any, name: Any) -> None:
        """Delete a Kubernetes object by its exact name: a pod comes back anew, a deployment does not."""
        for block in list(self.deployed.values()):
            if kind == "Pod" and block.restart(name):
                return
            if kind == "Deployment" and self._delete_deployment(block, name):
                return
        raise ActionError(NOT_FOUND)

    def stop(self) -> None:
        """Stop every pod."""
        for block in self.deployed.values():
            block.stop()

    def nodes(self, block_id: str) -> list[str]:
        """Return the ids of the nodes of the cluster that the block's record names."""
        record = self._blocks.get(block_id) or {}
        data = record.get("cluster", {}).get("nodes", {}).get("nodeData", [])
        return [node["id"] for node in data] or ["node-1"]

    def least_loaded_node(self, block_id: str) -> str:
        """Choose where an instance goes; stands in for the block's resourceAllocator policy, which is not run."""
        load = dict.fromkeys(self.nodes(block_id), 0)
        for block in self.deployed.values():
            for pod in block.instances.values():
                if pod.node_id in load:
                    load[pod.node_id] += 1
        return min(load, key=load.__getitem__)

    def _block(self, block_id: str) -> DeployedBlock:
        block = self.deployed.get(block_id)
        if block is None:
            raise ActionError(NOT_FOUND)
        return block

    def _delete_deployment(self, block: DeployedBlock, name: Any) -> bool:
        """Delete an instance's deployment; an executor's goes with its block only."""
        instance_id = str(name).removeprefix(f"{block.block_id}-")
        if instance_id == name or instance_id not in block.instances:
            return False
        block.remove_instance(instance_id)
        return True
