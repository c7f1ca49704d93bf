"""One deployed block: the executor's deployment, a deployment per instance, and the traffic between them."""

from aios_top.sim.block import BlockSim
from aios_top.sim.profile import ReplicaProfile
from aios_top.sim.workload import Workload
from aios_top.testbed.document import Document
from aios_top.testbed.identity import Names
from aios_top.testbed.kubernetes.pods import ExecutorPod, InstancePod, pod_document
from aios_top.testbed.site import Site
from aios_top.testbed.stores.metrics import EXECUTOR
from aios_top.testbed.traffic import Traffic


class DeployedBlock:
    """The pods of one block, made, removed and restarted."""

    def __init__(self, site: Site, block_id: str, profile: ReplicaProfile, workload: Workload | None) -> None:
        self.block_id = block_id
        self.names = Names(f"{site.seed}/{block_id}")
        self.traffic = Traffic(BlockSim(block_id, profile, site.seed), site.clock, workload)
        self.instances: dict[str, InstancePod] = {}
        self._site = site
        self._executor_set = self.names.replica_set()
        self._addresses = 0
        self.executor = self._new_executor(EXECUTOR)

    def start_executor(self, node_id: str, ready_in_seconds: float) -> None:
        """Start the executor's pod on a node."""
        self.executor.node_id = node_id
        self.executor.start(self._site, self.traffic, self.instances, ready_in_seconds)

    def add_instance(self, node_id: str, start_seconds: float, instance_id: str | None = None) -> str:
        """Deploy an instance, under a new id unless one is given, and return its id."""
        if instance_id is None:
            instance_id = self._unused_id()
        name = f"{self.block_id}-{instance_id}-{self.names.replica_set()}-{self.names.pod_suffix()}"
        pod = InstancePod(instance_id, node_id, name, self._address())
        self.traffic.step()
        self.traffic.sim.add_replica(instance_id, self._site.clock.now(), start_seconds)
        self.instances[instance_id] = pod
        pod.start(self._site, self.traffic)
        self.traffic.step()
        return instance_id

    def remove_instance(self, instance_id: str) -> InstancePod:
        """Delete an instance's deployment; its requests are lost. Raises KeyError when there is none."""
        pod = self.instances.pop(instance_id)
        pod.stop()
        self.traffic.step()
        self.traffic.lose(self.traffic.sim.remove_replica(instance_id))
        return pod

    def restart(self, pod_name: str) -> bool:
        """Delete one pod; its deployment makes a new one at once. Tells whether the pod was of this block."""
        if pod_name == self.executor.name:
            self._restart_executor()
            return True
        pod = next((pod for pod in self.instances.values() if pod.name == pod_name), None)
        if pod is None:
            return False
        self.remove_instance(pod.instance_id)
        self.add_instance(pod.node_id, self._site.pace.replica_start_seconds, pod.instance_id)
        return True

    def stop(self) -> None:
        """Delete everything of this block."""
        for pod in self.instances.values():
            pod.stop()
        self.executor.stop(self.traffic)
        self.traffic.stop()

    def pods(self) -> list[Document]:
        """Return every pod, the executor's first."""
        now = self._site.clock.now()
        replicas = self.traffic.sim.replicas
        documents = [pod_document(self.block_id, EXECUTOR, self.executor, self.traffic.accepts)]
        for instance_id, pod in self.instances.items():
            ready = replicas[instance_id].ready_at <= now
            documents.append(pod_document(self.block_id, instance_id, pod, ready))
        return documents

    def _restart_executor(self) -> None:
        old = self.executor
        old.stop(self.traffic)
        self.traffic.lose(self.traffic.sim.restart_executor(self._site.clock.now()))
        self.executor = self._new_executor(old.node_id)
        self.start_executor(old.node_id, self._site.pace.executor_ready_seconds)

    def _new_executor(self, node_id: str) -> ExecutorPod:
        name = f"{self.block_id}-executor-{self._executor_set}-{self.names.pod_suffix()}"
        return ExecutorPod(self.block_id, name, node_id, self._address())

    def _unused_id(self) -> str:
        while (instance_id := self.names.instance_id()) in self.instances:
            pass
        return instance_id

    def _address(self) -> str:
        """Return the next pod address; nothing listens there."""
        self._addresses += 1
        return f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
