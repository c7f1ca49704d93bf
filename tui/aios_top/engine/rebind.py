"""Binds a block to another registered policy, which is how a deploy is taken back."""

from aios_top.engine.ports import Reads
from aios_top.engine.sending import Sender
from aios_top.model.change import BindPolicy, Plan
from aios_top.model.errors import ActionRefusedError
from aios_top.model.record import AUTOSCALER
from aios_top.model.versions import name_of, others, previous


async def plan_bind(sender: Sender, reads: Reads, block_id: str, uri: str, context: str) -> Plan:
    """Prepare to point the block's record at `uri`; refused when the registry does not know it."""
    record = await reads.record(block_id)
    if record is None:
        raise ActionRefusedError(f"there is no record of {block_id}; the blocks database lists none of that name")
    bound = record.autoscaler.uri if record.autoscaler else None
    if bound == uri:
        raise ActionRefusedError(f"{block_id} is bound to {uri} already")
    policy = await reads.policy(uri)
    if policy is None:
        raise ActionRefusedError(f"{uri} is not in the policy registry; deploy it first")
    await _check_kind(reads, uri)
    where = f" in {context}" if context else ""
    return Plan(
        title=f"Bind {block_id} to {uri}{where}",
        requests=(sender.prepare(BindPolicy(block_id, uri)),),
        seen=f"bound to {bound or 'no policy'}; {uri} is registered with {policy.code}",
        effect="the block's record changes; the autoscaler that runs keeps its policy until the executor restarts: "
        f"{sender.command('policy', 'restart', '--block', block_id)}",
        undo=sender.command("policy", "rollback", "--block", block_id, "--to", bound)
        if bound
        else "none: AIOS offers no way to bind no policy",
    )


async def _check_kind(reads: Reads, uri: str) -> None:
    """Refuse a policy that is used for something else only: the registry itself tells no kinds."""
    used = [
        (role, record.block_id)
        for record in await reads.records()
        for role, entry in record.policies.items()
        if name_of(str(entry.uri)) == name_of(uri)
    ]
    if used and all(role != AUTOSCALER for role, _ in used):
        role, block_id = used[0]
        raise ActionRefusedError(
            f"{uri} is no autoscaler policy: {name_of(uri)} is the {role} of {block_id}, and no block scales by it"
        )


async def plan_rollback(sender: Sender, reads: Reads, block_id: str, uri: str | None, context: str) -> Plan:
    """Prepare to bind the block to `uri`, without one to the registered version before its own."""
    if uri is None:
        record = await reads.record(block_id)
        if record is None or record.autoscaler is None:
            raise ActionRefusedError(f"{block_id} is bound to no policy, so there is none before it")
        registered = [str(entry.uri) for entry in await reads.policies()]
        uri = previous(record.autoscaler.uri, registered)
        if uri is None:
            listed = ", ".join(others(record.autoscaler.uri, registered)[:6]) or "none"
            raise ActionRefusedError(
                f"the registry holds no version of {name_of(record.autoscaler.uri)} before {record.autoscaler.uri}; "
                f"others: {listed}"
            )
    return await plan_bind(sender, reads, block_id, uri, context)
