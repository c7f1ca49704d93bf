"""The two kinds of pods of a block: an instance, which reports, and the executor, which holds the autoscaler."""

import asyncio
from datetime import UTC, datetime

from aios_top.testbed.autoscaler.loop import Autoscaler, AutoscalerPlan
from aios_top.testbed.document import Document
from aios_top.testbed.site import Site
from aios_top.testbed.stores.metrics import EXECUTOR
from aios_top.testbed.tasks import every, spawn
from aios_top.testbed.traffic import Traffic

NAMESPACE = "blocks"


class InstancePod:
    """One replica: it pushes its metric document from the moment it is ready."""

    def __init__(self, instance_id: str, node_id: str, name: str, address: str) -> None:
        self.instance_id = instance_id
        self.node_id = node_id
        self.name = name
        self.address = address
        self.created = datetime.now(UTC)
        self._task: asyncio.Task[None] | None = None

    def start(self, site: Site, traffic: Traffic) -> None:
        """Push documents, the first as soon as the replica is ready, until `stop`."""
        if site.ticking:
            self._task = spawn(self._report(site, traffic), f"pod {self.name}")

    def stop(self) -> None:
        """Push no more; what was pushed lingers in the stores."""
        if self._task is not None:
            self._task.cancel()

    async def _report(self, site: Site, traffic: Traffic) -> None:
        replica = traffic.sim.replicas[self.instance_id]
        await asyncio.sleep(max(0.0, replica.ready_at - site.clock.now()))

        def push() -> None:
            traffic.step()
            if not replica.hung:
                own = {"blockId": traffic.sim.block_id, "nodeId": self.node_id}
                site.metrics.push({**own, **replica.document(site.clock.now(), site.clock.wall())})

        await every(site.pace.push_seconds, push)


class ExecutorPod:
    """The block's executor with its containers: executor, mapping and autoscaler. All state in it dies with it."""

    def __init__(self, block_id: str, name: str, node_id: str, address: str) -> None:
        self.block_id = block_id
        self.name = name
        self.node_id = node_id
        self.address = address
        self.created = datetime.now(UTC)
        self.autoscaler: Autoscaler | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._scans = 0
        self._seen: int | None = None

    def start(self, site: Site, traffic: Traffic, instances: dict[str, InstancePod], ready_in_seconds: float) -> None:
        """Start all containers; requests are taken and documents pushed `ready_in_seconds` from now."""
        self.autoscaler = Autoscaler(
            AutoscalerPlan(
                self.block_id,
                site.urls,
                site.folder,
                site.pace.first_evaluation_seconds,
                site.pace.evaluation_seconds,
                evaluates=site.ticking,
            )
        )
        self.autoscaler.start()
        self._tasks.append(spawn(self._serve(site, traffic, ready_in_seconds), f"pod {self.name}"))
        if not site.ticking:
            self._scan(site, instances)
        else:
            scanning = every(site.pace.pod_list_seconds, lambda: self._scan(site, instances))
            self._tasks.append(spawn(scanning, f"mapping {self.block_id}"))

    def stop(self, traffic: Traffic) -> None:
        """End all containers: the queue, the autoscaler's state and the counters are gone."""
        for task in self._tasks:
            task.cancel()
        if self.autoscaler is not None:
            self.autoscaler.stop()
        traffic.accept(accepts=False)

    async def _serve(self, site: Site, traffic: Traffic, ready_in_seconds: float) -> None:
        started_wall = site.clock.wall()
        await asyncio.sleep(ready_in_seconds)
        traffic.accept(accepts=True)
        if not site.ticking:
            return

        def push() -> None:
            traffic.step()
            site.metrics.push(traffic.sim.executor_document(site.clock.now(), site.clock.wall(), started_wall))

        await every(site.pace.executor_push_seconds, push)

    def _scan(self, site: Site, instances: dict[str, InstancePod]) -> None:
        """Pass the pod list on when its COUNT has changed, and every so many scans anyway."""
        full = self._scans % site.pace.pod_list_full_every == 0
        self._scans += 1
        if self.autoscaler is not None and (full or len(instances) != self._seen):
            self._seen = len(instances)
            self.autoscaler.set_instances(list(instances))


def pod_document(block_id: str, instance_id: str, pod: InstancePod | ExecutorPod, ready: bool) -> Document:
    """Return a pod as the Kubernetes client's `to_dict` gives it, with the fields that matter."""
    return {
        "api_version": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": NAMESPACE,
            "creation_timestamp": pod.created.isoformat(),
            "deletion_timestamp": None,
            "labels": {"blockID": block_id, "instanceID": instance_id},
        },
        "spec": {"node_name": pod.node_id, "restart_policy": "Always"},
        "status": {
            "phase": "Running" if ready else "Pending",
            "pod_ip": pod.address,
            "start_time": pod.created.isoformat(),
            "container_statuses": [{"name": container, "ready": ready} for container in _containers(instance_id)],
        },
    }


def _containers(instance_id: str) -> tuple[str, ...]:
    if instance_id == EXECUTOR:
        return ("redis", "block-executor", "mapping", "autoscaler", "proxy", "health")
    return ("instance",)
