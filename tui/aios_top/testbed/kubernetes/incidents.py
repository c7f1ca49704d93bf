"""Does to the cluster what a scenario's faults say: an instance hangs, the metric store is wiped."""

from aios_top.sim.fault import Fault
from aios_top.testbed.kubernetes.cluster import Cluster
from aios_top.testbed.site import Site

CHECK_SECONDS = 0.2


class Incidents:
    """Looks at the faults again and again; those that services ask about themselves are not its business."""

    def __init__(self, site: Site, cluster: Cluster) -> None:
        self._site = site
        self._cluster = cluster
        self._hanging: dict[Fault, str] = {}

    def check(self) -> None:
        """Begin what has begun since the last time and end what is over."""
        for fault in self._site.faults.news():
            if fault.kind == "metrics_wiped":
                self._site.metrics.wipe()
            elif fault.kind == "instance_hangs" and fault.block_id is not None:
                self._hang_oldest(fault, fault.block_id)
        lasting = self._site.faults.lasting()
        for fault in [fault for fault in self._hanging if fault not in lasting]:
            self._set_hung(str(fault.block_id), self._hanging.pop(fault), hung=False)

    def _hang_oldest(self, fault: Fault, block_id: str) -> None:
        block = self._cluster.deployed.get(block_id)
        if block is not None and block.instances:
            oldest = next(iter(block.instances))
            self._hanging[fault] = oldest
            self._set_hung(block_id, oldest, hung=True)

    def _set_hung(self, block_id: str, instance_id: str, *, hung: bool) -> None:
        block = self._cluster.deployed.get(block_id)
        if block is not None and instance_id in block.instances:
            block.traffic.step()
            block.traffic.sim.hang(instance_id, self._site.clock.now(), hung)
            block.traffic.step()
