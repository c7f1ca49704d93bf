"""What a deploy will do, worked out from what is registered and bound now; nothing is changed here."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from aios_top.engine.ports import Reads
from aios_top.engine.restart import executor_pod, kubectl_line
from aios_top.model.change import BindPolicy, Change, RegisterPolicy, RestartExecutor, UpdatePolicy, UploadArchive
from aios_top.model.deploy import Bundle
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.record import BlockRecord, Pod, PolicyRecord


class Deployed(Struct, frozen=True):
    """What stands in the registry and in the blocks' records before a deploy."""

    existing: PolicyRecord | None
    """The record with the new uri, which a PUT will replace."""
    duplicates: int
    bound: Mapping[str, str | None]
    """The uri that each wanted block names now."""
    others: tuple[str, ...]
    """Blocks beside the wanted ones that name the new uri."""


async def read_deployed(reads: Reads, uri: str, block_ids: Sequence[str]) -> Deployed:
    """Read it; raises ActionRefusedError when it cannot be read or a block does not exist."""
    try:
        existing = await reads.policy(uri)
        registered = await reads.policies()
        records: dict[str, BlockRecord] = {record.block_id: record for record in await reads.records()}
    except ReadError as error:
        raise ActionRefusedError(f"cannot read what is deployed now: {error}; nothing was sent") from error
    unknown = [block_id for block_id in block_ids if block_id not in records]
    if unknown:
        known = ", ".join(list(records)[:8]) or "none"
        raise ActionRefusedError(f"there is no block {', '.join(unknown)}; known blocks: {known}")
    return Deployed(
        existing,
        duplicates=sum(entry.uri == uri for entry in registered),
        bound={block_id: uri_of(records[block_id]) for block_id in block_ids},
        others=tuple(name for name, record in records.items() if name not in block_ids and uri_of(record) == uri),
    )


async def find_pods(reads: Reads, block_ids: Sequence[str]) -> tuple[dict[str, Pod], tuple[str, ...]]:
    """Return the executors' pods, and a warning with the kubectl line for each block whose pod is not to be had."""
    pods, hindrances = {}, []
    for block_id in block_ids:
        try:
            pods[block_id] = await executor_pod(reads, block_id)
        except ActionRefusedError as error:
            hindrances.append(str(error))
    return pods, tuple(hindrances)


def changes(bundle: Bundle, code_url: str, found: Deployed, pods: Mapping[str, Pod]) -> tuple[Change, ...]:
    """Return everything that will be sent, in order."""
    record = {**bundle.record, "code": code_url}
    register = RegisterPolicy(record) if found.existing is None else UpdatePolicy(bundle.uri, record)
    return (
        UploadArchive(bundle.file_name, bundle.content),
        register,
        *(BindPolicy(block_id, bundle.uri) for block_id, uri in found.bound.items() if uri != bundle.uri),
        *(RestartExecutor(block_id, pod.name, pod.namespace or "blocks") for block_id, pod in pods.items()),
    )


def uri_of(record: BlockRecord | None) -> str | None:
    """Return the uri of a block's autoscaler policy."""
    return None if record is None or record.autoscaler is None else record.autoscaler.uri


def seen_sentence(bundle: Bundle, found: Deployed) -> str:
    """Return what was found: the archive, the registry, the blocks."""
    registry = "not registered yet" if found.existing is None else f"registered with code {found.existing.code}"
    bound = "; ".join(f"{block_id} names {uri or 'no policy'}" for block_id, uri in found.bound.items())
    archive = f"{bundle.file_name}, {len(bundle.content):,} bytes, {len(bundle.members)} files, sha256 {bundle.sha256}"
    return f"{archive}; {bundle.uri} is {registry}" + (f"; {bound}" if bound else "")


def effect_sentence(bundle: Bundle, found: Deployed, pods: Mapping[str, Pod], command: Callable[..., str]) -> str:
    """Return what will be different, and from when on."""
    if not found.bound:
        return f"{bundle.uri} is registered; no block uses it until one is bound to it"
    waiting = [block_id for block_id in found.bound if block_id not in pods]
    parts = []
    if pods:
        parts.append(f"{', '.join(pods)} restarts and evaluates with it after AIOS's start-up wait (usually 60s)")
    if waiting:
        parts.append(f"{restart_hint(waiting, command)}; AIOS loads a policy only when the executor starts")
    return "; ".join(parts)


_MOST_WAYS_BACK = 5


def undo_sentence(bundle: Bundle, found: Deployed, pods: Mapping[str, Pod], command: Callable[..., str]) -> str:
    """Return the way back; `command` completes the words of one."""
    before = [(block_id, uri) for block_id, uri in found.bound.items() if uri is not None and uri != bundle.uri]
    if before:
        way = ("policy", "rollback", *(["--restart"] if pods else []))
        ways = [command(*way, "--block", block_id, "--to", uri) for block_id, uri in before[:_MOST_WAYS_BACK]]
        more = len(before) - _MOST_WAYS_BACK
        return "; ".join([*ways, *([f"and {more} more blocks alike"] if more > 0 else [])])
    if found.existing is not None:
        return f"deploy the previous archive again; it stays at {found.existing.code}"
    return "none needed: nothing used this policy before"


def registry_warnings(bundle: Bundle, found: Deployed) -> tuple[str, ...]:
    """Return what the registry's own rules make of this deploy."""
    warnings = []
    if found.duplicates > 1:
        warnings.append(f"{bundle.uri} is registered {found.duplicates} times; AIOS reads and changes one of them")
    if found.existing is not None and found.others:
        one = len(found.others) == 1
        they = "uses it too and loads" if one else "use it too and load"
        warnings.append(f"{', '.join(found.others)} {they} the new code at {'its' if one else 'their'} next restart")
    return tuple(warnings)


def restart_hint(block_ids: Sequence[str], command: Callable[..., str]) -> str:
    """Say plainly that a restart is needed, and how; `command` completes the words of one."""
    names = ", ".join(block_ids)
    ways = "; ".join(f"{command('policy', 'restart', '--block', name)}; or {kubectl_line(name)}" for name in block_ids)
    return f"{names} goes on with the policy that runs now until its executor is restarted: {ways}"
