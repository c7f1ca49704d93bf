"""The steps of a deploy: each is done, told and recorded before the next one starts."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, NoReturn

from msgspec.structs import replace

from aios_top.engine.awakening import Awakening, Sign, report_of
from aios_top.engine.deploy_check import Unchanged
from aios_top.engine.deploy_plan import restart_hint
from aios_top.engine.ports import Clock, Reads
from aios_top.engine.sending import Sender
from aios_top.model.change import (
    BindPolicy,
    Fate,
    Outcome,
    Plan,
    PreparedRequest,
    RegisterPolicy,
    RestartExecutor,
    UpdatePolicy,
    UploadArchive,
)
from aios_top.model.deploy import Bundle, DeployState, DeployStep, StepStatus
from aios_top.model.errors import ActionRefusedError, ReadError
from aios_top.model.span import length, span

Progress = Callable[[DeployState], None]

INSPECT, UPLOAD, VERIFY, REGISTER = "inspect", "upload", "verify served bytes", "register"
BIND, RESTART, DECISION = "bind", "restart", "first decision"
STEPS = (INSPECT, UPLOAD, VERIFY, REGISTER, BIND, RESTART, DECISION)
SERVED_ATTEMPTS = 4
"""Looks at the file server, a second apart: the folder that it shares with the upload server may lag."""
LOOK_SECONDS = 2.0


class StoppedError(Exception):
    """A step that ends the deploy, with its outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class DeployRun:
    """One deploy under way."""

    def __init__(
        self,
        plan: Plan,
        bundle: Bundle,
        sender: Sender,
        reads: Reads,
        clock: Clock,
        progress: Progress,
        patience_seconds: float,
    ) -> None:
        self._plan = plan
        self._bundle = bundle
        self._sender = sender
        self._reads = reads
        self._clock = clock
        self._progress = progress
        self._patience = patience_seconds
        self._unchanged = Unchanged(plan, bundle.uri, reads)
        self._awakenings: dict[str, Awakening] = {}
        self._untold: list[str] = []
        """Restarted blocks whose policy tells no decisions."""
        self._block_ids = tuple(plan.precondition["bound"])
        self.state = DeployState(bundle.uri, self._block_ids, tuple(DeployStep(name) for name in STEPS))

    async def change(self) -> None:
        """Look again at what the plan counts on, then go step by step; raises StoppedError where one fails."""
        await self._unchanged.check_all()
        self._inspect()
        await self._upload()
        await self._verify()
        await self._register()
        await self._bind()
        await self._restart()

    async def wait(self) -> Outcome:
        """Wait for the first decision of every restarted autoscaler and return the deploy's outcome."""
        waiting = [block_id for block_id in self._block_ids if block_id not in self._awakenings]
        hint = f"; {restart_hint(waiting, self._sender.command)}" if waiting else ""
        if not self._awakenings:
            self._set(DECISION, StepStatus.SKIPPED, "no executor was restarted")
            return Outcome(Fate.DONE, f"{self._bundle.uri} is registered{hint}")
        deadline = self._clock.monotonic() + self._patience
        told = [await self._first_decision(block_id, deadline) for block_id in self._awakenings]
        self._set(DECISION, StepStatus.SKIPPED if self._untold else StepStatus.DONE, "; ".join(told))
        verb = "is loaded" if self._untold else "runs"
        return Outcome(Fate.DONE, f"{self._bundle.uri} {verb}: {'; '.join(told)}{hint}")

    def end(self, outcome: Outcome) -> None:
        """Publish the end: what was running failed, what was to come is skipped."""
        steps = []
        for step in self.state.steps:
            if step.status is StepStatus.RUNNING:
                steps.append(replace(step, status=StepStatus.FAILED, detail=outcome.message, fraction=None))
            elif step.status is StepStatus.WAITING:
                steps.append(replace(step, status=StepStatus.SKIPPED))
            else:
                steps.append(step)
        self.state = replace(self.state, steps=tuple(steps), outcome=outcome)
        self._progress(self.state)

    # -- the steps

    def _inspect(self) -> None:
        bundle = self._bundle
        content = self._requests(UploadArchive)[0].change
        if not isinstance(content, UploadArchive) or sha256(content.content).hexdigest() != bundle.sha256:
            raise ActionRefusedError("the archive is not the one that was inspected; plan the deploy again")
        self._set(INSPECT, StepStatus.DONE, f"{len(bundle.members)} files, sha256 {bundle.sha256}")

    async def _upload(self) -> None:
        self._set(UPLOAD, StepStatus.RUNNING, self._bundle.file_name)
        served = await self._served()
        if served == self._bundle.content:
            self._set(UPLOAD, StepStatus.SKIPPED, f"{self._bundle.file_name} is there already, with the same bytes")
            return
        if served is not None:
            raise ActionRefusedError(
                f"the file server has other bytes under {self._bundle.file_name}, which a running block may have come "
                "from; give the policy another version"
            )
        await self._send(self._requests(UploadArchive)[0], "nothing else was changed")
        self._set(UPLOAD, StepStatus.DONE, f"{self._bundle.file_name}, {len(self._bundle.content):,} bytes")

    async def _verify(self) -> None:
        """Compare what the file server gives with what was inspected, for AIOS itself compares nothing."""
        self._set(VERIFY, StepStatus.RUNNING)
        served = await self._served()
        for _ in range(SERVED_ATTEMPTS - 1):
            if served is not None:
                break
            await self._clock.sleep(1.0)
            served = await self._served()
        if served is None:
            await self._not_registered(
                f"the file server does not serve {self._bundle.file_name}, so nothing was registered; "
                "check that the upload and the files address belong together"
            )
        digest = sha256(served or b"").hexdigest()
        if digest != self._bundle.sha256:
            await self._not_registered(
                f"uploaded digest {self._bundle.sha256[:12]} ≠ served digest {digest[:12]}, so nothing was registered "
                "and no block is affected; somebody else wrote the file, or the addresses do not belong together"
            )
        recorded = await self._sender.note(self._facts(step=VERIFY, sha256=digest))
        self._set(VERIFY, StepStatus.DONE, f"sha256 {digest} is what is served{recorded}")

    async def _register(self) -> None:
        request = self._requests(RegisterPolicy, UpdatePolicy)[0]
        self._set(REGISTER, StepStatus.RUNNING, self._bundle.uri)
        await self._unchanged.check_registered()
        await self._send(request, f"{self._bundle.file_name} is on the file server, but no record points to it")
        verb = "registered" if isinstance(request.change, RegisterPolicy) else "updated the record of"
        self._set(REGISTER, StepStatus.DONE, f"{verb} {self._bundle.uri}")

    async def _bind(self) -> None:
        requests = self._requests(BindPolicy)
        if not requests:
            detail = "the blocks name this policy already" if self._block_ids else "no block was named"
            self._set(BIND, StepStatus.SKIPPED, detail)
            return
        bound: list[str] = []
        for number, request in enumerate(requests):
            block_id = _block_id(request)
            self._set(BIND, StepStatus.RUNNING, block_id, number / len(requests))
            await self._unchanged.check_bound(block_id)
            so_far = f"bound before it: {', '.join(bound) or 'none'}"
            await self._send(request, f"{self._bundle.uri} is registered; {block_id} keeps its policy; {so_far}")
            bound.append(block_id)
        self._set(BIND, StepStatus.DONE, ", ".join(bound))

    async def _restart(self) -> None:
        requests = self._requests(RestartExecutor)
        if not requests:
            self._set(
                RESTART,
                StepStatus.SKIPPED,
                restart_hint(self._block_ids, self._sender.command) if self._block_ids else "",
            )
            return
        for number, request in enumerate(requests):
            block_id = _block_id(request)
            self._set(RESTART, StepStatus.RUNNING, block_id, number / len(requests))
            await self._unchanged.check_pod(block_id)
            before = await report_of(self._reads, block_id)
            awakening = Awakening(self._reads, self._clock, block_id, before)
            await self._send(
                request, f"{self._bundle.uri} is registered and bound; {restart_hint([block_id], self._sender.command)}"
            )
            self._awakenings[block_id] = awakening
        self._set(RESTART, StepStatus.DONE, ", ".join(self._awakenings))

    async def _first_decision(self, block_id: str, deadline: float) -> str:
        """Wait for one block; return what it shows, or stop with UNKNOWN when the patience is over."""
        started = self._clock.monotonic()
        sign = Sign()
        while not sign.settled:
            now = self._clock.monotonic()
            if now >= deadline:
                raise StoppedError(await self._recorded(Outcome(Fate.UNKNOWN, self._not_seen(block_id, sign))))
            problem = sign.report.problem if sign.report is not None else None
            starting = f"it does not answer yet ({problem})" if problem else "it starts"
            shown = "it runs, no decision yet" if sign.awake else starting
            self._set(DECISION, StepStatus.RUNNING, f"{block_id}: {shown}", (now - started) / (deadline - started))
            await self._clock.sleep(LOOK_SECONDS)
            sign = await self._awakenings[block_id].look()
        if sign.decision is None:
            self._untold.append(block_id)
        told = self._told(block_id, sign, self._clock.monotonic() - started)
        running = None if sign.report is None else sign.report.code_sha256
        wanted = self._bundle.code_sha256
        if running is not None and wanted and running != wanted:
            cause = f"{block_id} runs other code ({running[:12]}) than was deployed ({wanted[:12]})"
            raise StoppedError(await self._recorded(Outcome(Fate.FAILED, f"{cause}; was another policy bound since?")))
        return told + await self._sender.note(self._facts(step=DECISION, block_id=block_id, seen=told))

    # -- small parts

    async def _send(self, request: PreparedRequest, exists: str) -> None:
        """Send one request; raises StoppedError that says what exists now unless it is done."""
        outcome = await self._sender.send(request, self._plan.title, self._plan.precondition)
        if outcome.fate is not Fate.DONE:
            raise StoppedError(replace(outcome, message=f"{outcome.message}; {exists}"))

    async def _not_registered(self, reason: str) -> NoReturn:
        """Stop between upload and registration, and record that the registration was not sent."""
        refused = await self._sender.refuse(reason, self._facts(step=VERIFY))
        raise StoppedError(replace(refused, fate=Fate.FAILED))

    async def _served(self) -> bytes | None:
        """Return the served file, None when there is none."""
        limit = len(self._bundle.content) + 1
        try:
            return await self._reads.served(self._bundle.file_name, limit)
        except ReadError as error:
            return b"" if error.kind == "too_large" else None

    async def _recorded(self, outcome: Outcome) -> Outcome:
        note = await self._sender.note(self._facts(fate=outcome.fate, reason=outcome.message))
        return replace(outcome, message=outcome.message + note)

    def _not_seen(self, block_id: str, sign: Sign) -> str:
        problem = f" ({sign.report.problem})" if sign.report is not None and sign.report.problem else ""
        missing = "it runs, but made no decision" if sign.awake else f"it does not run yet{problem}"
        return (
            f"{self._bundle.uri} is deployed and {block_id} was restarted, "
            f"but within {length(self._patience)} {missing}; "
            f"look at {self._sender.command('decisions', '--block', block_id)}, or at the autoscaler's log"
        )

    def _told(self, block_id: str, sign: Sign, seconds: float) -> str:
        decision = sign.decision
        if decision is None:
            answers = f"{block_id} answers again after {span(seconds)}"
            return f"{answers}; its policy tells no decisions, so whether it evaluates without an error is not known"
        version = f" of version {sign.report.policy_version}" if sign.report and sign.report.policy_version else ""
        return f"{block_id} made its first decision{version} after {span(seconds)}: {decision.code} ({decision.reason})"

    def _requests(self, *kinds: type) -> list[PreparedRequest]:
        return [request for request in self._plan.requests if isinstance(request.change, kinds)]

    def _facts(self, **facts: Any) -> dict[str, Any]:
        return {"title": self._plan.title, "uri": self._bundle.uri, **facts}

    def _set(self, name: str, status: StepStatus, detail: str = "", fraction: float | None = None) -> None:
        changed = DeployStep(name, status, detail, fraction)
        steps = tuple(changed if step.name == name else step for step in self.state.steps)
        self.state = replace(self.state, steps=steps)
        self._progress(self.state)


def _block_id(request: PreparedRequest) -> str:
    change = request.change
    assert isinstance(change, BindPolicy | RestartExecutor)  # noqa: S101 - for the type checker; chosen by kind
    return change.block_id
