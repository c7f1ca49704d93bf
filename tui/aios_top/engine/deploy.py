"""Brings a policy to AIOS: upload, verify, register, bind, restart, and wait for its first decision."""

from collections.abc import Sequence

from msgspec import Struct

from aios_top.engine.actions import Actions
from aios_top.engine.deploy_plan import (
    changes,
    effect_sentence,
    find_pods,
    read_deployed,
    registry_warnings,
    seen_sentence,
    undo_sentence,
)
from aios_top.engine.deploy_run import DeployRun, Progress, StoppedError
from aios_top.engine.ports import Clock, Reads
from aios_top.engine.restart import RESTART_WARNINGS
from aios_top.model.change import Plan
from aios_top.model.deploy import Bundle, DeployState
from aios_top.model.errors import ActionRefusedError

PATIENCE_SECONDS = 300.0
"""Longest wait for a restarted autoscaler: an image to pull, 60 s to its first evaluation, 30 s between two."""


class PlannedDeploy(Struct, frozen=True):
    """The bytes that the operator has seen the plan for: exactly these are uploaded."""

    plan: Plan
    bundle: Bundle
    block_ids: tuple[str, ...]


class Deploy:
    """Plans and carries out deploys; stops at the first step that is not done, and says what exists then."""

    def __init__(
        self, actions: Actions, reads: Reads, clock: Clock, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._sender = actions.sender
        self._place = actions.place
        self._reads = reads
        self._clock = clock
        self._patience = patience_seconds

    async def plan(self, bundle: Bundle, block_ids: Sequence[str], *, restart: bool) -> Plan:
        """Prepare a deploy to the blocks (none: only register); reads what is there and changes nothing."""
        wanted = tuple(dict.fromkeys(block_ids))
        if not self._reads.has("files"):
            raise ActionRefusedError("the served bytes could not be verified: give the address with --url files=URL")
        found = await read_deployed(self._reads, bundle.uri, wanted)
        pods, hindrances = await find_pods(self._reads, wanted if restart else ())
        code_url = self._reads.served_url(bundle.file_name)
        return Plan(
            title=f"Deploy {bundle.uri} to {', '.join(wanted) or 'no block'}{self._place}",
            requests=tuple(self._sender.prepare(change) for change in changes(bundle, code_url, found, pods)),
            seen=seen_sentence(bundle, found),
            effect=effect_sentence(bundle, found, pods, self._sender.command),
            undo=undo_sentence(bundle, found, pods, self._sender.command),
            precondition={
                "registered": None if found.existing is None else found.existing.code,
                "bound": dict(found.bound),
                "pods": {block_id: pod.name for block_id, pod in pods.items()},
            },
            warnings=(
                *bundle.warnings,
                *registry_warnings(bundle, found),
                *hindrances,
                *(RESTART_WARNINGS if pods else ()),
            ),
            trust=bundle.foreign,
        )

    async def run(self, plan: Plan, bundle: Bundle, progress: Progress) -> DeployState:
        """Carry out a plan that `plan` made for `bundle`; every step is recorded and told to `progress`."""
        run = DeployRun(plan, bundle, self._sender, self._reads, self._clock, progress, self._patience)
        try:
            self._sender.gate.check()
            with self._sender.holding(run.state.block_ids):
                await run.change()
            run.end(await run.wait())
        except ActionRefusedError as error:
            facts = {"title": plan.title, "uri": bundle.uri, "seen": dict(plan.precondition)}
            run.end(await self._sender.refuse(str(error), facts, next(iter(plan.requests), None)))
        except StoppedError as stop:
            run.end(stop.outcome)
        return run.state
