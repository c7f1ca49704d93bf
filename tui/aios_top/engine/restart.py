"""Finds the one pod whose deletion makes a block load its policy again."""

import re
import shlex

from aios_top.engine.ports import Reads
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.record import Pod

RESTART_WARNINGS = (
    "queued requests are lost: the restart takes the block's queue, load balancer and health checker along",
    "the cooldown and the policy's decision history start anew",
)
_POD_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def kubectl_line(block_id: str) -> str:
    """Return the command that restarts the executor where AIOS's own services cannot be reached."""
    return f"kubectl -n blocks rollout restart {shlex.quote(f'deployment/{block_id}-executor')}"


async def executor_pod(reads: Reads, block_id: str) -> Pod:
    """Return the executor's pod; raises ActionRefusedError with the kubectl line when it cannot be told.

    The name comes from a server and will be deleted, so it has to be the name of this block's executor.
    """
    try:
        pods = await reads.pods(block_id)
    except ReadError as error:
        raise _cannot(block_id, str(error)) from error
    executors = [pod for pod in pods if pod.instance_id == "executor"]
    found = [pod for pod in executors if pod.phase == "Running"] or executors
    if not found:
        raise _cannot(block_id, "the block's mapping service lists no executor")
    if len(found) > 1:
        raise _cannot(block_id, f"there are {len(found)} executors, so a restart may be under way")
    pod = found[0]
    if not _POD_NAME.fullmatch(pod.name) or not pod.name.startswith(f"{block_id}-executor"):
        raise _cannot(block_id, f"'{pod.name}' is not a name of this block's executor")
    return pod


def _cannot(block_id: str, cause: str) -> ActionRefusedError:
    return ActionRefusedError(f"the executor cannot be restarted from here: {cause}; run: {kubectl_line(block_id)}")
