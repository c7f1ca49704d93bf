"""The embedded AIOS: real HTTP services on loopback over the simulator.

Where it knowingly differs from AIOS:

* Policies are downloaded, imported and called as in AIOS, but their requirements are not installed. Only autoscaler
  policies run; what clusterAllocator, resourceAllocator, loadBalancer and stabilityChecker would decide is built in.
* A block without an autoscaler policy does not keep a processor busy, an interval is at least 0.05 s, and a block has
  at most 256 instances.
* The node ports that Kubernetes would choose per block are two listeners with the block's id in the path: `autoscaler`
  and `mapping`. An autoscaler that has not loaded its policy is a 503 there instead of a refused connection.
* The management ports of executors, instances and health checkers do not listen.
* One word is one token.
* Kubernetes' back-off for an autoscaler that cannot start follows the pace.
* The answer of the upload server, whose source is not public, is `{"success", "path", "size"}` or
  `{"success", "message"}`.
"""
